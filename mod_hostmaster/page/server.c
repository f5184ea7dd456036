/*
 * Servers and their services: list, one, add, change, tasks. Administrators only.
 */
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

int hm_page_server_list(hm_req_t *q)
{
    int64_t limit;
    json_t *rows, *row, *services;
    size_t i;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_server_list(q->db, &rows, &q->err, hm_arg(q, "after") ? hm_arg(q, "after") : "", limit + 1));
    json_array_foreach(rows, i, row)
    {
        HM_TRY(q, hm_sql_service_list(q->db, &services, &q->err, hm_row_s(row, "id")));
        json_object_set(row, "services", services);
    }
    hm_object_shown(rows);
    hm_list_show(q, "servers", rows, limit, "name");
    return OK;
}

static apr_status_t server_get(hm_req_t *q, json_t **server, json_t **services)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_server_get(q->db, &rows, &q->err, q->param[0]);
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, server);
    if (rv == APR_SUCCESS)
        rv = hm_sql_service_list(q->db, services, &q->err, q->param[0]);
    if (rv == APR_SUCCESS)
        hm_object_shown(rows);
    return rv;
}

/* A service in words: "port 80", "password by main at db.example.org:3306". */
static void service_words(hm_req_t *q, json_t *services)
{
    size_t i;
    json_t *row;
    json_array_foreach(services, i, row)
    {
        int http = strcmp(hm_row_s(row, "kind"), "http") == 0, port = (int)hm_row_n(row, "port");
        const char *at = port ? apr_psprintf(q->p, "port %d", port) : "";
        if (!http)
            at = apr_pstrcat(q->p, "by ", hm_row_s(row, "auth"), hm_row_s(row, "host")[0] ? " at " : "",
                             hm_row_s(row, "host"), at[0] ? ", " : "", at, NULL);
        json_object_set_new(row, "label", json_string(http ? "Web server" : "Database"));
        json_object_set_new(row, "detail", json_string(at));
    }
}

int hm_page_server_view(hm_req_t *q)
{
    json_t *server, *services, *platforms;
    HM_TRY(q, server_get(q, &server, &services));
    HM_TRY(q, hm_sql_platform_list_on(q->db, &platforms, &q->err, q->param[0], 100));
    HM_TRY(q, hm_tasks_on(q, q->param[0]));
    hm_object_shown(platforms);
    service_words(q, services);
    json_object_set(q->view, "server", server);
    json_object_set(q->view, "services", services);
    json_object_set(q->view, "platforms", platforms);
    json_object_set_new(q->view, "can",
                        json_pack("{s:b, s:b}", "change", hm_is_made(server), "again", hm_is_unmade(server)));
    hm_actions_show(q, PV_SERVER, q->param[0], hm_row_s(server, "state"));
    return OK;
}

static void choices(hm_req_t *q)
{
    static const struct {
        const char *field, *value, *label;
    } options[] = {{"http", "apache", "Apache httpd"},
                   {"http", "", "none"},
                   {"db", "mariadb", "MariaDB"},
                   {"db", "", "none"},
                   {"db_auth", "socket", "through its socket"},
                   {"db_auth", "password", "with a password"},
                   {"db_auth", "", "no database"}};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
        hm_form_option(q, options[i].field, options[i].value, options[i].label);
}

/* ---- adding ---- */

static void add_form(hm_req_t *q)
{
    json_t *values = hm_own(q, json_pack("{s:s, s:s, s:s, s:s}", "http", "apache", "http_port", "80", "db", "mariadb",
                                         "db_auth", "socket"));
    hm_form_show(q, hm_form_find("server_add"), values, "/servers", "/servers");
    choices(q);
}

int hm_page_server_new(hm_req_t *q)
{
    add_form(q);
    return OK;
}

/* The rules over several fields, as the daemon has them too: better told here, beside the field. */
static apr_status_t services_check(hm_req_t *q, const json_t *v, const json_t *now)
{
    const char *http = hm_value(v, "http", now), *db = hm_value(v, "db", now), *auth = hm_value(v, "db_auth", now);
    int password = strcmp(auth, "password") == 0;
    if (!http[0] && !db[0])
        hm_form_wrong(q, PV_SCHEMA, "http", "at least one of web server and database server");
    if (http[0] && !hm_value(v, "http_port", now)[0])
        hm_form_wrong(q, PV_SCHEMA, "http_port", "required with a web server");
    if (db[0] && !auth[0])
        hm_form_wrong(q, PV_SCHEMA, "db_auth", "required with a database server");
    if (db[0] && password && !hm_value(v, "db_host", now)[0])
        hm_form_wrong(q, PV_SCHEMA, "db_host", "required with a password");
    if (db[0] && password && !hm_value(v, "db_secret", now)[0])
        hm_form_wrong(q, PV_SCHEMA, "db_secret", "required with a password");
    return q->err.code == PV_OK ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t services_add(hm_req_t *q, const char *server, const json_t *v, const json_t *now)
{
    const char *http = hm_value(v, "http", now), *db = hm_value(v, "db", now);
    int64_t http_port = strtoll(hm_value(v, "http_port", now), NULL, 10),
            db_port = strtoll(hm_value(v, "db_port", now), NULL, 10);
    apr_status_t rv = APR_SUCCESS;
    if (http[0])
        rv = hm_sql_service_add(q->db, &q->err, server, "http", http, "", "", http_port, "");
    if (rv == APR_SUCCESS && db[0])
        rv = hm_sql_service_add(q->db, &q->err, server, "db", db, hm_value(v, "db_auth", now),
                                hm_value(v, "db_host", now), db_port, hm_value(v, "db_secret", now));
    return rv;
}

static apr_status_t name_free(hm_req_t *q, const char *name, const char *server)
{
    json_t *rows;
    apr_status_t rv = hm_sql_server_by_name(q->db, &rows, &q->err, name);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0 || strcmp(hm_row_s(json_array_get(rows, 0), "id"), server) == 0)
        return rv;
    return hm_form_wrong(q, PV_NAME_IN_USE, "name", "there is a server %s already", name);
}

/* A list as its column holds it: one a space. */
static const char *joined(hm_req_t *q, const json_t *values, const char *name, const char *otherwise)
{
    const json_t *list = json_object_get(values, name);
    const char *all = "";
    size_t i;
    json_t *entry;
    if (!json_is_array(list))
        return otherwise;
    json_array_foreach(list, i, entry) all = apr_pstrcat(q->p, all, i ? " " : "", json_string_value(entry), NULL);
    return all;
}

/* A daemon has one name in the database, by which its events are followed: this machine's own is "". */
static const char *socket_of(const hm_req_t *q, const json_t *values)
{
    const char *socket = hm_value(values, "socket", NULL);
    return strcmp(socket, q->panel->socket) == 0 ? "" : socket;
}

/* Queues the first verify; the answer leads there. */
static int whole_queue(hm_req_t *q, const json_t *values, const char *id, int status)
{
    json_t *server = hm_own(q, json_pack("{s:s, s:s}", "id", id, "name", hm_value(values, "name", NULL)));
    int64_t task;
    HM_TRY(q, services_add(q, id, values, NULL));
    HM_TRY(q, hm_queue(q, "verify", server, id, &task));
    json_object_del(q->view, "form");
    json_object_set(q->view, "server", server);
    return hm_done(q, status, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

int hm_page_server_add(hm_req_t *q)
{
    json_t *values;
    pv_id_t id;
    add_form(q);
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("server_add")));
    HM_TRY(q, services_check(q, values, NULL));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, pv_id_make(&id, PV_SERVER));
    const char *name = hm_value(values, "name", NULL);
    HM_TRY(q, name_free(q, name, id.s));
    HM_TRY(q, hm_sql_server_add(q->db, &q->err, id.s, name, socket_of(q, values), joined(q, values, "addresses", ""),
                                hm_db_now()));
    return whole_queue(q, values, id.s, 201);
}

/* ---- changing ---- */

/* Services as the form's fields. */
static void services_flatten(json_t *server, const json_t *services)
{
    size_t i;
    json_t *row;
    json_array_foreach(services, i, row)
    {
        int http = strcmp(hm_row_s(row, "kind"), "http") == 0;
        json_object_set(server, hm_row_s(row, "kind"), json_object_get(row, "type"));
        if (hm_row_n(row, "port"))
            json_object_set_new(server, http ? "http_port" : "db_port", json_sprintf("%d", (int)hm_row_n(row, "port")));
        if (http)
            continue;
        json_object_set(server, "db_auth", json_object_get(row, "auth"));
        json_object_set(server, "db_host", json_object_get(row, "host"));
        json_object_set(server, "db_secret", json_object_get(row, "secret"));
    }
}

static void form_show(hm_req_t *q, const char *form, const char *action, json_t *server, const json_t *services)
{
    const char *path = apr_pstrcat(q->p, "/servers/", q->param[0], NULL);
    services_flatten(server, services);
    hm_form_show(q, hm_form_find(form), server, apr_pstrcat(q->p, path, action, NULL), path);
    choices(q);
}

static apr_status_t change_form(hm_req_t *q, json_t **server)
{
    json_t *services;
    apr_status_t rv = server_get(q, server, &services);
    if (rv == APR_SUCCESS)
        form_show(q, "server_change", "", *server, services);
    return rv;
}

int hm_page_server_edit(hm_req_t *q)
{
    json_t *server;
    HM_TRY(q, change_form(q, &server));
    return OK;
}

int hm_page_server_change(hm_req_t *q)
{
    json_t *server, *values;
    int64_t task;
    HM_TRY(q, change_form(q, &server));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("server_change")));
    HM_TRY(q, services_check(q, values, server));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, server));
    HM_TRY(q, name_free(q, hm_value(values, "name", server), q->param[0]));
    HM_TRY(q, hm_sql_server_change(q->db, &q->err, hm_value(values, "name", server),
                                   joined(q, values, "addresses", hm_row_s(server, "addresses")), q->param[0],
                                   hm_row_n(server, "revision")));
    HM_TRY(q, hm_sql_service_delete_of(q->db, &q->err, q->param[0]));
    HM_TRY(q, services_add(q, q->param[0], values, server));
    HM_TRY(q, hm_queue(q, "verify", server, q->param[0], &task));
    json_object_del(q->view, "form");
    return hm_done(q, 202, "/servers/%s", q->param[0]);
}

/* ---- changing one whose first verify has failed ---- */

static apr_status_t again_form(hm_req_t *q, json_t **server)
{
    json_t *services;
    apr_status_t rv = server_get(q, server, &services);
    if (rv == APR_SUCCESS)
        rv = hm_unmade_check(q, *server);
    if (rv == APR_SUCCESS)
        form_show(q, "server_again", "/again", *server, services);
    return rv;
}

int hm_page_server_again_form(hm_req_t *q)
{
    json_t *server;
    HM_TRY(q, again_form(q, &server));
    return OK;
}

int hm_page_server_again(hm_req_t *q)
{
    json_t *server, *values;
    HM_TRY(q, again_form(q, &server));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("server_again")));
    HM_TRY(q, services_check(q, values, NULL));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, server));
    HM_TRY(q, name_free(q, hm_value(values, "name", NULL), q->param[0]));
    HM_TRY(q, hm_sql_server_again(q->db, &q->err, hm_value(values, "name", NULL), socket_of(q, values),
                                  joined(q, values, "addresses", ""), q->param[0], hm_row_n(server, "revision")));
    HM_TRY(q, hm_sql_service_delete_of(q->db, &q->err, q->param[0]));
    return whole_queue(q, values, q->param[0], 202);
}

int hm_page_server_task(hm_req_t *q)
{
    json_t *server, *services, *rows;
    hm_asked_t asked;
    int64_t task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, server_get(q, &server, &services));
    HM_TRY(q, hm_task_asked(q, PV_SERVER, server, "", &asked));
    HM_TRY(q, hm_sql_server_uses(q->db, &rows, &q->err, q->param[0], q->param[0]));
    if (strcmp(asked.type, "delete") == 0 && hm_row_n(json_array_get(rows, 0), "n") > 0)
        HM_TRY(q, pv_fail(&q->err, PV_IN_USE, NULL, "platforms or sites are on it"));
    HM_TRY(q, hm_queue_asked(q, &asked, server, q->param[0], &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}
