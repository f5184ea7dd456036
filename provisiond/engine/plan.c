/*
 * From a checked request to a plan: everything that a job's steps need to know, found out and decided once and stored
 * with the job, so that every life of the daemon does the same. A plan is a flat JSON object:
 *
 *   context name state was      the object's names; its state after the job, and before it ("" where it was not there)
 *   FLAGS                       database link php install http db copy setup trash: which steps apply (`needs` of
 * steps.def) adopt                       a platform whose folder is not ours place source except version the code base;
 * platform server  ids port addresses              of the web server;  db_server db db_host db_port dbgen  of the
 * database
 *
 * Runs with the job's locks, in the transaction of its caller; a dry run is rolled back.
 */
#include "engine/plan.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <string.h>

typedef enum { EXISTS = 1, NEW = 2, EITHER = 3, GONE = 4 } must_t;

static const struct {
    const char *type;
    pv_kind_t kind;
    must_t must;
    pv_planner_fn *make;
    const char *state; /* of the object after it; NULL: as it was */
} tasks[] = {
    {"verify", PV_SERVER, EITHER, pv_plan_server, "verified"},
    {"verify", PV_PLATFORM, EITHER, pv_plan_platform, "verified"},
    {"verify", PV_SITE, EXISTS, pv_plan_site, NULL},
    {"install", PV_SITE, NEW, pv_plan_install, "enabled"},
    {"disable", PV_SITE, EXISTS, pv_plan_site, "disabled"},
    {"enable", PV_SITE, EXISTS, pv_plan_site, "enabled"},
    {"delete", PV_SITE, EXISTS, pv_plan_site_gone, "deleted"},
    {"delete", PV_PLATFORM, EXISTS, pv_plan_platform_gone, "deleted"},
    {"delete", PV_SERVER, EXISTS, pv_plan_server_gone, "deleted"},
    {"backup", PV_SITE, EXISTS, pv_plan_backup, NULL},
    {"backup_delete", PV_SITE, EXISTS | GONE, pv_plan_backup_delete, NULL},
    {"restore", PV_SITE, EXISTS | GONE, pv_plan_restore, NULL},
    {"run", PV_SITE, EXISTS, pv_plan_run, NULL},
    {"run", PV_PLATFORM, EXISTS, pv_plan_run, NULL},
    {"purge", PV_SITE, GONE, pv_plan_site_purge, "deleted"},
    {"purge", PV_PLATFORM, GONE, pv_plan_platform_purge, "deleted"},
};
#define TASKS (sizeof(tasks) / sizeof(tasks[0]))

void pv_plan_flag(pv_planner_t *m, const char *name, int on)
{
    json_object_set_new(m->job->plan, name, json_boolean(on));
}

void pv_plan_copy(pv_planner_t *m, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (value)
        json_object_set(m->job->plan, name, value);
}

static json_t *strings(const pv_field_t *field)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < field->n; i++)
        json_array_append_new(list, json_string(field->s[i]));
    return list;
}

void pv_plan_merge(pv_planner_t *m)
{
    const pv_task_row_t *task = pv_task_find(m->job->type, pv_id_kind(&m->job->object));
    int i;

    for (i = 0; i < task->nfields; i++) {
        const pv_field_row_t *row = &task->field[i];
        const pv_field_t *field = pv_fields_get(m->fields, row->name);

        if (field && field->n == 0)
            json_object_del(m->job->want, row->name);
        else if (field && pv_value_row(row->value)->list)
            json_object_set_new(m->job->want, row->name, strings(field));
        else if (field)
            pv_props_set(m->job->want, row->name,
                         row->value == PV_VALUE_DOMAIN_OR_NONE && !strcmp(field->s[0], "none") ? "" : field->s[0]);
    }
}

apr_status_t pv_plan_name(pv_planner_t *m, const char *label)
{
    const pv_id_t *self = &m->job->object;
    const char *prefix = pv_id_kind(self) == PV_SERVER ? "server_" : pv_id_kind(self) == PV_PLATFORM ? "platform_" : "";
    const char *context = apr_pstrcat(m->p, "@", prefix, label, NULL);
    pv_object_t *other;

    if (pv_object_find_name(&other, m->j, context, m->p) == APR_SUCCESS && !pv_id_eq(&other->id, self))
        return pv_fail(m->err, PV_NAME_IN_USE, "name", "%s is the name of %s", context, other->id.s);
    json_object_set_new(m->job->plan, "name", json_string(label));
    json_object_set_new(m->job->plan, "context", json_string(context));
    return APR_SUCCESS;
}

apr_status_t pv_plan_relation(pv_planner_t *m, const pv_object_t **ret, const json_t *props, const char *field)
{
    const char *id = pv_props_str(props, field);
    pv_object_t *found;
    pv_id_t parsed;

    if (pv_id_parse(&parsed, id, strlen(id)) || pv_object_find(&found, m->j, &parsed, m->p) || found->deleted)
        return pv_fail(m->err, PV_NO_OBJECT, field, "there is no %s %s", field, id);
    if (strcmp(found->state, "verified"))
        return pv_fail(m->err, PV_NO_OBJECT, field, "%s is not verified yet (its state is %s); verify it first",
                       found->name.s, found->state);
    *ret = found;
    return APR_SUCCESS;
}

apr_status_t pv_plan_unused(pv_planner_t *m, const char *field)
{
    pv_object_t *first;
    int n;
    apr_status_t rv = pv_object_users(&n, &first, m->j, field, m->job->object.s, m->p);

    if (rv || n == 0)
        return rv;
    return pv_fail(m->err, PV_IN_USE, "object", "it is the %s of %s%s", field, first->name.s,
                   n > 1 ? apr_psprintf(m->p, " and %d more", n - 1) : "");
}

apr_status_t pv_plan_server(pv_planner_t *m)
{
    json_t *want = m->job->want;

    pv_plan_merge(m);
    if (!strcmp(pv_props_str(want, "db_auth"), "password") && !*pv_props_str(want, "db_port"))
        pv_props_set(want, "db_port", "3306");
    pv_plan_flag(m, "http", *pv_props_str(want, "http") != '\0');
    pv_plan_flag(m, "db", *pv_props_str(want, "db") != '\0');
    json_object_set_new(m->job->plan, "port", json_string(pv_props_str(want, "http_port")));
    return pv_plan_name(m, pv_props_str(want, "name"));
}

apr_status_t pv_plan_server_gone(pv_planner_t *m)
{
    apr_status_t rv = pv_plan_unused(m, "server");

    return rv ? rv : pv_plan_unused(m, "db_server");
}

/* Is the object there, or not, as the task needs it? */
static apr_status_t check_self(const pv_planner_t *m, must_t must)
{
    must_t is = !m->self ? NEW : m->self->deleted ? GONE : EXISTS;

    if (is & must)
        return APR_SUCCESS;
    if (must == NEW)
        return pv_fail(m->err, PV_NAME_IN_USE, "name", "%s exists already", m->self->name.s);
    return pv_fail(m->err, PV_NO_OBJECT, "object", "there is no %s %s", pv_kind_name(pv_id_kind(&m->job->object)),
                   m->job->object.s);
}

static void begin(pv_planner_t *m, const char *state)
{
    pv_job_t *job = m->job;
    const char *was = m->self ? m->self->state : "";
    int gone = state && !strcmp(state, "deleted");

    job->plan = pv_json_keep(json_pack("{s:s, s:s}", "state", state ? state : was, "was", was), job->p);
    job->want = gone ? NULL : pv_json_keep(job->have ? json_deep_copy(job->have) : json_object(), job->p);
    job->uid = m->self ? m->self->uid : 0;
    if (m->self) {
        const char *name = strrchr(m->self->name.s, '_'); /* a label and a host name have none */
        json_object_set_new(job->plan, "context", json_string(m->self->name.s));
        json_object_set_new(job->plan, "name", json_string(name ? name + 1 : m->self->name.s + 1));
    }
}

apr_status_t pv_plan_make(pv_job_t *job, const pv_fields_t *fields, pv_err_t *err)
{
    pv_planner_t m = {job, fields, pv_engine_conf(job->engine), pv_engine_journal(job->engine), NULL, job->p, err};
    pv_object_t *self;
    apr_status_t rv;
    size_t i;

    for (i = 0; i < TASKS; i++)
        if (tasks[i].kind == pv_id_kind(&job->object) && !strcmp(tasks[i].type, job->type))
            break;
    if (i == TASKS)
        return pv_fail(err, PV_SCHEMA, "type", "there is no task %s of a %s", job->type,
                       pv_kind_name(pv_id_kind(&job->object)));
    if (job->have && pv_object_find(&self, m.j, &job->object, job->p) == APR_SUCCESS)
        m.self = self;
    rv = check_self(&m, tasks[i].must);
    if (rv)
        return rv;
    begin(&m, tasks[i].state);
    return tasks[i].make(&m);
}
