/*
 * Jobs, their steps and what they made, in the journal. A job that is read lives in the pool passed in, without
 * `engine` and `run`; writing needs the caller's transaction.
 */
#ifndef PV_ENGINE_JOURNAL_JOB_H
#define PV_ENGINE_JOURNAL_JOB_H

#include "engine/job.h"

/* A step's row of a job, beside the row of its plan. */
typedef struct {
    const pv_step_row_t *row;
    int n; /* its place in the plan's rows */
    pv_step_state_t state;
    int made; /* this job made its effect: its undo takes it away */
    int tries;
} pv_job_step_t;

/* APR_NOTFOUND where there is none. */
apr_status_t pv_job_find(pv_job_t **ret, pv_journal_t *j, uint64_t id, apr_pool_t *p);
apr_status_t pv_job_find_key(pv_job_t **ret, pv_journal_t *j, const pv_key_t *key, apr_pool_t *p);
/* The one that left OBJECT stuck. */
apr_status_t pv_job_find_stuck(pv_job_t **ret, pv_journal_t *j, const pv_id_t *object, apr_pool_t *p);

typedef enum { PV_JOBS_ALL, PV_JOBS_OPEN, PV_JOBS_STUCK } pv_jobs_t; /* open: not ended; stuck ones are, too */
/* Up to LIMIT jobs with a number above AFTER, by number. */
int pv_job_list(pv_job_t ***ret, pv_journal_t *j, pv_jobs_t which, uint64_t after, int limit, apr_pool_t *p);
int pv_job_count(pv_journal_t *j, pv_job_state_t state);

/* A new row; sets job->id and accepted. */
apr_status_t pv_job_insert(pv_journal_t *j, pv_job_t *job, pv_err_t *err);
/* The plan, once, with its step rows. */
apr_status_t pv_job_save_plan(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, int n, pv_err_t *err);
/* What changes while it runs. */
apr_status_t pv_job_save(pv_journal_t *j, const pv_job_t *job, pv_err_t *err);

/* Its steps by their order; INTERNAL where the journal knows a step that the plan's rows do not (any more). */
apr_status_t pv_steps_load(pv_job_step_t **ret, int *n, pv_journal_t *j, const pv_job_t *job, pv_err_t *err);
apr_status_t pv_step_save(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, pv_err_t *err);
/* The same as flat rows {name,kind,state,tries} for replies. */
json_t *pv_steps_json(pv_journal_t *j, uint64_t job);

/* What a step makes for an object. known: recorded and not gone. */
apr_status_t pv_resource_set(pv_journal_t *j, const pv_job_t *job, const char *kind, const char *state, pv_err_t *err);
int pv_resource_known(pv_journal_t *j, const pv_id_t *object, const char *kind);
/* Nothing of it is left. */
apr_status_t pv_resource_forget(pv_journal_t *j, const pv_id_t *object, pv_err_t *err);

#endif
