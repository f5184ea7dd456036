/*
 * Who asks. The only file that reads and writes the session cookie and the Authorization header. A secret is 256 random
 * bits; the database holds its SHA-256, so that a stolen database opens no door. A cookie that is stale is nobody,
 * never an error, so that other authentication modules of the same httpd go on working.
 */
#include "auth.h"
#include "db.h"
#include "panel.h"
#include "secret.h"
#include "stmts.h"
#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <util_cookies.h>

#define IDLE     (30 * 60 * APR_USEC_PER_SEC)
#define ABSOLUTE (12 * 3600 * APR_USEC_PER_SEC)
#define TOUCH    (60 * APR_USEC_PER_SEC)

static const char *cookie_name(const hm_req_t *q)
{
    return q->panel->tls ? "__Host-hm" : "hm";
}

static void actor_set(hm_req_t *q, const json_t *row)
{
    q->actor.account = hm_row_n(row, "account");
    q->actor.login = hm_row_s(row, "login");
    q->actor.role = strcmp(hm_row_s(row, "role"), "administrator") == 0 ? HM_ADMIN : HM_CLIENT;
    q->actor.client = hm_row_n(row, "client");
}

static void session_set(hm_req_t *q, const char *hash, const json_t *row)
{
    actor_set(q, row);
    q->actor.session = hash;
    q->actor.csrf = hm_row_s(row, "csrf");
}

static apr_status_t actor_by_token(hm_req_t *q)
{
    const char *header = apr_table_get(q->r->headers_in, "Authorization");
    json_t *rows;
    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
        return APR_SUCCESS;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_token_actor(q->db, &rows, &q->err, hm_secret_hash(header + 7, q->p), hm_db_now());
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    actor_set(q, row);
    q->actor.readonly = strcmp(hm_row_s(row, "scope"), "write") != 0;
    return APR_SUCCESS;
}

static apr_status_t actor_by_cookie(hm_req_t *q)
{
    const char *value = NULL;
    json_t *rows;
    int64_t now = hm_db_now();
    if (ap_cookie_read(q->r, cookie_name(q), &value, 0) != APR_SUCCESS || value == NULL ||
        strlen(value) != HM_SECRET_LEN)
        return APR_SUCCESS;
    const char *hash = hm_secret_hash(value, q->p);
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_session_actor(q->db, &rows, &q->err, hash, now - IDLE, now - ABSOLUTE);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    session_set(q, hash, row);
    return hm_row_n(row, "used") > now - TOUCH ? APR_SUCCESS : hm_sql_session_touch(q->db, &q->err, now, hash);
}

/* Another module of this httpd has found out who asks, and the panel is told to believe it. */
static apr_status_t actor_by_httpd(hm_req_t *q)
{
    json_t *rows;
    const char *user = q->r->user;
    if (!q->panel->external_auth || user == NULL || q->r->ap_auth_type == NULL)
        return APR_SUCCESS;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_by_login(q->db, &rows, &q->err, user, user);
    if (rv != APR_SUCCESS || json_array_size(rows) != 1)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    return hm_auth_session(q, hm_row_n(row, "id"));
}

apr_status_t hm_auth_actor(hm_req_t *q)
{
    if (q->api)
        return actor_by_token(q);
    apr_status_t rv = actor_by_cookie(q);
    return rv != APR_SUCCESS || q->actor.account ? rv : actor_by_httpd(q);
}

static const char *cookie_attributes(const hm_req_t *q)
{
    return q->panel->tls ? "Path=/;HttpOnly;SameSite=Lax;Secure" : "Path=/;HttpOnly;SameSite=Lax";
}

/* Every login takes away what is over, its own session of before first. */
static apr_status_t sweep(hm_req_t *q, int64_t now)
{
    apr_status_t rv = APR_SUCCESS;
    if (q->actor.session)
        rv = hm_sql_session_delete(q->db, &q->err, q->actor.session);
    if (rv == APR_SUCCESS)
        rv = hm_sql_session_prune(q->db, &q->err, now - IDLE, now - ABSOLUTE);
    if (rv == APR_SUCCESS)
        rv = hm_sql_link_prune(q->db, &q->err, now);
    return rv == APR_SUCCESS ? hm_sql_token_prune(q->db, &q->err, now) : rv;
}

apr_status_t hm_auth_session(hm_req_t *q, int64_t account)
{
    const char *secret = hm_secret_make(q->p), *hash = hm_secret_hash(secret, q->p);
    int64_t now = hm_db_now();
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = sweep(q, now);
    if (rv == APR_SUCCESS)
        rv = hm_sql_session_add(q->db, &q->err, hash, account, hm_secret_make(q->p), now, now);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_seen(q->db, &q->err, now, account);
    if (rv == APR_SUCCESS)
        rv = hm_sql_session_actor(q->db, &rows, &q->err, hash, 0, 0);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0)
        rv = pv_fail(&q->err, PV_DENIED, NULL, "the account is disabled");
    if (rv != APR_SUCCESS)
        return rv;
    ap_cookie_write(q->r, cookie_name(q), secret, cookie_attributes(q), 0, q->r->err_headers_out, NULL);
    session_set(q, hash, json_array_get(rows, 0));
    return APR_SUCCESS;
}

apr_status_t hm_auth_logout(hm_req_t *q)
{
    ap_cookie_remove(q->r, cookie_name(q), cookie_attributes(q), q->r->err_headers_out, NULL);
    return hm_sql_session_delete(q->db, &q->err, q->actor.session);
}

apr_status_t hm_auth_origin(hm_req_t *q)
{
    const char *site = apr_table_get(q->r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(q->r->headers_in, "Origin");
    if (origin ? strcmp(origin, q->panel->url) == 0
        : site ? strcmp(site, "same-origin") == 0
               : q->actor.session != NULL)
        return APR_SUCCESS;
    q->status = HTTP_FORBIDDEN;
    return pv_fail(&q->err, PV_DENIED, NULL, "the request did not come from the panel's own pages (%s)", q->panel->url);
}

apr_status_t hm_auth_csrf(hm_req_t *q)
{
    const char *token = apr_table_get(q->r->headers_in, "X-CSRF-Token");
    token = token ? token : hm_form(q, "csrf");
    if (token && q->actor.csrf && hm_secret_eq(token, q->actor.csrf))
        return APR_SUCCESS;
    q->status = HTTP_FORBIDDEN;
    return pv_fail(&q->err, PV_DENIED, "csrf", "the page was opened in an older session; open it again");
}
