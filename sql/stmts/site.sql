-- Sites, always within the actor's scope: all is 1 for an administrator, else client is the actor's own.

-- @stmt site_get(id:s all:n client:n) -> id:s name:s client:n client_name:s platform:s platform_name:s server:s db_server:s redirect:s title:s language:s profile:s admin_name:s admin_mail:s wanted:s revision:n seen_revision:n state:s verified:n db_name:s url:s version:s created:n
SELECT s.id, s.name, s.client, c.name, s.platform, p.name, p.server, s.db_server, s.redirect, s.title, s.language, s.profile, s.admin_name,
       s.admin_mail, s.wanted, s.revision, s.seen_revision, s.state, s.verified, s.db_name, s.url, s.version, s.created
  FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform
 WHERE s.id = %s AND (%lld = 1 OR s.client = %lld)

-- @stmt site_change(redirect:s client:n revision:n id:s seen:n) rows=1
UPDATE site SET redirect = %s, client = %lld, revision = %lld WHERE id = %s AND revision = %lld
