/*
 * The kinds of objects as rows, so that the queue and the pages need not ask which kind one is.
 */
#include "model/object.h"
#include "db.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

typedef struct {
    pv_kind_t kind;
    const char *path; /* of its page */
    apr_status_t (*busy)(hm_db_t *db, pv_err_t *err, const char *busy, const char *id);
    apr_status_t (*last)(hm_db_t *db, pv_err_t *err, const char *last, const char *busy, const char *id);
    apr_status_t (*request)(hm_request_t *request, json_t *on, hm_db_t *db, const char *type, const char *id,
                            pv_err_t *err);
} kind_t;

static void put(json_t *request, const char *name, const char *value)
{
    if (value[0])
        json_object_set_new(request, name, json_string(value));
}

static void put_port(json_t *request, const char *name, int64_t port)
{
    char digits[8];
    apr_snprintf(digits, sizeof(digits), "%d", (int)port);
    put(request, name, port ? digits : "");
}

/* A column that holds a list, one a space, as an array. */
static void put_list(json_t *request, const char *name, const char *list)
{
    json_t *all = json_array();
    while (*list) {
        size_t n = strcspn(list, " ");
        if (n > 0)
            json_array_append_new(all, json_stringn(list, n));
        list += n + (list[n] == ' ');
    }
    if (json_array_size(all) > 0)
        json_object_set(request, name, all);
    json_decref(all);
}

static apr_status_t one_row(json_t *rows, const json_t **row, const char *id, pv_err_t *err)
{
    *row = json_array_get(rows, 0);
    return *row ? APR_SUCCESS : pv_fail(err, PV_NO_OBJECT, NULL, "%s is not there any more", id);
}

/* The revision that the daemon has, for it; the one that people have, for us. */
static void revisions(hm_request_t *ret, const json_t *row)
{
    json_object_set_new(ret->json, "revision", json_integer(hm_row_n(row, "seen_revision")));
    ret->wanted = hm_row_n(row, "revision");
}

static apr_status_t server_request(hm_request_t *ret, json_t *on, hm_db_t *db, const char *type, const char *id,
                                   pv_err_t *err)
{
    json_t *rows, *services, *service;
    const json_t *row;
    size_t i;
    apr_status_t rv = hm_sql_server_get(db, &rows, err, id);
    if (rv != APR_SUCCESS || (rv = one_row(rows, &row, id, err)) != APR_SUCCESS ||
        (rv = hm_sql_service_list(db, &services, err, id)) != APR_SUCCESS)
        return rv;
    revisions(ret, row);
    json_array_append_new(on, json_string(id));
    if (strcmp(type, "verify") != 0)
        return APR_SUCCESS;
    put(ret->json, "name", hm_row_s(row, "name"));
    put_list(ret->json, "addresses", hm_row_s(row, "addresses"));
    json_array_foreach(services, i, service)
    {
        int http = strcmp(hm_row_s(service, "kind"), "http") == 0;
        put(ret->json, hm_row_s(service, "kind"), hm_row_s(service, "type"));
        put_port(ret->json, http ? "http_port" : "db_port", hm_row_n(service, "port"));
        if (http)
            continue;
        put(ret->json, "db_auth", hm_row_s(service, "auth"));
        put(ret->json, "db_host", hm_row_s(service, "host"));
        put(ret->json, "db_secret", hm_row_s(service, "secret"));
    }
    return APR_SUCCESS;
}

static apr_status_t platform_request(hm_request_t *ret, json_t *on, hm_db_t *db, const char *type, const char *id,
                                     pv_err_t *err)
{
    json_t *rows;
    const json_t *row;
    apr_status_t rv = hm_sql_platform_get(db, &rows, err, id);
    if (rv != APR_SUCCESS || (rv = one_row(rows, &row, id, err)) != APR_SUCCESS)
        return rv;
    revisions(ret, row);
    json_array_append_new(on, json_string(id));
    json_array_append_new(on, json_string(hm_row_s(row, "server")));
    if (strcmp(type, "verify") != 0)
        return APR_SUCCESS;
    static const char *const fields[] = {"name", "server", "place", "source", "app"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        put(ret->json, fields[i], hm_row_s(row, fields[i]));
    return APR_SUCCESS;
}

/* What can be asked of a site that is gone. */
static int is_about_backup(const char *type)
{
    return strcmp(type, "restore") == 0 || strcmp(type, "backup_delete") == 0;
}

static apr_status_t site_request(hm_request_t *ret, json_t *on, hm_db_t *db, const char *type, const char *id,
                                 pv_err_t *err)
{
    static const char *const relations[] = {"id", "platform", "server", "db_server"};
    static const char *const fields[] = {"name",     "platform", "db_server",  "profile",
                                         "language", "title",    "admin_name", "admin_mail"};
    json_t *rows, *hosts, *host, *aliases = json_array();
    const json_t *row;
    size_t i;
    apr_status_t rv = hm_sql_site_get(db, &rows, err, id, 1, 0);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0 && is_about_backup(type)) {
        json_decref(aliases);
        json_object_set_new(ret->json, "revision", json_integer(0));
        json_array_append_new(on, json_string(id));
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && (rv = one_row(rows, &row, id, err)) == APR_SUCCESS)
        rv = hm_sql_host_aliases(db, &hosts, err, id);
    if (rv != APR_SUCCESS) {
        json_decref(aliases);
        return rv;
    }
    revisions(ret, row);
    for (i = 0; i < sizeof(relations) / sizeof(*relations); i++)
        json_array_append_new(on, json_string(hm_row_s(row, relations[i])));
    json_array_foreach(hosts, i, host) json_array_append_new(aliases, json_string(hm_row_s(host, "name")));
    int install = strcmp(type, "install") == 0, verify = strcmp(type, "verify") == 0;
    for (i = 0; install && i < sizeof(fields) / sizeof(*fields); i++)
        put(ret->json, fields[i], hm_row_s(row, fields[i]));
    if (verify || (install && json_array_size(aliases) > 0))
        json_object_set(ret->json, "aliases", aliases);
    if (install || verify) {
        put(ret->json, "redirect", verify && hm_row_s(row, "redirect")[0] == '\0' ? "none" : hm_row_s(row, "redirect"));
        put(ret->json, "client", hm_row_s(row, "client_name"));
    }
    json_decref(aliases);
    return APR_SUCCESS;
}

static const kind_t kinds[] = {
    {PV_SERVER, "/servers/", hm_sql_server_busy, hm_sql_server_last, server_request},
    {PV_PLATFORM, "/platforms/", hm_sql_platform_busy, hm_sql_platform_last, platform_request},
    {PV_SITE, "/sites/", hm_sql_site_busy, hm_sql_site_last, site_request},
};

static const kind_t *kind_of(const char *id)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) - 1; i++)
        if ((char)kinds[i].kind == id[0])
            return &kinds[i];
    return &kinds[2];
}

apr_status_t hm_object_busy(hm_db_t *db, const char *id, const char *type, pv_err_t *err)
{
    return kind_of(id)->busy(db, err, type, id);
}

apr_status_t hm_object_last(hm_db_t *db, const char *id, const char *last, const char *busy, pv_err_t *err)
{
    return kind_of(id)->last(db, err, last, busy, id);
}

apr_status_t hm_site_follow(hm_db_t *db, const char *site, pv_err_t *err)
{
    apr_status_t rv = hm_sql_task_follow(db, err, site, site);
    return rv == APR_SUCCESS ? hm_sql_backup_follow(db, err, site, site) : rv;
}

void hm_object_shown(json_t *rows)
{
    static const struct {
        const char *type, *shown;
    } busy[] = {{"install", "installing"}, {"verify", "verifying"},  {"disable", "disabling"}, {"enable", "enabling"},
                {"delete", "deleting"},    {"backup", "backing up"}, {"restore", "restoring"}, {"run", "running"}};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *type = hm_row_s(row, "busy"), *shown = hm_row_s(row, "state");
        if (strcmp(shown, "new") == 0 && strcmp(hm_row_s(row, "last"), "failed") == 0)
            shown = "failed";
        for (size_t k = 0; k < sizeof(busy) / sizeof(*busy); k++)
            if (strcmp(busy[k].type, type) == 0)
                shown = busy[k].shown;
        json_object_set_new(row, "shown", json_string(shown));
    }
}

int hm_task_possible(const json_t *task)
{
    return hm_row_s(task, "href")[0] != '\0' || is_about_backup(hm_row_s(task, "type"));
}

void hm_task_shown(json_t *rows, apr_pool_t *p)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *object = hm_row_s(row, "object");
        const pv_task_row_t *task = pv_task_find(hm_row_s(row, "type"), kind_of(object)->kind);
        int64_t started = hm_row_n(row, "started"), ended = hm_row_n(row, "ended");
        if (hm_row_s(row, "title")[0] == '\0')
            json_object_set_new(row, "title", json_string(task ? task->label : hm_row_s(row, "type")));
        if (hm_row_n(row, "there"))
            json_object_set_new(row, "href", json_string(apr_pstrcat(p, kind_of(object)->path, object, NULL)));
        json_object_del(row, "there");
        json_object_set_new(row, "took", json_integer(started && ended ? ended - started : 0));
    }
}

static const char *relation(const json_t *on, size_t i)
{
    const char *id = json_string_value(json_array_get(on, i));
    return id ? id : "";
}

apr_status_t hm_object_request(hm_request_t *ret, hm_db_t *db, int64_t task, const char *type, const char *id,
                               pv_err_t *err)
{
    hm_request_t request = {.json = json_pack("{s:s, s:s}", "type", type, "object", id)};
    json_t *on = json_array(), *rows;
    apr_status_t rv = kind_of(id)->request(&request, on, db, type, id, err);
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_open_before(db, &rows, err, task, relation(on, 0), relation(on, 1), relation(on, 2),
                                     relation(on, 3));
    json_decref(on);
    if (rv != APR_SUCCESS) {
        json_decref(request.json);
        return rv;
    }
    request.waits = hm_row_n(json_array_get(rows, 0), "id");
    *ret = request;
    return APR_SUCCESS;
}
