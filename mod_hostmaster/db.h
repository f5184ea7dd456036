/*
 * SQL through mod_dbd. Statements stand in sql/stmts/NOUN.sql and are made into the enum HM_SQL_NAME and one checked
 * function each (build: gen/stmts.h), so that C holds no SQL and a wrong type does not compile. They are prepared
 * lazily and cached on the mod_dbd connection, never with DBDPrepareSQL; a first statement that fails is prepared once
 * more (schema changes, restarts).
 *
 *     -- @stmt site_get(id:s all:n client:n) -> id:s name:s client:n state:s          a select: rows of these columns
 *     -- @stmt attempt_claim(owner:s lease:n args:s id:n) rows=1                      a change that must hit one row
 *     -- @stmt log_add(attempt:n n:n t:n level:s src:s text:s)                        a change
 *
 * become
 *     apr_status_t hm_sql_site_get(hm_db_t *db, json_t **rows, pv_err_t *err, const char *id, int64_t all, int64_t
 * client); apr_status_t hm_sql_attempt_claim(hm_db_t *db, pv_err_t *err, const char *owner, ...);   another count of
 * rows: STALE apr_status_t hm_sql_log_add(hm_db_t *db, pv_err_t *err, int64_t attempt, ...);
 *
 * A select gives a json array of objects, strings and integers (NULL: ""), which lives as long as the hm_db_t's pool.
 * Parameters stand in the SQL as %s and %lld in the order of the list. Writers on SQLite take one global mutex from
 * begin to commit.
 */
#ifndef HM_DB_H
#define HM_DB_H

#include "proto/error.h"
#include <httpd.h>
#include <jansson.h>

typedef struct hm_db hm_db_t;

/* A connection from mod_dbd's pool for S; results live in P. DB_DOWN where there is none, PANEL_SCHEMA where the
 * database is not of this panel's version. Closing rolls back what is open. */
apr_status_t hm_db_open(hm_db_t **ret, server_rec *s, apr_pool_t *p, pv_err_t *err);
void hm_db_close(hm_db_t *db, server_rec *s);

/* A transaction; errors inside poison it: commit then rolls back and fails. end without commit rolls back. */
apr_status_t hm_db_begin(hm_db_t *db, pv_err_t *err);
apr_status_t hm_db_commit(hm_db_t *db, pv_err_t *err);
void hm_db_rollback(hm_db_t *db);

/* Did the last failure break a unique key? (rv: 1 SQLite, 7 PostgreSQL, 1062 MariaDB, and the message) */
int hm_db_unique(const hm_db_t *db);

/* Was the last failure nobody's fault: another transaction and this one were in each other's way? It is rolled back,
 * and may be made again. */
int hm_db_crossed(const hm_db_t *db);

/* Was it refused for a value that the database never takes: too long, out of range, no text, there already? */
int hm_db_refused(const hm_db_t *db);

/* As much of a text as a column of MAX characters takes, as one line, in P. */
const char *hm_db_text(const char *text, size_t max, apr_pool_t *p);

/* A new 64-bit id: time-ordered, random in its low bits, positive. */
int64_t hm_db_id(void);
int64_t hm_db_id_at(int64_t time); /* the least id of that time */
int64_t hm_db_now(void);           /* microseconds since 1970 */

/* The fields of a row. */
const char *hm_row_s(const json_t *row, const char *column);
int64_t hm_row_n(const json_t *row, const char *column);

#endif
