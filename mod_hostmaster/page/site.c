/*
 * Sites: list, one, change, tasks. What has to hold of a site's names and of its client is here; adding one is
 * install.c's.
 */
#include "page/site.h"
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "model/result.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
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

apr_status_t hm_site_get(hm_req_t *q, json_t **site)
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

/* Its verbs; and is it closed to visitors, as far as one of them has told? */
static apr_status_t care_show(hm_req_t *q, json_t *site)
{
    const char *maintenance;
    apr_status_t rv = hm_result_last(&maintenance, q->db, q->param[0], "maintenance", &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(site, "maintenance", json_string(maintenance));
    return hm_verbs_show(q, PV_SITE, q->param[0], hm_row_s(site, "platform"), site);
}

int hm_page_site_view(hm_req_t *q)
{
    json_t *site, *aliases, *backups;
    HM_TRY(q, hm_site_get(q, &site));
    HM_TRY(q, hm_sql_host_aliases(q->db, &aliases, &q->err, q->param[0]));
    HM_TRY(q, hm_sql_backup_list_on(q->db, &backups, &q->err, q->param[0], 20));
    HM_TRY(q, hm_packages_on(q, q->param[0]));
    HM_TRY(q, hm_tasks_on(q, q->param[0]));
    json_object_set(q->view, "site", site);
    json_object_set(q->view, "backups", backups);
    json_object_set(q->view, "aliases", aliases);
    json_object_set_new(q->view, "can",
                        json_pack("{s:b, s:b}", "change", hm_is_made(site), "again", hm_is_unmade(site)));
    hm_actions_show(q, PV_SITE, q->param[0], hm_row_s(site, "state"));
    if (hm_is_made(site))
        HM_TRY(q, care_show(q, site));
    return OK;
}

/* Whose site it may be. */
apr_status_t hm_site_clients(hm_req_t *q)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = q->actor.role == HM_ADMIN ? hm_sql_client_list(q->db, &rows, &q->err, "", 500)
                                                : hm_sql_client_get(q->db, &rows, &q->err, q->actor.client);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(
        q, "client", apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)hm_row_n(row, "id")), hm_row_s(row, "name"));
    return APR_SUCCESS;
}

/* Each name once over all sites, aliases and the panel; the table's key is the last word. */
apr_status_t hm_site_name_free(hm_req_t *q, const char *field, const char *name, const char *site)
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

apr_status_t hm_site_aliases_check(hm_req_t *q, const json_t *aliases, const char *name, const char *redirect,
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
        apr_status_t rv = hm_site_name_free(q, "aliases", alias, site);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return found ? APR_SUCCESS
                 : hm_form_wrong(q, PV_SCHEMA, "redirect", "must be the site's name or one of its aliases");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of the names: two sites that want the same ones do not wait for each other crosswise. */
apr_status_t hm_site_aliases_add(hm_req_t *q, const json_t *aliases, const char *site)
{
    size_t i, n = json_array_size(aliases);
    const char **name = apr_palloc(q->p, (n + 1) * sizeof(*name));
    json_t *a;
    apr_status_t rv = APR_SUCCESS;
    json_array_foreach(aliases, i, a) name[i] = json_string_value(a);
    qsort(name, n, sizeof(*name), by_name);
    for (i = 0; i < n && rv == APR_SUCCESS; i++)
        rv = hm_sql_host_add(q->db, &q->err, name[i], site, "alias");
    return rv;
}

const char *hm_site_redirect(const json_t *values, const json_t *row)
{
    const char *redirect = hm_value(values, "redirect", row);
    return strcmp(redirect, "none") == 0 ? "" : redirect;
}

/* The client that a site is given: an administrator's choice, everybody else's own. */
apr_status_t hm_site_client(hm_req_t *q, const json_t *values, int64_t otherwise, int64_t *client)
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

apr_status_t hm_site_get_whole(hm_req_t *q, json_t **site)
{
    json_t *rows, *row, *aliases = hm_own(q, json_array());
    size_t i;
    apr_status_t rv = hm_site_get(q, site);
    if (rv == APR_SUCCESS)
        rv = hm_sql_host_aliases(q->db, &rows, &q->err, q->param[0]);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) json_array_append(aliases, json_object_get(row, "name"));
    json_object_set(*site, "aliases", aliases);
    return APR_SUCCESS;
}

static apr_status_t change_form(hm_req_t *q, json_t **site)
{
    apr_status_t rv = hm_site_get_whole(q, site);
    if (rv != APR_SUCCESS)
        return rv;
    const char *path = apr_pstrcat(q->p, "/sites/", q->param[0], NULL);
    hm_form_show(q, hm_form_find("site_change"), *site, path, path);
    return hm_site_clients(q);
}

int hm_page_site_edit(hm_req_t *q)
{
    json_t *site;
    HM_TRY(q, change_form(q, &site));
    return OK;
}

int hm_page_site_change(hm_req_t *q)
{
    json_t *site, *values;
    int64_t client, task;
    HM_TRY(q, change_form(q, &site));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_change")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, site));
    const json_t *aliases = json_object_get(values, "aliases");
    aliases = aliases ? aliases : json_object_get(site, "aliases");
    const char *redirect = hm_site_redirect(values, site);
    HM_TRY(q, hm_site_aliases_check(q, aliases, hm_row_s(site, "name"), redirect, q->param[0]));
    HM_TRY(q, hm_site_client(q, values, hm_row_n(site, "client"), &client));
    HM_TRY(q, hm_sql_site_change(q->db, &q->err, client, redirect, q->param[0], hm_row_n(site, "revision")));
    HM_TRY(q, hm_sql_host_aliases_delete(q->db, &q->err, q->param[0]));
    HM_TRY(q, hm_site_aliases_add(q, aliases, q->param[0]));
    HM_TRY(q, hm_queue(q, "verify", site, hm_row_s(site, "server"), &task));
    HM_TRY(q, hm_site_follow(q->db, q->param[0], &q->err));
    json_object_del(q->view, "form");
    return hm_done(q, 202, "/sites/%s", q->param[0]);
}

int hm_page_site_task(hm_req_t *q)
{
    json_t *site;
    hm_asked_t asked;
    int64_t task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_site_get(q, &site));
    HM_TRY(q, hm_task_asked(q, PV_SITE, site, hm_row_s(site, "platform"), &asked));
    HM_TRY(q, hm_queue_asked(q, &asked, site, hm_row_s(site, "server"), &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}
