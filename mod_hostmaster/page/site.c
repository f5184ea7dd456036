/*
 * Sites: list, one, add, change, tasks.
 */
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

int hm_page_site_list(hm_req_t *q)
{
    const char *after = hm_arg(q, "after") ? hm_arg(q, "after") : "";
    int64_t limit;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, hm_req_db(q));
    if (q->actor.role == HM_ADMIN)
        HM_TRY(q, hm_sql_site_list(q->db, &rows, &q->err, hm_find_pattern(q), after, limit + 1));
    else
        HM_TRY(q, hm_sql_site_list_of(q->db, &rows, &q->err, q->actor.client, hm_find_pattern(q), after, limit + 1));
    hm_object_shown(rows);
    hm_list_show(q, "sites", rows, limit, "name");
    json_object_set_new(q->view, "find", json_string(hm_arg(q, "find") ? hm_arg(q, "find") : ""));
    json_object_set_new(q->view, "can", json_pack("{s:b}", "add_site", 1));
    return OK;
}

static apr_status_t site_get(hm_req_t *q, json_t **site)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_site_get(q->db, &rows, &q->err, q->param[0], HM_SCOPE(q));
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, site);
    if (rv == APR_SUCCESS)
        hm_object_shown(rows);
    return rv;
}

int hm_page_site_view(hm_req_t *q)
{
    json_t *site, *aliases, *backups;
    HM_TRY(q, site_get(q, &site));
    HM_TRY(q, hm_sql_host_aliases(q->db, &aliases, &q->err, q->param[0]));
    HM_TRY(q, hm_sql_backup_list_on(q->db, &backups, &q->err, q->param[0], 20));
    HM_TRY(q, hm_packages_on(q, q->param[0]));
    HM_TRY(q, hm_tasks_on(q, q->param[0]));
    json_object_set(q->view, "site", site);
    json_object_set(q->view, "backups", backups);
    json_object_set(q->view, "aliases", aliases);
    int installed = strcmp(hm_row_s(site, "state"), "new") != 0, busy = hm_row_s(site, "busy")[0] != '\0';
    json_object_set_new(q->view, "can", json_pack("{s:b, s:b}", "change", installed, "again", !installed && !busy));
    hm_actions_show(q, PV_SITE, q->param[0], hm_row_s(site, "state"));
    return OK;
}

/* The choices of both forms, from what the actor may use. */
static apr_status_t choices(hm_req_t *q)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_platform_list(q->db, &rows, &q->err, HM_SCOPE(q), "", 500);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row)
        hm_form_option(q, "platform", hm_row_s(row, "id"),
                       apr_pstrcat(q->p, hm_row_s(row, "name"), " (", hm_row_s(row, "seen_app"), ")", NULL));
    if ((rv = hm_sql_service_servers(q->db, &rows, &q->err, "db")) != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(q, "db_server", hm_row_s(row, "id"), hm_row_s(row, "name"));
    hm_form_option(q, "db_server", "", "none");
    if (q->actor.role == HM_ADMIN)
        rv = hm_sql_client_list(q->db, &rows, &q->err, "", 500);
    else
        rv = hm_sql_client_get(q->db, &rows, &q->err, q->actor.client);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(
        q, "client", apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)hm_row_n(row, "id")), hm_row_s(row, "name"));
    return APR_SUCCESS;
}

static apr_status_t add_form(hm_req_t *q)
{
    json_t *values = hm_own(q, json_pack("{s:s}", "platform", hm_arg(q, "platform") ? hm_arg(q, "platform") : ""));
    apr_status_t rv = hm_req_db(q);
    if (rv != APR_SUCCESS)
        return rv;
    hm_form_show(q, hm_form_find("site_add"), values, "/sites", "/sites");
    return choices(q);
}

int hm_page_site_new(hm_req_t *q)
{
    HM_TRY(q, add_form(q));
    return OK;
}

/* Each name once over all sites, aliases and the panel; the table's key is the last word. */
static apr_status_t name_free(hm_req_t *q, const char *field, const char *name, const char *site)
{
    json_t *rows;
    apr_status_t rv = hm_sql_host_owner(q->db, &rows, &q->err, name);
    if (rv == APR_SUCCESS && strcasecmp(name, q->panel->host) == 0)
        return hm_form_wrong(q, PV_NAME_IN_USE, field, "%s is the panel's own name", name);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    if (strcmp(hm_row_s(row, "site"), site) == 0)
        return APR_SUCCESS;
    return hm_form_wrong(q, PV_NAME_IN_USE, field, "%s is in use already", name);
}

static apr_status_t aliases_check(hm_req_t *q, const json_t *aliases, const char *name, const char *redirect,
                                  const char *site)
{
    size_t i, k;
    json_t *a;
    int found = redirect[0] == '\0' || strcmp(redirect, "none") == 0 || strcmp(redirect, name) == 0;
    if (json_array_size(aliases) > 250)
        return hm_form_wrong(q, PV_SCHEMA, "aliases", "at most 250");
    json_array_foreach(aliases, i, a)
    {
        const char *alias = json_string_value(a);
        for (k = 0; k < i; k++)
            if (strcmp(alias, json_string_value(json_array_get(aliases, k))) == 0)
                return hm_form_wrong(q, PV_SCHEMA, "aliases", "%s stands twice", alias);
        if (strcmp(alias, name) == 0)
            return hm_form_wrong(q, PV_SCHEMA, "aliases", "%s is the site's own name", alias);
        found |= strcmp(alias, redirect) == 0;
        apr_status_t rv = name_free(q, "aliases", alias, site);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return found ? APR_SUCCESS
                 : hm_form_wrong(q, PV_SCHEMA, "redirect", "must be the site's name or one of its aliases");
}

static apr_status_t aliases_add(hm_req_t *q, const json_t *aliases, const char *site)
{
    size_t i;
    json_t *a;
    apr_status_t rv = APR_SUCCESS;
    json_array_foreach(aliases, i, a)
    {
        if (rv == APR_SUCCESS)
            rv = hm_sql_host_add(q->db, &q->err, json_string_value(a), site, "alias");
    }
    return rv;
}

static const char *redirect_of(const json_t *values, const json_t *row)
{
    const char *redirect = hm_value(values, "redirect", row);
    return strcmp(redirect, "none") == 0 ? "" : redirect;
}

/* The client that a site is given: an administrator's choice, everybody else's own. */
static apr_status_t client_of(hm_req_t *q, const json_t *values, int64_t otherwise, int64_t *client)
{
    json_t *rows;
    *client = q->actor.role == HM_ADMIN ? hm_value_n(values, "client", otherwise) : q->actor.client;
    apr_status_t rv = hm_sql_client_get(q->db, &rows, &q->err, *client);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0)
        return hm_form_wrong(q, PV_NO_OBJECT, "client", HM_NO_SUCH);
    if (rv == APR_SUCCESS && q->actor.role != HM_ADMIN && hm_value_n(values, "client", *client) != *client)
        return hm_form_wrong(q, PV_NO_OBJECT, "client", HM_NO_SUCH);
    return rv;
}

static apr_status_t relations_check(hm_req_t *q, const json_t *values, const char **server)
{
    const char *platform = hm_value(values, "platform", NULL), *db_server = hm_value(values, "db_server", NULL);
    json_t *rows;
    apr_status_t rv = hm_sql_platform_get(q->db, &rows, &q->err, platform);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0)
        return hm_form_wrong(q, PV_NO_OBJECT, "platform", HM_NO_SUCH);
    if (rv == APR_SUCCESS)
        *server = hm_row_s(json_array_get(rows, 0), "server");
    if (rv == APR_SUCCESS && db_server[0] &&
        (rv = hm_sql_server_get(q->db, &rows, &q->err, db_server)) == APR_SUCCESS && json_array_size(rows) == 0)
        return hm_form_wrong(q, PV_NO_OBJECT, "db_server", HM_NO_SUCH);
    return rv;
}

/* What an install takes, after the rules that look at other rows. */
typedef struct {
    const char *name, *redirect, *server;
    int64_t client;
} install_t;

static apr_status_t install_check(hm_req_t *q, install_t *ret, const json_t *values, const char *site, int64_t client)
{
    install_t in = {.name = hm_value(values, "name", NULL), .redirect = redirect_of(values, NULL), .server = ""};
    apr_status_t rv = name_free(q, "name", in.name, site);
    if (rv == APR_SUCCESS)
        rv = aliases_check(q, json_object_get(values, "aliases"), in.name, in.redirect, site);
    if (rv == APR_SUCCESS)
        rv = client_of(q, values, client, &in.client);
    if (rv == APR_SUCCESS)
        rv = relations_check(q, values, &in.server);
    *ret = in;
    return rv;
}

/* Takes its host names and queues the task; the answer leads there. */
static int install_queue(hm_req_t *q, const install_t *in, const json_t *values, const char *id, int status)
{
    json_t *site =
        hm_own(q, json_pack("{s:s, s:s, s:I}", "id", id, "name", in->name, "client", (json_int_t)in->client));
    int64_t task;
    HM_TRY(q, hm_sql_host_delete_of(q->db, &q->err, id));
    HM_TRY(q, hm_sql_host_add(q->db, &q->err, in->name, id, "site"));
    HM_TRY(q, aliases_add(q, json_object_get(values, "aliases"), id));
    HM_TRY(q, hm_queue(q, "install", site, in->server, &task));
    json_object_del(q->view, "form");
    json_object_set(q->view, "site", site);
    return hm_done(q, status, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

int hm_page_site_add(hm_req_t *q)
{
    json_t *values;
    install_t in;
    pv_id_t id;
    HM_TRY(q, add_form(q));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_add")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, pv_id_make(&id, PV_SITE));
    HM_TRY(q, install_check(q, &in, values, id.s, 1));
    HM_TRY(q, hm_sql_site_add(q->db, &q->err, id.s, in.name, in.client, hm_value(values, "platform", NULL),
                              hm_value(values, "db_server", NULL), in.redirect, hm_value(values, "title", NULL),
                              hm_value(values, "language", NULL), hm_value(values, "profile", NULL),
                              hm_value(values, "admin_name", NULL), hm_value(values, "admin_mail", NULL), hm_db_now()));
    return install_queue(q, &in, values, id.s, 201);
}

/* Shows FORM, one of those that change a site, with what is there; its answer goes to the site's address and WHERE. */
static apr_status_t change_form(hm_req_t *q, const char *form, const char *where, json_t **ret)
{
    json_t *site, *rows, *row, *aliases = hm_own(q, json_array());
    size_t i;
    apr_status_t rv = site_get(q, &site);
    if (rv == APR_SUCCESS)
        rv = hm_sql_host_aliases(q->db, &rows, &q->err, q->param[0]);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) json_array_append(aliases, json_object_get(row, "name"));
    json_object_set(site, "aliases", aliases);
    const char *path = apr_pstrcat(q->p, "/sites/", q->param[0], NULL);
    hm_form_show(q, hm_form_find(form), site, apr_pstrcat(q->p, path, where, NULL), path);
    *ret = site;
    return choices(q);
}

int hm_page_site_edit(hm_req_t *q)
{
    json_t *site;
    HM_TRY(q, change_form(q, "site_change", "", &site));
    return OK;
}

int hm_page_site_change(hm_req_t *q)
{
    json_t *site, *values;
    int64_t client, task;
    HM_TRY(q, change_form(q, "site_change", "", &site));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_change")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, site));
    const json_t *aliases = json_object_get(values, "aliases");
    aliases = aliases ? aliases : json_object_get(site, "aliases");
    const char *redirect = redirect_of(values, site);
    HM_TRY(q, aliases_check(q, aliases, hm_row_s(site, "name"), redirect, q->param[0]));
    HM_TRY(q, client_of(q, values, hm_row_n(site, "client"), &client));
    HM_TRY(q, hm_sql_site_change(q->db, &q->err, client, redirect, q->param[0], hm_row_n(site, "revision")));
    HM_TRY(q, hm_sql_host_aliases_delete(q->db, &q->err, q->param[0]));
    HM_TRY(q, aliases_add(q, aliases, q->param[0]));
    HM_TRY(q, hm_queue(q, "verify", site, hm_row_s(site, "server"), &task));
    json_object_del(q->view, "form");
    return hm_done(q, 202, "/sites/%s", q->param[0]);
}

/* Only a site that was never installed, and on which nothing runs. */
static apr_status_t again_form(hm_req_t *q, json_t **site)
{
    apr_status_t rv = change_form(q, "site_again", "/again", site);
    if (rv == APR_SUCCESS && (strcmp(hm_row_s(*site, "state"), "new") != 0 || hm_row_s(*site, "busy")[0]))
        return pv_fail(&q->err, PV_STALE, NULL, "it is installed already, or a task of it is open");
    return rv;
}

int hm_page_site_again_form(hm_req_t *q)
{
    json_t *site;
    HM_TRY(q, again_form(q, &site));
    return OK;
}

int hm_page_site_again(hm_req_t *q)
{
    json_t *site, *values;
    install_t in;
    HM_TRY(q, again_form(q, &site));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_again")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, site));
    HM_TRY(q, install_check(q, &in, values, q->param[0], hm_row_n(site, "client")));
    HM_TRY(q, hm_sql_site_again(q->db, &q->err, in.name, in.client, hm_value(values, "platform", NULL),
                                hm_value(values, "db_server", NULL), in.redirect, hm_value(values, "title", NULL),
                                hm_value(values, "language", NULL), hm_value(values, "profile", NULL),
                                hm_value(values, "admin_name", NULL), hm_value(values, "admin_mail", NULL), q->param[0],
                                hm_row_n(site, "revision")));
    return install_queue(q, &in, values, q->param[0], 202);
}

int hm_page_site_task(hm_req_t *q)
{
    json_t *site;
    const char *type;
    int64_t task;
    HM_TRY(q, site_get(q, &site));
    HM_TRY(q, hm_task_type(q, PV_SITE, &type));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_queue(q, type, site, hm_row_s(site, "server"), &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}
