/*
 * The rows of backups.
 */
#include "engine/journal_backup.h"
#include "engine/journal_stmt.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <limits.h>

#define COLUMNS "bid, site, name, description, app, version, database, size, bytes, sha256, made"
#define BATCH   50 /* rows in one event, which is a line of at most 64 KiB */

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM backup WHERE bid = ?1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM backup WHERE (?1 IS NULL OR site = ?1) AND bid > ?2 ORDER BY bid LIMIT ?3";
static const char SQL_ADD[] = "INSERT OR REPLACE INTO backup (" COLUMNS ") VALUES"
                              " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char SQL_REMOVE[] = "DELETE FROM backup WHERE bid = ?1 AND site = ?2";

static pv_backup_t *from_row(sqlite3_stmt *q, apr_pool_t *p)
{
    pv_backup_t *b = apr_pcalloc(p, sizeof(*b));
    apr_cpystrn(b->bid.s, (const char *)sqlite3_column_text(q, 0), sizeof(b->bid.s));
    apr_cpystrn(b->site.s, (const char *)sqlite3_column_text(q, 1), sizeof(b->site.s));
    b->name = pv_sql_text(q, 2, p);
    b->description = pv_sql_text(q, 3, p);
    b->app = pv_sql_text(q, 4, p);
    b->version = pv_sql_text(q, 5, p);
    b->database = pv_sql_num(q, 6) != 0;
    b->size = pv_sql_num(q, 7);
    b->bytes = pv_sql_num(q, 8);
    b->sha256 = pv_sql_text(q, 9, p);
    b->made = pv_sql_num(q, 10);
    return b;
}

apr_status_t pv_backup_find(pv_backup_t **ret, pv_journal_t *j, const pv_bid_t *bid, apr_pool_t *p)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_FIND, "t", bid->s);
    if (!pv_sql_row(q))
        return APR_NOTFOUND;
    *ret = from_row(q, p);
    pv_sql_end(q);
    return APR_SUCCESS;
}

int pv_backup_list(pv_backup_t ***ret, pv_journal_t *j, const pv_id_t *site, const char *after, int limit,
                   apr_pool_t *p)
{
    apr_array_header_t *rows = apr_array_make(p, 16, sizeof(pv_backup_t *));
    sqlite3_stmt *q = pv_sql_query(j, SQL_LIST, "ttl", site ? site->s : NULL, after, (int64_t)limit);
    while (pv_sql_row(q))
        APR_ARRAY_PUSH(rows, pv_backup_t *) = from_row(q, p);
    *ret = (pv_backup_t **)(void *)rows->elts;
    return rows->nelts;
}

json_t *pv_backup_json(const pv_backup_t *b)
{
    return json_pack("{ss ss ss ss ss ss sb sI sI ss sI}", "bid", b->bid.s, "site", b->site.s, "name", b->name,
                     "description", b->description, "app", b->app, "version", b->version, "database", b->database,
                     "size", (json_int_t)b->size, "bytes", (json_int_t)b->bytes, "sha256", b->sha256, "made",
                     (json_int_t)b->made);
}

/* The set as it is now, in as many events as it takes. */
static apr_status_t tell(pv_journal_t *j, const pv_event_job_t *job, const pv_id_t *site, pv_err_t *err)
{
    apr_pool_t *p;
    pv_backup_t **row;
    apr_status_t rv = APR_SUCCESS;
    apr_pool_create(&p, NULL);
    int n = pv_backup_list(&row, j, site, "", INT_MAX, p);
    for (int at = 0; at < n && rv == APR_SUCCESS; at += BATCH) {
        json_t *items = json_array();
        for (int i = at; i < n && i < at + BATCH; i++)
            json_array_append_new(items, pv_backup_json(row[i]));
        rv = pv_event_add(j, "facts", job, site,
                          json_pack("{ss sI so}", "type", "backup", "scan", (json_int_t)job->id, "items", items), err);
    }
    if (rv == APR_SUCCESS)
        rv = pv_event_add(j, "facts-end", job, site,
                          json_pack("{ss sI si}", "type", "backup", "scan", (json_int_t)job->id, "count", n), err);
    apr_pool_destroy(p);
    return rv;
}

apr_status_t pv_backup_add(pv_journal_t *j, const pv_event_job_t *job, const pv_backup_t *b, pv_err_t *err)
{
    apr_status_t rv = pv_sql_run(j, NULL, err, SQL_ADD, "ttttttllltl", b->bid.s, b->site.s, b->name, b->description,
                                 b->app, b->version, (int64_t)b->database, b->size, b->bytes, b->sha256, b->made);
    return rv == APR_SUCCESS ? tell(j, job, &b->site, err) : rv;
}

apr_status_t pv_backup_remove(pv_journal_t *j, const pv_event_job_t *job, const pv_id_t *site, const pv_bid_t *bid,
                              pv_err_t *err)
{
    apr_status_t rv = pv_sql_run(j, NULL, err, SQL_REMOVE, "tt", bid->s, site->s);
    return rv == APR_SUCCESS ? tell(j, job, site, err) : rv;
}
