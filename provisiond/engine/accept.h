/*
 * How a job comes in, and what can be asked of it afterwards. Nothing is done before the job's row is committed.
 */
#ifndef PV_ENGINE_ACCEPT_H
#define PV_ENGINE_ACCEPT_H

#include "engine/sink.h"

typedef struct {
    pv_key_t key;
    const pv_task_row_t *task; /* NULL: an internal type, named by `type` */
    const char *type;
    pv_id_t object;
    uint64_t revision;
    const pv_fields_t *fields;
    const char *origin; /* panel, admin, engine */
} pv_ask_t;

typedef struct {
    uint64_t job;
    pv_job_state_t state;
    int dup; /* the key was known, with the same request */
} pv_accepted_t;

/* Errors: RETRY_LATER, JOURNAL_UNAVAILABLE, KEY_CONFLICT, LOCKED, STALE, NO_OBJECT, and what pv_plan_make finds where
 * the job need not wait for another. */
apr_status_t pv_accept(pv_accepted_t *ret, pv_engine_t *engine, const pv_ask_t *ask, pv_err_t *err);

/* What it would do: checked and planned as by pv_accept, then rolled back and described to SINK. */
void pv_accept_dry(pv_engine_t *engine, const pv_ask_t *ask, pv_sink_t *sink);

/* NO_OBJECT for an unknown key, TOO_LATE past the point of no return; *STATE is what the job is in. */
apr_status_t pv_cancel(pv_job_state_t *state, pv_engine_t *engine, const pv_key_t *key, pv_err_t *err);

/* A job out of the journal, into a pool of its own; its steps come with pv_job_start. */
pv_job_t *pv_job_load(pv_engine_t *engine, uint64_t id);
/* It has its locks: plans it if that is not done yet, and goes on. JOB may be gone after it. */
void pv_job_start(pv_job_t *job);
/* An accepted job waits for another one, in words. */
void pv_job_say_blocked(pv_engine_t *engine, uint64_t id, const char *text, apr_pool_t *p);

/* Takes up what the last life left, and looks for deleted objects whose trash is to be purged. */
void pv_recover(pv_engine_t *engine);
void pv_purge_due(pv_engine_t *engine);

#endif
