/*
 * Plans of sites: the platform, web server and database server they are on, the names they take, and what their
 * driver's manifest asks for.
 */
#include "engine/plan.h"
#include <apr_strings.h>
#include <string.h>

/* The platform, its driver and its web server. */
static apr_status_t find_platform(pv_planner_t *m, const json_t *props, const pv_manifest_t **ret)
{
    const pv_object_t *platform, *server;
    const char *app;
    apr_status_t rv;

    if ((rv = pv_plan_relation(m, &platform, props, "platform")) ||
        (rv = pv_plan_relation(m, &server, platform->props, "server")))
        return rv;
    app = pv_props_str(platform->props, "app");
    if ((rv = pv_manifest_read(ret, m->conf->AppsDir, app, m->err, m->p)))
        return rv;
    m->job->app = (*ret)->app;
    json_object_set_new(m->job->plan, "platform", json_string(platform->id.s));
    json_object_set_new(m->job->plan, "server", json_string(server->id.s));
    pv_plan_copy(m, platform->props, "place");
    pv_plan_copy(m, platform->props, "version");
    json_object_set_new(m->job->plan, "port", json_string(pv_props_str(server->props, "http_port")));
    pv_plan_copy(m, server->props, "addresses");
    pv_plan_flag(m, "link", (*ret)->link);
    pv_plan_flag(m, "php", (*ret)->php);
    pv_plan_flag(m, "install", pv_manifest_verb(*ret, "install") != NULL);
    pv_plan_flag(m, "move", pv_manifest_verb(*ret, "move") != NULL);
    pv_plan_flag(m, "status", pv_manifest_verb(*ret, "status") != NULL);
    pv_plan_flag(m, "packages", pv_manifest_verb(*ret, "packages") != NULL);
    return APR_SUCCESS;
}

static apr_status_t find_database(pv_planner_t *m, const json_t *props, const pv_manifest_t *manifest)
{
    static const char *const wanted[] = {"db", "db_host", "db_port"};
    const pv_object_t *server;
    size_t i;
    apr_status_t rv;

    pv_plan_flag(m, "database", manifest->databases.n > 0);
    if (manifest->databases.n == 0)
        return APR_SUCCESS;
    rv = pv_plan_relation(m, &server, props, "db_server");
    if (rv)
        return rv;
    if (!pv_strings_have(&manifest->databases, pv_props_str(server->props, "db")))
        return pv_fail(m->err, PV_SCHEMA, "db_server", "%s offers no database that %s can use: %s", server->name.s,
                       manifest->label, pv_strings_join(&manifest->databases, ", ", m->p));
    json_object_set_new(m->job->plan, "db_server", json_string(server->id.s));
    pv_plan_copy(m, props, "dbgen");
    for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        pv_plan_copy(m, server->props, wanted[i]);
    return APR_SUCCESS;
}

apr_status_t pv_plan_site_relations(pv_planner_t *m, const json_t *props)
{
    const pv_manifest_t *manifest;
    apr_status_t rv = find_platform(m, props, &manifest);

    return rv ? rv : find_database(m, props, manifest);
}

static apr_status_t check_host(pv_planner_t *m, const char *field, const char *name)
{
    pv_domain_t domain;

    if (pv_domain_parse(&domain, name, strlen(name)))
        return pv_fail(m->err, PV_NAME_BAD, field, "%s is no host name", name);
    if (pv_domain_is_localhost(&domain) && !m->conf->AllowLocalhost)
        return pv_fail(m->err, PV_NAME_BAD, field,
                       "%s is below .localhost, which AllowLocalhost in provisiond.conf allows", name);
    return APR_SUCCESS;
}

static apr_status_t check_free(pv_planner_t *m, const char *field, const char *name)
{
    pv_id_t owner;
    pv_object_t *site;

    if (pv_host_owner(&owner, m->j, name) || pv_id_eq(&owner, &m->job->object))
        return APR_SUCCESS;
    return pv_fail(m->err, PV_NAME_IN_USE, field, "%s belongs to %s", name,
                   pv_object_find(&site, m->j, &owner, m->p) ? owner.s : site->name.s);
}

/* Step `names` takes them. */
apr_status_t pv_plan_site_names(pv_planner_t *m)
{
    const json_t *want = m->job->want;
    const char *name = pv_props_str(want, "name"), *redirect = pv_props_str(want, "redirect");
    size_t i, n = pv_props_count(want, "aliases");
    int known = !*redirect || !strcmp(redirect, name);
    apr_status_t rv = check_host(m, "name", name);

    if (!rv)
        rv = check_free(m, "name", name);
    for (i = 0; i < n && !rv; i++) {
        const char *alias = pv_props_at(want, "aliases", i);
        known |= !strcmp(redirect, alias);
        if (!strcmp(alias, name))
            rv = pv_fail(m->err, PV_SCHEMA, "aliases", "%s is the site's own name", alias);
        else if (!(rv = check_host(m, "aliases", alias)))
            rv = check_free(m, "aliases", alias);
    }
    if (!rv && !known)
        rv = pv_fail(m->err, PV_SCHEMA, "redirect", "%s is neither the site's name nor one of its aliases", redirect);
    return rv;
}

/* Does the driver take these fields, and are those there that it needs? All that are wrong are named. */
static apr_status_t check_fields(pv_planner_t *m, const pv_manifest_t *manifest)
{
    static const char *const of_driver[] = {"profile", "language", "admin_name", "admin_mail"};
    const char *bad = "", *first = NULL;
    size_t i;
    int k;

    for (i = 0; i < sizeof(of_driver) / sizeof(of_driver[0]); i++)
        if (pv_fields_get(m->fields, of_driver[i]) && !pv_strings_have(&manifest->fields, of_driver[i])) {
            bad = apr_psprintf(m->p, "%s%s%s: %s takes none", bad, *bad ? "; " : "", of_driver[i], manifest->label);
            first = first ? first : of_driver[i];
        }
    for (k = 0; k < manifest->required.n; k++)
        if (!*pv_props_str(m->job->want, manifest->required.s[k])) {
            bad = apr_psprintf(m->p, "%s%s%s: %s needs one", bad, *bad ? "; " : "", manifest->required.s[k],
                               manifest->label);
            first = first ? first : manifest->required.s[k];
        }
    return first ? pv_fail(m->err, PV_SCHEMA, first, "%s", bad) : APR_SUCCESS;
}

static apr_status_t check_db_field(pv_planner_t *m, const pv_manifest_t *manifest)
{
    int given = *pv_props_str(m->job->want, "db_server") != '\0';

    if (given && manifest->databases.n == 0)
        return pv_fail(m->err, PV_SCHEMA, "db_server", "%s has no database", manifest->label);
    if (!given && manifest->databases.n > 0)
        return pv_fail(m->err, PV_SCHEMA, "db_server", "%s needs a database server", manifest->label);
    pv_props_set(m->job->want, "dbgen", given ? "1" : "");
    return APR_SUCCESS;
}

apr_status_t pv_plan_install(pv_planner_t *m)
{
    json_t *want = m->job->want;
    const pv_manifest_t *manifest;
    apr_status_t rv;

    pv_plan_merge(m);
    if (!*pv_props_str(want, "title"))
        pv_props_set(want, "title", pv_props_str(want, "name"));
    if ((rv = find_platform(m, want, &manifest)) || (rv = check_fields(m, manifest)) ||
        (rv = check_db_field(m, manifest)) || (rv = find_database(m, want, manifest)) ||
        (rv = pv_plan_name(m, pv_props_str(want, "name"))) || (rv = pv_plan_site_names(m)))
        return rv;
    pv_props_set(want, "app", m->job->app.s);
    return pv_uid_take(&m->job->uid, m->j, m->conf->UidRange.first, m->conf->UidRange.last, m->err);
}

/* verify, disable, enable */
apr_status_t pv_plan_site(pv_planner_t *m)
{
    apr_status_t rv;

    pv_plan_merge(m);
    rv = pv_plan_site_relations(m, m->job->want);
    return rv ? rv : pv_plan_site_names(m);
}

apr_status_t pv_plan_site_gone(pv_planner_t *m)
{
    apr_status_t rv = pv_plan_site_relations(m, m->job->have);

    if (rv || !strcmp(pv_fields_str(m->fields, "backup", "yes"), "no"))
        return rv;
    return pv_plan_archive(m, "before it was deleted");
}

apr_status_t pv_plan_site_purge(pv_planner_t *m)
{
    pv_plan_flag(m, "trash", 1);
    return APR_SUCCESS;
}
