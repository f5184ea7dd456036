/*
 * The queue: list, one with its log, retry, cancel.
 */
#include "model/task.h"
#include "db.h"
#include "model/object.h"
#include "model/result.h"
#include "page/page.h"
#include "reply.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define LINES  500
#define WINDOW (512 * 1024) /* bytes of log at a time: below a MiB as JSON, whose escapes may double it */
#define ROW    100          /* what a line takes besides its text */

/* A number of the query; SCHEMA where it is none. */
static apr_status_t number(hm_req_t *q, const char *name, int64_t otherwise, int64_t *ret)
{
    const char *s = hm_arg(q, name);
    uint64_t n;
    *ret = otherwise;
    if (s == NULL)
        return APR_SUCCESS;
    if (pv_num_parse(&n, s, strlen(s), 0, INT64_MAX) != APR_SUCCESS) {
        q->status = 400;
        return pv_fail(&q->err, PV_SCHEMA, name, "a whole number");
    }
    *ret = (int64_t)n;
    return APR_SUCCESS;
}

static apr_status_t rows_get(hm_req_t *q, const char *state, int64_t before, int64_t limit, json_t **rows)
{
    static const char *const states[] = {"queued", "running", "success", "warning", "failed", "cancelled"};
    if (state == NULL)
        return q->actor.role == HM_ADMIN ? hm_sql_task_list(q->db, rows, &q->err, before, limit)
                                         : hm_sql_task_list_of(q->db, rows, &q->err, q->actor.client, before, limit);
    if (strcmp(state, "open") == 0)
        return hm_sql_task_list_open(q->db, rows, &q->err, HM_SCOPE(q), before, limit);
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        if (strcmp(states[i], state) == 0)
            return hm_sql_task_list_in(q->db, rows, &q->err, state, HM_SCOPE(q), before, limit);
    q->status = 400;
    return pv_fail(&q->err, PV_SCHEMA, "state", "open, queued, running, success, warning, failed or cancelled");
}

int hm_page_task_list(hm_req_t *q)
{
    const char *state = hm_arg(q, "state");
    int64_t limit, before;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, number(q, "after", INT64_MAX, &before));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, rows_get(q, state && *state ? state : NULL, before, limit + 1, &rows));
    hm_task_shown(rows, q->p);
    hm_list_show(q, "tasks", rows, limit, "id");
    json_object_set_new(q->view, "tab", json_pack("{s:i}", state && *state ? state : "all", 1));
    return OK;
}

static apr_status_t task_get(hm_req_t *q, json_t **task)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_get(q->db, &rows, &q->err, strtoll(q->param[0], NULL, 10), HM_SCOPE(q));
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, task);
    if (rv == APR_SUCCESS)
        hm_task_shown(rows, q->p);
    return rv;
}

/* A platform and a server are the administrators', whoever may see what is done on them. */
static int may_act(const hm_req_t *q, const json_t *task)
{
    return q->actor.role == HM_ADMIN || hm_row_s(task, "object")[0] == PV_SITE;
}

/* The task, for one who may act on its object. */
static apr_status_t task_take(hm_req_t *q, json_t **task)
{
    apr_status_t rv = task_get(q, task);
    if (rv == APR_SUCCESS && !may_act(q, *task))
        return pv_fail(&q->err, PV_NO_OBJECT, NULL, "only an administrator may act on a server or a platform");
    return rv;
}

/* Cuts LINES to a window that a page can take. Are there more? */
static int window_cut(json_t *lines)
{
    size_t i, bytes = 0;
    json_t *row;
    json_array_foreach(lines, i, row)
    {
        bytes += strlen(hm_row_s(row, "text")) + ROW;
        if (bytes <= WINDOW || i == 0)
            continue;
        while (json_array_size(lines) > i)
            json_array_remove(lines, i);
        return 1;
    }
    return json_array_size(lines) == LINES;
}

/* One attempt (?attempt=, the last when absent) and its lines (?after=). */
static apr_status_t log_show(hm_req_t *q, const json_t *task, json_t **attempt)
{
    int64_t n, after;
    json_t *rows, *lines;
    apr_status_t rv = number(q, "attempt", hm_row_n(task, "attempts"), &n);
    if (rv == APR_SUCCESS)
        rv = number(q, "after", 0, &after);
    if (rv == APR_SUCCESS)
        rv = hm_sql_attempt_get(q->db, &rows, &q->err, hm_row_n(task, "id"), n);
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, attempt);
    if (rv == APR_SUCCESS)
        rv = hm_sql_log_list(q->db, &lines, &q->err, hm_row_n(*attempt, "id"), after, LINES);
    if (rv != APR_SUCCESS)
        return rv;
    int more = window_cut(lines);
    const json_t *last = json_array_get(lines, json_array_size(lines) ? json_array_size(lines) - 1 : 0);
    int removed =
        json_array_size(lines) == 0 && after == 0 && hm_row_n(*attempt, "ended") && hm_row_n(*attempt, "logged");
    json_object_set(q->view, "lines", lines);
    json_object_set_new(q->view, "log",
                        json_pack("{s:I, s:I, s:I, s:b, s:i, s:i, s:s, s:s, s:I, s:I}", "task",
                                  (json_int_t)hm_row_n(task, "id"), "n", (json_int_t)n, "after",
                                  (json_int_t)(last ? hm_row_n(last, "n") : after), "removed", removed, "open",
                                  hm_row_n(*attempt, "ended") == 0, "more", more, "state", hm_row_s(*attempt, "state"),
                                  "phase", hm_row_s(*attempt, "phase"), "done", (json_int_t)hm_row_n(*attempt, "done"),
                                  "total", (json_int_t)hm_row_n(*attempt, "total")));
    return APR_SUCCESS;
}

/* What went wrong, why it usually does, how to fix it. */
static void problem_show(hm_req_t *q, const json_t *attempt)
{
    const char *code = hm_row_s(attempt, "code");
    const pv_code_t c = pv_error_find(code, strlen(code));
    if (c == PV_CODES || c == PV_OK || strcmp(hm_row_s(attempt, "state"), "success") == 0)
        return;
    const char *field = hm_row_s(attempt, "field"), *text = hm_row_s(attempt, "text");
    int named = strncmp(text, field, strlen(field)) == 0; /* several wrong fields are named in the text */
    const char *detail = named ? text : apr_pstrcat(q->p, field, text[0] ? ": " : "", text, NULL);
    json_object_set_new(q->view, "problem",
                        json_pack("{s:s, s:s, s:s, s:s}", "code", code, "text", pv_error_row(c)->text, "fix",
                                  hm_reply_fix(c), "detail", detail));
}

/* What its verb reported, named as people would. */
static apr_status_t results_show(hm_req_t *q, const json_t *attempt)
{
    json_t *results, *row;
    size_t i;
    apr_status_t rv = hm_result_list(&results, q->db, hm_row_n(attempt, "id"), &q->err);
    if (rv != APR_SUCCESS || json_array_size(results) == 0)
        return rv;
    json_array_foreach(results, i, row)
    {
        json_object_set_new(row, "label", json_string(hm_result_label(row, q->p)));
        if (q->actor.readonly && json_is_true(json_object_get(row, "link"))) /* who follows it may change the site */
            json_object_update_new(row, json_pack("{s:s, s:b}", "value", "", "link", 0));
    }
    json_object_set(q->view, "results", results);
    return APR_SUCCESS;
}

/* Where its object can be changed first: only while that never was. */
static apr_status_t again_show(hm_req_t *q, const json_t *task)
{
    const char *object = hm_row_s(task, "object");
    json_t *rows;
    apr_status_t rv = hm_sql_object_unmade(q->db, &rows, &q->err, object, object, object);
    if (rv == APR_SUCCESS && hm_row_n(json_array_get(rows, 0), "n") > 0 && may_act(q, task))
        json_object_set_new(q->view, "again", json_sprintf("%s/again", hm_row_s(task, "href")));
    return rv;
}

int hm_page_task_view(hm_req_t *q)
{
    json_t *task, *attempt, *attempts, *row;
    size_t i;
    HM_TRY(q, task_get(q, &task));
    HM_TRY(q, log_show(q, task, &attempt));
    HM_TRY(q, hm_sql_attempt_list(q->db, &attempts, &q->err, hm_row_n(task, "id")));
    json_array_foreach(attempts, i, row)
        json_object_set_new(row, "on", json_boolean(hm_row_n(row, "n") == hm_row_n(attempt, "n")));
    int ended = hm_row_n(task, "ended") != 0, good = strcmp(hm_row_s(task, "state"), "success") == 0;
    int may = may_act(q, task);
    json_object_set(q->view, "task", task);
    json_object_set(q->view, "attempt", attempt);
    if (json_array_size(attempts) > 1)
        json_object_set(q->view, "attempts", attempts);
    json_object_set_new(
        q->view, "can",
        json_pack("{s:b, s:b}", "retry", may && ended && !good && hm_task_possible(task), "cancel", may && !ended));
    if (ended && !good)
        HM_TRY(q, again_show(q, task));
    problem_show(q, attempt);
    HM_TRY(q, results_show(q, attempt));
    return OK;
}

int hm_page_task_log(hm_req_t *q)
{
    json_t *task, *attempt;
    HM_TRY(q, task_get(q, &task));
    HM_TRY(q, log_show(q, task, &attempt));
    return OK;
}

int hm_page_task_retry(hm_req_t *q)
{
    json_t *task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, task_take(q, &task));
    if (hm_row_n(task, "ended") == 0)
        HM_TRY(q, pv_fail(&q->err, PV_STALE, NULL, "the task has not ended"));
    if (!hm_task_possible(task))
        HM_TRY(q, pv_fail(&q->err, PV_NO_OBJECT, NULL, "%s is not there", hm_row_s(task, "label")));
    HM_TRY(q, hm_task_retry(q->db, task, &q->err, q->p));
    HM_TRY(q, hm_audit(q, "retry", hm_row_s(task, "object"), hm_row_s(task, "type")));
    q->wake = hm_row_s(task, "server");
    return hm_done(q, 202, "/tasks/%s", q->param[0]);
}

int hm_page_task_cancel(hm_req_t *q)
{
    json_t *task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, task_take(q, &task));
    HM_TRY(q, hm_task_cancel(q->db, task, &q->err, q->p));
    HM_TRY(q, hm_audit(q, "cancel", hm_row_s(task, "object"), hm_row_s(task, "type")));
    q->wake = hm_row_s(task, "server");
    return hm_done(q, 202, "/tasks/%s", q->param[0]);
}
