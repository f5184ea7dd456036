/*
 * The loop over a job's steps, forward: probe, intent, act, probe, done, each journaled before the next. What comes
 * after a crash is the same loop, started from what the journal says; there is no other recovery.
 *
 * A crash here leaves a step `started`: its probe then tells whether the act took effect.
 */
#include "engine/job_run.h"
#include "engine/ops.h"
#include "engine/props.h"
#include "fault.h"
#include <apr_strings.h>
#include <string.h>

static void probed(pv_call_t *call, const pv_reply_t *reply);
static void acted(pv_call_t *call, const pv_reply_t *reply);
static void verified(pv_call_t *call, const pv_reply_t *reply);

int pv_job_past_commit(const pv_job_t *job)
{
    for (int i = 0; i < job->run->n; i++)
        if (job->run->step[i].n >= job->row->commit && job->run->step[i].state == PV_STEP_DONE)
            return 1;
    return 0;
}

int pv_job_may_be_past(const pv_job_t *job)
{
    for (int i = 0; i < job->run->n; i++) {
        const pv_job_step_t *s = &job->run->step[i];
        if (s->n == job->row->commit && s->state == PV_STEP_STARTED && !s->row->undo && s->row->kind != PV_CHECK)
            return 1;
    }
    return pv_job_past_commit(job);
}

void pv_job_ask(pv_job_t *job, int at, pv_step_fn *fn, pv_call_done_fn *answered)
{
    job->run->at = at;
    job->run->call = pv_call_make(job->engine, job);
    fn(job, job->run->call);
    pv_call_run(job->run->call, answered, job);
}

void pv_job_reason(pv_err_t *err, const pv_job_step_t *step, const pv_call_t *call, const pv_reply_t *reply)
{
    pv_fail(err, reply->code, call->field, "%s: %s", step->row->name,
            reply->detail[0] != '\0' ? reply->detail : pv_error_row(reply->code)->text);
}

/* ---- failures on the way forward ---- */

/* Past the point of no return even a lasting failure is tried a few times more before people have to look at it. */
static void failed(pv_job_t *job, const pv_err_t *cause)
{
    int past = pv_job_past_commit(job);
    if (job->cancel && !past) {
        pv_job_begin_undo(job, &(pv_err_t){.code = PV_CANCELLED});
    } else if (pv_job_may_wait(job, cause) || (past && job->run->fails < PV_TRIES)) {
        pv_job_wait(job, cause);
    } else {
        pv_job_log(job, PV_LOG_ERROR, "engine", "%s", cause->text);
        if (past)
            pv_job_stick(job, cause);
        else
            pv_job_begin_undo(job, cause);
    }
}

/* The database server is away by the daemon's own look too: then what was told is true, and is waited for. */
static void looked(pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_t *job = call->ctx;
    pv_err_t cause = job->run->doubted;
    job->run->call = NULL;
    if (pv_error_row(reply->code)->class == PV_CLASS_TEMP)
        job->run->told = 0;
    failed(job, &cause);
}

static void told(pv_job_t *job, const pv_err_t *cause)
{
    const char *server = pv_props_str(job->plan, "db_server");
    job->run->told++;
    if (cause->code != PV_DB_DOWN || job->run->told < PV_TRIES || *server == '\0') {
        failed(job, cause);
        return;
    }
    job->run->doubted = *cause;
    job->run->call = pv_call_make(job->engine, job);
    pv_call_dba(job->run->call, PV_DBA_ping);
    pv_dgram_str(job->run->call->out, server);
    pv_call_run(job->run->call, looked, job);
}

/* The step that CALL was for; NULL when the answer was a failure, which is then dealt with. */
static pv_job_step_t *answered(pv_job_t *job, pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_step_t *s = &job->run->step[job->run->at];
    pv_err_t err;
    job->run->call = NULL;
    if (reply->code != PV_OK) {
        pv_job_reason(&err, s, call, reply);
        (call->told ? told : failed)(job, &err);
        return NULL;
    }
    return s;
}

/* The step is done that it waited with, or a later one: what it waited for is back. */
static void waits_no_more(pv_job_t *job)
{
    job->run->fails = job->run->told = 0;
    job->waiting = 0;
    if (job->state != PV_JOB_waiting)
        return;
    job->state = PV_JOB_running;
    job->err = (pv_err_t){.code = PV_OK};
}

/* ---- one step forward ---- */

int pv_step_is_resource(const pv_step_row_t *step)
{
    return step->undo && step->kind == PV_REPEAT;
}

static const char *resource_of(const pv_job_step_t *s, const char *state)
{
    return pv_step_is_resource(s->row) ? state : NULL;
}

static void done(pv_job_t *job, pv_job_step_t *s)
{
    pv_err_t err;
    pv_step_state_t before = s->state;
    int waited = job->state == PV_JOB_waiting;
    s->state = PV_STEP_DONE;
    if (s - job->run->step >= job->run->waits_at)
        waits_no_more(job);
    int tell = PV_TELL_STEP | (waited && job->state == PV_JOB_running ? PV_TELL_STATE : 0);
    if (pv_job_store(job, s, resource_of(s, "made"), tell, &err) != APR_SUCCESS) {
        s->state = before;
        pv_job_pause(job);
        return;
    }
    PV_FAULT("step.done", s->row->name);
    pv_job_turn(job);
}

static void act(pv_job_t *job, pv_job_step_t *s)
{
    pv_err_t err;
    pv_job_step_t before = *s;
    s->state = PV_STEP_STARTED;
    s->tries++;
    if (pv_job_store(job, s, before.state == PV_STEP_PLANNED ? resource_of(s, "intended") : NULL, PV_TELL_STEP, &err) !=
        APR_SUCCESS) {
        *s = before;
        pv_job_pause(job);
        return;
    }
    PV_FAULT("step.intent", s->row->name);
    if (s->row->act)
        pv_job_ask(job, (int)(s - job->run->step), s->row->act, acted);
    else {
        PV_FAULT("step.effect", s->row->name);
        done(job, s);
    }
}

/* A difference that nobody asked for, on an object that was there before. */
static void log_drift(pv_job_t *job, const pv_job_step_t *s, pv_state_t found, const char *detail)
{
    int asked = s->row->kind == PV_PUBLISH && !json_equal(job->want, job->have);
    if (found == PV_CURRENT || !s->row->probe || !job->have || asked || strcmp(job->type, "verify") != 0)
        return;
    pv_job_log(job, PV_LOG_WARNING, "engine", "drift: %s: %s", s->row->name,
               detail[0] != '\0'    ? detail
               : found == PV_ABSENT ? "is missing"
                                    : "is not as it should be");
}

/* A planned step, and what its probe found. */
static void begin(pv_job_t *job, pv_job_step_t *s, pv_state_t found, const char *detail)
{
    int known = pv_resource_known(job->engine->journal, &job->object, s->row->name);
    pv_err_t err;
    if (found != PV_ABSENT && s->row->undo && !job->row->converge && !known) {
        pv_fail(&err, PV_FOREIGN_OBJECT, NULL, "%s: it is there already, and was not made by %s%s%s", s->row->name,
                job->object.s, detail[0] != '\0' ? ": " : "", detail);
        failed(job, &err);
        return;
    }
    log_drift(job, s, found, detail);
    if (found == PV_CURRENT) {
        done(job, s);
        return;
    }
    s->made = s->row->kind == PV_PUBLISH || s->row->kind == PV_ONCE || (found == PV_ABSENT && !known);
    act(job, s);
}

static void decide(pv_job_t *job, pv_job_step_t *s, pv_state_t found, const char *detail)
{
    if (s->state == PV_STEP_PLANNED)
        begin(job, s, found, detail);
    else if (found == PV_CURRENT)
        done(job, s);
    else if (s->row->kind == PV_ONCE)
        pv_job_rewind(job, (int)(s - job->run->step));
    else
        act(job, s);
}

static void probed(pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_t *job = call->ctx;
    pv_job_step_t *s = answered(job, call, reply);
    if (s)
        decide(job, s, (pv_state_t)reply->a, reply->detail);
}

static void acted(pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_t *job = call->ctx;
    pv_job_step_t *s = answered(job, call, reply);
    if (!s)
        return;
    if (call->facts)
        json_object_update_missing(job->facts, call->facts); /* what one worker found, no later one says otherwise */
    PV_FAULT("step.effect", s->row->name);
    if (s->row->probe)
        pv_job_ask(job, job->run->at, s->row->probe, verified);
    else
        done(job, s);
}

static void verified(pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_t *job = call->ctx;
    pv_job_step_t *s = answered(job, call, reply);
    pv_err_t err;
    if (s && reply->a == PV_CURRENT) {
        done(job, s);
    } else if (s) {
        pv_fail(&err, PV_INTERNAL, NULL, "%s: done, but it is still not as it should be: %s", s->row->name,
                reply->detail);
        failed(job, &err);
    }
}

static void forward(pv_job_t *job, int at)
{
    pv_job_step_t *s = &job->run->step[at];
    if (s->row->probe)
        pv_job_ask(job, at, s->row->probe, probed);
    else
        decide(job, s, PV_ABSENT, "");
}

/* ---- the loop ---- */

static int first_not_done(const pv_run_t *run)
{
    int i = 0;
    while (i < run->n && run->step[i].state == PV_STEP_DONE)
        i++;
    return i;
}

static int last_undoing(const pv_run_t *run)
{
    int i = run->n - 1;
    while (i >= 0 && run->step[i].state != PV_STEP_UNDOING)
        i--;
    return i;
}

void pv_job_turn(pv_job_t *job)
{
    pv_run_t *run = job->run;
    if (run->call || run->timer)
        return;
    if (job->state != PV_JOB_undoing && job->cancel && !pv_job_may_be_past(job)) {
        pv_job_begin_undo(job, &(pv_err_t){.code = PV_CANCELLED});
        return;
    }
    int back = last_undoing(run), next = first_not_done(run);
    if (back >= 0)
        pv_job_back(job, back);
    else if (job->state == PV_JOB_undoing)
        pv_job_finish(job, job->err.code == PV_CANCELLED ? PV_JOB_cancelled : PV_JOB_failed);
    else if (next < run->n)
        forward(job, next);
    else
        pv_job_finish(job, job->warnings > 0 ? PV_JOB_warning : PV_JOB_success);
}
