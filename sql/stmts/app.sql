-- Types of platforms, as each daemon tells of its drivers.

-- @stmt app_list_of(socket:s) -> name:s label:s spec:s
SELECT name, label, spec FROM app WHERE socket = %s ORDER BY name LIMIT 500

-- @stmt app_list() -> name:s label:s
SELECT name, MIN(label) FROM app GROUP BY name ORDER BY MIN(label), name LIMIT 500

-- @stmt app_add(socket:s name:s label:s spec:s)
INSERT INTO app (socket, name, label, spec) VALUES (%s, %s, %s, %s)

-- @stmt app_delete_of(socket:s)
DELETE FROM app WHERE socket = %s

-- @stmt app_of(platform:s) -> name:s label:s spec:s
SELECT a.name, a.label, a.spec
  FROM platform p JOIN server v ON v.id = p.server
  JOIN app a ON a.socket = v.socket AND a.name = CASE WHEN p.seen_app <> '' THEN p.seen_app ELSE p.app END
 WHERE p.id = %s

-- @stmt app_platforms() -> id:s name:s label:s version:s
SELECT p.id, p.name, COALESCE(a.label, p.seen_app), p.version
  FROM platform p JOIN server v ON v.id = p.server LEFT JOIN app a ON a.socket = v.socket AND a.name = p.seen_app
 WHERE p.state = 'verified' AND p.busy <> 'delete' ORDER BY p.name LIMIT 500

-- The database servers that a platform's daemon has, its own web server's first.
-- @stmt app_databases(platform:s) -> id:s name:s type:s
SELECT d.id, d.name, k.type
  FROM platform p JOIN server v ON v.id = p.server JOIN server d ON d.socket = v.socket JOIN service k ON k.server = d.id AND k.kind = 'db'
 WHERE p.id = %s AND (d.state <> 'new' OR d.busy = 'verify') AND d.busy <> 'delete' ORDER BY CASE WHEN d.id = v.id THEN 0 ELSE 1 END, d.name LIMIT 500
