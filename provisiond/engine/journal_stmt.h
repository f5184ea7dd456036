/*
 * Private to journal*.c: the open database, its cached statements, and how values get into and out of them.
 *
 * Arguments follow FMT, one letter each: t text (const char *, NULL is NULL), l int64_t, j JSON (json_t *, NULL is
 * NULL).
 */
#ifndef PV_ENGINE_JOURNAL_STMT_H
#define PV_ENGINE_JOURNAL_STMT_H

#include "engine/journal.h"
#include <sqlite3.h>

/* Runs a statement that gives no rows; CHANGED may be NULL. Failures are JOURNAL_UNAVAILABLE. */
apr_status_t pv_sql_run(pv_journal_t *j, int64_t *changed, pv_err_t *err, const char *sql, const char *fmt, ...);

int64_t pv_sql_last_id(pv_journal_t *j); /* of the row that was inserted last */

/* Begins a query; its rows come from pv_sql_row, which ends it by itself after the last. A journal that cannot be read
 * ends the process: the next life looks again. */
sqlite3_stmt *pv_sql_query(pv_journal_t *j, const char *sql, const char *fmt, ...);
int pv_sql_row(sqlite3_stmt *stmt);
void pv_sql_end(sqlite3_stmt *stmt); /* before the last row */

/* A column as text or JSON in P; NULL where it is NULL. */
const char *pv_sql_text(sqlite3_stmt *stmt, int column, apr_pool_t *p);
json_t *pv_sql_json(sqlite3_stmt *stmt, int column, apr_pool_t *p);
#define pv_sql_num(stmt, column) sqlite3_column_int64(stmt, column)

/* A row of meta in P; NULL where there is none. */
const char *pv_meta_get(pv_journal_t *j, const char *k, apr_pool_t *p);
apr_status_t pv_meta_set(pv_journal_t *j, const char *k, const char *v, pv_err_t *err);

/* Events that were told outside a transaction go in at the beginning of the next one: journal_event.c's. */
typedef struct pv_backlog pv_backlog_t;
pv_backlog_t *pv_backlog_make(pv_journal_t *j, apr_pool_t *p);
pv_backlog_t *pv_journal_backlog(pv_journal_t *j);
apr_status_t pv_backlog_write(pv_backlog_t *backlog, pv_err_t *err); /* in a transaction */
void pv_backlog_written(pv_backlog_t *backlog);                      /* it was committed */

int pv_journal_in_transaction(const pv_journal_t *j);

#endif
