/*
 * Compares what is recorded with what is there: every live object is planned as for a verify (rolled back, nothing is
 * kept), and the probes of that plan are asked one after the other. Repair is that verify as a job, and jobs that are
 * stuck taken up again. An object with a job under way is left out: what differs there is the job's business.
 */
#include "engine/doctor.h"
#include "engine/job_run.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <string.h>

#define STUCK_MAX 1000

static const pv_kind_t kinds[] = {PV_SERVER, PV_PLATFORM, PV_SITE};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef struct {
    pv_doctor_t doctor; /* first: pv_doctor_strays hands it back */
    apr_pool_t *p;      /* the object's, cleared between objects */
    size_t kind;
    pv_id_t after; /* the last one looked at; empty: none of this kind yet */
    const pv_object_t *object;
    pv_job_t *job; /* its verify, never run */
    int step;      /* of job->row */
    int repairable;
} visit_t;

static void next_object(visit_t *v);
static void next_probe(visit_t *v);

void pv_doctor_row(pv_doctor_t *doctor, const pv_id_t *object, const char *name, const char *thing, const char *detail,
                   int repairable)
{
    doctor->sink->row(doctor->sink, json_pack("{s:s, s:s, s:s, s:s, s:b}", "object", object->s, "name", name, "thing",
                                              thing, "detail", detail, "repairable", repairable));
}

static const json_t *nothing_asked(apr_pool_t *p)
{
    return pv_json_keep(json_object(), p);
}

/* The verify of the object, planned and rolled back. */
static apr_status_t plan(visit_t *v, pv_err_t *err)
{
    static const pv_fields_t none;
    pv_journal_t *j = v->doctor.engine->journal;
    pv_job_t *job = apr_pcalloc(v->p, sizeof(*job));
    apr_status_t rv;

    job->p = v->p;
    job->engine = v->doctor.engine;
    job->type = "verify";
    job->origin = "doctor";
    job->object = v->object->id;
    job->revision = v->object->revision;
    job->row = pv_plan_row("verify", pv_id_kind(&v->object->id));
    job->args = (json_t *)nothing_asked(v->p);
    job->facts = pv_json_keep(json_object(), v->p);
    pv_job_look(job);
    rv = pv_journal_begin(j, err);
    if (rv)
        return rv;
    rv = pv_plan_make(job, &none, err);
    pv_journal_rollback(j);
    v->job = job;
    return rv;
}

static void repair(visit_t *v)
{
    uint64_t job;
    pv_err_t err;

    if (!v->doctor.repair || !v->repairable)
        return;
    if (pv_engine_submit(&job, v->doctor.engine, "verify", &v->object->id, NULL, "doctor", &err) == APR_SUCCESS)
        v->doctor.repairs++;
    else
        pv_doctor_row(&v->doctor, &v->object->id, v->object->name.s, "repair", err.text, 0);
}

static void probed(pv_call_t *call, const pv_reply_t *reply)
{
    visit_t *v = call->ctx;
    const pv_step_row_t *step = v->job->row->step[v->step++];
    int differs = reply->code == PV_OK && step->kind != PV_CHECK && reply->a != PV_CURRENT;

    if (differs || reply->code != PV_OK)
        pv_doctor_row(&v->doctor, &v->object->id, v->object->name.s, step->name,
                      *reply->detail                     ? reply->detail
                      : differs && reply->a == PV_ABSENT ? "is missing"
                      : differs                          ? "is not as it should be"
                                                         : pv_error_row(reply->code)->text,
                      differs);
    v->repairable |= differs;
    next_probe(v);
}

/* What only looks: a step's probe, or the act of a check. */
static pv_step_fn *look_of(const pv_job_t *job, const pv_step_row_t *step)
{
    if (!pv_step_applies(job, step))
        return NULL;
    return step->kind == PV_CHECK ? step->act : step->probe;
}

static void next_probe(visit_t *v)
{
    const pv_plan_row_t *row = v->job->row;
    pv_call_t *call;

    while (v->step < row->n && !look_of(v->job, row->step[v->step]))
        v->step++;
    if (v->step == row->n) {
        repair(v);
        next_object(v);
        return;
    }
    call = pv_call_make(v->doctor.engine, v->job);
    look_of(v->job, row->step[v->step])(v->job, call);
    pv_call_run(call, probed, v);
}

/* The next live object that no job is busy with; NULL after the last one. */
static const pv_object_t *find_next(visit_t *v)
{
    pv_engine_t *engine = v->doctor.engine;
    pv_object_t **row;
    int n;

    while (v->kind < KINDS) {
        n = 0;
        pv_object_list(&row, &n, engine->journal, kinds[v->kind], v->after.s, 1, v->p);
        if (n == 0) {
            v->kind++;
            v->after.s[0] = '\0';
            continue;
        }
        v->after = row[0]->id;
        if (strcmp(row[0]->state, "new") && !pv_sched_blocker(engine->sched, &row[0]->id, nothing_asked(v->p), v->p))
            return row[0];
    }
    return NULL;
}

static void tell_stuck(visit_t *v)
{
    pv_engine_t *engine = v->doctor.engine;
    pv_job_t **row;
    pv_object_t *object;
    int i, n = pv_job_list(&row, engine->journal, PV_JOBS_STUCK, 0, STUCK_MAX, v->p);

    for (i = 0; i < n; i++) {
        const char *name =
            pv_object_find(&object, engine->journal, &row[i]->object, v->p) == APR_SUCCESS ? object->name.s : "";
        pv_doctor_row(&v->doctor, &row[i]->object, name, "job",
                      apr_psprintf(v->p, "job %lu is stuck: %s", (unsigned long)row[i]->id, row[i]->err.text), 1);
    }
    if (v->doctor.repair)
        v->doctor.repairs += pv_engine_unstick(engine, NULL);
}

static void finish(pv_doctor_t *doctor)
{
    doctor->sink->end(doctor->sink, NULL, json_pack("{s:i}", "repairs", doctor->repairs));
}

static void next_object(visit_t *v)
{
    pv_err_t err;

    apr_pool_clear(v->p);
    v->object = find_next(v);
    v->step = v->repairable = 0;
    if (!v->object) {
        tell_stuck(v);
        pv_doctor_strays(&v->doctor, finish);
    } else if (plan(v, &err)) {
        pv_doctor_row(&v->doctor, &v->object->id, v->object->name.s, "plan", err.text, 0);
        v->step = 0;
        next_object(v);
    } else {
        next_probe(v);
    }
}

void pv_doctor_run(pv_engine_t *engine, int repair, pv_sink_t *sink)
{
    visit_t *v = apr_pcalloc(sink->p, sizeof(*v));

    v->doctor = (pv_doctor_t){.engine = engine, .sink = sink, .repair = repair};
    apr_pool_create(&v->p, sink->p);
    next_object(v);
}
