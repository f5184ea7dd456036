/*
 * A call's way: pv_call_run picks the transport of its kind, pv_call_answer brings the answer home. What a peer sent
 * beside (descriptors, facts) ends with the call unless somebody took it.
 */
#include "engine/job.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include "engine/transport.h"
#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

pv_call_t *pv_call_make(pv_engine_t *engine, pv_job_t *job)
{
    apr_pool_t *p;
    apr_pool_create(&p, engine->p);
    pv_call_t *call = apr_pcalloc(p, sizeof(*call));
    call->engine = engine;
    call->job = job;
    call->p = p;
    return call;
}

static void begin(pv_call_t *call, pv_call_kind_t kind, int op)
{
    call->kind = kind;
    call->out = apr_palloc(call->p, sizeof(*call->out));
    pv_dgram_begin(call->out, (uint16_t)op, 0, call->job ? call->job->id : 0);
}

void pv_call_root(pv_call_t *call, int op)
{
    begin(call, op == PV_ROOT_worker ? PV_CALL_WORKER : PV_CALL_ROOT, op);
}

void pv_call_dba(pv_call_t *call, int op)
{
    begin(call, PV_CALL_DBA, op);
}

/* ---- the answer ---- */

/* A worker that was asked how something stands says so with the facts `state` and `detail`. */
static void state_from_facts(const pv_call_t *call, pv_reply_t *reply)
{
    static const char *const names[] = {[PV_ABSENT] = "ABSENT", [PV_DRIFT] = "DRIFT", [PV_CURRENT] = "CURRENT"};
    const char *state = json_string_value(json_object_get(call->facts, "state"));
    const char *detail = json_string_value(json_object_get(call->facts, "detail"));
    for (int i = PV_ABSENT; state && i <= PV_CURRENT; i++)
        if (strcmp(state, names[i]) == 0)
            reply->a = (uint64_t)i;
    if (state)
        apr_cpystrn(reply->detail, detail ? detail : "", sizeof(reply->detail));
}

void pv_call_answer(pv_call_t *call, const pv_reply_t *answer)
{
    pv_reply_t reply = *answer;
    if (call->read)
        call->read(call, &reply);
    else if (call->kind == PV_CALL_WORKER && reply.code == PV_OK)
        state_from_facts(call, &reply);
    call->done(call, &reply);
    for (int i = 0; i < call->nfds; i++)
        if (call->fd[i] >= 0)
            close(call->fd[i]);
    json_decref(call->request);
    json_decref(call->facts);
    apr_pool_destroy(call->p);
}

void pv_call_fail(pv_call_t *call, pv_code_t code, const char *fmt, ...)
{
    pv_reply_t reply = {.code = code};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reply.detail, sizeof(reply.detail), fmt, ap);
    va_end(ap);
    pv_call_answer(call, &reply);
}

/* ---- the kinds that need nobody ---- */

static void answer_none(void *ctx)
{
    pv_call_t *call = ctx;
    pv_reply_t reply = call->answer;
    pv_call_answer(call, &reply);
}

static void answer_local(void *ctx)
{
    pv_call_t *call = ctx;
    pv_journal_t *j = call->engine->journal;
    pv_err_t err = {.code = PV_OK};
    apr_status_t rv = pv_journal_begin(j, &err);
    if (rv == APR_SUCCESS) {
        rv = call->local(call, &err);
        if (rv == APR_SUCCESS)
            rv = pv_journal_commit(j, &err);
        else
            pv_journal_rollback(j);
    }
    apr_cpystrn(call->field, rv == APR_SUCCESS ? "" : err.field, sizeof(call->field));
    pv_reply_t reply = {.code = rv == APR_SUCCESS ? PV_OK : err.code};
    if (rv != APR_SUCCESS)
        apr_cpystrn(reply.detail, err.text, sizeof(reply.detail));
    pv_call_answer(call, &reply);
}

/* ---- under way ---- */

void pv_call_by_root(pv_call_t *call)
{
    if (call->out->head.op == PV_ROOT_publish)
        pv_publisher_join(call->engine->publisher, call);
    else
        pv_peer_ask(call->engine->root, call, pv_call_answer);
}

void pv_call_by_dba(pv_call_t *call)
{
    pv_peer_ask(call->engine->dba, call, pv_call_answer);
}

void pv_call_run(pv_call_t *call, pv_call_done_fn *done, void *ctx)
{
    call->done = done;
    call->ctx = ctx;
    switch (call->kind) {
    case PV_CALL_NONE:
        pv_timer_start(call->engine->loop, 0, answer_none, call);
        break;
    case PV_CALL_LOCAL:
        pv_timer_start(call->engine->loop, 0, answer_local, call);
        break;
    case PV_CALL_ROOT:
        pv_call_by_root(call);
        break;
    case PV_CALL_DBA:
        pv_call_by_dba(call);
        break;
    case PV_CALL_WORKER:
        pv_call_by_worker(call);
        break;
    case PV_CALL_HTTP:
        pv_call_by_http(call);
        break;
    }
}
