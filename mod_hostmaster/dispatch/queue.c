/*
 * A page of the queue: the requests are made, claimed in one transaction, sent, answered. An attempt's key makes a
 * second submit harmless, so a claim that ended with its owner is taken by whoever finds its lease over, and submitted
 * again.
 */
#include "dispatch/queue.h"
#include "dispatch/apply.h"
#include "dispatch/objects.h"
#include "fault.h"
#include "model/object.h"
#include "model/task.h"
#include "proto/client.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH       20
#define ASK_SECONDS 5
#define LEASE       ((int64_t)15 * 1000000)

struct hm_queue {
    const char *server, *socket, *owner;
    apr_pool_t *conn;    /* the connection's */
    pv_client_t *client; /* NULL: none */
    int64_t after;       /* the pass goes on after this attempt; 0: from the beginning */
    hm_db_t *db;         /* this turn's, as TURN */
    apr_pool_t *turn;
};

hm_queue_t *hm_queue_make(const char *server, const char *socket, apr_pool_t *p)
{
    hm_queue_t *queue = apr_pcalloc(p, sizeof(*queue));
    queue->server = server;
    queue->socket = socket;
    queue->owner = apr_psprintf(p, "%ld", (long)getpid());
    apr_pool_create(&queue->conn, p);
    return queue;
}

static void hang_up(hm_queue_t *queue)
{
    queue->client = NULL;
    apr_pool_clear(queue->conn);
}

static apr_status_t connection_make(hm_queue_t *queue, pv_err_t *err)
{
    return queue->client ? APR_SUCCESS
                         : pv_client_connect(&queue->client, queue->socket, "hostmaster", err, queue->conn);
}

/* Is it still there? */
static apr_status_t connected(const hm_queue_t *queue, pv_err_t *err)
{
    return queue->client ? APR_SUCCESS : pv_fail(err, PV_UNREACHABLE, NULL, "the connection broke");
}

/* A queued attempt on its way to the daemon. */
typedef struct {
    const json_t *attempt;
    const char *args;
    int64_t wanted;
    uint64_t re; /* the number of its request; 0: not sent */
    int64_t job; /* where the daemon had it already */
} sending_t;

/* What a submit that was refused means for the attempt. TEMP: somebody tries again; PERM: it has failed without ever
 * running. */
static void refused(hm_queue_t *queue, const json_t *attempt, const pv_err_t *err)
{
    pv_err_t ignored = {0};
    int64_t id = hm_row_n(attempt, "id");
    if (err->code == PV_UNREACHABLE)
        hang_up(queue);
    if (pv_error_row(err->code)->class == PV_CLASS_TEMP) {
        hm_sql_attempt_back(queue->db, &ignored, id);
        hm_sql_attempt_phase(queue->db, &ignored,
                             apr_psprintf(queue->turn, "waiting: %.200s", pv_error_row(err->code)->text), id);
        return;
    }
    hm_end_t end = {.state = "failed",
                    .code = pv_error_row(err->code)->name,
                    .field = err->field,
                    .text = err->text,
                    .at = hm_db_now()};
    if (hm_db_begin(queue->db, &ignored) != APR_SUCCESS)
        return;
    if (hm_apply_end(queue->db, attempt, &end, &ignored, queue->turn) != APR_SUCCESS)
        hm_db_rollback(queue->db);
    else
        hm_db_commit(queue->db, &ignored);
}

/* A job that the daemon has had for a while: if it has ended, nobody may be left to tell us so. */
static void catch_up(hm_queue_t *queue, int64_t job)
{
    pv_err_t err = {0};
    json_t *row, *request;
    if (connected(queue, &err) != APR_SUCCESS)
        return;
    request = pv_client_request(queue->client, PV_MSG_show);
    json_object_set_new(request, "job", json_integer(job));
    if (pv_client_ask(&row, queue->client, request, ASK_SECONDS, NULL, NULL, &err, queue->turn) == APR_SUCCESS)
        hm_apply_job(queue->db, queue->server, row, &err, queue->turn);
}

/* Lays the task's own fields over those that its object gives. */
static apr_status_t more_put(json_t *request, const char *more, pv_err_t *err)
{
    json_t *fields;
    if (*more == '\0')
        return APR_SUCCESS;
    apr_status_t rv = pv_json_parse(&fields, more, strlen(more), err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_update(request, fields);
    json_decref(fields);
    return APR_SUCCESS;
}

/* Makes the request of an attempt that has none. Is it to be sent now? */
static int request_make(hm_queue_t *queue, sending_t *s, const json_t *attempt)
{
    pv_err_t err = {0};
    hm_request_t request;
    *s = (sending_t){.attempt = attempt, .args = hm_row_s(attempt, "args"), .wanted = hm_row_n(attempt, "wanted")};
    if (s->args[0] != '\0')
        return 1;
    apr_status_t rv = hm_object_request(&request, queue->db, hm_row_n(attempt, "task"), hm_row_s(attempt, "type"),
                                        hm_row_s(attempt, "object"), &err);
    if (rv == APR_SUCCESS)
        rv = more_put(pv_json_keep(request.json, queue->turn), hm_row_s(attempt, "more"), &err);
    if (rv != APR_SUCCESS) {
        refused(queue, attempt, &err);
        return 0;
    }
    char *text = json_dumps(request.json, JSON_COMPACT);
    s->args = apr_pstrdup(queue->turn, text);
    free(text);
    s->wanted = request.wanted;
    return request.waits == 0;
}

/* Claims N in one transaction. Those are left that nobody else was quicker with: how many. */
static int claim(hm_queue_t *queue, sending_t *s, int n)
{
    pv_err_t err = {0};
    int kept = 0;
    if (hm_db_begin(queue->db, &err) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < n; i++) {
        apr_status_t rv = hm_sql_attempt_claim(queue->db, &err, queue->owner, hm_db_now() + LEASE, s[i].args,
                                               s[i].wanted, hm_row_n(s[i].attempt, "id"));
        if (rv == APR_SUCCESS)
            s[kept++] = s[i];
        else if (err.code != PV_STALE) {
            hm_db_rollback(queue->db);
            return 0;
        }
    }
    return hm_db_commit(queue->db, &err) == APR_SUCCESS ? kept : 0;
}

static void submit(hm_queue_t *queue, sending_t *s)
{
    pv_err_t err = {0};
    json_t *fields, *request;
    apr_status_t rv = connected(queue, &err);
    if (rv == APR_SUCCESS)
        rv = pv_json_parse(&fields, s->args, strlen(s->args), &err);
    if (rv == APR_SUCCESS) {
        request = pv_client_request(queue->client, PV_MSG_submit);
        json_object_set(request, "key", json_object_get(s->attempt, "job_key"));
        json_object_update_new(request, fields);
        rv = pv_client_send(&s->re, queue->client, request, ASK_SECONDS, &err);
    }
    if (rv != APR_SUCCESS) {
        s->re = 0;
        refused(queue, s->attempt, &err);
    }
}

static void submitted(hm_queue_t *queue, sending_t *s)
{
    pv_err_t err = {0};
    json_t *reply;
    apr_status_t rv = connected(queue, &err);
    if (rv == APR_SUCCESS)
        rv = pv_client_answer(&reply, queue->client, s->re, ASK_SECONDS, NULL, NULL, &err, queue->turn);
    PV_FAULT("panel.submitted", NULL);
    if (rv != APR_SUCCESS)
        refused(queue, s->attempt, &err);
    else if (json_is_true(json_object_get(reply, "dup")))
        s->job = hm_row_n(reply, "job");
}

/* All requests go out before the first answer is awaited: the daemon works them off in one go. */
static void attempts_send(hm_queue_t *queue, const json_t *rows)
{
    sending_t sending[BATCH];
    pv_err_t err = {0};
    const json_t *row;
    size_t i;
    int n = 0;
    json_array_foreach(rows, i, row) n += request_make(queue, &sending[n], row);
    if (n == 0)
        return;
    if (connection_make(queue, &err) != APR_SUCCESS) {
        queue->after = 0; /* the rest would meet the same; our link's follower says so */
        return;
    }
    n = claim(queue, sending, n);
    PV_FAULT("panel.claimed", NULL);
    for (int k = 0; k < n; k++)
        submit(queue, &sending[k]);
    for (int k = 0; k < n; k++)
        if (sending[k].re)
            submitted(queue, &sending[k]);
    for (int k = 0; k < n; k++)
        if (sending[k].job)
            catch_up(queue, sending[k].job);
}

static void attempt_cancel(hm_queue_t *queue, const json_t *attempt)
{
    pv_err_t err = {0};
    json_t *reply;
    if (connection_make(queue, &err) != APR_SUCCESS)
        return;
    json_t *request = pv_client_request(queue->client, PV_MSG_cancel);
    json_object_set(request, "key", json_object_get(attempt, "job_key"));
    apr_status_t rv = pv_client_ask(&reply, queue->client, request, ASK_SECONDS, NULL, NULL, &err, queue->turn);
    if (rv != APR_SUCCESS && pv_error_row(err.code)->class == PV_CLASS_TEMP) {
        hang_up(queue);
        return;
    }
    hm_sql_attempt_cancelled(queue->db, &err, hm_row_n(attempt, "id"));
}

int hm_queue_pass(hm_queue_t *queue, hm_db_t *db, apr_pool_t *turn)
{
    pv_err_t err = {0};
    json_t *rows, *row;
    size_t i;
    int64_t after = queue->after;
    queue->db = db;
    queue->turn = turn;
    queue->after = 0;
    if (hm_sql_attempt_stale_count(db, &rows, &err, hm_db_now()) == APR_SUCCESS &&
        hm_row_n(json_array_get(rows, 0), "n") > 0)
        hm_sql_attempt_expire(db, &err, hm_db_now());
    if (hm_sql_attempt_queued(db, &rows, &err, queue->server, after, BATCH) != APR_SUCCESS)
        return 0;
    size_t n = json_array_size(rows);
    if (n == BATCH)
        queue->after = hm_row_n(json_array_get(rows, n - 1), "id");
    attempts_send(queue, rows);
    if (hm_sql_attempt_cancels(db, &rows, &err, queue->server, BATCH) == APR_SUCCESS)
        json_array_foreach(rows, i, row) attempt_cancel(queue, row);
    return queue->after != 0;
}
