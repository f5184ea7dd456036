/*
 * One attempt of a task, as the engine runs it: its row in the journal, its plan, its properties before and after, and
 * where its steps stand. Steps read the fields; only job.c and its siblings change them once the plan is made.
 */
#ifndef PV_ENGINE_JOB_H
#define PV_ENGINE_JOB_H

#include "engine/call.h"
#include "engine/journal.h"
#include "engine/step.h"
#include "proto/task.h"
#include <apr_pools.h>
#include <jansson.h>

typedef enum {
#define JOB_STATE(name) PV_JOB_##name,
#include "engine/jobstates.def"
#undef JOB_STATE
    PV_JOB_STATES
} pv_job_state_t;

typedef struct pv_run pv_run_t;

/* A step of a job: planned -> started (intent committed) -> done; undoing -> undone, or back to planned for a ONCE step
 * that is done anew. */
typedef enum {
    PV_STEP_PLANNED,
    PV_STEP_STARTED,
    PV_STEP_DONE,
    PV_STEP_UNDOING,
    PV_STEP_UNDONE,
    PV_STEP_STATES
} pv_step_state_t;

struct pv_job {
    apr_pool_t *p; /* ends with the job's stay in memory */
    pv_engine_t *engine;
    uint64_t id; /* 0 for a dry run */
    pv_key_t key;
    const char *type, *origin, *client;
    const pv_plan_row_t *row;
    pv_id_t object;
    uint64_t revision; /* the one that was seen by who asked */
    json_t *args;      /* the task's checked fields: strings, and arrays of strings */

    /* Made by pv_plan_make, stored in the journal with the job's step rows, the same in every life: */
    uid_t uid;    /* the object's; 0: has none */
    pv_app_t app; /* the driver; empty: has none */
    json_t *plan; /* every random or time-dependent choice, and what steps need of other objects */
    json_t *want; /* the object's properties after the job; NULL: it is gone after it */

    json_t *have;  /* its properties before the job; NULL: there was none. Set before pv_plan_make, stored too */
    json_t *facts; /* what its workers reported so far (platform: app, version); stored with the done of each step */

    pv_job_state_t state;
    pv_err_t err; /* why it waits, is undone or has ended */
    int cancel, crashes, warnings;
    int listed;                                            /* one of its verbs has told its packages, in this life */
    int64_t not_before, waiting, accepted, started, ended; /* microseconds since 1970; 0: not yet */
    pv_run_t *run; /* job.c's: its steps and what is under way; NULL before it has its locks */
};

/* A line of its log, for people; control bytes become \xNN, what exceeds 8192 bytes is cut. A warning makes the outcome
 * warning. */
typedef enum { PV_LOG_ERROR, PV_LOG_WARNING, PV_LOG_NOTICE, PV_LOG_INFO, PV_LOG_OUTPUT } pv_level_t;
void pv_job_log(pv_job_t *job, pv_level_t level, const char *src, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void pv_job_log_bytes(pv_job_t *job, pv_level_t level, const char *src, const char *s, size_t len);

/* done of total, shown while it runs. */
void pv_job_progress(pv_job_t *job, uint64_t done, uint64_t total);

const char *pv_job_state_name(pv_job_state_t state);
const char *pv_step_state_name(pv_step_state_t state);
int pv_job_is_final(pv_job_state_t state);

/* Are its facts what was asked for, told to whoever asked? */
int pv_job_has_results(const pv_job_t *job);

#endif
