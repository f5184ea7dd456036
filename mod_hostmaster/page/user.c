/*
 * People who log in: list, one, add, change, login links. Administrators only. A new person gets a link, never a
 * password.
 */
#include "db.h"
#include "forms.h"
#include "login_link.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

int hm_page_user_list(hm_req_t *q)
{
    int64_t limit;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_account_list(q->db, &rows, &q->err, hm_arg(q, "after") ? hm_arg(q, "after") : "", limit + 1));
    hm_list_show(q, "users", rows, limit, "login");
    return OK;
}

static apr_status_t user_get(hm_req_t *q, json_t **user)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_get(q->db, &rows, &q->err, strtoll(q->param[0], NULL, 10));
    return rv == APR_SUCCESS ? hm_one(q, rows, user) : rv;
}

int hm_page_user_view(hm_req_t *q)
{
    json_t *user;
    HM_TRY(q, user_get(q, &user));
    json_object_set(q->view, "user", user);
    return OK;
}

static apr_status_t choices(hm_req_t *q)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_client_list(q->db, &rows, &q->err, "", 500);
    if (rv != APR_SUCCESS)
        return rv;
    hm_form_option(q, "role", "client", "user of a client");
    hm_form_option(q, "role", "administrator", "administrator");
    hm_form_option(q, "client", "", "none");
    json_array_foreach(rows, i, row) hm_form_option(
        q, "client", apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)hm_row_n(row, "id")), hm_row_s(row, "name"));
    hm_form_option(q, "state", "enabled", "enabled");
    hm_form_option(q, "state", "disabled", "disabled");
    return APR_SUCCESS;
}

static apr_status_t add_form(hm_req_t *q)
{
    hm_form_show(q, hm_form_find("user_add"), NULL, "/users", "/users");
    return choices(q);
}

int hm_page_user_new(hm_req_t *q)
{
    HM_TRY(q, add_form(q));
    return OK;
}

/* A client's person needs a client that is there; an administrator has none. */
static apr_status_t client_of(hm_req_t *q, const json_t *values, const json_t *user, int64_t *client)
{
    json_t *rows;
    *client = 0;
    if (strcmp(hm_value(values, "role", user), "administrator") == 0)
        return APR_SUCCESS;
    *client = hm_value_n(values, "client", hm_row_n(user, "client"));
    apr_status_t rv = hm_sql_client_get(q->db, &rows, &q->err, *client);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0)
        return hm_form_wrong(q, PV_SCHEMA, "client", "required for the user of a client");
    return rv;
}

static const char *lower(hm_req_t *q, const char *s)
{
    char *copy = apr_pstrdup(q->p, s);
    ap_str_tolower(copy);
    return copy;
}

static apr_status_t free_check(hm_req_t *q, const char *login, const char *mail, int64_t user)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_account_taken(q->db, &rows, &q->err, login, mail, user);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row)
    {
        const char *field = strcmp(hm_row_s(row, "login"), login) == 0 ? "login" : "mail";
        rv = hm_form_wrong(q, PV_NAME_IN_USE, field, "somebody has it already");
    }
    return rv;
}

/* A one-time link of ID, as a URL in the view. */
static apr_status_t link_show(hm_req_t *q, int64_t id)
{
    const char *secret;
    apr_status_t rv = hm_link_make(&secret, q->db, id, &q->err, q->p);
    if (rv == APR_SUCCESS)
        json_object_set_new(q->view, "secret", json_string(apr_pstrcat(q->p, q->panel->url, "/link/", secret, NULL)));
    return rv;
}

int hm_page_user_add(hm_req_t *q)
{
    json_t *values, *rows;
    int64_t client, id = hm_db_id();
    HM_TRY(q, add_form(q));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("user_add")));
    HM_TRY(q, hm_begin(q));
    const char *login = lower(q, hm_value(values, "login", NULL)), *mail = lower(q, hm_value(values, "mail", NULL));
    HM_TRY(q, free_check(q, login, mail, 0));
    HM_TRY(q, client_of(q, values, NULL, &client));
    HM_TRY(q, hm_sql_account_add(q->db, &q->err, id, login, mail, hm_value(values, "role", NULL), client, hm_db_now()));
    HM_TRY(q, link_show(q, id));
    HM_TRY(q, hm_audit(q, "user_add", "", login));
    HM_TRY(q, hm_sql_account_get(q->db, &rows, &q->err, id));
    json_object_del(q->view, "form");
    json_object_set(q->view, "user", json_array_get(rows, 0));
    q->page = "user"; /* not a redirect: the link is shown this once */
    q->status = 201;
    return OK;
}

static apr_status_t change_form(hm_req_t *q, json_t **user)
{
    apr_status_t rv = user_get(q, user);
    const char *path = apr_pstrcat(q->p, "/users/", q->param[0], NULL);
    if (rv != APR_SUCCESS)
        return rv;
    hm_form_show(q, hm_form_find("user_change"), *user, path, path);
    return choices(q);
}

int hm_page_user_edit(hm_req_t *q)
{
    json_t *user;
    HM_TRY(q, change_form(q, &user));
    return OK;
}

/* Nobody can lock the last administrator out: oneself stays what one is. */
static apr_status_t oneself_check(hm_req_t *q, const json_t *values, const json_t *user)
{
    if (hm_row_n(user, "id") != q->actor.account)
        return APR_SUCCESS;
    if (strcmp(hm_value(values, "role", user), "administrator") != 0)
        return hm_form_wrong(q, PV_DENIED, "role", "another administrator can change this, not you yourself");
    if (strcmp(hm_value(values, "state", user), "enabled") != 0)
        return hm_form_wrong(q, PV_DENIED, "state", "another administrator can change this, not you yourself");
    return APR_SUCCESS;
}

int hm_page_user_change(hm_req_t *q)
{
    json_t *user, *values;
    int64_t client;
    HM_TRY(q, change_form(q, &user));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("user_change")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, user));
    HM_TRY(q, oneself_check(q, values, user));
    int64_t id = hm_row_n(user, "id");
    const char *mail = lower(q, hm_value(values, "mail", user));
    HM_TRY(q, free_check(q, hm_row_s(user, "login"), mail, id));
    HM_TRY(q, client_of(q, values, user, &client));
    HM_TRY(q, hm_sql_account_change(q->db, &q->err, mail, hm_value(values, "role", user), client,
                                    hm_value(values, "state", user), id, hm_row_n(user, "revision")));
    if (id != q->actor.account) /* what they may do has changed: they log in anew */
        HM_TRY(q, hm_sql_session_delete_of(q->db, &q->err, id));
    HM_TRY(q, hm_audit(q, "user_change", "", hm_row_s(user, "login")));
    json_object_del(q->view, "form");
    return hm_done(q, 200, "/users/%s", q->param[0]);
}

int hm_page_user_link(hm_req_t *q)
{
    json_t *user;
    HM_TRY(q, user_get(q, &user));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, link_show(q, hm_row_n(user, "id")));
    HM_TRY(q, hm_audit(q, "user_link", "", hm_row_s(user, "login")));
    json_object_set(q->view, "user", user);
    return OK;
}
