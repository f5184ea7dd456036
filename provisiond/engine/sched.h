/*
 * Which job may run: exclusive on its object, shared on the platform and servers it uses, in the order they were
 * accepted where they want the same; else by turns of the clients.
 */
#ifndef PV_ENGINE_SCHED_H
#define PV_ENGINE_SCHED_H

#include "engine/job.h"

typedef struct pv_sched pv_sched_t;

pv_sched_t *pv_sched_make(pv_engine_t *engine, apr_pool_t *p);

/* An accepted job; it starts when it has its locks, never from inside this function. */
void pv_sched_add(pv_sched_t *sched, const pv_job_t *job);
/* A job that had its locks already (recovery, repair); to be called in the order of their numbers. */
void pv_sched_resume(pv_sched_t *sched, pv_job_t *job);

/* What a new job on OBJECT with these ARGS would have to wait for, in words; NULL: nothing. */
const char *pv_sched_blocker(pv_sched_t *sched, const pv_id_t *object, const json_t *args, apr_pool_t *p);

/* The job in memory, which has its locks; NULL where it has not, or has ended. */
pv_job_t *pv_sched_running(pv_sched_t *sched, uint64_t job);
/* How many have their locks and do not wait for a part that is away. */
int pv_sched_count(const pv_sched_t *sched);
/* One of them waits now: another may run in its place. */
void pv_sched_waits(pv_sched_t *sched);
/* Takes back an accepted job that has no locks yet; 0 where there is none. */
int pv_sched_remove(pv_sched_t *sched, uint64_t job);

/* It has ended or is stuck: its locks are free, and JOB with its pool is gone. */
void pv_sched_ended(pv_sched_t *sched, pv_job_t *job);

#endif
