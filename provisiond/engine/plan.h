/*
 * Making plans: what the files plan*.c share. The rest of the engine calls pv_plan_make (engine/step.h).
 */
#ifndef PV_ENGINE_PLAN_H
#define PV_ENGINE_PLAN_H

#include "engine/engine.h"
#include "engine/job.h"
#include "engine/manifest.h"
#include "engine/props.h"

typedef struct {
    pv_job_t *job;
    const pv_fields_t *fields; /* of the request; none in a purge */
    const pv_conf_t *conf;
    pv_journal_t *j;
    const pv_object_t *self; /* as the journal has it; NULL: not there yet */
    apr_pool_t *p;
    pv_err_t *err;
} pv_planner_t;

typedef apr_status_t pv_planner_fn(pv_planner_t *m);

/* One for each kind of task; each fills job->plan, and job->want where the object is there after it. */
pv_planner_fn pv_plan_server, pv_plan_server_gone, pv_plan_platform, pv_plan_platform_gone, pv_plan_platform_purge;
pv_planner_fn pv_plan_install, pv_plan_site, pv_plan_site_gone, pv_plan_site_purge;
pv_planner_fn pv_plan_backup, pv_plan_backup_delete, pv_plan_restore, pv_plan_run;

/* The platform, servers and driver that the site with PROPS is on, into the plan. */
apr_status_t pv_plan_site_relations(pv_planner_t *m, const json_t *props);

/* Where the code base of the platform with PROPS is, into the plan. */
void pv_plan_code(pv_planner_t *m, const json_t *props);

/* The names that job->want has are names, and nobody else's. */
apr_status_t pv_plan_site_names(pv_planner_t *m);

/* An archive is made of the site, whose relations are planned. */
apr_status_t pv_plan_archive(pv_planner_t *m, const char *description);

/* Lays the request's fields over job->want: what is absent stays, "none" takes away. */
void pv_plan_merge(pv_planner_t *m);

/* The names that the object goes by from now on: LABEL is its own, without the @. NAME_IN_USE where another has it. */
apr_status_t pv_plan_name(pv_planner_t *m, const char *label);

/* The verified server or platform that FIELD of PROPS names. */
apr_status_t pv_plan_relation(pv_planner_t *m, const pv_object_t **ret, const json_t *props, const char *field);

/* IN_USE while live objects name this one in property FIELD. */
apr_status_t pv_plan_unused(pv_planner_t *m, const char *field);

/* Copies a property of an object into the plan under the same name. */
void pv_plan_copy(pv_planner_t *m, const json_t *from, const char *name);
void pv_plan_flag(pv_planner_t *m, const char *name, int on);

#endif
