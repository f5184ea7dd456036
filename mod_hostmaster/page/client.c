/*
 * Clients: list, one, add, change. Administrators only.
 */
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "page/page.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>

int hm_page_client_list(hm_req_t *q)
{
    int64_t limit;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_client_list(q->db, &rows, &q->err, hm_arg(q, "after") ? hm_arg(q, "after") : "", limit + 1));
    hm_list_show(q, "clients", rows, limit, "name");
    return OK;
}

static apr_status_t client_get(hm_req_t *q, json_t **client)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_client_get(q->db, &rows, &q->err, strtoll(q->param[0], NULL, 10));
    return rv == APR_SUCCESS ? hm_one(q, rows, client) : rv;
}

int hm_page_client_view(hm_req_t *q)
{
    json_t *client, *users, *sites;
    HM_TRY(q, client_get(q, &client));
    HM_TRY(q, hm_sql_account_list_of(q->db, &users, &q->err, hm_row_n(client, "id"), 100));
    HM_TRY(q, hm_sql_site_list_of(q->db, &sites, &q->err, hm_row_n(client, "id"), "%", "", 100));
    hm_object_shown(sites);
    json_object_set(q->view, "client", client);
    json_object_set(q->view, "users", users);
    json_object_set(q->view, "sites", sites);
    return OK;
}

int hm_page_client_new(hm_req_t *q)
{
    hm_form_show(q, hm_form_find("client_add"), NULL, "/clients", "/clients");
    return OK;
}

static apr_status_t name_free(hm_req_t *q, const char *name, int64_t client)
{
    json_t *rows;
    apr_status_t rv = hm_sql_client_by_name(q->db, &rows, &q->err, name);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0 || hm_row_n(json_array_get(rows, 0), "id") == client)
        return rv;
    return hm_form_wrong(q, PV_NAME_IN_USE, "name", "there is a client %s already", name);
}

int hm_page_client_add(hm_req_t *q)
{
    json_t *values;
    int64_t id = hm_db_id();
    hm_form_show(q, hm_form_find("client_add"), NULL, "/clients", "/clients");
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("client_add")));
    HM_TRY(q, hm_begin(q));
    const char *name = hm_value(values, "name", NULL);
    HM_TRY(q, name_free(q, name, 0));
    HM_TRY(q, hm_sql_client_add(q->db, &q->err, id, name, hm_value(values, "mail", NULL), hm_db_now()));
    HM_TRY(q, hm_audit(q, "client_add", "", name));
    json_object_del(q->view, "form");
    json_object_set_new(q->view, "client", json_pack("{s:I, s:s}", "id", (json_int_t)id, "name", name));
    return hm_done(q, 201, "/clients/%" APR_INT64_T_FMT, (apr_int64_t)id);
}

static apr_status_t change_form(hm_req_t *q, json_t **client)
{
    apr_status_t rv = client_get(q, client);
    const char *path = apr_pstrcat(q->p, "/clients/", q->param[0], NULL);
    if (rv != APR_SUCCESS)
        return rv;
    hm_form_show(q, hm_form_find("client_change"), *client, path, path);
    hm_form_option(q, "state", "enabled", "enabled");
    hm_form_option(q, "state", "disabled", "disabled");
    return APR_SUCCESS;
}

int hm_page_client_edit(hm_req_t *q)
{
    json_t *client;
    HM_TRY(q, change_form(q, &client));
    return OK;
}

int hm_page_client_change(hm_req_t *q)
{
    json_t *client, *values;
    HM_TRY(q, change_form(q, &client));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("client_change")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, client));
    HM_TRY(q, name_free(q, hm_value(values, "name", client), hm_row_n(client, "id")));
    HM_TRY(q, hm_sql_client_change(q->db, &q->err, hm_value(values, "name", client), hm_value(values, "mail", client),
                                   hm_value(values, "state", client), hm_row_n(client, "id"),
                                   hm_row_n(client, "revision")));
    HM_TRY(q, hm_audit(q, "client_change", "", hm_value(values, "name", client)));
    json_object_del(q->view, "form");
    return hm_done(q, 200, "/clients/%s", q->param[0]);
}
