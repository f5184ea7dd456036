/*
 * A job's changes as transactions, and its end.
 */
#include "engine/job_run.h"
#include "engine/log.h"
#include "engine/props.h"
#include <string.h>

/* ---- events ---- */

static apr_status_t tell(pv_journal_t *j, const pv_job_t *job, const char *kind, json_t *body, pv_err_t *err)
{
    pv_event_job_t of = {.id = job->id, .key = job->key};
    return pv_event_add(j, kind, &of, &job->object, body, err);
}

apr_status_t pv_job_tell_state(pv_journal_t *j, const pv_job_t *job, pv_err_t *err)
{
    return tell(j, job, "state",
                json_pack("{ss ss ss ss}", "state", pv_job_state_name(job->state), "code",
                          pv_error_row(job->err.code)->name, "field", job->err.field, "text", job->err.text),
                err);
}

/* A step that is there for its undo only does nothing when it begins, so there is nothing to say of it. */
apr_status_t pv_job_tell_step(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, pv_err_t *err)
{
    const char *what = step->state == PV_STEP_STARTED && !step->row->act ? "" : step->row->what;
    return tell(
        j, job, "step",
        json_pack("{ss ss ss}", "name", step->row->name, "state", pv_step_state_name(step->state), "text", what), err);
}

int pv_job_has_results(const pv_job_t *job)
{
    return strcmp(job->type, "run") == 0;
}

static apr_status_t tell_results(pv_journal_t *j, const pv_job_t *job, pv_err_t *err)
{
    const char *name;
    json_t *value;
    apr_status_t rv = APR_SUCCESS;
    json_object_foreach(job->facts, name, value)
    {
        if (rv == APR_SUCCESS)
            rv = tell(j, job, "result", json_pack("{ss sO}", "name", name, "value", value), err);
    }
    return rv;
}

/* ---- one change, one transaction ---- */

static apr_status_t store(pv_job_t *job, const pv_job_step_t *step, const char *resource, int what, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    apr_status_t rv = pv_job_save(j, job, err);
    if (rv == APR_SUCCESS && step)
        rv = pv_step_save(j, job, step, err);
    if (rv == APR_SUCCESS && resource)
        rv = pv_resource_set(j, job, step->row->name, resource, err);
    if (rv == APR_SUCCESS && (what & PV_TELL_STATE))
        rv = pv_job_tell_state(j, job, err);
    if (rv == APR_SUCCESS && (what & PV_TELL_STEP))
        rv = pv_job_tell_step(j, job, step, err);
    if (rv == APR_SUCCESS && step && step->state == PV_STEP_DONE && pv_job_has_results(job))
        rv = tell_results(j, job, err);
    return rv;
}

apr_status_t pv_job_store(pv_job_t *job, const pv_job_step_t *step, const char *resource, int what, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    apr_status_t rv = APR_EGENERAL;
    /* On a full disk the first try gives up the ballast, and the second has its room. */
    for (int i = 0; i < 2 && rv != APR_SUCCESS; i++) {
        rv = pv_journal_begin(j, err);
        if (rv != APR_SUCCESS)
            continue;
        rv = store(job, step, resource, what, err);
        if (rv == APR_SUCCESS)
            rv = pv_journal_commit(j, err);
        else
            pv_journal_rollback(j);
    }
    return rv;
}

/* ---- the end ---- */

/* What the end of a job means for its object: one that never came to be is forgotten, one that is gone has nothing
 * left. */
static apr_status_t settle_object(pv_job_t *job, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    int undone = job->state == PV_JOB_failed || job->state == PV_JOB_cancelled;
    if (undone)
        return job->have ? APR_SUCCESS : pv_object_discard(j, &job->object, err);
    if (job->want)
        return APR_SUCCESS;
    apr_status_t rv = pv_resource_forget(j, &job->object, err);
    if (rv == APR_SUCCESS && strcmp(job->type, "purge") == 0)
        rv = pv_object_purged(j, &job->object, err);
    return rv;
}

static apr_status_t write_end(pv_job_t *job, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    apr_status_t rv = pv_journal_begin(j, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = store(job, NULL, NULL, PV_TELL_STATE, err);
    if (rv == APR_SUCCESS)
        rv = settle_object(job, err);
    if (rv == APR_SUCCESS)
        return pv_journal_commit(j, err);
    pv_journal_rollback(j);
    return rv;
}

apr_status_t pv_job_end(pv_job_t *job, pv_job_state_t state, pv_err_t *err)
{
    pv_job_state_t before = job->state;
    job->state = state;
    job->ended = pv_journal_now();
    apr_status_t rv = write_end(job, err);
    if (rv != APR_SUCCESS) {
        job->state = before;
        job->ended = 0;
    }
    return rv;
}

/* The database process knows a server as it is recorded, whatever a failed job told it meanwhile. */
static void tell_dba(pv_job_t *job)
{
    pv_object_t *server;
    if (pv_id_kind(&job->object) == PV_SERVER &&
        pv_object_find(&server, job->engine->journal, &job->object, job->p) == APR_SUCCESS && !server->deleted)
        pv_dba_service(job->engine, &server->id, server->props);
}

void pv_job_finish(pv_job_t *job, pv_job_state_t state)
{
    pv_err_t err;
    if (state == PV_JOB_success || state == PV_JOB_warning)
        job->err = (pv_err_t){.code = state == PV_JOB_warning ? PV_WARNING : PV_OK};
    if (pv_job_end(job, state, &err) != APR_SUCCESS) {
        pv_job_pause(job);
        return;
    }
    pv_log("job.end", "job=%lu type=%s object=%s state=%s code=%s", (unsigned long)job->id, job->type, job->object.s,
           pv_job_state_name(state), pv_error_row(job->err.code)->name);
    tell_dba(job);
    pv_sched_ended(job->engine->sched, job);
}
