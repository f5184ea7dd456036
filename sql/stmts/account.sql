-- People, their sessions, tokens and one-time links. Secrets are compared as hashes, in the database.

-- @stmt session_actor(hash:s idle:n born:n) -> account:n login:s role:s client:n csrf:s used:n
SELECT a.id, a.login, a.role, COALESCE(a.client, 0), s.csrf, s.used
  FROM session s JOIN account a ON a.id = s.account LEFT JOIN client c ON c.id = a.client
 WHERE s.hash = %s AND s.used > %lld AND s.created > %lld AND a.state = 'enabled' AND COALESCE(c.state, 'enabled') = 'enabled'

-- @stmt session_add(hash:s account:n csrf:s created:n used:n)
INSERT INTO session (hash, account, csrf, created, used) VALUES (%s, %lld, %s, %lld, %lld)

-- @stmt session_touch(used:n hash:s)
UPDATE session SET used = %lld WHERE hash = %s

-- @stmt session_delete(hash:s)
DELETE FROM session WHERE hash = %s

-- @stmt session_delete_of(account:n)
DELETE FROM session WHERE account = %lld

-- @stmt session_prune(used:n created:n)
DELETE FROM session WHERE used < %lld OR created < %lld

-- @stmt token_actor(hash:s now:n) -> account:n login:s role:s client:n scope:s token:n
SELECT a.id, a.login, a.role, COALESCE(a.client, 0), t.scope, t.id
  FROM token t JOIN account a ON a.id = t.account LEFT JOIN client c ON c.id = a.client
 WHERE t.hash = %s AND t.expires > %lld AND a.state = 'enabled' AND COALESCE(c.state, 'enabled') = 'enabled'

-- @stmt token_add(id:n hash:s account:n name:s scope:s created:n expires:n)
INSERT INTO token (id, hash, account, name, scope, created, expires) VALUES (%lld, %s, %lld, %s, %s, %lld, %lld)

-- @stmt token_delete(id:n account:n) rows=1
DELETE FROM token WHERE id = %lld AND account = %lld

-- @stmt token_list(account:n now:n) -> id:n name:s scope:s created:n expires:n
SELECT id, name, scope, created, expires FROM token WHERE account = %lld AND expires > %lld ORDER BY id LIMIT 100

-- @stmt link_add(hash:s account:n expires:n)
INSERT INTO login_link (hash, account, expires) VALUES (%s, %lld, %lld)

-- @stmt link_get(hash:s now:n) -> account:n
SELECT l.account FROM login_link l JOIN account a ON a.id = l.account LEFT JOIN client c ON c.id = a.client
 WHERE l.hash = %s AND l.expires > %lld AND a.state = 'enabled' AND COALESCE(c.state, 'enabled') = 'enabled'

-- @stmt link_delete(hash:s) rows=1
DELETE FROM login_link WHERE hash = %s

-- @stmt link_prune(now:n)
DELETE FROM login_link WHERE expires < %lld

-- @stmt delay_get(who:s) -> tries:n until_t:n
SELECT tries, until_t FROM login_delay WHERE who = %s

-- @stmt delay_grow(until_t:n who:s) rows=1
UPDATE login_delay SET tries = tries + 1, until_t = %lld WHERE who = %s

-- @stmt delay_add(who:s until_t:n)
INSERT INTO login_delay (who, tries, until_t) VALUES (%s, 1, %lld)

-- @stmt delay_clear(who:s)
DELETE FROM login_delay WHERE who = %s

-- @stmt delay_prune(before:n)
DELETE FROM login_delay WHERE until_t < %lld

-- @stmt token_prune(now:n)
DELETE FROM token WHERE expires < %lld

-- @stmt account_by_login(login:s mail:s) -> id:n login:s password:s role:s client:n
SELECT a.id, a.login, a.password, a.role, COALESCE(a.client, 0) FROM account a LEFT JOIN client c ON c.id = a.client
 WHERE (a.login = %s OR a.mail = %s) AND a.state = 'enabled' AND COALESCE(c.state, 'enabled') = 'enabled'

-- @stmt account_get(id:n) -> id:n login:s mail:s role:s client:n client_name:s state:s revision:n created:n seen:n has_password:n
SELECT a.id, a.login, a.mail, a.role, COALESCE(a.client, 0), COALESCE(c.name, ''), a.state, a.revision, a.created, a.seen,
       CASE WHEN a.password = '' THEN 0 ELSE 1 END
  FROM account a LEFT JOIN client c ON c.id = a.client WHERE a.id = %lld

-- @stmt account_password_get(id:n) -> password:s
SELECT password FROM account WHERE id = %lld

-- @stmt account_list(after:s limit:n) -> id:n login:s mail:s role:s client:n client_name:s state:s seen:n
SELECT a.id, a.login, a.mail, a.role, COALESCE(a.client, 0), COALESCE(c.name, ''), a.state, a.seen
  FROM account a LEFT JOIN client c ON c.id = a.client WHERE a.login > %s ORDER BY a.login LIMIT %lld

-- @stmt account_list_of(client:n limit:n) -> id:n login:s mail:s role:s state:s seen:n
SELECT id, login, mail, role, state, seen FROM account WHERE client = %lld ORDER BY login LIMIT %lld

-- @stmt account_add(id:n login:s mail:s role:s client:n created:n)
INSERT INTO account (id, login, mail, role, client, created) VALUES (%lld, %s, %s, %s, (SELECT id FROM client WHERE id = %lld), %lld)

-- @stmt account_change(mail:s role:s client:n state:s id:n seen:n) rows=1
UPDATE account SET mail = %s, role = %s, client = (SELECT id FROM client WHERE id = %lld), state = %s, revision = revision + 1 WHERE id = %lld AND revision = %lld

-- @stmt account_password(password:s id:n) rows=1
UPDATE account SET password = %s WHERE id = %lld

-- @stmt account_seen(seen:n id:n)
UPDATE account SET seen = %lld WHERE id = %lld

-- @stmt account_admins() -> id:n mail:s
SELECT id, mail FROM account WHERE role = 'administrator' AND state = 'enabled' ORDER BY id LIMIT 100

-- @stmt account_taken(login:s mail:s id:n) -> login:s mail:s
SELECT login, mail FROM account WHERE (login = %s OR mail = %s) AND id <> %lld
