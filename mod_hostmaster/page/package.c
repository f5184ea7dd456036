/*
 * Packages, to be looked at: list, one with its releases and where each is, and what one platform or site has. What
 * must be updated is plain to see: a release is older when a newer one that is finished is known, on any platform or on
 * a site that the actor may see.
 */
#include "db.h"
#include "model/object.h"
#include "page/page.h"
#include "route.h"
#include "stmts.h"
#include "versions.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define RELEASES 200  /* of one package */
#define ON       500  /* platforms of one package */
#define FIRST    12   /* sites of each release, on the package's own page */
#define ROWS     1000 /* packages on an object's page */
#define FEW      60   /* of them in a group that is not folded */
#define DISABLED "disabled"

static const struct {
    const char *type, *label;
} types[] = {{"core", "Core"}, {"profile", "Profiles"}, {"module", "Modules"}, {"theme", "Themes"}};

#define TYPES (sizeof(types) / sizeof(*types))

static const char *text(const hm_req_t *q, const char *name)
{
    const char *s = hm_arg(q, name);
    return s ? s : "";
}

/* ---- versions ---- */

/* A finished release is newer than any other, else the version decides. */
static int newer(const char *a, const char *b)
{
    int stable = hm_version_stable(a) - hm_version_stable(b);
    return stable ? stable > 0 : hm_version_compare(a, b) > 0;
}

static int is_older(const char *version, const char *newest)
{
    return hm_version_compare(version, newest) < 0;
}

static int release_order(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    int differ = hm_version_compare(hm_row_s(*y, "version"), hm_row_s(*x, "version"));
    return differ ? differ : (hm_row_n(*x, "id") < hm_row_n(*y, "id")) - (hm_row_n(*x, "id") > hm_row_n(*y, "id"));
}

/* Releases, the newest first. */
static json_t *sorted(hm_req_t *q, const json_t *rows)
{
    size_t n = json_array_size(rows), i;
    json_t **row = apr_palloc(q->p, (n + 1) * sizeof(*row)), *all = hm_own(q, json_array());
    for (i = 0; i < n; i++)
        row[i] = json_array_get(rows, i);
    qsort(row, n, sizeof(*row), release_order);
    for (i = 0; i < n; i++)
        json_array_append(all, row[i]);
    return all;
}

/* Says of each release what it is to the newest one, and in INTO which that is, and how many sites should be updated.
 */
static void releases_mark(json_t *into, json_t *releases)
{
    const char *newest = NULL;
    int64_t behind = 0;
    size_t i;
    json_t *row;
    json_array_foreach(releases, i, row)
    {
        if (newest == NULL || newer(hm_row_s(row, "version"), newest))
            newest = hm_row_s(row, "version");
    }
    json_array_foreach(releases, i, row)
    {
        const char *version = hm_row_s(row, "version");
        int older = is_older(version, newest);
        behind += older ? hm_row_n(row, "site_count") : 0;
        json_object_set_new(row, "mark", json_string(older ? "older" : strcmp(version, newest) == 0 ? "newest" : ""));
    }
    json_object_set_new(into, "newest", json_string(newest ? newest : ""));
    json_object_set_new(into, "behind", json_integer(behind));
}

/* The releases of a package that the actor may see, marked. */
static apr_status_t releases_get(hm_req_t *q, json_t *into, int64_t package, json_t **releases)
{
    json_t *rows;
    int64_t client = q->actor.client;
    apr_status_t rv = q->actor.role == HM_ADMIN
                          ? hm_sql_package_releases(q->db, &rows, &q->err, package, RELEASES)
                          : hm_sql_package_releases_of(q->db, &rows, &q->err, client, package, client, RELEASES);
    if (rv != APR_SUCCESS)
        return rv;
    *releases = sorted(q, rows);
    releases_mark(into, *releases);
    return APR_SUCCESS;
}

/* ---- list ---- */

/* A word of the query that chooses; "" where it does not. */
static apr_status_t choice(hm_req_t *q, const char *name, const char **ret)
{
    const char *s = text(q, name);
    pv_app_t word;
    *ret = s;
    if (*s == '\0' || pv_app_parse(&word, s, strlen(s)) == APR_SUCCESS)
        return APR_SUCCESS;
    q->status = 400;
    return pv_fail(&q->err, PV_SCHEMA, name, "a word of at most 16 small letters and digits");
}

static void tab_add(json_t *tabs, const char *word, const char *label, const char *chosen)
{
    json_array_append_new(tabs,
                          json_pack("{s:s, s:s, s:i}", "word", word, "label", label, "on", strcmp(word, chosen) == 0));
}

/* What the list can be narrowed to. */
static apr_status_t tabs_show(hm_req_t *q, const char *type, const char *app)
{
    json_t *by_type = json_array(), *by_app = json_array(), *rows, *row;
    size_t i;
    json_object_set_new(q->view, "types", by_type);
    json_object_set_new(q->view, "apps", by_app);
    tab_add(by_type, "", "All", type);
    for (i = 0; i < TYPES; i++)
        tab_add(by_type, types[i].type, types[i].label, type);
    apr_status_t rv = hm_sql_package_apps(q->db, &rows, &q->err);
    if (rv != APR_SUCCESS || json_array_size(rows) < 2)
        return rv;
    tab_add(by_app, "", "All", app);
    json_array_foreach(rows, i, row) tab_add(by_app, hm_row_s(row, "app"), hm_row_s(row, "app"), app);
    return rv;
}

/* What the releases of a package come to. */
static apr_status_t counts_show(hm_req_t *q, json_t *package)
{
    json_t *releases, *row;
    int64_t platforms = 0, sites = 0;
    size_t i;
    apr_status_t rv = releases_get(q, package, hm_row_n(package, "id"), &releases);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(releases, i, row)
    {
        platforms += hm_row_n(row, "platform_count");
        sites += hm_row_n(row, "site_count");
    }
    json_object_set_new(package, "releases", json_integer((json_int_t)json_array_size(releases)));
    json_object_set_new(package, "platforms", json_integer(platforms));
    json_object_set_new(package, "sites", json_integer(sites));
    return APR_SUCCESS;
}

int hm_page_package_list(hm_req_t *q)
{
    const char *find = hm_find_pattern(q), *after = text(q, "after"), *type, *app;
    int64_t limit;
    json_t *rows, *row;
    size_t i;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, choice(q, "type", &type));
    HM_TRY(q, choice(q, "app", &app));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q,
           hm_sql_package_list(q->db, &rows, &q->err, find, find, type, type, app, app, after, HM_SCOPE(q), limit + 1));
    hm_list_show(q, "packages", rows, limit, "sort");
    json_array_foreach(rows, i, row) HM_TRY(q, counts_show(q, row));
    HM_TRY(q, tabs_show(q, type, app));
    json_object_update_new(q->view, json_pack("{s:s, s:s, s:s}", "find", text(q, "find"), "type", type, "app", app));
    return OK;
}

/* ---- one ---- */

static apr_status_t platforms_show(hm_req_t *q, int64_t package, json_t *releases)
{
    json_t *rows, *row, *release;
    size_t i, k;
    apr_status_t rv = hm_sql_package_platforms(q->db, &rows, &q->err, package, ON);
    json_array_foreach(releases, i, release)
    {
        json_t *on = json_array();
        json_object_set_new(release, "platforms", on);
        if (rv != APR_SUCCESS)
            continue;
        json_array_foreach(rows, k, row) if (hm_row_n(row, "release") == hm_row_n(release, "id"))
            json_array_append(on, row);
    }
    return rv;
}

static apr_status_t sites_get(hm_req_t *q, const json_t *release, const char *after, int64_t limit, json_t **sites)
{
    apr_status_t rv = hm_sql_package_sites(q->db, sites, &q->err, hm_row_n(release, "id"), HM_SCOPE(q), after, limit);
    if (rv == APR_SUCCESS)
        hm_object_shown(*sites);
    return rv;
}

/* The first sites of each release; the rest is one page away. */
static apr_status_t sites_show(hm_req_t *q, json_t *releases, int64_t limit)
{
    json_t *sites, *release;
    size_t i;
    json_array_foreach(releases, i, release)
    {
        apr_status_t rv = sites_get(q, release, "", limit, &sites);
        if (rv != APR_SUCCESS)
            return rv;
        json_object_set(release, "sites", sites);
        int64_t more = hm_row_n(release, "site_count") - (int64_t)json_array_size(sites);
        json_object_set_new(release, "more", json_integer(more > 0 ? more : 0));
    }
    return APR_SUCCESS;
}

static json_t *release_find(const json_t *releases, const char *version)
{
    json_t *release;
    size_t i;
    json_array_foreach(releases, i, release)
    {
        if (strcmp(hm_row_s(release, "version"), version) == 0)
            return release;
    }
    return NULL;
}

/* All sites that enable the release VERSION, as a list. */
static apr_status_t release_show(hm_req_t *q, const json_t *releases, const char *version, int64_t limit)
{
    json_t *sites, *release = release_find(releases, version);
    if (release == NULL)
        return pv_fail(&q->err, PV_NO_OBJECT, NULL, "%s", "");
    apr_status_t rv = sites_get(q, release, text(q, "after"), limit + 1, &sites);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set(q->view, "release", release);
    hm_list_show(q, "sites", sites, limit, "name");
    return APR_SUCCESS;
}

int hm_page_package_view(hm_req_t *q)
{
    const char *version = hm_arg(q, "version");
    int64_t limit, id = strtoll(q->param[0], NULL, 10);
    json_t *rows, *package, *releases;
    HM_TRY(q, hm_list_limit(q, &limit));
    if (hm_arg(q, "after") && version == NULL) {
        q->status = 400;
        HM_TRY(q, pv_fail(&q->err, PV_SCHEMA, "after", "only with a version"));
    }
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_package_get(q->db, &rows, &q->err, id, HM_SCOPE(q)));
    HM_TRY(q, hm_one(q, rows, &package));
    HM_TRY(q, releases_get(q, q->view, id, &releases));
    json_object_set(q->view, "package", package);
    if (version) {
        HM_TRY(q, release_show(q, releases, version, limit));
        return OK;
    }
    HM_TRY(q, platforms_show(q, id, releases));
    HM_TRY(q, sites_show(q, releases, hm_arg(q, "limit") ? limit : FIRST));
    json_object_set(q->view, "releases", releases);
    return OK;
}

/* ---- of one object ---- */

/* The newest version of each package by its id. */
static apr_status_t newest_get(hm_req_t *q, const char *object, json_t *newest)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_package_versions_on(q->db, &rows, &q->err, object, HM_SCOPE(q));
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row)
    {
        const char *id = apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)hm_row_n(row, "id"));
        const char *best = json_string_value(json_object_get(newest, id));
        if (best == NULL || newer(hm_row_s(row, "version"), best))
            json_object_set(newest, id, json_object_get(row, "version"));
    }
    return APR_SUCCESS;
}

/* The group of a type, in the order of the table; what is not enabled is the last one. */
static json_t *group_get(json_t *groups, const char *type, const char *label)
{
    json_t *group;
    size_t i, n = json_array_size(groups);
    json_array_foreach(groups, i, group) if (strcmp(hm_row_s(group, "type"), type) == 0) return group;
    group = json_pack("{s:s, s:s, s:i, s:i, s:[]}", "type", type, "label", label, "count", 0, "behind", 0, "rows");
    json_array_insert_new(groups, n ? n - 1 : 0, group);
    return group;
}

static json_t *groups_make(void)
{
    json_t *groups = json_array();
    group_get(groups, DISABLED, "Not enabled");
    for (size_t i = 0; i < TYPES; i++)
        group_get(groups, types[i].type, types[i].label);
    return groups;
}

static void count_up(json_t *group, const char *name)
{
    json_object_set_new(group, name, json_integer(hm_row_n(group, name) + 1));
}

static void group_add(json_t *groups, json_t *row, const char *newest)
{
    const char *type = hm_row_s(row, "type");
    int off = strcmp(hm_row_s(row, "status"), "disabled") == 0;
    int older = newest && is_older(hm_row_s(row, "version"), newest);
    json_t *group = group_get(groups, off ? DISABLED : type, type);
    json_object_set_new(row, "newer", json_string(older ? newest : ""));
    json_array_append(json_object_get(group, "rows"), row);
    count_up(group, "count");
    if (older && !off)
        count_up(group, "behind");
}

apr_status_t hm_packages_on(hm_req_t *q, const char *object)
{
    json_t *rows, *row, *group, *newest = hm_own(q, json_object()), *groups = groups_make();
    size_t i;
    json_object_set_new(q->view, "packages", groups);
    apr_status_t rv = hm_sql_package_list_on(q->db, &rows, &q->err, object, ROWS);
    if (rv == APR_SUCCESS)
        rv = newest_get(q, object, newest);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row)
    {
        const char *id = apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)hm_row_n(row, "id"));
        group_add(groups, row, json_string_value(json_object_get(newest, id)));
    }
    json_array_foreach(groups, i, group)
    {
        int open = strcmp(hm_row_s(group, "type"), DISABLED) != 0 && hm_row_n(group, "count") <= FEW;
        json_object_set_new(group, "open", json_boolean(open));
    }
    json_object_set_new(q->view, "package_count", json_integer((json_int_t)json_array_size(rows)));
    return APR_SUCCESS;
}
