-- Sites, always within the actor's scope: all is 1 for an administrator, else client is the actor's own.

-- @stmt site_get(id:s all:n client:n) -> id:s name:s client:n client_name:s platform:s platform_name:s server:s db_server:s db_server_name:s redirect:s title:s language:s profile:s admin_name:s admin_mail:s wanted:s revision:n seen_revision:n state:s busy:s last:s verified:n db_name:s url:s version:s created:n
SELECT s.id, s.name, s.client, c.name, s.platform, p.name, p.server, COALESCE(s.db_server, ''), COALESCE(d.name, ''), s.redirect, s.title, s.language,
       s.profile, s.admin_name, s.admin_mail, s.wanted, s.revision, s.seen_revision, s.state, s.busy, s.last, s.verified, s.db_name, s.url,
       s.version, s.created
  FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform LEFT JOIN server d ON d.id = s.db_server
 WHERE s.id = %s AND (%lld = 1 OR s.client = %lld)

-- @stmt site_list(find:s after:s limit:n) -> id:s name:s title:s state:s busy:s last:s platform:s platform_name:s client_name:s url:s verified:n
SELECT s.id, s.name, s.title, s.state, s.busy, s.last, s.platform, p.name, c.name, s.url, s.verified
  FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform
 WHERE s.name LIKE %s ESCAPE '!' AND s.name > %s ORDER BY s.name LIMIT %lld

-- @stmt site_list_of(client:n find:s after:s limit:n) -> id:s name:s title:s state:s busy:s last:s platform:s platform_name:s client_name:s url:s verified:n
SELECT s.id, s.name, s.title, s.state, s.busy, s.last, s.platform, p.name, c.name, s.url, s.verified
  FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform
 WHERE s.client = %lld AND s.name LIKE %s ESCAPE '!' AND s.name > %s ORDER BY s.name LIMIT %lld

-- @stmt site_list_on(platform:s all:n client:n limit:n) -> id:s name:s title:s state:s busy:s last:s platform:s platform_name:s client_name:s url:s verified:n
SELECT s.id, s.name, s.title, s.state, s.busy, s.last, s.platform, p.name, c.name, s.url, s.verified
  FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform
 WHERE s.platform = %s AND (%lld = 1 OR s.client = %lld) ORDER BY s.name LIMIT %lld

-- @stmt site_count(all:n client:n) -> n:n
SELECT COUNT(*) FROM site WHERE (%lld = 1 OR client = %lld)

-- @stmt site_count_on(platform:s) -> n:n
SELECT COUNT(*) FROM site WHERE platform = %s

-- @stmt site_add(id:s name:s client:n platform:s db_server:s redirect:s title:s language:s profile:s admin_name:s admin_mail:s created:n)
INSERT INTO site (id, name, client, platform, db_server, redirect, title, language, profile, admin_name, admin_mail, revision, created)
VALUES (%s, %s, %lld, %s, NULLIF(%s, ''), %s, %s, %s, %s, %s, %s, 1, %lld)

-- @stmt site_change(client:n redirect:s id:s seen:n) rows=1
UPDATE site SET client = %lld, redirect = %s, revision = revision + 1 WHERE id = %s AND revision = %lld

-- @stmt site_again(name:s client:n platform:s db_server:s redirect:s title:s language:s profile:s admin_name:s admin_mail:s id:s seen:n) rows=1
UPDATE site SET name = %s, client = %lld, platform = %s, db_server = NULLIF(%s, ''), redirect = %s, title = %s, language = %s,
       profile = %s, admin_name = %s, admin_mail = %s, revision = revision + 1 WHERE id = %s AND revision = %lld AND state = 'new'

-- A client that the daemon tells again is no news: a change of it here may not have reached the daemon.
-- @stmt site_take(seen_client:s client:n redirect:s id:s)
UPDATE site SET client = CASE WHEN seen_client = %s THEN client ELSE %lld END, redirect = %s, revision = revision + 1 WHERE id = %s

-- @stmt site_wanted(wanted:s id:s) rows=1
UPDATE site SET wanted = %s WHERE id = %s

-- @stmt site_busy(busy:s id:s)
UPDATE site SET busy = %s WHERE id = %s

-- @stmt site_last(last:s busy:s id:s)
UPDATE site SET last = %s, busy = %s WHERE id = %s

-- @stmt site_port(platform:s) -> port:n
SELECT v.port FROM platform p JOIN service v ON v.server = p.server AND v.kind = 'http' WHERE p.id = %s

-- @stmt site_seen(state:s seen_client:s db_name:s url:s version:s seen_revision:n verified:n id:s)
UPDATE site SET state = %s, seen_client = %s, db_name = %s, url = %s, version = %s, seen_revision = %lld, verified = %lld WHERE id = %s

-- @stmt site_undone(id:s)
UPDATE site SET state = 'new', seen_revision = 0, verified = 0 WHERE id = %s

-- @stmt site_delete(id:s)
DELETE FROM site WHERE id = %s

-- @stmt host_owner(name:s) -> site:s kind:s
SELECT site, kind FROM host WHERE name = %s

-- @stmt host_free(name:s)
DELETE FROM host WHERE name = %s

-- @stmt host_add(name:s site:s kind:s)
INSERT INTO host (name, site, kind) VALUES (%s, %s, %s)

-- @stmt host_aliases(site:s) -> name:s
SELECT name FROM host WHERE site = %s AND kind = 'alias' ORDER BY name LIMIT 250

-- @stmt host_aliases_delete(site:s)
DELETE FROM host WHERE site = %s AND kind = 'alias'

-- @stmt host_delete_of(site:s)
DELETE FROM host WHERE site = %s
