/*
 * Plans of `run`: one verb of the object's driver, by itself. Which verbs there are, on what they can be asked for and
 * what they take is the manifest's to say.
 */
#include "engine/plan.h"
#include <apr_strings.h>
#include <string.h>

/* The platform's own driver. */
static apr_status_t find_driver(pv_planner_t *m)
{
    const pv_manifest_t *manifest;
    apr_status_t rv = pv_manifest_read(&manifest, m->conf->AppsDir, pv_props_str(m->job->have, "app"), m->err, m->p);

    if (rv)
        return rv;
    m->job->app = manifest->app;
    pv_plan_code(m, m->job->have);
    return APR_SUCCESS;
}

/* "cron, login" : what can be asked for on an object of this KIND. */
static const char *offered(const pv_manifest_t *manifest, const char *kind, apr_pool_t *p)
{
    const char *all = "";
    int i;

    for (i = 0; i < manifest->nverbs; i++)
        if (manifest->verb[i].run && !strcmp(manifest->verb[i].run, kind))
            all = apr_pstrcat(p, all, *all ? ", " : "", manifest->verb[i].name, NULL);
    return *all ? all : "nothing";
}

/* Fields besides the verb's own name only where the verb takes them. All that are wrong are named. */
static apr_status_t check_args(pv_planner_t *m, const pv_verb_t *verb)
{
    pv_err_t bad = {0};
    int i;

    for (i = 0; i < m->fields->n; i++) {
        const char *name = m->fields->field[i].name;
        if (strcmp(name, "verb") && !pv_strings_have(&verb->args, name))
            pv_fail_also(&bad, name, "the verb %s takes none", verb->name);
    }
    if (bad.code == PV_OK)
        return APR_SUCCESS;
    *m->err = bad;
    return APR_EGENERAL;
}

static apr_status_t choose_verb(pv_planner_t *m)
{
    const char *kind = pv_kind_name(pv_id_kind(&m->job->object)), *name = pv_fields_str(m->fields, "verb", "");
    const pv_manifest_t *manifest;
    const pv_verb_t *verb;
    apr_status_t rv = pv_manifest_read(&manifest, m->conf->AppsDir, m->job->app.s, m->err, m->p);

    if (rv)
        return rv;
    verb = pv_manifest_verb(manifest, name);
    if (!verb || !verb->run || strcmp(verb->run, kind))
        return pv_fail(m->err, PV_SCHEMA, "verb", "%s offers no %s of a %s: there is %s", manifest->label, name, kind,
                       offered(manifest, kind, m->p));
    json_object_set_new(m->job->plan, "verb", json_string(name));
    json_object_set_new(m->job->plan, "label", json_string(verb->label));
    return check_args(m, verb);
}

apr_status_t pv_plan_run(pv_planner_t *m)
{
    apr_status_t rv = pv_id_kind(&m->job->object) == PV_SITE ? pv_plan_site_relations(m, m->job->have) : find_driver(m);

    return rv ? rv : choose_verb(m);
}
