-- Servers and their services.

-- @stmt server_get(id:s) -> id:s name:s socket:s addresses:s revision:n seen_revision:n state:s busy:s last:s verified:n created:n daemon:s daemon_text:s
SELECT v.id, v.name, v.socket, v.addresses, v.revision, v.seen_revision, v.state, v.busy, v.last, v.verified, v.created,
       COALESCE(f.state, 'new'), COALESCE(f.text, '')
  FROM server v LEFT JOIN follower f ON f.socket = v.socket WHERE v.id = %s

-- @stmt server_list(after:s limit:n) -> id:s name:s socket:s state:s busy:s last:s verified:n platforms:n daemon:s
SELECT v.id, v.name, v.socket, v.state, v.busy, v.last, v.verified, (SELECT COUNT(*) FROM platform p WHERE p.server = v.id),
       COALESCE(f.state, 'new')
  FROM server v LEFT JOIN follower f ON f.socket = v.socket WHERE v.name > %s ORDER BY v.name LIMIT %lld

-- @stmt server_by_name(name:s) -> id:s
SELECT id FROM server WHERE name = %s

-- @stmt server_count() -> n:n
SELECT COUNT(*) FROM server

-- @stmt server_uses(platform:s db_server:s) -> n:n
SELECT (SELECT COUNT(*) FROM platform WHERE server = %s) + (SELECT COUNT(*) FROM site WHERE db_server = %s)

-- @stmt server_add(id:s name:s socket:s addresses:s created:n)
INSERT INTO server (id, name, socket, addresses, revision, created) VALUES (%s, %s, %s, %s, 1, %lld)

-- @stmt server_change(name:s addresses:s id:s seen:n) rows=1
UPDATE server SET name = %s, addresses = %s, revision = revision + 1 WHERE id = %s AND revision = %lld

-- @stmt server_again(name:s socket:s addresses:s id:s seen:n) rows=1
UPDATE server SET name = %s, socket = %s, addresses = %s, revision = revision + 1 WHERE id = %s AND revision = %lld AND state = 'new'

-- @stmt server_take(name:s addresses:s id:s)
UPDATE server SET name = %s, addresses = %s, revision = revision + 1 WHERE id = %s

-- @stmt server_busy(busy:s id:s)
UPDATE server SET busy = %s WHERE id = %s

-- @stmt server_last(last:s busy:s id:s)
UPDATE server SET last = %s, busy = %s WHERE id = %s

-- @stmt server_seen(state:s seen_revision:n verified:n id:s)
UPDATE server SET state = %s, seen_revision = %lld, verified = %lld WHERE id = %s

-- @stmt server_undone(id:s)
UPDATE server SET state = 'new', seen_revision = 0, verified = 0 WHERE id = %s

-- @stmt server_delete(id:s)
DELETE FROM server WHERE id = %s

-- @stmt service_list(server:s) -> kind:s type:s auth:s host:s port:n secret:s
SELECT kind, type, auth, host, port, secret FROM service WHERE server = %s ORDER BY kind

-- @stmt service_add(server:s kind:s type:s auth:s host:s port:n secret:s)
INSERT INTO service (server, kind, type, auth, host, port, secret) VALUES (%s, %s, %s, %s, %s, %lld, %s)

-- @stmt service_delete_of(server:s)
DELETE FROM service WHERE server = %s

-- @stmt service_servers(kind:s) -> id:s name:s
SELECT v.id, v.name FROM server v JOIN service k ON k.server = v.id
 WHERE k.kind = %s AND (v.state <> 'new' OR v.busy = 'verify') AND v.busy <> 'delete' ORDER BY v.name LIMIT 500
