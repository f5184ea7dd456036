/*
 * The doors: login form, one-time links, logout; and what one may change of oneself.
 */
#include "auth.h"
#include "db.h"
#include "forms.h"
#include "login_link.h"
#include "page/page.h"
#include "panel.h"
#include "password.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

int hm_page_login_form(hm_req_t *q)
{
    if (q->actor.account)
        return hm_done(q, 200, "/");
    return OK;
}

/* Shows PAGE again with its words of what was wrong. */
static int again(hm_req_t *q, const char *page)
{
    q->page = page;
    q->status = hm_failed(q);
    json_object_set_new(q->view, "error", json_string(q->err.text));
    return OK;
}

int hm_page_login(hm_req_t *q)
{
    json_t *values;
    int64_t account;
    if (hm_form_check(&values, q, hm_form_find("login")) != APR_SUCCESS)
        return again(q, "login");
    json_object_set(q->view, "login", json_object_get(values, "login"));
    if (hm_password_login(q, hm_row_s(values, "login"), hm_row_s(values, "password"), &account) != APR_SUCCESS)
        return again(q, "login");
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_auth_session(q, account));
    HM_TRY(q, hm_audit(q, "login", "", ""));
    return hm_done(q, 200, "/");
}

int hm_page_logout(hm_req_t *q)
{
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_auth_logout(q));
    return hm_done(q, 200, "/login");
}

int hm_page_link_form(hm_req_t *q)
{
    json_object_set_new(q->view, "token", json_string(q->param[0]));
    return OK;
}

int hm_page_link_use(hm_req_t *q)
{
    int64_t account;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_link_use(&account, q->db, q->param[0], &q->err, q->p));
    HM_TRY(q, hm_auth_session(q, account));
    HM_TRY(q, hm_audit(q, "link", "", ""));
    return hm_done(q, 200, "/");
}

static apr_status_t account_show(hm_req_t *q)
{
    json_t *rows, *tokens, *account;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_get(q->db, &rows, &q->err, q->actor.account);
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, &account);
    if (rv == APR_SUCCESS)
        rv = hm_sql_token_list(q->db, &tokens, &q->err, q->actor.account, hm_db_now());
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set(q->view, "account", account);
    json_object_set(q->view, "tokens", tokens);
    return APR_SUCCESS;
}

int hm_page_account_view(hm_req_t *q)
{
    HM_TRY(q, account_show(q));
    return OK;
}

int hm_page_account_password(hm_req_t *q)
{
    const char *hash;
    json_t *rows, *values;
    int right = 1;
    HM_TRY(q, account_show(q));
    if (hm_form_check(&values, q, hm_form_find("password")) != APR_SUCCESS)
        return q->api ? hm_failed(q) : again(q, "account");
    HM_TRY(q, hm_sql_account_password_get(q->db, &rows, &q->err, q->actor.account));
    const char *present = hm_row_s(json_array_get(rows, 0), "password");
    if (present[0])
        HM_TRY(q, hm_password_check(q, hm_row_s(values, "old"), present, &right));
    if (!right)
        pv_fail(&q->err, PV_DENIED, "old", "the present password is wrong");
    if (!right || hm_password_hash(&hash, q, hm_row_s(values, "new")) != APR_SUCCESS)
        return q->api ? hm_failed(q) : again(q, "account");
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_sql_account_password(q->db, &q->err, hash, q->actor.account));
    HM_TRY(q, hm_sql_session_delete_of(q->db, &q->err, q->actor.account)); /* every session but the new one ends */
    HM_TRY(q, hm_audit(q, "password", "", ""));
    if (!q->api)
        HM_TRY(q, hm_auth_session(q, q->actor.account));
    return hm_done(q, 200, "/account");
}

int hm_page_token_add(hm_req_t *q)
{
    const char *secret;
    json_t *values;
    HM_TRY(q, account_show(q));
    if (hm_form_check(&values, q, hm_form_find("token_add")) != APR_SUCCESS)
        return q->api ? hm_failed(q) : again(q, "account");
    const char *name = hm_row_s(values, "name"), *scope = hm_row_s(values, "scope");
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_token_make(&secret, q->db, q->actor.account, name, scope, &q->err, q->p));
    HM_TRY(q, hm_audit(q, "token_add", "", name));
    HM_TRY(q, account_show(q));
    json_object_set_new(q->view, "secret", json_string(secret));
    q->status = 201; /* not a redirect: the value is shown this once */
    return OK;
}

int hm_page_token_delete(hm_req_t *q)
{
    HM_TRY(q, hm_begin(q));
    if (hm_sql_token_delete(q->db, &q->err, strtoll(q->param[0], NULL, 10), q->actor.account) != APR_SUCCESS)
        HM_TRY(q, pv_fail(&q->err, PV_NO_OBJECT, NULL, "%s", ""));
    HM_TRY(q, hm_audit(q, "token_delete", "", q->param[0]));
    return hm_done(q, 200, "/account");
}
