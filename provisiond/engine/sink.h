/*
 * Where an answer of several rows goes that is found out by and by: the connection that asked. `row` any number of
 * times, then `end` exactly once; after it the sink and its pool are gone. A client that went away meanwhile is no
 * concern of the caller.
 */
#ifndef PV_ENGINE_SINK_H
#define PV_ENGINE_SINK_H

#include "engine/job.h"

typedef struct pv_sink pv_sink_t;
struct pv_sink {
    pv_engine_t *engine;
    apr_pool_t *p;
    void (*row)(pv_sink_t *sink, json_t *row); /* takes ROW over: a flat object */
    /* ERR: NULL for success; then MORE (taken over, or NULL) adds fields to the closing line */
    void (*end)(pv_sink_t *sink, const pv_err_t *err, json_t *more);
};

/* What JOB (a dry run, planned) would do: its steps, files as diffs, database operations, reloads. JOB lives until
 * `end`. */
void pv_plan_describe(pv_job_t *job, pv_sink_t *sink);

/* Compares journal, disk and services: a row {object,name,thing,detail,repairable} for each difference. */
void pv_doctor_run(pv_engine_t *engine, int repair, pv_sink_t *sink);

#endif
