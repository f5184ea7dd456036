/*
 * From a request to a durable job row, in one transaction: the key, the object's state and revision, and the plan. A
 * job that has to wait for another one on the same objects is planned when it gets its locks, since only then is its
 * plan true.
 */
#include "engine/accept.h"
#include "engine/job_run.h"
#include "engine/props.h"
#include "fault.h"
#include "proto/line.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <string.h>

#define OBJECT_BYTES (PV_LINE_MAX - 4096)

/* ---- the request as a job ---- */

static json_t *args_of(const pv_ask_t *ask)
{
    json_t *args = json_object();
    for (int i = 0; ask->task && i < ask->task->nfields; i++) {
        const pv_field_t *f = pv_fields_get(ask->fields, ask->task->field[i].name);
        if (!f)
            continue;
        if (!pv_value_row(ask->task->field[i].value)->list) {
            json_object_set_new(args, f->name, json_string(f->s[0]));
            continue;
        }
        json_t *list = json_array();
        for (int k = 0; k < f->n; k++)
            json_array_append_new(list, json_string(f->s[k]));
        json_object_set_new(args, f->name, list);
    }
    return args;
}

static pv_job_t *job_of(pv_engine_t *engine, const pv_ask_t *ask, apr_pool_t *p)
{
    pv_job_t *job = apr_pcalloc(p, sizeof(*job));
    *job = (pv_job_t){.p = p,
                      .engine = engine,
                      .key = ask->key,
                      .type = apr_pstrdup(p, ask->type),
                      .origin = apr_pstrdup(p, ask->origin),
                      .object = ask->object,
                      .revision = ask->revision,
                      .row = pv_plan_row(ask->type, pv_id_kind(&ask->object))};
    job->args = pv_json_keep(args_of(ask), p);
    job->facts = pv_json_keep(json_object(), p);
    pv_job_look(job);
    return job;
}

void pv_job_look(pv_job_t *job)
{
    pv_object_t *object;
    const char *client = pv_props_str(job->args, "client");
    job->have = NULL;
    if (pv_object_find(&object, job->engine->journal, &job->object, job->p) == APR_SUCCESS &&
        strcmp(object->state, "new") != 0)
        job->have = object->props;
    job->client = *client != '\0' ? client : pv_props_str(job->have, "client");
}

/* ---- checks ---- */

static apr_status_t check_key(pv_accepted_t *ret, const pv_job_t *job, pv_err_t *err)
{
    pv_job_t *known;
    if (pv_job_find_key(&known, job->engine->journal, &job->key, job->p) != APR_SUCCESS)
        return APR_SUCCESS;
    if (strcmp(known->type, job->type) != 0 || !pv_id_eq(&known->object, &job->object) ||
        known->revision != job->revision || !json_equal(known->args, job->args))
        return pv_fail(err, PV_KEY_CONFLICT, "key", "job %lu has this key, and is %s of %s", (unsigned long)known->id,
                       known->type, known->object.s);
    *ret = (pv_accepted_t){.job = known->id, .state = known->state, .dup = 1};
    return APR_SUCCESS;
}

static apr_status_t check_object(const pv_job_t *job, pv_err_t *err)
{
    pv_journal_t *j = job->engine->journal;
    pv_job_t *stuck;
    pv_object_t *object;
    if (pv_job_find_stuck(&stuck, j, &job->object, job->p) == APR_SUCCESS)
        return pv_fail(err, PV_LOCKED, "object", "job %lu left it stuck: %s", (unsigned long)stuck->id,
                       stuck->err.text);
    if (pv_object_find(&object, j, &job->object, job->p) == APR_SUCCESS && job->revision != object->revision &&
        !(object->deleted && job->revision == 0)) /* nobody sees the revision of what is gone */
        return pv_fail(err, PV_STALE, "revision", "it has revision %lu by now", (unsigned long)object->revision);
    return APR_SUCCESS;
}

static apr_status_t check_ready(pv_engine_t *engine, pv_err_t *err)
{
    switch (engine->state) {
    case PV_ENGINE_RECOVERING:
        return pv_fail(err, PV_RETRY_LATER, NULL, "the daemon is starting");
    case PV_ENGINE_READONLY:
        return pv_fail(err, PV_RETRY_LATER, NULL,
                       "the mark in SitesRoot is not this journal's: nothing is changed until the sites or the journal "
                       "that belong together are back");
    case PV_ENGINE_READY:
        break;
    }
    return pv_journal_admit(engine->journal, err);
}

/* ---- planning ---- */

static const pv_fields_t *fields_of(const pv_job_t *job)
{
    pv_fields_t *fields = apr_pcalloc(job->p, sizeof(*fields));
    const pv_task_row_t *task = pv_task_find(job->type, pv_id_kind(&job->object));
    if (!task)
        return fields;
    fields->field = apr_pcalloc(job->p, sizeof(pv_field_t) * (size_t)(task->nfields + 1));
    for (int i = 0; i < task->nfields; i++) {
        const json_t *value = json_object_get(job->args, task->field[i].name);
        if (!value)
            continue;
        pv_field_t *f = &fields->field[fields->n++];
        f->name = task->field[i].name;
        f->n = json_is_array(value) ? (int)json_array_size(value) : 1;
        f->s = apr_pcalloc(job->p, sizeof(char *) * (size_t)(f->n + 1));
        for (int k = 0; k < f->n; k++)
            f->s[k] = json_string_value(json_is_array(value) ? json_array_get(value, (size_t)k) : value);
    }
    return fields;
}

static apr_status_t save_new_object(const pv_job_t *job, pv_err_t *err)
{
    const char *context = pv_props_str(job->plan, "context");
    pv_object_t object = {.id = job->object, .uid = job->uid, .state = "new", .props = job->want};
    if (pv_context_parse(&object.name, context, strlen(context)) != APR_SUCCESS)
        return pv_fail(err, PV_INTERNAL, NULL, "the plan of %s has no context name", job->object.s);
    return pv_object_save(job->engine->journal, &object, err);
}

/* What follows the event stream gets the object in one line. */
static apr_status_t check_size(const pv_job_t *job, pv_err_t *err)
{
    size_t bytes = json_dumpb(job->want, NULL, 0, JSON_COMPACT);
    if (bytes <= OBJECT_BYTES)
        return APR_SUCCESS;
    return pv_fail(err, PV_TOO_LONG, "aliases", "the object's properties are %zu bytes long, %d are the most", bytes,
                   OBJECT_BYTES);
}

apr_status_t pv_job_plan(pv_job_t *job, const pv_fields_t *fields, pv_err_t *err)
{
    if (!job->row)
        return pv_fail(err, PV_SCHEMA, "type", "there is no task %s of a %s", job->type,
                       pv_kind_name(pv_id_kind(&job->object)));
    apr_status_t rv = pv_plan_make(job, fields ? fields : fields_of(job), err);
    if (rv == APR_SUCCESS)
        rv = check_size(job, err);
    if (rv != APR_SUCCESS)
        return rv;
    pv_job_step_t *step = apr_pcalloc(job->p, sizeof(*step) * (size_t)job->row->n);
    int n = 0;
    for (int i = 0; i < job->row->n; i++)
        if (pv_step_applies(job, job->row->step[i]))
            step[n++] = (pv_job_step_t){.row = job->row->step[i], .n = i};
    if (job->id > 0)
        rv = pv_job_save_plan(job->engine->journal, job, step, n, err);
    return rv == APR_SUCCESS && !job->have && job->want ? save_new_object(job, err) : rv;
}

/* ---- accepting ---- */

static apr_status_t tell_accepted(const pv_job_t *job, pv_err_t *err)
{
    pv_event_job_t of = {.id = job->id, .key = job->key};
    const char *verb = pv_props_str(job->args, "verb");
    json_t *body = json_pack("{ss ss}", "type", job->type, "origin", job->origin);
    if (*verb != '\0')
        json_object_set_new(body, "verb", json_string(verb));
    return pv_event_add(job->engine->journal, "accepted", &of, &job->object, body, err);
}

/* In a transaction. */
static apr_status_t take_in(pv_accepted_t *ret, pv_job_t *job, const pv_ask_t *ask, pv_err_t *err)
{
    pv_engine_t *engine = job->engine;
    apr_status_t rv = check_key(ret, job, err);
    if (rv != APR_SUCCESS || ret->dup)
        return rv;
    rv = check_object(job, err);
    if (rv == APR_SUCCESS)
        rv = pv_job_insert(engine->journal, job, err);
    if (rv == APR_SUCCESS)
        rv = tell_accepted(job, err);
    if (rv == APR_SUCCESS && !pv_sched_blocker(engine->sched, &job->object, job->args, job->p))
        rv = pv_job_plan(job, ask->fields, err);
    *ret = (pv_accepted_t){.job = job->id, .state = PV_JOB_accepted};
    return rv;
}

apr_status_t pv_accept(pv_accepted_t *ret, pv_engine_t *engine, const pv_ask_t *ask, pv_err_t *err)
{
    pv_accepted_t accepted = {.dup = 0};
    apr_pool_t *p;
    apr_status_t rv = check_ready(engine, err);
    if (rv == APR_SUCCESS)
        rv = pv_journal_begin(engine->journal, err);
    if (rv != APR_SUCCESS)
        return rv;
    apr_pool_create(&p, engine->p);
    pv_job_t *job = job_of(engine, ask, p);
    rv = take_in(&accepted, job, ask, err);
    if (rv == APR_SUCCESS)
        rv = pv_journal_commit(engine->journal, err);
    else
        pv_journal_rollback(engine->journal);
    if (rv == APR_SUCCESS) {
        *ret = accepted;
        if (!accepted.dup)
            pv_sched_add(engine->sched, job);
        PV_FAULT("job.accept", NULL);
    }
    apr_pool_destroy(p);
    return rv;
}

apr_status_t pv_engine_submit(uint64_t *job, pv_engine_t *engine, const char *type, const pv_id_t *object,
                              const pv_fields_t *fields, const char *origin, pv_err_t *err)
{
    static const pv_fields_t none;
    pv_accepted_t accepted;
    pv_object_t *known;
    pv_ask_t ask = {.type = type,
                    .task = pv_task_find(type, pv_id_kind(object)),
                    .object = *object,
                    .fields = fields ? fields : &none,
                    .origin = origin};
    apr_pool_t *p;
    apr_pool_create(&p, engine->p);
    if (pv_object_find(&known, engine->journal, object, p) == APR_SUCCESS)
        ask.revision = known->revision;
    apr_status_t rv = pv_key_make(&ask.key);
    if (rv != APR_SUCCESS)
        rv = pv_fail(err, PV_INTERNAL, NULL, "the kernel has no randomness to give");
    else
        rv = pv_accept(&accepted, engine, &ask, err);
    if (rv == APR_SUCCESS)
        *job = accepted.job;
    apr_pool_destroy(p);
    return rv;
}

/* ---- a dry run ---- */

void pv_accept_dry(pv_engine_t *engine, const pv_ask_t *ask, pv_sink_t *sink)
{
    pv_err_t err;
    pv_job_t *job = job_of(engine, ask, sink->p);
    apr_status_t rv = pv_journal_begin(engine->journal, &err);
    if (rv == APR_SUCCESS) {
        rv = check_object(job, &err);
        if (rv == APR_SUCCESS)
            rv = pv_job_plan(job, ask->fields, &err);
        pv_journal_rollback(engine->journal);
    }
    if (rv == APR_SUCCESS)
        pv_plan_describe(job, sink);
    else
        sink->end(sink, &err, NULL);
}

/* ---- cancel ---- */

static apr_status_t cancel_accepted(pv_job_t *job, pv_err_t *err)
{
    job->cancel = 1;
    pv_fail(&job->err, PV_CANCELLED, NULL, "it had not begun");
    apr_status_t rv = pv_job_end(job, PV_JOB_cancelled, err);
    if (rv == APR_SUCCESS)
        pv_sched_remove(job->engine->sched, job->id);
    return rv;
}

static apr_status_t cancel_running(pv_job_t *job, pv_err_t *err)
{
    if (pv_job_past_commit(job))
        return pv_fail(err, PV_TOO_LATE, "key", "job %lu is past its point of no return", (unsigned long)job->id);
    if (job->state == PV_JOB_undoing)
        return APR_SUCCESS;
    job->cancel = 1;
    apr_status_t rv = pv_job_store(job, NULL, NULL, 0, err);
    if (rv != APR_SUCCESS) {
        job->cancel = 0;
        return rv;
    }
    pv_call_kill(job->engine, job);
    if (job->run->timer) { /* it waits: at once, not at its next try */
        pv_timer_stop(job->run->timer);
        job->run->timer = NULL;
        pv_job_turn(job);
    }
    return APR_SUCCESS;
}

apr_status_t pv_cancel(pv_job_state_t *state, pv_engine_t *engine, const pv_key_t *key, pv_err_t *err)
{
    apr_pool_t *p;
    pv_job_t *job, *running;
    apr_pool_create(&p, engine->p);
    apr_status_t rv = pv_job_find_key(&job, engine->journal, key, p);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(p);
        return pv_fail(err, PV_NO_OBJECT, "key", "there is no job with this key");
    }
    job->engine = engine;
    uint64_t id = job->id;
    if ((running = pv_sched_running(engine->sched, id)))
        rv = cancel_running(running, err);
    else if (job->state == PV_JOB_accepted)
        rv = cancel_accepted(job, err);
    if (rv == APR_SUCCESS && pv_job_find(&job, engine->journal, id, p) == APR_SUCCESS)
        *state = job->state;
    apr_pool_destroy(p);
    return rv;
}
