-- Clients.

-- @stmt client_get(id:n) -> id:n name:s mail:s state:s revision:n created:n
SELECT id, name, mail, state, revision, created FROM client WHERE id = %lld

-- @stmt client_by_name(name:s) -> id:n
SELECT id FROM client WHERE name = %s

-- @stmt client_list(after:s limit:n) -> id:n name:s mail:s state:s created:n sites:n users:n
SELECT c.id, c.name, c.mail, c.state, c.created, (SELECT COUNT(*) FROM site s WHERE s.client = c.id),
       (SELECT COUNT(*) FROM account a WHERE a.client = c.id)
  FROM client c WHERE c.name > %s ORDER BY c.name LIMIT %lld

-- @stmt client_add(id:n name:s mail:s created:n)
INSERT INTO client (id, name, mail, created) VALUES (%lld, %s, %s, %lld)

-- @stmt client_change(name:s mail:s state:s id:n seen:n) rows=1
UPDATE client SET name = %s, mail = %s, state = %s, revision = revision + 1 WHERE id = %lld AND revision = %lld
