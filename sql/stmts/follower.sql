-- How far each daemon's events were taken in.

-- @stmt follower_get(socket:s) -> journal:s event:n
SELECT journal, event FROM follower WHERE socket = %s

-- @stmt follower_add(socket:s)
INSERT INTO follower (socket) VALUES (%s)

-- @stmt follower_move(event:n seen:n socket:s journal:s from:n) rows=1
UPDATE follower SET event = %lld, seen = %lld WHERE socket = %s AND journal = %s AND event = %lld

-- @stmt follower_start(journal:s socket:s)
UPDATE follower SET journal = %s WHERE socket = %s AND journal = ''

-- @stmt follower_reset(journal:s event:n seen:n socket:s) rows=1
UPDATE follower SET journal = %s, event = %lld, seen = %lld WHERE socket = %s

-- @stmt follower_state(state:s text:s socket:s)
UPDATE follower SET state = %s, text = %s WHERE socket = %s

-- @stmt follower_servers() -> id:s name:s socket:s
SELECT id, name, socket FROM server ORDER BY id LIMIT 500

-- @stmt schema_version() -> version:n
SELECT version FROM schema_version
