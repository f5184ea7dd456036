/*
 * The rows of steps.def as data, and what of them a job is made of.
 */
#include "engine/steps/steps.h"
#include <string.h>

#define STEP(name, kind, rewind, needs, probe, act, undo, what)                                                        \
    static const pv_step_row_t step_##name = {#name, kind, rewind, needs, probe, act, undo, what};
#define PLAN(type, kind, converge, before, after)
#include "engine/steps.def"
#undef STEP
#undef PLAN

#define STEP(name, kind, rewind, needs, probe, act, undo, what)
#define S(name)                                   &step_##name,
#define PLAN(type, kind, converge, before, after) static const pv_step_row_t *const type##_##kind[] = {before after};
#include "engine/steps.def"
#undef PLAN

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LAST(...)    ((int)COUNT(((const pv_step_row_t *[]){__VA_ARGS__})) - 1)

static const pv_plan_row_t plans[] = {
#define PLAN(type, kind, converge, before, after)                                                                      \
    {#type, PV_##kind, converge, LAST(before), (int)COUNT(type##_##kind), type##_##kind},
#include "engine/steps.def"
#undef PLAN
};

const pv_plan_row_t *pv_plan_row(const char *type, pv_kind_t kind)
{
    size_t i;

    for (i = 0; i < COUNT(plans); i++)
        if (plans[i].kind == kind && !strcmp(plans[i].type, type))
            return &plans[i];
    return NULL;
}

int pv_step_applies(const pv_job_t *job, const pv_step_row_t *step)
{
    return !step->needs || pv_props_flag(job->plan, step->needs);
}
