/*
 * A request from its arrival to its answer, in the one order that every route goes through: host, route, actor,
 * permission, origin and CSRF, body, handler, commit, answer. A handler never sees a request that its route's row does
 * not allow.
 */
#include "request.h"
#include "auth.h"
#include "body.h"
#include "db.h"
#include "dispatch/dispatcher.h"
#include "panel.h"
#include "parse.h"
#include "reply.h"
#include "route.h"
#include "stmts.h"
#include <apr_escape.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>

APLOG_USE_MODULE(hostmaster);

#define API         "/api/v1"
#define QUERY_LIMIT 8192
#define TRIES       5
#define KEPT        (86400 * APR_USEC_PER_SEC) /* how long an API call's answer is repeated */

static apr_status_t json_free(void *j)
{
    json_decref(j);
    return APR_SUCCESS;
}

json_t *hm_own(hm_req_t *q, json_t *j)
{
    if (j)
        apr_pool_cleanup_register(q->p, j, json_free, apr_pool_cleanup_null);
    return j;
}

/* A name that is taken is a wrong field like any other: the form is shown again. */
int hm_failed(hm_req_t *q)
{
    int status = q->err.code == PV_NAME_IN_USE ? HTTP_UNPROCESSABLE_ENTITY : pv_error_row(q->err.code)->http;
    return q->status >= HTTP_BAD_REQUEST ? q->status : status;
}

int hm_done(hm_req_t *q, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    q->location = apr_pvsprintf(q->p, fmt, ap);
    va_end(ap);
    q->status = q->api ? status : 0;
    return OK;
}

apr_status_t hm_req_db(hm_req_t *q)
{
    return q->db ? APR_SUCCESS : hm_db_open(&q->db, q->r->server, q->p, &q->err);
}

const char *hm_arg(const hm_req_t *q, const char *name)
{
    return json_string_value(json_object_get(q->args, name));
}

const char *hm_form(const hm_req_t *q, const char *name)
{
    return json_string_value(json_object_get(q->body, name));
}

/* SHA-1 of method, path and body tells the same call from another one; it guards nothing. */
static const char *call_hash(const hm_req_t *q)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t ctx;
    char *body = json_dumps(q->body, JSON_COMPACT | JSON_SORT_KEYS);
    apr_sha1_init(&ctx);
    apr_sha1_update(&ctx, q->r->uri, (unsigned)strlen(q->r->uri));
    if (body)
        apr_sha1_update(&ctx, body, (unsigned)strlen(body));
    free(body);
    apr_sha1_final(digest, &ctx);
    return apr_pescape_hex(q->p, digest, sizeof(digest), 0);
}

static const char *idempotency_name(const hm_req_t *q)
{
    return apr_table_get(q->r->headers_in, "Idempotency-Key");
}

static apr_status_t idempotency_look(hm_req_t *q)
{
    json_t *rows;
    apr_status_t rv = hm_sql_idempotency_get(q->db, &rows, &q->err, q->actor.account, idempotency_name(q));
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    if (strcmp(hm_row_s(row, "hash"), call_hash(q)) != 0)
        return pv_fail(&q->err, PV_KEY_CONFLICT, "Idempotency-Key", "came before with another request");
    q->replay = hm_row_s(row, "body");
    q->status = (int)hm_row_n(row, "status");
    return APR_EEXIST;
}

/* What is kept of an answer has no secret in it: those are shown once. */
static const char *idempotency_body(hm_req_t *q)
{
    json_t *kept = hm_own(q, json_copy(q->view));
    json_object_del(kept, "secret");
    return hm_reply_dump(q, kept);
}

static apr_status_t idempotency_keep(hm_req_t *q)
{
    int64_t now = hm_db_now();
    apr_status_t rv = hm_sql_idempotency_prune(q->db, &q->err, now - KEPT);
    if (rv == APR_SUCCESS)
        rv = hm_sql_idempotency_add(q->db, &q->err, q->actor.account, idempotency_name(q), call_hash(q),
                                    q->status ? q->status : HTTP_OK, idempotency_body(q), now);
    if (rv != APR_SUCCESS && hm_db_unique(q->db))
        return pv_fail(&q->err, PV_KEY_CONFLICT, "Idempotency-Key", "the same call is being answered; repeat it");
    return rv;
}

apr_status_t hm_begin(hm_req_t *q)
{
    apr_status_t rv = hm_req_db(q);
    if (rv != APR_SUCCESS || (rv = hm_db_begin(q->db, &q->err)) != APR_SUCCESS)
        return rv;
    q->begun = 1;
    return q->api ? idempotency_look(q) : APR_SUCCESS;
}

apr_status_t hm_commit(hm_req_t *q)
{
    q->begun = 0;
    return hm_db_commit(q->db, &q->err);
}

/* Commits what the handler did, with the answer of an API call beside it, or takes it back. */
static int finish(hm_req_t *q, int status)
{
    if (!q->begun)
        return status;
    q->begun = 0;
    if (status != OK || q->replay) {
        hm_db_rollback(q->db);
        return status;
    }
    if (q->api && idempotency_keep(q) != APR_SUCCESS) {
        hm_db_rollback(q->db);
        return hm_failed(q);
    }
    if (hm_db_commit(q->db, &q->err) != APR_SUCCESS)
        return hm_failed(q);
    if (q->wake)
        hm_dispatcher_wake(q->panel, q->wake);
    return OK;
}

static int refuse(hm_req_t *q, int status, pv_code_t code, const char *field, const char *text)
{
    q->status = status;
    pv_fail(&q->err, code, field, "%s", text);
    return status;
}

static int permission(hm_req_t *q)
{
    if (q->route->who == HM_ANYBODY)
        return OK;
    if (q->actor.account == 0)
        return refuse(q, HTTP_UNAUTHORIZED, PV_DENIED, NULL, "log in first");
    if (q->route->who == HM_ADMIN_ONLY && q->actor.role != HM_ADMIN)
        return refuse(q, HTTP_NOT_FOUND, PV_NO_OBJECT, NULL, "");
    if (q->route->csrf != HM_CSRF_NONE && q->actor.readonly)
        return refuse(q, HTTP_FORBIDDEN, PV_DENIED, NULL, "this token may only read");
    return OK;
}

/* A page's change must come from the panel's own pages; an API call must name itself, so that it can be repeated. */
static int genuine(hm_req_t *q)
{
    const char *name = idempotency_name(q);
    if (q->route->csrf == HM_CSRF_NONE)
        return OK;
    if (q->api) {
        if (name == NULL || pv_text_check(name, strlen(name), 128) != APR_SUCCESS || !*name)
            return refuse(q, HTTP_BAD_REQUEST, PV_SCHEMA, "Idempotency-Key",
                          "a header of 1 to 128 characters, new for every change");
    } else {
        if (hm_auth_origin(q) != APR_SUCCESS || (q->route->csrf == HM_CSRF_TOKEN && hm_auth_csrf(q) != APR_SUCCESS))
            return hm_failed(q);
        json_object_del(q->body, "csrf");
    }
    if (q->route->takes[0] == '\0' && json_object_size(q->body) > 0)
        return refuse(q, HTTP_BAD_REQUEST, PV_SCHEMA, json_object_iter_key(json_object_iter(q->body)),
                      "this request has no fields");
    return OK;
}

/* An API call that came before is answered as it was then, whatever has become of its object. */
static int repeated(hm_req_t *q)
{
    if (!q->api || q->route->csrf == HM_CSRF_NONE)
        return OK;
    if (hm_req_db(q) != APR_SUCCESS || idempotency_look(q) != APR_SUCCESS)
        return q->replay ? OK : hm_failed(q);
    return OK;
}

/* The handler, and again from its beginning where two transactions were in each other's way. */
static int handle(hm_req_t *q)
{
    const hm_req_t fresh = *q;
    int status = finish(q, q->route->handler(q));
    for (int tries = 1; status >= HTTP_INTERNAL_SERVER_ERROR && q->db && hm_db_crossed(q->db) && tries < TRIES;
         tries++) {
        hm_db_t *db = q->db;
        *q = fresh;
        q->db = db;
        q->view = hm_own(q, json_object());
        status = finish(q, q->route->handler(q));
    }
    return status;
}

static int query_read(hm_req_t *q)
{
    const char *args = q->r->args ? q->r->args : "", *name;
    json_t *parsed = NULL, *value;
    if (strlen(args) > QUERY_LIMIT)
        return refuse(q, HTTP_BAD_REQUEST, PV_TOO_LONG, NULL, "the query is too long");
    if (hm_pairs_parse(&parsed, args, strlen(args), &q->err) != APR_SUCCESS)
        return q->status = HTTP_BAD_REQUEST;
    q->args = hm_own(q, parsed);
    json_object_foreach(q->args, name, value)
    {
        if (strcmp(q->route->method, "GET") != 0 || !hm_route_takes(q->route, name))
            return refuse(q, HTTP_BAD_REQUEST, PV_SCHEMA, name, "the query has no such word");
    }
    return OK;
}

static int route_find(hm_req_t *q, const char *path)
{
    const char *method = q->r->header_only ? "GET" : q->r->method, *allowed;
    q->route = hm_route_find(method, path, q->api, q->param, &allowed, q->p);
    if (q->route)
        return OK;
    if (allowed == NULL)
        return refuse(q, HTTP_NOT_FOUND, PV_NO_OBJECT, NULL, "");
    apr_table_setn(q->r->err_headers_out, "Allow", allowed);
    return refuse(q, HTTP_METHOD_NOT_ALLOWED, PV_UNKNOWN_OP, NULL, "this method is not for this address");
}

static int run(hm_req_t *q)
{
    int status;
    size_t n = strlen(API);
    const char *path = q->r->uri;
    q->api = strncmp(path, API "/", n + 1) == 0;
    path += q->api ? n : 0;
    if ((status = route_find(q, path)) != OK || (status = query_read(q)) != OK)
        return status;
    if (hm_auth_actor(q) != APR_SUCCESS)
        return hm_failed(q);
    if ((status = permission(q)) != OK)
        return status;
    if (q->route->limit > 0 && hm_body_read(q, q->route->limit) != APR_SUCCESS)
        return hm_failed(q);
    if ((status = genuine(q)) != OK || (status = repeated(q)) != OK || q->replay)
        return status;
    return handle(q);
}

/* What the head of every page shows besides its view; a page without it is better than none. */
static void head_count(hm_req_t *q)
{
    json_t *rows;
    pv_err_t err = {0};
    if (q->api || q->actor.account == 0 || q->location || q->db == NULL)
        return;
    if (hm_sql_task_open_count(q->db, &rows, &err, HM_SCOPE(q)) == APR_SUCCESS)
        q->open = hm_row_n(json_array_get(rows, 0), "n");
}

static int ours(const hm_panel_t *panel, const request_rec *r)
{
    return r->hostname && strcasecmp(r->hostname, panel->host) == 0;
}

int hm_request_handle(request_rec *r)
{
    hm_panel_t *panel = hm_panel_get(r->server);
    if (panel == NULL || strncmp(r->uri, "/static/", 8) == 0)
        return DECLINED;
    if (!ours(panel, r))
        return HTTP_MISDIRECTED_REQUEST;
    hm_req_t *q = apr_pcalloc(r->pool, sizeof(*q));
    q->r = r;
    q->p = r->pool;
    q->panel = panel;
    q->view = hm_own(q, json_object());
    q->args = hm_own(q, json_object());
    q->body = hm_own(q, json_object());
    int status = run(q);
    head_count(q);
    if (q->db)
        hm_db_close(q->db, r->server); /* before the answer: a slow client must not hold a connection */
    q->db = NULL;
    if (status >= 500)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "HM0022: %s: %s", pv_error_row(q->err.code)->name, q->err.text);
    return hm_reply(q, status);
}
