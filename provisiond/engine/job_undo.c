/*
 * A job on its way back, and when it can go neither way: undo, rewind of a ONCE step, waiting, stuck. All steps that
 * are to be undone are marked in one transaction, then taken back one by one from the last; after a crash the marks say
 * what is left.
 */
#include "engine/job_run.h"
#include "engine/log.h"
#include "fault.h"
#include <apr_strings.h>
#include <string.h>

#define WAIT_MAX 60 /* seconds */

/* ---- waiting ---- */

static int waited_out(const pv_job_t *job)
{
    return job->waiting > 0 && pv_journal_now() - job->waiting > job->engine->conf->WaitLimit * job->engine->second;
}

/* A tenant's code can say for ever that something is away, and the job keeps its locks meanwhile. */
int pv_job_may_wait(const pv_job_t *job, const pv_err_t *cause)
{
    return pv_error_row(cause->code)->class == PV_CLASS_TEMP && !waited_out(job) && job->run->told < PV_TRIES;
}

static void again(void *ctx)
{
    pv_job_t *job = ctx;
    job->run->timer = NULL;
    pv_job_turn(job);
}

void pv_job_pause(pv_job_t *job)
{
    job->run->timer = pv_timer_start(job->engine->loop, job->engine->second, again, job);
}

/* Told when it begins and when the reason changes, not with each try. A job that is undone keeps the cause of that. */
void pv_job_wait(pv_job_t *job, const pv_err_t *cause)
{
    pv_err_t err;
    int seconds = job->run->fails < 6 ? 1 << job->run->fails : WAIT_MAX, tell = 0;
    job->run->fails++;
    job->run->waits_at = job->run->at;
    job->not_before = pv_journal_now() + seconds * job->engine->second;
    if (job->waiting == 0)
        job->waiting = pv_journal_now();
    if (job->state != PV_JOB_undoing) {
        tell = job->state != PV_JOB_waiting || job->err.code != cause->code;
        job->state = PV_JOB_waiting;
        job->err = *cause;
    }
    if (tell || job->run->fails == 1)
        pv_job_log(job, PV_LOG_NOTICE, "engine", "waits: %s: %s", pv_error_row(cause->code)->name, cause->text);
    if (pv_job_store(job, NULL, NULL, tell ? PV_TELL_STATE : 0, &err) != APR_SUCCESS)
        pv_log("job.wait", "job=%lu code=%s", (unsigned long)job->id, pv_error_row(err.code)->name);
    job->run->timer = pv_timer_start(job->engine->loop, seconds * job->engine->second, again, job);
    pv_sched_waits(job->engine->sched);
}

void pv_job_stick(pv_job_t *job, const pv_err_t *cause)
{
    pv_err_t err;
    pv_job_state_t before = job->state;
    job->state = PV_JOB_stuck;
    job->err = *cause;
    if (pv_job_store(job, NULL, NULL, PV_TELL_STATE, &err) != APR_SUCCESS) {
        job->state = before;
        pv_job_pause(job);
        return;
    }
    pv_log("job.stuck", "job=%lu object=%s code=%s", (unsigned long)job->id, job->object.s,
           pv_error_row(cause->code)->name);
    pv_sched_ended(job->engine->sched, job);
}

/* ---- marking ---- */

static apr_status_t mark_steps(pv_job_t *job, int from, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    apr_status_t rv = pv_job_save(j, job, err);
    for (int i = job->run->n - 1; i >= from && rv == APR_SUCCESS; i--) {
        pv_job_step_t *s = &job->run->step[i];
        if (s->state != PV_STEP_STARTED && s->state != PV_STEP_DONE)
            continue;
        s->state = PV_STEP_UNDOING;
        rv = pv_step_save(j, job, s, err);
    }
    if (rv == APR_SUCCESS && job->state == PV_JOB_undoing)
        rv = pv_job_tell_state(j, job, err);
    return rv;
}

/* Marks all or nothing, in memory too. */
static int mark(pv_job_t *job, int from)
{
    pv_journal_t *j = job->engine->journal;
    size_t size = sizeof(pv_job_step_t) * (size_t)job->run->n;
    pv_job_step_t *before = apr_pmemdup(job->p, job->run->step, size);
    pv_err_t err;
    apr_status_t rv = pv_journal_begin(j, &err);
    if (rv == APR_SUCCESS) {
        rv = mark_steps(job, from, &err);
        if (rv == APR_SUCCESS)
            rv = pv_journal_commit(j, &err);
        else
            pv_journal_rollback(j);
    }
    if (rv != APR_SUCCESS) {
        memcpy(job->run->step, before, size);
        pv_job_pause(job);
    }
    return rv == APR_SUCCESS;
}

void pv_job_begin_undo(pv_job_t *job, const pv_err_t *cause)
{
    pv_job_state_t before = job->state;
    pv_err_t err = job->err;
    job->state = PV_JOB_undoing;
    job->err = *cause;
    job->waiting = 0;
    job->run->fails = job->run->told = 0;
    if (mark(job, 0)) {
        pv_job_turn(job);
    } else {
        job->state = before;
        job->err = err;
    }
}

void pv_job_rewind(pv_job_t *job, int at)
{
    int from = at;
    while (from > 0 && strcmp(job->run->step[from].row->name, job->run->step[at].row->rewind) != 0)
        from--;
    pv_job_log(job, PV_LOG_NOTICE, "engine", "%s was interrupted: going back to %s, to do it anew",
               job->run->step[at].row->name, job->run->step[from].row->name);
    if (mark(job, from))
        pv_job_turn(job);
}

/* ---- one step back ---- */

static void undone(pv_job_t *job, pv_job_step_t *s)
{
    pv_err_t err;
    pv_job_step_t before = *s;
    int ours = s->made && pv_step_is_resource(s->row);
    s->state = job->state == PV_JOB_undoing ? PV_STEP_UNDONE : PV_STEP_PLANNED;
    s->made = 0;
    if (job->state == PV_JOB_undoing) {
        job->run->fails = job->run->told = 0;
        job->waiting = 0;
    }
    if (pv_job_store(job, s, ours ? "gone" : NULL, PV_TELL_STEP, &err) != APR_SUCCESS) {
        *s = before;
        pv_job_pause(job);
        return;
    }
    PV_FAULT("undo.done", s->row->name);
    pv_job_turn(job);
}

/* On the way back for good, what lasts is tried a few times and then left to people; in a rewind it fails the job. */
static void back_failed(pv_job_t *job, const pv_err_t *cause)
{
    pv_err_t err;
    if (pv_job_may_wait(job, cause) || (job->state == PV_JOB_undoing && job->run->fails < PV_TRIES)) {
        pv_job_wait(job, cause);
        return;
    }
    pv_job_log(job, PV_LOG_ERROR, "engine", "undo of %s", cause->text);
    if (job->state != PV_JOB_undoing) {
        pv_job_begin_undo(job, cause);
        return;
    }
    pv_fail(&err, PV_UNDO_FAILED, cause->field, "undo of %s (undone because of %s: %s)", cause->text,
            pv_error_row(job->err.code)->name, job->err.text);
    pv_job_stick(job, &err);
}

static void taken_back(pv_call_t *call, const pv_reply_t *reply)
{
    pv_job_t *job = call->ctx;
    pv_job_step_t *s = &job->run->step[job->run->at];
    pv_err_t err;
    job->run->call = NULL;
    job->run->told += call->told;
    if (reply->code == PV_OK) {
        PV_FAULT("undo.effect", s->row->name);
        undone(job, s);
    } else {
        pv_job_reason(&err, s, call, reply);
        back_failed(job, &err);
    }
}

void pv_job_back(pv_job_t *job, int at)
{
    pv_job_step_t *s = &job->run->step[at];
    if (s->made && s->row->undo)
        pv_job_ask(job, at, s->row->undo, taken_back);
    else
        undone(job, s);
}
