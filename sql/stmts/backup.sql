-- Backups, within the actor's scope: the client is the site's, and the one it had where the site is gone.

-- @stmt backup_get(id:s all:n client:n) -> id:s site:s client:n server:s name:s description:s app:s version:s holds_db:n size:n sha256:s made:n live:n
SELECT b.id, b.site, COALESCE(s.client, b.client), b.server, b.name, b.description, b.app, b.version, b.holds_db, b.size, b.sha256, b.made,
       CASE WHEN s.id IS NULL THEN 0 ELSE 1 END
  FROM backup b LEFT JOIN site s ON s.id = b.site
 WHERE b.id = %s AND b.shown = 1 AND (%lld = 1 OR COALESCE(s.client, b.client) = %lld)

-- @stmt backup_list(all:n client:n before:n limit:n) -> id:s site:s name:s description:s size:n made:n live:n
SELECT b.id, b.site, b.name, b.description, b.size, b.made, CASE WHEN s.id IS NULL THEN 0 ELSE 1 END
  FROM backup b LEFT JOIN site s ON s.id = b.site
 WHERE b.shown = 1 AND (%lld = 1 OR COALESCE(s.client, b.client) = %lld) AND b.made < %lld ORDER BY b.made DESC LIMIT %lld

-- @stmt backup_list_on(site:s limit:n) -> id:s site:s name:s description:s size:n made:n
SELECT id, site, name, description, size, made FROM backup WHERE site = %s AND shown = 1 ORDER BY made DESC LIMIT %lld

-- @stmt backup_known(id:s) -> id:s
SELECT id FROM backup WHERE id = %s

-- @stmt backup_add(id:s site:s client:n server:s name:s description:s app:s version:s holds_db:n size:n sha256:s made:n scan:n)
INSERT INTO backup (id, site, client, server, name, description, app, version, holds_db, size, sha256, made, scan)
VALUES (%s, %s, %lld, %s, %s, %s, %s, %s, %lld, %lld, %s, %lld, %lld)

-- @stmt backup_follow(site:s of:s)
UPDATE backup SET client = (SELECT client FROM site WHERE id = %s) WHERE site = %s

-- @stmt backup_seen(scan:n id:s)
UPDATE backup SET scan = %lld WHERE id = %s

-- @stmt backup_show(site:s scan:n)
UPDATE backup SET shown = 1 WHERE site = %s AND scan = %lld

-- @stmt backup_drop(site:s scan:n)
DELETE FROM backup WHERE site = %s AND scan <> %lld

-- @stmt backup_show_all(server:s scan:n)
UPDATE backup SET shown = 1 WHERE server = %s AND scan = %lld

-- @stmt backup_drop_all(server:s scan:n)
DELETE FROM backup WHERE server = %s AND scan <> %lld

-- @stmt download_add(hash:s backup:s account:n expires:n)
INSERT INTO download (hash, backup, account, expires) VALUES (%s, %s, %lld, %lld)

-- @stmt download_get(hash:s now:n) -> backup:s
SELECT backup FROM download WHERE hash = %s AND expires > %lld

-- @stmt download_delete(hash:s) rows=1
DELETE FROM download WHERE hash = %s

-- One open link an account.
-- @stmt download_prune(now:n account:n)
DELETE FROM download WHERE expires < %lld OR account = %lld
