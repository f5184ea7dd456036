/*
 * Jobs out of the journal: those that get their locks, those that the last life left under way, those that are stuck.
 * There is one way for all of them: read what the journal says, and go on from there.
 */
#include "engine/accept.h"
#include "engine/job_run.h"
#include "engine/log.h"
#include "fault.h"
#include <apr_strings.h>
#include <stdlib.h>

#define CRASHES_MAX   3 /* then a job is undone */
#define CRASHES_STUCK 6 /* then not even its undo is tried again */
#define PURGE_BATCH   16
#define BATCH         1000

pv_job_t *pv_job_load(pv_engine_t *engine, uint64_t id)
{
    apr_pool_t *p;
    pv_job_t *job = NULL;
    apr_pool_create(&p, engine->p);
    if (pv_job_find(&job, engine->journal, id, p) != APR_SUCCESS)
        abort(); /* its row was committed before anybody could ask for it */
    job->engine = engine;
    job->run = apr_pcalloc(p, sizeof(*job->run));
    pv_event_log_size(engine->journal, id, &job->run->log_lines, &job->run->log_bytes);
    return job;
}

/* ---- starting ---- */

static apr_status_t plan(pv_job_t *job, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    pv_job_t *stuck;
    apr_status_t rv = pv_journal_begin(j, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (pv_job_find_stuck(&stuck, j, &job->object, job->p) == APR_SUCCESS)
        rv = pv_fail(err, PV_LOCKED, "object", "job %lu left it stuck", (unsigned long)stuck->id);
    else
        pv_job_look(job);
    if (rv == APR_SUCCESS)
        rv = pv_job_plan(job, NULL, err);
    if (rv == APR_SUCCESS)
        return pv_journal_commit(j, err);
    pv_journal_rollback(j);
    return rv;
}

/* The journal is away: the whole start is tried again. */
static void start_again(void *ctx)
{
    pv_job_t *job = ctx;
    job->run->timer = NULL;
    pv_job_start(job);
}

static void start_failed(pv_job_t *job, const pv_err_t *err)
{
    if (err->code == PV_JOURNAL_UNAVAILABLE) {
        job->run->timer = pv_timer_start(job->engine->loop, 1000000, start_again, job);
        return;
    }
    job->err = *err;
    pv_job_log(job, PV_LOG_ERROR, "engine", "%s", err->text);
    pv_job_finish(job, PV_JOB_failed);
}

void pv_job_start(pv_job_t *job)
{
    pv_err_t err;
    apr_status_t rv = job->plan ? APR_SUCCESS : plan(job, &err);
    if (rv == APR_SUCCESS &&
        pv_steps_load(&job->run->step, &job->run->n, job->engine->journal, job, &err) != APR_SUCCESS) {
        job->run->n = 0;
        pv_job_stick(job, &err);
        return;
    }
    if (rv == APR_SUCCESS && job->state == PV_JOB_accepted) {
        job->state = PV_JOB_running;
        job->started = pv_journal_now();
        job->err = (pv_err_t){.code = PV_OK};
        rv = pv_job_store(job, NULL, NULL, PV_TELL_STATE, &err);
        if (rv != APR_SUCCESS)
            job->state = PV_JOB_accepted;
    }
    if (rv != APR_SUCCESS)
        start_failed(job, &err);
    else
        pv_job_turn(job);
}

void pv_job_say_blocked(pv_engine_t *engine, uint64_t id, const char *text, apr_pool_t *p)
{
    pv_job_t *job;
    pv_err_t err;
    if (pv_job_find(&job, engine->journal, id, p) != APR_SUCCESS)
        return;
    job->engine = engine;
    job->err = (pv_err_t){.code = PV_OK};
    apr_cpystrn(job->err.text, text, sizeof(job->err.text));
    if (pv_job_store(job, NULL, NULL, PV_TELL_STATE, &err) != APR_SUCCESS)
        pv_log("job.blocked", "job=%lu code=%s", (unsigned long)id, pv_error_row(err.code)->name);
}

/* ---- after a crash ---- */

/* Goes on where it was. What brought the daemon down three times is undone; what does so even then is left to people.
 */
static void go_on(pv_job_t *job)
{
    pv_err_t err;
    if (job->crashes >= CRASHES_STUCK) {
        pv_fail(&err, PV_CRASHED, NULL, "it was interrupted by %d crashes", job->crashes);
        pv_job_stick(job, &err);
    } else if (job->crashes >= CRASHES_MAX && job->state != PV_JOB_undoing && !pv_job_may_be_past(job)) {
        pv_fail(&err, PV_CRASHED, NULL, "it was interrupted by %d crashes", job->crashes);
        pv_job_begin_undo(job, &err);
    } else {
        pv_job_turn(job);
    }
}

static void resume(pv_engine_t *engine, uint64_t id, int crashed)
{
    pv_err_t err;
    pv_job_t *job = pv_job_load(engine, id);
    pv_sched_resume(engine->sched, job);
    job->crashes += crashed;
    if (pv_steps_load(&job->run->step, &job->run->n, engine->journal, job, &err) != APR_SUCCESS) {
        job->run->n = 0;
        pv_job_stick(job, &err);
    } else if (pv_job_store(job, NULL, NULL, 0, &err) != APR_SUCCESS) {
        pv_job_pause(job);
    } else {
        pv_log("job.resume", "job=%lu type=%s object=%s state=%s crashes=%d", (unsigned long)id, job->type,
               job->object.s, pv_job_state_name(job->state), job->crashes);
        PV_FAULT("recover.job", NULL);
        go_on(job);
    }
}

static void recover_one(pv_engine_t *engine, const pv_job_t *job)
{
    int crashed = !pv_journal_clean(engine->journal) && job->state != PV_JOB_waiting;
    if (job->state == PV_JOB_accepted)
        pv_sched_add(engine->sched, job);
    else
        resume(engine, job->id, crashed);
}

void pv_recover(pv_engine_t *engine)
{
    apr_pool_t *p;
    PV_FAULT("recover.begin", NULL);
    apr_pool_create(&p, engine->p);
    uint64_t after = 0;
    int n = BATCH;
    while (n == BATCH) {
        pv_job_t **row;
        n = pv_job_list(&row, engine->journal, PV_JOBS_OPEN, after, BATCH, p);
        for (int i = 0; i < n; i++)
            recover_one(engine, row[i]);
        after = n > 0 ? row[n - 1]->id : after;
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    PV_FAULT("recover.end", NULL);
}

/* ---- repair ---- */

static int unstick(pv_engine_t *engine, uint64_t id)
{
    pv_err_t err;
    pv_job_t *job = pv_job_load(engine, id);
    if (pv_steps_load(&job->run->step, &job->run->n, engine->journal, job, &err) != APR_SUCCESS) {
        apr_pool_destroy(job->p);
        return 0;
    }
    job->crashes = 0;
    job->waiting = 0;
    pv_sched_resume(engine->sched, job);
    if (!pv_job_may_be_past(job)) {
        err = job->err;
        pv_job_begin_undo(job, &err);
        return 1;
    }
    job->state = PV_JOB_running;
    job->err = (pv_err_t){.code = PV_OK};
    if (pv_job_store(job, NULL, NULL, PV_TELL_STATE, &err) == APR_SUCCESS)
        pv_job_turn(job);
    else
        pv_job_pause(job);
    return 1;
}

int pv_engine_unstick(pv_engine_t *engine, const pv_id_t *object)
{
    apr_pool_t *p;
    pv_job_t **row;
    apr_pool_create(&p, engine->p);
    int taken = 0, n = pv_job_list(&row, engine->journal, PV_JOBS_STUCK, 0, BATCH, p);
    for (int i = 0; i < n; i++)
        if (!object || pv_id_eq(object, &row[i]->object))
            taken += unstick(engine, row[i]->id);
    apr_pool_destroy(p);
    return taken;
}

/* ---- purge ---- */

static void forget_trash(pv_engine_t *engine, const pv_id_t *id)
{
    pv_err_t err;
    if (pv_journal_begin(engine->journal, &err) != APR_SUCCESS)
        return;
    if (pv_object_purged(engine->journal, id, &err) != APR_SUCCESS ||
        pv_journal_commit(engine->journal, &err) != APR_SUCCESS)
        pv_journal_rollback(engine->journal);
}

void pv_purge_due(pv_engine_t *engine)
{
    apr_pool_t *p;
    pv_object_t **row;
    pv_err_t err;
    uint64_t job;
    int n;
    apr_pool_create(&p, engine->p);
    int64_t before = pv_journal_now() - engine->conf->TrashTime * 1000000LL;
    pv_object_trash(&row, &n, engine->journal, before, PURGE_BATCH, p);
    for (int i = 0; i < n; i++) {
        if (!pv_plan_row("purge", row[i]->name.kind))
            forget_trash(engine, &row[i]->id);
        else if (!pv_sched_blocker(engine->sched, &row[i]->id, row[i]->props, p) &&
                 pv_engine_submit(&job, engine, "purge", &row[i]->id, NULL, "engine", &err) != APR_SUCCESS)
            pv_log("purge", "object=%s code=%s why=%s", row[i]->id.s, pv_error_row(err.code)->name,
                   pv_log_quote(err.text, p));
    }
    apr_pool_destroy(p);
}
