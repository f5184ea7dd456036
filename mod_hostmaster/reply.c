/*
 * Renders what a handler left. The same view goes through a template or becomes JSON, so the API cannot lag behind the
 * pages. Answers are never stored by anybody, frame nothing, load nothing from elsewhere.
 */
#include "reply.h"
#include "auth.h"
#include "panel.h"
#include "route.h"
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <stdlib.h>
#include <string.h>

APLOG_USE_MODULE(hostmaster);

static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

#define HSTS          "max-age=31536000" /* a year; names below the panel's are not its business */
#define RETRY_SECONDS 5                  /* where nobody knows better */

/* The status must stand by now: who is told to come again is told when. */
static void headers_set(hm_req_t *q, const char *type)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        apr_table_setn(q->r->err_headers_out, headers[i].name, headers[i].value);
    if (q->panel->tls)
        apr_table_setn(q->r->err_headers_out, "Strict-Transport-Security", HSTS);
    if (q->r->status == HTTP_TOO_MANY_REQUESTS || q->r->status == HTTP_SERVICE_UNAVAILABLE)
        apr_table_setn(q->r->err_headers_out, "Retry-After",
                       apr_itoa(q->p, q->retry_after ? q->retry_after : RETRY_SECONDS));
    ap_set_content_type(q->r, type);
}

const char *hm_reply_fix(pv_code_t code)
{
    static const struct {
        pv_code_t code;
        const char *fix;
    } rows[] = {
#define FIX(name, text) {PV_##name, text},
#include "fixes.def"
#undef FIX
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].code == code)
            return rows[i].fix;
    return pv_error_row(code)->fix;
}

static json_t *problem(hm_req_t *q, int status)
{
    const pv_error_row_t *row = pv_error_row(q->err.code);
    return hm_own(q,
                  json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "code", row->name, "status", status, "field",
                            q->err.field, "text", row->text, "detail", q->err.text, "fix", hm_reply_fix(q->err.code)));
}

static apr_status_t dump_free(void *s)
{
    free(s);
    return APR_SUCCESS;
}

const char *hm_reply_dump(hm_req_t *q, const json_t *json)
{
    char *s = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    apr_pool_cleanup_register(q->p, s, dump_free, apr_pool_cleanup_null);
    return s;
}

static int wants_json(const hm_req_t *q)
{
    const char *accept = apr_table_get(q->r->headers_in, "Accept");
    return q->api || (accept && strcmp(accept, "application/json") == 0);
}

static int reply_text(hm_req_t *q, int status, const char *type, const char *body)
{
    q->r->status = status;
    headers_set(q, type);
    ap_set_content_length(q->r, strlen(body));
    ap_rputs(body, q->r);
    return OK;
}

/* What every page can show, besides its own view. */
static json_t *globals(hm_req_t *q)
{
    const char *path = q->r->uri,
               *section = path[1] ? apr_pstrmemdup(q->p, path + 1, strcspn(path + 1, "/")) : "dashboard";
    json_t *g = json_pack("{s:s, s:{s:s}}", "layout", q->actor.account ? "full" : "bare", "on", section, "1");
    if (q->actor.account) {
        json_object_set_new(g, "actor",
                            json_pack("{s:s, s:b}", "login", q->actor.login, "admin", q->actor.role == HM_ADMIN));
        json_object_set_new(g, "open", json_integer(q->open));
        json_object_set_new(g, "csrf", json_string(q->actor.csrf ? q->actor.csrf : ""));
    }
    return hm_own(q, g);
}

/* A form that was refused is shown again, the reason at its head unless a field says it; everything else that failed
 * has one page. */
static const char *failed_page(hm_req_t *q, int status, const char *page)
{
    json_t *form = json_object_get(q->view, "form"), *field;
    size_t i, told = 0;
    if (form == NULL) {
        json_object_set(q->view, "error", problem(q, status));
        return "error";
    }
    json_array_foreach(json_object_get(form, "fields"), i, field) told += json_object_get(field, "error") != NULL;
    json_object_set_new(form, "error", json_string(pv_error_row(q->err.code)->text));
    json_object_set_new(form, "detail", json_string(told ? "" : q->err.text));
    return page;
}

static int reply_page(hm_req_t *q, int status, int failed)
{
    const char *page = q->page ? q->page : q->route ? q->route->page : "error";
    apr_bucket_brigade *bb = apr_brigade_create(q->p, q->r->connection->bucket_alloc);
    apr_off_t length;
    pv_err_t err = {0};
    if (failed)
        page = failed_page(q, status, page);
    if (hm_template_run(q->panel->templates, page, q->view, globals(q), bb, &err, q->p) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, q->r, "HM0023: page %s: %s", page, err.text);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    q->r->status = status;
    headers_set(q, "text/html; charset=utf-8");
    apr_brigade_length(bb, 1, &length);
    ap_set_content_length(q->r, length);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return ap_pass_brigade(q->r->output_filters, bb) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static int redirect(hm_req_t *q)
{
    headers_set(q, "text/html; charset=utf-8");
    apr_table_setn(q->r->headers_out, "Location", q->location);
    q->r->status = HTTP_SEE_OTHER;
    return OK;
}

/* By sendfile, after which no thread waits for a slow reader. Names are host names and ids: nothing to be quoted. */
static int reply_file(hm_req_t *q)
{
    apr_bucket_brigade *bb = apr_brigade_create(q->p, q->r->connection->bucket_alloc);
    headers_set(q, "application/zstd");
    apr_table_setn(q->r->headers_out, "Content-Disposition",
                   apr_pstrcat(q->p, "attachment; filename=\"", q->file_name, "\"", NULL));
    ap_set_content_length(q->r, q->file_size);
    apr_brigade_insert_file(bb, q->file, 0, q->file_size, q->p);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return ap_pass_brigade(q->r->output_filters, bb) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

int hm_reply(hm_req_t *q, int status)
{
    int failed = status != OK;
    if (failed && q->actor.account == 0 && status == HTTP_UNAUTHORIZED && !wants_json(q)) {
        q->location = "/login";
        return redirect(q);
    }
    if (!failed && q->file)
        return reply_file(q);
    if (!failed && q->location && !wants_json(q))
        return redirect(q);
    status = failed ? status : q->status ? q->status : HTTP_OK;
    if (!wants_json(q))
        return reply_page(q, status, failed);
    if (status == HTTP_UNAUTHORIZED)
        apr_table_setn(q->r->err_headers_out, "WWW-Authenticate", "Bearer");
    if (q->replay)
        return reply_text(q, status, "application/json", q->replay);
    return reply_text(q, status, failed ? "application/problem+json" : "application/json",
                      hm_reply_dump(q, failed ? problem(q, status) : q->view));
}
