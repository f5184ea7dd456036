-- The queue. A claim is a compare-and-swap; whoever changes one row has it. Open is written open_key > '', which the key's index
-- answers on all three databases; from IN (SELECT ...) it begins with that index also after an ANALYZE, when SQLite would rather walk
-- through a million ended ones.

-- @stmt task_get(id:n all:n client:n) -> id:n type:s verb:s title:s object:s label:s server:s login:s client:n origin:s state:s attempts:n code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, t.server, COALESCE(a.login, ''), t.client, t.origin, t.state, t.attempts, t.code, t.created, t.started,
       t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.id = %lld AND (%lld = 1 OR COALESCE(s.client, t.client) = %lld)

-- @stmt task_list(before:n limit:n) -> id:n type:s verb:s title:s object:s label:s login:s origin:s state:s code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, COALESCE(a.login, ''), t.origin, t.state, t.code, t.created, t.started, t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.id < %lld ORDER BY t.id DESC LIMIT %lld

-- @stmt task_list_of(client:n before:n limit:n) -> id:n type:s verb:s title:s object:s label:s login:s origin:s state:s code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, COALESCE(a.login, ''), t.origin, t.state, t.code, t.created, t.started, t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.client = %lld AND t.id < %lld ORDER BY t.id DESC LIMIT %lld

-- @stmt task_list_in(state:s all:n client:n before:n limit:n) -> id:n type:s verb:s title:s object:s label:s login:s origin:s state:s code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, COALESCE(a.login, ''), t.origin, t.state, t.code, t.created, t.started, t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.state = %s AND (%lld = 1 OR t.client = %lld) AND t.id < %lld ORDER BY t.id DESC LIMIT %lld

-- @stmt task_list_open(all:n client:n before:n limit:n) -> id:n type:s verb:s title:s object:s label:s login:s origin:s state:s code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, COALESCE(a.login, ''), t.origin, t.state, t.code, t.created, t.started, t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.id IN (SELECT id FROM task WHERE open_key > '') AND (%lld = 1 OR t.client = %lld) AND t.id < %lld ORDER BY t.id DESC LIMIT %lld

-- @stmt task_list_on(object:s all:n client:n limit:n) -> id:n type:s verb:s title:s object:s label:s login:s origin:s state:s code:s created:n started:n ended:n there:n
SELECT t.id, t.type, t.verb, t.title, t.object, t.label, COALESCE(a.login, ''), t.origin, t.state, t.code, t.created, t.started, t.ended,
       CASE WHEN COALESCE(v.id, p.id, s.id) IS NULL THEN 0 ELSE 1 END
  FROM task t LEFT JOIN account a ON a.id = t.account LEFT JOIN server v ON v.id = t.object LEFT JOIN platform p ON p.id = t.object LEFT JOIN site s ON s.id = t.object
 WHERE t.object = %s AND (%lld = 1 OR t.client = %lld) ORDER BY t.id DESC LIMIT %lld

-- @stmt task_open_count(all:n client:n) -> n:n
SELECT COUNT(*) FROM task WHERE open_key > '' AND (%lld = 1 OR client = %lld)

-- @stmt task_open_find(open_key:s) -> id:n args:s
SELECT id, args FROM task WHERE open_key = %s

-- @stmt task_open_on(object:s) -> type:s
SELECT type FROM task WHERE object = %s AND open_key > '' ORDER BY id LIMIT 1

-- @stmt task_open_before(id:n object:s platform:s server:s db_server:s) -> id:n
SELECT id FROM task WHERE open_key > '' AND id < %lld AND object IN (%s, %s, %s, %s) ORDER BY id LIMIT 1

-- @stmt task_add(id:n type:s verb:s title:s object:s label:s server:s account:n client:n origin:s created:n open_key:s args:s)
INSERT INTO task (id, type, verb, title, object, label, server, account, client, origin, state, attempts, created, open_key, args)
VALUES (%lld, %s, %s, %s, %s, %s, %s, (SELECT id FROM account WHERE id = %lld), %lld, %s, 'queued', 1, %lld, %s, %s)

-- @stmt task_reopen(open_key:s id:n) rows=1
UPDATE task SET state = 'queued', attempts = attempts + 1, code = '', started = 0, ended = 0, open_key = %s
 WHERE id = %lld AND open_key IS NULL

-- @stmt task_open_ours(object:s) -> n:n
SELECT COUNT(*) FROM task WHERE object = %s AND open_key IS NOT NULL AND origin <> 'command'

-- A site's tasks are its client's, whoever asked for them.
-- @stmt task_follow(site:s object:s)
UPDATE task SET client = (SELECT client FROM site WHERE id = %s) WHERE object = %s

-- @stmt task_label(label:s object:s was:s)
UPDATE task SET label = %s WHERE object = %s AND label = %s

-- @stmt object_known(server:s platform:s site:s) -> n:n
SELECT (SELECT COUNT(*) FROM server WHERE id = %s) + (SELECT COUNT(*) FROM platform WHERE id = %s) + (SELECT COUNT(*) FROM site WHERE id = %s)

-- Those that never were, whose first task has ended: they can still be changed as a whole.
-- @stmt object_unmade(server:s platform:s site:s) -> n:n
SELECT (SELECT COUNT(*) FROM server WHERE id = %s AND state = 'new' AND busy = '') + (SELECT COUNT(*) FROM platform WHERE id = %s AND state = 'new' AND busy = '')
       + (SELECT COUNT(*) FROM site WHERE id = %s AND state = 'new' AND busy = '')

-- @stmt object_uses(platform:s server:s db_server:s) -> n:n
SELECT (SELECT COUNT(*) FROM site WHERE platform = %s) + (SELECT COUNT(*) FROM platform WHERE server = %s) + (SELECT COUNT(*) FROM site WHERE db_server = %s)

-- @stmt task_run(started:n id:n)
UPDATE task SET state = 'running', started = %lld WHERE id = %lld AND started = 0

-- @stmt task_end(state:s code:s ended:n id:n)
UPDATE task SET state = %s, code = %s, ended = %lld, open_key = NULL WHERE id = %lld AND open_key IS NOT NULL

-- @stmt attempt_add(id:n task:n n:n job_key:s server:s args:s created:n)
INSERT INTO attempt (id, task, n, job_key, server, args, state, created) VALUES (%lld, %lld, %lld, %s, %s, %s, 'queued', %lld)

-- @stmt attempt_get(task:n n:n) -> id:n n:n state:s phase:s cancel:n job:n done:n total:n logged:n code:s field:s text:s started:n ended:n
SELECT id, n, state, phase, cancel, job, done, total, logged, code, field, text, started, ended FROM attempt WHERE task = %lld AND n = %lld

-- @stmt attempt_list(task:n) -> n:n state:s code:s started:n ended:n
SELECT n, state, code, started, ended FROM attempt WHERE task = %lld ORDER BY n LIMIT 100

-- @stmt attempt_by_key(job_key:s) -> id:n task:n n:n state:s type:s object:s client:n label:s server:s wanted:n logged:n ended:n
SELECT a.id, a.task, a.n, a.state, t.type, t.object, t.client, t.label, t.server, a.wanted, a.logged, a.ended FROM attempt a JOIN task t ON t.id = a.task
 WHERE a.job_key = %s

-- @stmt attempt_queued(server:s after:n limit:n) -> id:n task:n job_key:s args:s wanted:n type:s object:s more:s
SELECT a.id, a.task, a.job_key, a.args, a.wanted, t.type, t.object, t.args FROM attempt a JOIN task t ON t.id = a.task
 WHERE a.state = 'queued' AND a.server = %s AND a.id > %lld ORDER BY a.id LIMIT %lld

-- @stmt attempt_claim(owner:s lease:n args:s wanted:n id:n) rows=1
UPDATE attempt SET state = 'submitted', owner = %s, lease = %lld, args = %s, wanted = %lld WHERE id = %lld AND state = 'queued'

-- @stmt attempt_stale_count(now:n) -> n:n
SELECT COUNT(*) FROM attempt WHERE task IN (SELECT id FROM task WHERE open_key > '') AND state = 'submitted' AND lease < %lld

-- @stmt attempt_expire(now:n)
UPDATE attempt SET state = 'queued' WHERE task IN (SELECT id FROM task WHERE open_key > '') AND state = 'submitted' AND lease < %lld

-- @stmt attempt_back(id:n)
UPDATE attempt SET state = 'queued' WHERE id = %lld AND state = 'submitted'

-- @stmt attempt_again(server:s)
UPDATE attempt SET state = 'queued' WHERE task IN (SELECT id FROM task WHERE open_key > '') AND state IN ('submitted', 'running') AND server = %s

-- @stmt attempt_run(job:n started:n id:n)
UPDATE attempt SET state = 'running', job = %lld, started = %lld WHERE id = %lld AND state IN ('queued', 'submitted')

-- @stmt attempt_phase(phase:s id:n)
UPDATE attempt SET phase = %s WHERE id = %lld

-- @stmt attempt_progress(done:n total:n id:n)
UPDATE attempt SET done = %lld, total = %lld WHERE id = %lld

-- @stmt attempt_logged(logged:n id:n)
UPDATE attempt SET logged = %lld WHERE id = %lld

-- @stmt attempt_end(state:s code:s field:s text:s ended:n id:n)
UPDATE attempt SET state = %s, phase = '', code = %s, field = %s, text = %s, ended = %lld WHERE id = %lld AND ended = 0

-- @stmt attempt_cancel(task:n)
UPDATE attempt SET cancel = 1 WHERE task = %lld AND ended = 0

-- @stmt attempt_cancels(server:s limit:n) -> id:n task:n job_key:s
SELECT id, task, job_key FROM attempt
 WHERE task IN (SELECT id FROM task WHERE open_key > '') AND state IN ('submitted', 'running') AND server = %s AND cancel = 1 ORDER BY task LIMIT %lld

-- @stmt attempt_cancelled(id:n)
UPDATE attempt SET cancel = 2 WHERE id = %lld AND cancel = 1

-- @stmt log_add(attempt:n n:n t:n level:s src:s text:s)
INSERT INTO log (attempt, n, t, level, src, text) VALUES (%lld, %lld, %lld, %s, %s, %s)

-- @stmt log_list(attempt:n after:n limit:n) -> n:n t:n level:s src:s text:s
SELECT n, t, level, src, text FROM log WHERE attempt = %lld AND n > %lld ORDER BY n LIMIT %lld

-- The oldest line, by the key, whose attempt ended long ago. An attempt is no younger than its end.
-- @stmt log_oldest(attempt:n ended:n) -> attempt:n n:n
SELECT l.attempt, l.n FROM log l
 WHERE l.attempt < %lld AND (SELECT a.ended FROM attempt a WHERE a.id = l.attempt) BETWEEN 1 AND %lld ORDER BY l.attempt, l.n LIMIT 1

-- @stmt log_prune(attempt:n below:n)
DELETE FROM log WHERE attempt = %lld AND n < %lld

-- @stmt notice_add(id:n kind:s task:n text:s created:n)
INSERT INTO notice (id, kind, task, text, created) VALUES (%lld, %s, %lld, %s, %lld)

-- @stmt notice_list(limit:n) -> id:n kind:s task:n text:s created:n
SELECT id, kind, task, text, created FROM notice ORDER BY id DESC LIMIT %lld

-- @stmt notice_unmailed(limit:n) -> id:n kind:s task:n text:s created:n
SELECT id, kind, task, text, created FROM notice WHERE mailed = 0 ORDER BY id LIMIT %lld

-- @stmt notice_mailed(id:n) rows=1
UPDATE notice SET mailed = 1 WHERE id = %lld AND mailed = 0

-- @stmt notice_delete(id:n) rows=1
DELETE FROM notice WHERE id = %lld

-- @stmt notice_delete_of(task:n)
DELETE FROM notice WHERE task = %lld

-- @stmt audit_add(id:n account:n login:s peer:s action:s object:s text:s)
INSERT INTO audit (id, account, login, peer, action, object, text) VALUES (%lld, %lld, %s, %s, %s, %s, %s)

-- @stmt attempt_logged_get(id:n) -> logged:n
SELECT logged FROM attempt WHERE id = %lld

-- @stmt result_delete(attempt:n name:s)
DELETE FROM result WHERE attempt = %lld AND name = %s

-- @stmt result_add(attempt:n name:s value:s expires:n)
INSERT INTO result (attempt, name, value, expires) VALUES (%lld, %s, %s, %lld)

-- @stmt result_list(attempt:n) -> name:s value:s expires:n
SELECT name, value, expires FROM result WHERE attempt = %lld ORDER BY name LIMIT 64

-- The latest of a name on an object, if one of its latest runs has told it.
-- @stmt result_last(object:s name:s) -> value:s
SELECT r.value FROM (SELECT id FROM task WHERE object = %s AND type = 'run' ORDER BY id DESC LIMIT 100) t
  JOIN attempt a ON a.task = t.id JOIN result r ON r.attempt = a.id AND r.name = %s ORDER BY t.id DESC, a.n DESC LIMIT 1

-- @stmt result_stale_count(now:n) -> n:n
SELECT COUNT(*) FROM result WHERE expires > 1 AND expires < %lld

-- @stmt result_expire(now:n)
UPDATE result SET value = '', expires = 1 WHERE expires > 1 AND expires < %lld
