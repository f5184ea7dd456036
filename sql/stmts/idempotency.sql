-- Answers of mutating API calls, kept for a day.

-- @stmt idempotency_get(account:n name:s) -> hash:s status:n body:s
SELECT hash, status, body FROM idempotency WHERE account = %lld AND name = %s

-- @stmt idempotency_add(account:n name:s hash:s status:n body:s created:n)
INSERT INTO idempotency (account, name, hash, status, body, created) VALUES (%lld, %s, %s, %lld, %s, %lld)

-- @stmt idempotency_prune(before:n)
DELETE FROM idempotency WHERE created < %lld
