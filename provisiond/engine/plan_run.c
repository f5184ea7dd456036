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

/* A field besides the verb's own name that the verb does not take; NULL where there is none. */
static const char *not_taken(const pv_planner_t *m, const pv_verb_t *verb)
{
    int i;

    for (i = 0; i < m->fields->n; i++)
        if (strcmp(m->fields->field[i].name, "verb") && !pv_strings_have(&verb->args, m->fields->field[i].name))
            return m->fields->field[i].name;
    return NULL;
}

static apr_status_t choose_verb(pv_planner_t *m)
{
    const char *kind = pv_kind_name(pv_id_kind(&m->job->object)), *name = pv_fields_str(m->fields, "verb", ""), *bad;
    const pv_manifest_t *manifest;
    const pv_verb_t *verb;
    apr_status_t rv = pv_manifest_read(&manifest, m->conf->AppsDir, m->job->app.s, m->err, m->p);

    if (rv)
        return rv;
    verb = pv_manifest_verb(manifest, name);
    if (!verb || !verb->run || strcmp(verb->run, kind))
        return pv_fail(m->err, PV_SCHEMA, "verb", "%s offers no %s of a %s: there is %s", manifest->label, name, kind,
                       offered(manifest, kind, m->p));
    bad = not_taken(m, verb);
    if (bad)
        return pv_fail(m->err, PV_SCHEMA, bad, "%s takes none", verb->label);
    json_object_set_new(m->job->plan, "verb", json_string(name));
    return APR_SUCCESS;
}

apr_status_t pv_plan_run(pv_planner_t *m)
{
    apr_status_t rv = pv_id_kind(&m->job->object) == PV_SITE ? pv_plan_site_relations(m, m->job->have) : find_driver(m);

    return rv ? rv : choose_verb(m);
}
