/*
 * Events and their consumers. What is told outside a transaction (log lines of a worker, mostly) waits in memory for
 * the next one, so that a chatty worker costs one commit a while, not one a line, and the order of what is told stays.
 * A crash loses what waits: log lines of the last moment, never a state.
 */
#include "engine/journal_event.h"
#include "engine/journal_stmt.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <stdlib.h>

static const char SQL_ADD[] = "INSERT INTO event (at, kind, job, key, object, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
static const char SQL_RANGE[] =
    "SELECT coalesce((SELECT min(seq) FROM event), 0), coalesce((SELECT max(seq) FROM event), 0)";
static const char SQL_JOB_RANGE[] = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM event WHERE job = ?1";
static const char SQL_LOG_SIZE[] =
    "SELECT count(*), coalesce(sum(length(body)), 0) FROM event WHERE job = ?1 AND kind = 'log'";
static const char SQL_READ[] =
    "SELECT seq, at, kind, job, key, object, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT 1000";
static const char SQL_ACK[] = "INSERT OR REPLACE INTO consumer (name, after) VALUES (?1, ?2)";
/* The newest is kept, so that the numbers go on from it whatever was forgotten. */
static const char SQL_PRUNE[] = "DELETE FROM event WHERE at < ?1 AND seq < (SELECT max(seq) FROM event)"
                                " AND seq <= (SELECT coalesce(min(after), 9223372036854775807) FROM consumer)";

typedef struct entry entry_t;
struct entry {
    entry_t *next;
    int64_t at;
    const char *kind; /* a constant */
    pv_event_job_t job;
    pv_id_t object;
    json_t *body;
};

struct pv_backlog {
    pv_journal_t *journal;
    entry_t *first, **end;
    uint64_t bytes;
    int told; /* the open transaction holds events */
    void (*on_commit)(void *ctx), (*on_backlog)(void *ctx);
    void *commit_ctx, *backlog_ctx;
};

static void drop_entries(pv_backlog_t *b)
{
    while (b->first) {
        entry_t *e = b->first;
        b->first = e->next;
        json_decref(e->body);
        free(e);
    }
    b->end = &b->first;
}

static apr_status_t cleanup(void *data)
{
    drop_entries(data);
    return APR_SUCCESS;
}

pv_backlog_t *pv_backlog_make(pv_journal_t *j, apr_pool_t *p)
{
    pv_backlog_t *b = apr_pcalloc(p, sizeof(*b));
    b->journal = j;
    b->end = &b->first;
    apr_pool_cleanup_register(p, b, cleanup, apr_pool_cleanup_null);
    return b;
}

void pv_event_on_commit(pv_journal_t *j, void (*fn)(void *ctx), void *ctx)
{
    pv_backlog_t *b = pv_journal_backlog(j);
    b->on_commit = fn;
    b->commit_ctx = ctx;
}

void pv_event_on_backlog(pv_journal_t *j, void (*fn)(void *ctx), void *ctx)
{
    pv_backlog_t *b = pv_journal_backlog(j);
    b->on_backlog = fn;
    b->backlog_ctx = ctx;
}

static apr_status_t write_entry(pv_backlog_t *b, const entry_t *e, pv_err_t *err)
{
    b->told = 1;
    b->bytes += json_dumpb(e->body, NULL, 0, JSON_COMPACT);
    return pv_sql_run(b->journal, NULL, err, SQL_ADD, "ltlttj", e->at, e->kind, (int64_t)e->job.id, e->job.key.s,
                      e->object.s, e->body);
}

apr_status_t pv_backlog_write(pv_backlog_t *b, pv_err_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    b->told = 0;
    for (entry_t *e = b->first; e && rv == APR_SUCCESS; e = e->next)
        rv = write_entry(b, e, err);
    return rv;
}

void pv_backlog_written(pv_backlog_t *b)
{
    drop_entries(b);
    if (b->told && b->on_commit)
        b->on_commit(b->commit_ctx);
    b->told = 0;
}

apr_status_t pv_event_add(pv_journal_t *j, const char *kind, const pv_event_job_t *job, const pv_id_t *object,
                          json_t *body, pv_err_t *err)
{
    pv_backlog_t *b = pv_journal_backlog(j);
    entry_t e = {.at = pv_journal_now(), .kind = kind, .body = body};
    if (job)
        e.job = *job;
    if (object)
        e.object = *object;
    if (pv_journal_in_transaction(j)) {
        apr_status_t rv = write_entry(b, &e, err);
        json_decref(body);
        return rv;
    }
    entry_t *kept = malloc(sizeof(*kept));
    if (!kept)
        abort(); /* as apr's pools do */
    *kept = e;
    if (!b->first && b->on_backlog)
        b->on_backlog(b->backlog_ctx);
    *b->end = kept;
    b->end = &kept->next;
    return APR_SUCCESS;
}

apr_status_t pv_event_flush(pv_journal_t *j, pv_err_t *err)
{
    if (!pv_journal_backlog(j)->first)
        return APR_SUCCESS;
    apr_status_t rv = pv_journal_begin(j, err);
    return rv == APR_SUCCESS ? pv_journal_commit(j, err) : rv;
}

/* ---- reading ---- */

uint64_t pv_event_bytes(pv_journal_t *j)
{
    return pv_journal_backlog(j)->bytes;
}

static void two_numbers(sqlite3_stmt *q, uint64_t *a, uint64_t *b)
{
    pv_sql_row(q); /* an aggregate has always one row */
    *a = (uint64_t)pv_sql_num(q, 0);
    *b = (uint64_t)pv_sql_num(q, 1);
    pv_sql_end(q);
}

void pv_event_range(pv_journal_t *j, uint64_t *first, uint64_t *last)
{
    two_numbers(pv_sql_query(j, SQL_RANGE, ""), first, last);
}

void pv_event_job_range(pv_journal_t *j, uint64_t job, uint64_t *first, uint64_t *last)
{
    two_numbers(pv_sql_query(j, SQL_JOB_RANGE, "l", (int64_t)job), first, last);
}

void pv_event_log_size(pv_journal_t *j, uint64_t job, uint64_t *lines, uint64_t *bytes)
{
    two_numbers(pv_sql_query(j, SQL_LOG_SIZE, "l", (int64_t)job), lines, bytes);
}

static json_t *event_line(sqlite3_stmt *q, apr_pool_t *p)
{
    json_t *event = pv_event_make((uint64_t)pv_sql_num(q, 0), pv_sql_num(q, 1), pv_sql_text(q, 2, p));
    if (pv_sql_num(q, 3) > 0) {
        json_object_set_new(event, "job", json_integer(pv_sql_num(q, 3)));
        json_object_set_new(event, "key", json_string(pv_sql_text(q, 4, p)));
    }
    if (sqlite3_column_bytes(q, 5) > 0)
        json_object_set_new(event, "object", json_string(pv_sql_text(q, 5, p)));
    json_object_update_missing(event, pv_sql_json(q, 6, p));
    return event;
}

void pv_event_read(pv_journal_t *j, uint64_t after, pv_event_fn *fn, void *ctx)
{
    apr_pool_t *p;
    apr_pool_create(&p, NULL);
    sqlite3_stmt *q = pv_sql_query(j, SQL_READ, "l", (int64_t)after);
    int stop = 0;
    while (!stop && pv_sql_row(q)) {
        json_t *event = event_line(q, p);
        stop = fn(ctx, (uint64_t)pv_sql_num(q, 0), event);
        json_decref(event);
        apr_pool_clear(p);
    }
    pv_sql_end(q);
    apr_pool_destroy(p);
}

/* ---- consumers ---- */

static apr_status_t in_transaction(pv_journal_t *j, apr_status_t rv, pv_err_t *err)
{
    if (rv == APR_SUCCESS)
        return pv_journal_commit(j, err);
    pv_journal_rollback(j);
    return rv;
}

apr_status_t pv_consumer_ack(pv_journal_t *j, const char *name, uint64_t after, pv_err_t *err)
{
    apr_status_t rv = pv_journal_begin(j, err);
    if (rv != APR_SUCCESS)
        return rv;
    return in_transaction(j, pv_sql_run(j, NULL, err, SQL_ACK, "tl", name, (int64_t)after), err);
}

apr_status_t pv_event_prune(pv_journal_t *j, int64_t before, pv_err_t *err)
{
    apr_status_t rv = pv_journal_begin(j, err);
    if (rv != APR_SUCCESS)
        return rv;
    return in_transaction(j, pv_sql_run(j, NULL, err, SQL_PRUNE, "l", before), err);
}
