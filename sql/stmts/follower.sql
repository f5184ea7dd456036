-- How far each daemon's events were taken in.

-- @stmt follower_get(server:s) -> journal:s event:n state:s text:s
SELECT journal, event, state, text FROM follower WHERE server = %s

-- @stmt follower_add(server:s)
INSERT INTO follower (server) VALUES (%s)

-- @stmt follower_move(event:n seen:n server:s journal:s from:n) rows=1
UPDATE follower SET event = %lld, seen = %lld WHERE server = %s AND journal = %s AND event = %lld

-- @stmt follower_reset(journal:s event:n seen:n server:s) rows=1
UPDATE follower SET journal = %s, event = %lld, seen = %lld WHERE server = %s

-- @stmt follower_state(state:s text:s server:s)
UPDATE follower SET state = %s, text = %s WHERE server = %s

-- @stmt follower_servers() -> id:s name:s socket:s
SELECT id, name, socket FROM server ORDER BY id LIMIT 500

-- @stmt schema_version() -> version:n
SELECT version FROM schema_version
