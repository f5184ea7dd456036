/*
 * Private to job*.c, accept.c, recover.c: a job that is under way.
 */
#ifndef PV_ENGINE_JOB_RUN_H
#define PV_ENGINE_JOB_RUN_H

#include "engine/journal_job.h"
#include "engine/parts.h"

struct pv_run {
    pv_job_step_t *step;
    int n;
    int at;            /* the step whose call is under way */
    int fails;         /* in a row */
    int told;          /* of them, those that a worker's report said */
    pv_err_t doubted;  /* what was told last, while the database process is asked whether it is so */
    int waits_at;      /* the step that failed last: only when it is done the waiting is over */
    pv_call_t *call;   /* under way, or NULL */
    pv_timer_t *timer; /* the next try, or NULL */
    uint64_t log_lines, log_bytes;
    int64_t progress_at;
};

/* Tries of what fails for good, where giving up is worse: of an undo, and past the point of no return. And of what only
 * a worker's report says will pass. */
#define PV_TRIES 4

/* What pv_job_store tells besides what it saves. */
enum { PV_TELL_STATE = 1, PV_TELL_STEP = 2 };

/* Saves the job, STEP (or NULL), and what became of the step's RESOURCE ("intended", "made", "gone" or NULL), in one
 * transaction. */
apr_status_t pv_job_store(pv_job_t *job, const pv_job_step_t *step, const char *resource, int tell, pv_err_t *err);
/* The events alone, in the caller's transaction. */
apr_status_t pv_job_tell_state(pv_journal_t *j, const pv_job_t *job, pv_err_t *err);
apr_status_t pv_job_tell_step(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, pv_err_t *err);

/* Makes the plan and its steps, in the caller's transaction: of a job that has its locks. FIELDS NULL: those of
 * job->args. */
apr_status_t pv_job_plan(pv_job_t *job, const pv_fields_t *fields, pv_err_t *err);
/* What the object is before the job: sets job->have and the client that waits for it. */
void pv_job_look(pv_job_t *job);

/* Goes on, by what the journal says: the next step forward or back, or the end. Nothing where a call or a timer is
 * under way. */
void pv_job_turn(pv_job_t *job);
/* Past the point of no return? */
int pv_job_past_commit(const pv_job_t *job);
/* The same, or nobody can tell: the step that is this point has begun, and what it does cannot be undone. */
int pv_job_may_be_past(const pv_job_t *job);
/* From now on backwards, because of CAUSE; not past the point of no return. */
void pv_job_begin_undo(pv_job_t *job, const pv_err_t *cause);
/* Takes one step back: its undo, if the job made its effect. */
void pv_job_back(pv_job_t *job, int at);
/* Steps from AT back to its row's `rewind` are to be undone and done anew. */
void pv_job_rewind(pv_job_t *job, int at);
/* Neither forward nor back: the object is locked until somebody repairs. */
void pv_job_stick(pv_job_t *job, const pv_err_t *cause);
/* Tries again after a while, telling what it waits for. */
void pv_job_wait(pv_job_t *job, const pv_err_t *cause);
/* The journal could not be written: tries again in a second, from what it says then. */
void pv_job_pause(pv_job_t *job);
/* Is CAUSE one that passes by itself, and may the job wait for that? */
int pv_job_may_wait(const pv_job_t *job, const pv_err_t *cause);
/* The end as a transaction: state, ended, and what it means for the object. On failure JOB is as before. */
apr_status_t pv_job_end(pv_job_t *job, pv_job_state_t state, pv_err_t *err);
/* The same, tried until it is written; JOB is gone after it. */
void pv_job_finish(pv_job_t *job, pv_job_state_t state);
/* Builds the call of a step's function and sends it. */
void pv_job_ask(pv_job_t *job, int at, pv_step_fn *fn, pv_call_done_fn *answered);

/* What a failed call says, as an error that names the step. */
void pv_job_reason(pv_err_t *err, const pv_job_step_t *step, const pv_call_t *call, const pv_reply_t *reply);

#endif
