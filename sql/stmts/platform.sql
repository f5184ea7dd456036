-- Platforms: everybody who logs in may see them and put sites on them; administrators change them.

-- @stmt platform_get(id:s) -> id:s name:s server:s server_name:s place:s source:s app:s revision:n seen_revision:n state:s busy:s last:s verified:n seen_app:s app_label:s version:s created:n
SELECT p.id, p.name, p.server, v.name, p.place, p.source, p.app, p.revision, p.seen_revision, p.state, p.busy, p.last, p.verified, p.seen_app,
       COALESCE(a.label, p.seen_app), p.version, p.created
  FROM platform p JOIN server v ON v.id = p.server LEFT JOIN app a ON a.socket = v.socket AND a.name = p.seen_app WHERE p.id = %s

-- @stmt platform_list(all:n client:n after:s limit:n) -> id:s name:s state:s busy:s last:s verified:n seen_app:s app_label:s version:s sites:n
SELECT p.id, p.name, p.state, p.busy, p.last, p.verified, p.seen_app, COALESCE(a.label, p.seen_app), p.version,
       (SELECT COUNT(*) FROM site s WHERE s.platform = p.id AND (%lld = 1 OR s.client = %lld))
  FROM platform p JOIN server v ON v.id = p.server LEFT JOIN app a ON a.socket = v.socket AND a.name = p.seen_app WHERE p.name > %s ORDER BY p.name LIMIT %lld

-- @stmt platform_list_on(server:s limit:n) -> id:s name:s state:s busy:s last:s seen_app:s version:s sites:n
SELECT p.id, p.name, p.state, p.busy, p.last, p.seen_app, p.version, (SELECT COUNT(*) FROM site s WHERE s.platform = p.id)
  FROM platform p WHERE p.server = %s ORDER BY p.name LIMIT %lld

-- @stmt platform_usable() -> id:s name:s
SELECT id, name FROM platform WHERE (state <> 'new' OR busy = 'verify') AND busy <> 'delete' ORDER BY name LIMIT 500

-- @stmt platform_by_name(name:s) -> id:s
SELECT id FROM platform WHERE name = %s

-- @stmt platform_count() -> n:n
SELECT COUNT(*) FROM platform

-- @stmt platform_add(id:s name:s server:s place:s source:s app:s created:n)
INSERT INTO platform (id, name, server, place, source, app, revision, created) VALUES (%s, %s, %s, %s, %s, %s, 1, %lld)

-- @stmt platform_change(name:s id:s seen:n) rows=1
UPDATE platform SET name = %s, revision = revision + 1 WHERE id = %s AND revision = %lld

-- @stmt platform_again(name:s server:s place:s source:s app:s id:s seen:n) rows=1
UPDATE platform SET name = %s, server = %s, place = %s, source = %s, app = %s, revision = revision + 1 WHERE id = %s AND revision = %lld AND state = 'new'

-- @stmt platform_take(name:s id:s)
UPDATE platform SET name = %s, revision = revision + 1 WHERE id = %s

-- @stmt platform_busy(busy:s id:s)
UPDATE platform SET busy = %s WHERE id = %s

-- @stmt platform_last(last:s busy:s id:s)
UPDATE platform SET last = %s, busy = %s WHERE id = %s

-- @stmt platform_seen(state:s seen_app:s version:s seen_revision:n verified:n id:s)
UPDATE platform SET state = %s, seen_app = %s, version = %s, seen_revision = %lld, verified = %lld WHERE id = %s

-- @stmt platform_undone(id:s)
UPDATE platform SET state = 'new', seen_revision = 0, verified = 0 WHERE id = %s

-- @stmt platform_delete(id:s)
DELETE FROM platform WHERE id = %s
