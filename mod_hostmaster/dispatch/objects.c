/*
 * What a daemon tells of its objects, made into rows. Actual columns always. Wanted ones only while no task of ours is
 * open on the object: then the work was done from the command line, and is what people want now.
 */
#include "dispatch/objects.h"
#include "db.h"
#include "model/object.h"
#include "model/package.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    hm_db_t *db;
    pv_err_t *err;
    apr_pool_t *p;
} told_t;

typedef apr_status_t told_fn(told_t *t, const char *id, const json_t *o);
typedef apr_status_t id_fn(hm_db_t *db, pv_err_t *err, const char *id);

/* A code base's own word. */
static const char *version_of(const told_t *t, const json_t *o)
{
    return hm_db_text(hm_row_s(o, "version"), 64, t->p);
}

/* ---- servers ---- */

static const char *joined(const json_t *list, apr_pool_t *p)
{
    const char *all = "";
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry) all = apr_pstrcat(p, all, i ? " " : "", json_string_value(entry), NULL);
    return all;
}

static apr_status_t services_take(told_t *t, const char *id, const json_t *o)
{
    int64_t port = strtoll(hm_row_s(o, "http_port"), NULL, 10), db_port = strtoll(hm_row_s(o, "db_port"), NULL, 10);
    apr_status_t rv = hm_sql_service_delete_of(t->db, t->err, id);
    if (rv == APR_SUCCESS && hm_row_s(o, "http")[0])
        rv = hm_sql_service_add(t->db, t->err, id, "http", hm_row_s(o, "http"), "", "", port, "");
    if (rv == APR_SUCCESS && hm_row_s(o, "db")[0])
        rv = hm_sql_service_add(t->db, t->err, id, "db", hm_row_s(o, "db"), hm_row_s(o, "db_auth"),
                                hm_row_s(o, "db_host"), db_port, hm_row_s(o, "db_secret"));
    return rv;
}

static apr_status_t server_make(told_t *t, const char *id, const json_t *o)
{
    apr_status_t rv = hm_sql_server_add(t->db, t->err, id, hm_row_s(o, "name"), "",
                                        joined(json_object_get(o, "addresses"), t->p), hm_db_now());
    return rv == APR_SUCCESS ? services_take(t, id, o) : rv;
}

static apr_status_t server_take(told_t *t, const char *id, const json_t *o)
{
    apr_status_t rv =
        hm_sql_server_take(t->db, t->err, hm_row_s(o, "name"), joined(json_object_get(o, "addresses"), t->p), id);
    return rv == APR_SUCCESS ? services_take(t, id, o) : rv;
}

static apr_status_t server_seen(told_t *t, const char *id, const json_t *o)
{
    return hm_sql_server_seen(t->db, t->err, hm_row_s(o, "state"), hm_row_n(o, "revision"), hm_row_n(o, "at"), id);
}

/* ---- platforms ---- */

static apr_status_t platform_make(told_t *t, const char *id, const json_t *o)
{
    return hm_sql_platform_add(t->db, t->err, id, hm_row_s(o, "name"), hm_row_s(o, "server"), hm_row_s(o, "place"),
                               hm_row_s(o, "source"), hm_row_s(o, "app"), hm_db_now());
}

static apr_status_t platform_take(told_t *t, const char *id, const json_t *o)
{
    return hm_sql_platform_take(t->db, t->err, hm_row_s(o, "name"), id);
}

static apr_status_t platform_seen(told_t *t, const char *id, const json_t *o)
{
    return hm_sql_platform_seen(t->db, t->err, hm_row_s(o, "state"), hm_row_s(o, "app"), version_of(t, o),
                                hm_row_n(o, "revision"), hm_row_n(o, "at"), id);
}

/* ---- sites ---- */

static apr_status_t client_find(told_t *t, const char *name, int64_t *client)
{
    json_t *rows;
    *client = 1;
    if (!name[0])
        return APR_SUCCESS;
    apr_status_t rv = hm_sql_client_by_name(t->db, &rows, t->err, name);
    if (rv == APR_SUCCESS && json_array_size(rows) > 0)
        *client = hm_row_n(json_array_get(rows, 0), "id");
    return rv;
}

/* A client's name as it is kept: the command line takes longer ones than the panel. */
static const char *client_seen(const told_t *t, const json_t *o)
{
    return hm_db_text(hm_row_s(o, "client"), 64, t->p);
}

/* The daemon serves the site by that name, whoever wanted it here. */
static apr_status_t host_take(told_t *t, const char *name, const char *id, const char *kind)
{
    apr_status_t rv = hm_sql_host_free(t->db, t->err, name);
    return rv == APR_SUCCESS ? hm_sql_host_add(t->db, t->err, name, id, kind) : rv;
}

static apr_status_t hosts_take(told_t *t, const char *id, const json_t *o)
{
    size_t i;
    json_t *alias;
    apr_status_t rv = hm_sql_host_delete_of(t->db, t->err, id);
    if (rv == APR_SUCCESS)
        rv = host_take(t, hm_row_s(o, "name"), id, "site");
    json_array_foreach(json_object_get(o, "aliases"), i, alias)
    {
        if (rv == APR_SUCCESS)
            rv = host_take(t, json_string_value(alias), id, "alias");
    }
    return rv;
}

static apr_status_t site_make(told_t *t, const char *id, const json_t *o)
{
    int64_t client;
    apr_status_t rv = client_find(t, hm_row_s(o, "client"), &client);
    if (rv == APR_SUCCESS)
        rv = hm_sql_site_add(t->db, t->err, id, hm_row_s(o, "name"), client, hm_row_s(o, "platform"),
                             hm_row_s(o, "db_server"), hm_row_s(o, "redirect"), hm_row_s(o, "title"),
                             hm_row_s(o, "language"), hm_row_s(o, "profile"), hm_row_s(o, "admin_name"),
                             hm_row_s(o, "admin_mail"), hm_db_now());
    return rv == APR_SUCCESS ? hosts_take(t, id, o) : rv;
}

static apr_status_t site_take(told_t *t, const char *id, const json_t *o)
{
    int64_t client;
    apr_status_t rv = client_find(t, hm_row_s(o, "client"), &client);
    if (rv == APR_SUCCESS)
        rv = hm_sql_site_take(t->db, t->err, client_seen(t, o), client, hm_row_s(o, "redirect"), id);
    if (rv == APR_SUCCESS)
        rv = hm_site_follow(t->db, id, t->err);
    return rv == APR_SUCCESS ? hosts_take(t, id, o) : rv;
}

/* Where visitors find it: the name that the others lead to, at its web server's port. */
static apr_status_t site_url(told_t *t, const json_t *o, const char **url)
{
    json_t *rows;
    const char *name = hm_row_s(o, hm_row_s(o, "redirect")[0] ? "redirect" : "name");
    apr_status_t rv = hm_sql_site_port(t->db, &rows, t->err, hm_row_s(o, "platform"));
    int port = rv == APR_SUCCESS ? (int)hm_row_n(json_array_get(rows, 0), "port") : 0;
    *url = port == 0 || port == 80 ? apr_psprintf(t->p, "http://%s/", name)
                                   : apr_psprintf(t->p, "http://%s:%d/", name, port);
    return rv;
}

static apr_status_t site_seen(told_t *t, const char *id, const json_t *o)
{
    const char *url, *dbgen = hm_row_s(o, "dbgen"), *database = dbgen[0] ? apr_pstrcat(t->p, id, "d", dbgen, NULL) : "";
    apr_status_t rv = site_url(t, o, &url);
    return rv == APR_SUCCESS ? hm_sql_site_seen(t->db, t->err, hm_row_s(o, "state"), client_seen(t, o), database, url,
                                                version_of(t, o), hm_row_n(o, "revision"), hm_row_n(o, "at"), id)
                             : rv;
}

static apr_status_t site_delete(hm_db_t *db, pv_err_t *err, const char *id)
{
    apr_status_t rv = hm_sql_host_delete_of(db, err, id);
    if (rv == APR_SUCCESS)
        rv = hm_site_follow(db, id, err);
    return rv == APR_SUCCESS ? hm_sql_site_delete(db, err, id) : rv;
}

/* ---- all of them ---- */

typedef struct {
    char kind;
    told_fn *make, *take, *seen;
    id_fn *deleted, *undone;
} kind_t;

static const kind_t kinds[] = {
    {'v', server_make, server_take, server_seen, hm_sql_server_delete, hm_sql_server_undone},
    {'p', platform_make, platform_take, platform_seen, hm_sql_platform_delete, hm_sql_platform_undone},
    {'s', site_make, site_take, site_seen, site_delete, hm_sql_site_undone},
};

static apr_status_t object_seen(told_t *t, const kind_t *k, const char *id, const json_t *o)
{
    json_t *rows;
    apr_status_t rv = hm_sql_object_known(t->db, &rows, t->err, id, id, id);
    if (rv != APR_SUCCESS)
        return rv;
    int known = hm_row_n(json_array_get(rows, 0), "n") > 0;
    if (!known && (rv = k->make(t, id, o)) == APR_SUCCESS)
        rv = hm_sql_task_label(t->db, t->err, hm_row_s(o, "name"), id, id);
    if (known && (rv = hm_sql_task_open_ours(t->db, &rows, t->err, id)) == APR_SUCCESS &&
        hm_row_n(json_array_get(rows, 0), "n") == 0)
        rv = k->take(t, id, o);
    return rv == APR_SUCCESS ? k->seen(t, id, o) : rv;
}

static apr_status_t object_gone(told_t *t, const kind_t *k, const char *id, int undone)
{
    apr_status_t rv = hm_packages_forget(t->db, id, t->err);
    return rv == APR_SUCCESS ? (undone ? k->undone : k->deleted)(t->db, t->err, id) : rv;
}

apr_status_t hm_objects_tell(hm_db_t *db, const json_t *o, pv_err_t *err, apr_pool_t *p)
{
    told_t t = {.db = db, .err = err, .p = p};
    const char *id = hm_row_s(o, "object"), *state = hm_row_s(o, "state");
    int deleted = json_is_true(json_object_get(o, "deleted"));
    if (strcmp(state, "new") == 0 && !deleted) /* only the name is news: of a task that the command line began */
        return hm_sql_task_label(db, err, hm_row_s(o, "name"), id, id);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const kind_t *k = &kinds[i];
        if (k->kind == id[0] && !deleted)
            return object_seen(&t, k, id, o);
        if (k->kind == id[0])
            return object_gone(&t, k, id, strcmp(state, "undone") == 0);
    }
    return APR_SUCCESS;
}
