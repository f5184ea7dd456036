/*
 * Steps as rows. A step's functions build one call each from the job's plan; the loop in job.c decides when. What they
 * may read: job->id, object, uid, plan (made once, stored in the journal), want and have (flat properties after and
 * before the job).
 *
 * What the loop does with a row: probe NULL counts as ABSENT before the act and as CURRENT after it; act NULL is done
 * at once (a step that only has an undo). A step is undone only if this job made its effect: found ABSENT and not
 * recorded as the object's before; PUBLISH and ONCE steps always. In a plan that does not converge, a step with an undo
 * that finds something there that is not recorded as this object's fails with FOREIGN_OBJECT. Verify logs `drift: NAME:
 * detail` for what it repairs of an object that was there before; not for PUBLISH steps when `want` differs from
 * `have`, since then the difference is the task. After an act the probe must say CURRENT, else the step failed.
 */
#ifndef PV_ENGINE_STEP_H
#define PV_ENGINE_STEP_H

#include "engine/call.h"
#include "proto/task.h"

typedef enum {
    PV_REPEAT,  /* doing it again does no harm */
    PV_CHECK,   /* the same, and its act only looks */
    PV_PUBLISH, /* built beside, one atomic switch */
    PV_ONCE     /* never twice on the same data: after a crash the steps back to `rewind` are undone and done anew */
} pv_step_kind_t;

typedef void pv_step_fn(const pv_job_t *job, pv_call_t *call);

typedef struct {
    const char *name;
    pv_step_kind_t kind;
    const char *rewind; /* PV_ONCE: the step to start again from */
    const char *needs;  /* the flag of job->plan without which it is left out; NULL: always part of its plans */
    pv_step_fn *probe;  /* answers a = pv_state_t; must change nothing */
    pv_step_fn *act;
    pv_step_fn *undo; /* NULL: nothing to undo */
    const char *what; /* for plan and man page: "make the site's folders" */
} pv_step_row_t;

typedef struct {
    const char *type;
    pv_kind_t kind;
    int converge; /* what is there already is ours: probe CURRENT is done, DRIFT is repaired */
    int commit;   /* index of the point of no return */
    int n;
    const pv_step_row_t *const *step;
} pv_plan_row_t;

const pv_plan_row_t *pv_plan_row(const char *type, pv_kind_t kind);

/*
 * Checks a request against what the journal knows (relations exist, names free, manifest needs met), and makes every
 * random or time-dependent choice: new uid, dbgen, resolved place, app, port. Fills job->plan and job->want; changes
 * nothing else. For a dry run it is the same function. Errors name the field.
 */
apr_status_t pv_plan_make(pv_job_t *job, const pv_fields_t *fields, pv_err_t *err);

/* What it makes belongs to the object from then on; what a PUBLISH or ONCE step makes is the job's, which takes it
 * back.
 */
int pv_step_is_resource(const pv_step_row_t *step);

/* Is this step part of this job's plan (its manifest has the verb, its type needs a database ...)? */
int pv_step_applies(const pv_job_t *job, const pv_step_row_t *step);

#endif
