/*
 * The queue's rows. Everything here runs inside the caller's transaction; nothing here talks to a daemon.
 */
#include "model/task.h"
#include "db.h"
#include "model/object.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

#define PRUNED 1000 /* lines of a log at a time */

static apr_status_t attempt_add(hm_db_t *db, int64_t task, int64_t n, const char *server, const char *args,
                                pv_err_t *err)
{
    pv_key_t key;
    if (pv_key_make(&key) != APR_SUCCESS)
        return pv_fail(err, PV_INTERNAL, NULL, "the kernel gives no random numbers");
    return hm_sql_attempt_add(db, err, hm_db_id(), task, n, key.s, server, args, hm_db_now());
}

static const char *open_key(const char *object, const char *type, const char *what, apr_pool_t *p)
{
    return apr_pstrcat(p, object, "/", type, what[0] ? "/" : "", what, NULL);
}

apr_status_t hm_task_enqueue(int64_t *ret, hm_db_t *db, const hm_task_t *t, pv_err_t *err, apr_pool_t *p)
{
    const char *what = t->what ? t->what : "", *args = t->args ? t->args : "";
    const char *key = open_key(t->object, t->type, what, p);
    json_t *rows;
    apr_status_t rv = hm_sql_task_open_find(db, &rows, err, key);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *open = json_array_get(rows, 0);
    if (open && strcmp(hm_row_s(open, "args"), args) != 0)
        return pv_fail(err, PV_STALE, NULL, "the same task is open with other values; cancel it, or await its end");
    if (open) {
        *ret = hm_row_n(open, "id");
        return APR_SUCCESS;
    }
    int64_t id = hm_db_id();
    rv = hm_sql_task_add(db, err, id, t->type, what, t->title ? t->title : "", t->object, t->label, t->server,
                         t->account, t->client, t->origin, hm_db_now(), key, args);
    if (rv == APR_SUCCESS)
        rv = attempt_add(db, id, 1, t->server, "", err);
    if (rv == APR_SUCCESS)
        rv = hm_object_busy(db, t->object, t->type, err);
    if (rv == APR_SUCCESS)
        *ret = id;
    return rv;
}

apr_status_t hm_task_retry(hm_db_t *db, const json_t *task, pv_err_t *err, apr_pool_t *p)
{
    const char *object = hm_row_s(task, "object"), *type = hm_row_s(task, "type");
    const char *key = open_key(object, type, hm_row_s(task, "verb"), p);
    json_t *rows;
    apr_status_t rv = hm_sql_task_open_find(db, &rows, err, key);
    if (rv == APR_SUCCESS && json_array_size(rows) > 0)
        return pv_fail(err, PV_STALE, NULL, "the same task is open already");
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_reopen(db, err, key, hm_row_n(task, "id"));
    if (rv == APR_SUCCESS)
        rv = attempt_add(db, hm_row_n(task, "id"), hm_row_n(task, "attempts") + 1, hm_row_s(task, "server"), "", err);
    if (rv == APR_SUCCESS)
        rv = hm_object_busy(db, object, type, err);
    return rv == APR_SUCCESS ? hm_sql_notice_delete_of(db, err, hm_row_n(task, "id")) : rv;
}

apr_status_t hm_task_cancel(hm_db_t *db, const json_t *task, pv_err_t *err, apr_pool_t *p)
{
    json_t *rows;
    apr_status_t rv = hm_sql_attempt_get(db, &rows, err, hm_row_n(task, "id"), hm_row_n(task, "attempts"));
    const json_t *attempt = rv == APR_SUCCESS ? json_array_get(rows, 0) : NULL;
    if (rv == APR_SUCCESS && hm_row_n(attempt, "ended"))
        return pv_fail(err, PV_TOO_LATE, NULL, "the task has ended");
    if (rv == APR_SUCCESS && strcmp(hm_row_s(attempt, "state"), "queued") != 0)
        return hm_sql_attempt_cancel(db, err, hm_row_n(task, "id"));
    hm_end_t end = {.state = "cancelled",
                    .code = "CANCELLED",
                    .field = "",
                    .text = "before it was sent to the daemon",
                    .at = hm_db_now()};
    return rv == APR_SUCCESS
               ? hm_task_end(db, hm_row_n(task, "id"), hm_row_n(attempt, "id"), hm_row_s(task, "object"), &end, err, p)
               : rv;
}

apr_status_t hm_task_end(hm_db_t *db, int64_t task, int64_t attempt, const char *object, const hm_end_t *end,
                         pv_err_t *err, apr_pool_t *p)
{
    json_t *rows = NULL;
    apr_status_t rv = hm_sql_attempt_end(db, err, end->state, end->code, end->field, end->text, end->at, attempt);
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_end(db, err, end->state, end->code, end->at, task);
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_open_on(db, &rows, err, object);
    if (rv != APR_SUCCESS)
        return rv;
    return hm_object_last(db, object, end->state, hm_row_s(json_array_get(rows, 0), "type"), err);
}

void hm_logs_prune(hm_db_t *db, int64_t ended)
{
    json_t *rows;
    pv_err_t err = {0};
    if (hm_sql_log_oldest(db, &rows, &err, hm_db_id_at(ended), ended) != APR_SUCCESS || json_array_size(rows) == 0)
        return;
    const json_t *row = json_array_get(rows, 0);
    hm_sql_log_prune(db, &err, hm_row_n(row, "attempt"), hm_row_n(row, "n") + PRUNED);
}
