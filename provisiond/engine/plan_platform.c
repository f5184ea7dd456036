/*
 * Plans of platforms: where the code base is, whether we made its folder, which drivers may claim it. A platform stays
 * where it is and what it is: its sites' links, virtual hosts and databases follow from that.
 */
#include "engine/plan.h"
#include <apr_strings.h>
#include <string.h>

/* A place below one of ROOTS. */
static apr_status_t check_place(pv_planner_t *m, const char *field, const pv_paths_t *roots, const char *directive)
{
    const char *text = pv_props_str(m->job->want, field);
    pv_place_t place;

    if (pv_place_parse(&place, text, strlen(text)))
        return pv_fail(m->err, PV_SCHEMA, field, "must be INDEX:comp/comp[:docroot]");
    if (place.root >= (unsigned)roots->n)
        return pv_fail(m->err, PV_ROOT_NOT_ALLOWED, field, "there is no %s %u in provisiond.conf", directive,
                       place.root);
    return APR_SUCCESS;
}

static apr_status_t check_source(pv_planner_t *m)
{
    const char *source = pv_props_str(m->job->want, "source");
    apr_status_t rv = check_place(m, "source", &m->conf->SourceRoot, "SourceRoot");

    if (!rv && strchr(strchr(source, ':') + 1, ':'))
        rv = pv_fail(m->err, PV_SCHEMA, "source", "is a folder as a whole; the docroot is part of the place");
    return rv;
}

static apr_status_t check_unchanged(pv_planner_t *m)
{
    static const char *const fixed[] = {"server", "place", "source", "app"};
    size_t i;

    for (i = 0; m->self && i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        const char *is = pv_props_str(m->job->have, fixed[i]);
        if (strcmp(is, pv_props_str(m->job->want, fixed[i])))
            return pv_fail(m->err, PV_SCHEMA, fixed[i], "is %s and stays so; make another platform instead",
                           *is ? is : "none");
    }
    return APR_SUCCESS;
}

static apr_status_t check_alone(pv_planner_t *m)
{
    pv_object_t *first;
    const char *place = pv_props_str(m->job->want, "place");
    int n;
    apr_status_t rv = pv_object_users(&n, &first, m->j, "place", place, m->p);

    if (!rv && n > 0 && !pv_id_eq(&first->id, &m->job->object))
        rv = pv_fail(m->err, PV_NAME_IN_USE, "place", "%s is the place of %s", place, first->name.s);
    return rv;
}

/* Adds to LIST what must not be copied from a code base of this type. */
static void leave_out(json_t *list, const pv_manifest_t *manifest)
{
    int i;

    for (i = 0; i < manifest->except.n; i++)
        json_array_append_new(list, json_string(manifest->except.s[i]));
}

/* The driver, where it is known; otherwise all are candidates until the code base is there to be looked at. */
static apr_status_t choose_app(pv_planner_t *m)
{
    const char *app = pv_props_str(m->job->want, "app");
    const pv_manifest_t *one, **list = &one;
    json_t *except = json_array();
    int i, n = 1;
    apr_status_t rv = *app ? pv_manifest_read(&one, m->conf->AppsDir, app, m->err, m->p)
                           : pv_manifest_list(&list, &n, m->conf->AppsDir, m->err, m->p);

    json_object_set_new(m->job->plan, "except", except);
    if (rv)
        return rv;
    for (i = 0; i < n; i++)
        leave_out(except, list[i]);
    if (*app)
        m->job->app = one->app;
    pv_plan_flag(m, "setup", !*app || pv_manifest_verb(one, "setup") != NULL);
    pv_plan_flag(m, "packages", !*app || pv_manifest_verb(one, "packages") != NULL);
    return APR_SUCCESS;
}

void pv_plan_code(pv_planner_t *m, const json_t *props)
{
    json_object_set_new(m->job->plan, "platform", json_string(m->job->object.s));
    pv_plan_copy(m, props, "place");
    pv_plan_copy(m, props, "source");
    pv_plan_copy(m, props, "version");
    pv_plan_flag(m, "adopt", !*pv_props_str(props, "source"));
}

apr_status_t pv_plan_platform(pv_planner_t *m)
{
    json_t *want = m->job->want;
    const pv_object_t *server;
    int copied;
    apr_status_t rv;

    pv_plan_merge(m);
    copied = *pv_props_str(want, "source") != '\0';
    if ((rv = check_unchanged(m)) || (rv = check_place(m, "place", &m->conf->PlatformRoot, "PlatformRoot")) ||
        (copied && (rv = check_source(m))) || (rv = check_alone(m)) ||
        (rv = pv_plan_relation(m, &server, want, "server")) || (rv = choose_app(m)) ||
        (rv = pv_plan_name(m, pv_props_str(want, "name"))))
        return rv;
    if (!*pv_props_str(server->props, "http"))
        return pv_fail(m->err, PV_SCHEMA, "server", "%s is no web server", server->name.s);
    pv_plan_code(m, want);
    pv_plan_flag(m, "copy", copied && !m->self);
    if (copied && !m->self)
        rv = pv_uid_take(&m->job->uid, m->j, m->conf->UidRange.first, m->conf->UidRange.last, m->err);
    return rv;
}

apr_status_t pv_plan_platform_gone(pv_planner_t *m)
{
    pv_plan_code(m, m->job->have);
    return pv_plan_unused(m, "platform");
}

apr_status_t pv_plan_platform_purge(pv_planner_t *m)
{
    pv_plan_code(m, m->job->have);
    pv_plan_flag(m, "trash", !pv_props_flag(m->job->plan, "adopt"));
    return APR_SUCCESS;
}
