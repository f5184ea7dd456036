-- Packages: releases of them, and where each one is. Everybody sees what platforms have; of sites, those within the actor's scope: all
-- is 1 for an administrator, else client is the actor's own. Only whole sets are seen (shown = 1).

-- @stmt package_list(find:s label:s type:s of_type:s app:s of_app:s after:s all:n client:n limit:n) -> id:n sort:s app:s type:s name:s label:s
SELECT p.id, p.sort, p.app, p.type, p.name, p.label FROM package p
 WHERE (p.name LIKE %s ESCAPE '!' OR p.label LIKE %s ESCAPE '!') AND (%s = '' OR p.type = %s) AND (%s = '' OR p.app = %s) AND p.sort > %s
   AND EXISTS (SELECT 1 FROM package_release r JOIN package_instance i ON i.release_id = r.id
                WHERE r.package = p.id AND i.shown = 1
                  AND (i.status = '' OR %lld = 1 OR EXISTS (SELECT 1 FROM site s WHERE s.id = i.object AND s.client = %lld)))
 ORDER BY p.sort LIMIT %lld

-- @stmt package_get(id:n all:n client:n) -> id:n app:s type:s name:s label:s
SELECT p.id, p.app, p.type, p.name, p.label FROM package p
 WHERE p.id = %lld
   AND EXISTS (SELECT 1 FROM package_release r JOIN package_instance i ON i.release_id = r.id
                WHERE r.package = p.id AND i.shown = 1
                  AND (i.status = '' OR %lld = 1 OR EXISTS (SELECT 1 FROM site s WHERE s.id = i.object AND s.client = %lld)))

-- Of an administrator, who sees all: counted in the index alone.
-- @stmt package_releases(package:n limit:n) -> id:n version:s platform_count:n site_count:n
SELECT r.id, r.version, (SELECT COUNT(DISTINCT i.object) FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1 AND i.status = ''),
       (SELECT COUNT(DISTINCT i.object) FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1 AND i.status = 'enabled')
  FROM package_release r WHERE r.package = %lld AND EXISTS (SELECT 1 FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1)
 ORDER BY r.id DESC LIMIT %lld

-- Of a client: a look at each of its sites.
-- @stmt package_releases_of(client:n package:n on:n limit:n) -> id:n version:s platform_count:n site_count:n
SELECT r.id, r.version, (SELECT COUNT(DISTINCT i.object) FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1 AND i.status = ''),
       (SELECT COUNT(DISTINCT s.id) FROM site s CROSS JOIN package_instance i
         WHERE s.client = %lld AND i.release_id = r.id AND i.shown = 1 AND i.status = 'enabled' AND i.object = s.id)
  FROM package_release r
 WHERE r.package = %lld
   AND EXISTS (SELECT 1 FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1
                AND (i.status = '' OR EXISTS (SELECT 1 FROM site s WHERE s.id = i.object AND s.client = %lld)))
 ORDER BY r.id DESC LIMIT %lld

-- @stmt package_platforms(package:n limit:n) -> release:n id:s name:s
SELECT DISTINCT r.id, p.id, p.name FROM package_release r JOIN package_instance i ON i.release_id = r.id JOIN platform p ON p.id = i.object
 WHERE r.package = %lld AND i.shown = 1 AND i.status = '' ORDER BY p.name LIMIT %lld

-- @stmt package_sites(release:n all:n client:n after:s limit:n) -> id:s name:s title:s state:s busy:s last:s platform:s platform_name:s client_name:s
SELECT DISTINCT s.id, s.name, s.title, s.state, s.busy, s.last, s.platform, p.name, c.name
  FROM package_instance i JOIN site s ON s.id = i.object JOIN platform p ON p.id = s.platform JOIN client c ON c.id = s.client
 WHERE i.release_id = %lld AND i.shown = 1 AND i.status = 'enabled' AND (%lld = 1 OR s.client = %lld) AND s.name > %s ORDER BY s.name LIMIT %lld

-- @stmt package_list_on(object:s limit:n) -> id:n type:s name:s label:s version:s path:s status:s schema:s
SELECT p.id, p.type, p.name, i.label, r.version, i.path, i.status, i.db_schema
  FROM package_instance i JOIN package_release r ON r.id = i.release_id JOIN package p ON p.id = r.package
 WHERE i.object = %s AND i.shown = 1 ORDER BY p.sort LIMIT %lld

-- All releases that the actor sees of what an object has.
-- @stmt package_versions_on(object:s all:n client:n) -> id:n version:s
SELECT r.package, r.version FROM package_release r
 WHERE r.package IN (SELECT x.package FROM package_instance i JOIN package_release x ON x.id = i.release_id WHERE i.object = %s AND i.shown = 1)
   AND EXISTS (SELECT 1 FROM package_instance i WHERE i.release_id = r.id AND i.shown = 1
                AND (i.status = '' OR %lld = 1 OR EXISTS (SELECT 1 FROM site s WHERE s.id = i.object AND s.client = %lld)))

-- @stmt package_apps() -> app:s
SELECT DISTINCT seen_app FROM platform WHERE seen_app <> '' ORDER BY seen_app LIMIT 100

-- Taking sets in.

-- @stmt package_app_of(platform:s site:s) -> app:s
SELECT p.seen_app FROM platform p WHERE p.id = %s OR p.id = (SELECT s.platform FROM site s WHERE s.id = %s)

-- @stmt package_find(sort:s) -> id:n label:s
SELECT id, label FROM package WHERE sort = %s

-- @stmt package_add(id:n sort:s app:s type:s name:s)
INSERT INTO package (id, sort, app, type, name) VALUES (%lld, %s, %s, %s, %s)

-- @stmt package_label(label:s id:n)
UPDATE package SET label = %s WHERE id = %lld

-- @stmt package_delete(id:n package:n)
DELETE FROM package WHERE id = %lld AND NOT EXISTS (SELECT 1 FROM package_release r WHERE r.package = %lld)

-- @stmt package_release_find(sort:s version:s) -> id:n package:n label:s
SELECT r.id, p.id, p.label FROM package p JOIN package_release r ON r.package = p.id WHERE p.sort = %s AND r.version = %s

-- @stmt package_release_add(id:n package:n version:s)
INSERT INTO package_release (id, package, version) VALUES (%lld, %lld, %s)

-- @stmt package_release_delete(id:n)
DELETE FROM package_release WHERE id = %lld

-- What came before in the same scan is there already.
-- @stmt package_instance_add(object:s scan:n path:s status:s schema:s label:s release:n on:s of:n at:s)
INSERT INTO package_instance (object, scan, release_id, path, status, db_schema, label)
SELECT %s, %lld, r.id, %s, %s, %s, %s FROM package_release r
 WHERE r.id = %lld AND NOT EXISTS (SELECT 1 FROM package_instance i WHERE i.object = %s AND i.scan = %lld AND i.release_id = r.id AND i.path = %s)

-- @stmt package_instance_show(object:s scan:n)
UPDATE package_instance SET shown = 1 WHERE object = %s AND scan = %lld

-- Of an object, what is of other scans: with shown 0 only what was never shown, with 1 all of it.
-- @stmt package_instance_drop(object:s scan:n shown:n)
DELETE FROM package_instance WHERE object = %s AND scan <> %lld AND shown <= %lld

-- The releases that nothing has any more once that is dropped.
-- @stmt package_release_orphans(object:s scan:n shown:n kept_scan:n kept:n) -> id:n package:n
SELECT DISTINCT r.id, r.package FROM package_instance i JOIN package_release r ON r.id = i.release_id
 WHERE i.object = %s AND i.scan <> %lld AND i.shown <= %lld
   AND NOT EXISTS (SELECT 1 FROM package_instance o WHERE o.release_id = r.id AND (o.object <> i.object OR o.scan = %lld OR o.shown > %lld))

-- @stmt package_scan_get(object:s) -> scan:n items:n ended:n
SELECT scan, items, ended FROM package_scan WHERE object = %s

-- @stmt package_scan_add(object:s scan:n items:n)
INSERT INTO package_scan (object, scan, items) VALUES (%s, %lld, %lld)

-- @stmt package_scan_take(scan:n items:n object:s)
UPDATE package_scan SET scan = %lld, items = %lld WHERE object = %s

-- @stmt package_scan_end(ended:n scan:n items:n object:s)
UPDATE package_scan SET ended = %lld, scan = %lld, items = %lld WHERE object = %s

-- @stmt package_scan_delete(object:s)
DELETE FROM package_scan WHERE object = %s
