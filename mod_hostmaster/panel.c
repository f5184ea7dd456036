/*
 * Makes the panel out of its directives, and hooks it into httpd: checks when the configuration is read, templates and
 * eventfds in the parent, the dispatcher in each child. A panel that cannot work does not start; a database of another
 * schema is answered with words, since it may be put right while httpd runs.
 */
#include "panel.h"
#include "db.h"
#include "dispatch/dispatcher.h"
#include "fault.h"
#include "hm.h"
#include "stmts.h"
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include <http_protocol.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <unixd.h>
#include <util_mutex.h>

#define MUTEX    "hostmaster-db"
#define LOG_DAYS 90
#define DAY      (24 * 3600 * APR_USEC_PER_SEC)

hm_panel_t *hm_panel_get(const server_rec *s)
{
    return hm_server(s)->made;
}

static int is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0 ||
           (strlen(host) > 10 && strcmp(host + strlen(host) - 10, ".localhost") == 0);
}

static const char *missing(const hm_server_t *c)
{
    return !c->templates ? "HostmasterTemplates" : !c->run ? "HostmasterRun" : !c->socket ? "HostmasterSocket" : NULL;
}

/* -t says what is missing, not the first request. */
static int check(apr_pool_t *p, apr_pool_t *log, apr_pool_t *tmp, server_rec *main)
{
    for (server_rec *s = main; s; s = s->next) {
        const hm_server_t *c = hm_server(s);
        apr_uri_t uri;
        if (c->panel == NULL)
            continue;
        if (missing(c)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "HM0014: HostmasterPanel needs %s beside it", missing(c));
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        apr_uri_parse(tmp, c->panel, &uri);
        if (strcmp(uri.scheme, "https") != 0 && !is_loopback(uri.hostname)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                         "HM0011: HostmasterPanel %s: plain http only for this machine itself", c->panel);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

static hm_panel_t *make(server_rec *s, const hm_server_t *c, apr_pool_t *p)
{
    hm_panel_t *panel = apr_pcalloc(p, sizeof(*panel));
    apr_uri_t uri;
    pv_err_t err = {0};
    apr_uri_parse(p, c->panel, &uri);
    *panel = (hm_panel_t){.s = s,
                          .url = c->panel,
                          .host = uri.hostname,
                          .tls = strcmp(uri.scheme, "https") == 0,
                          .run_dir = c->run,
                          .socket = c->socket,
                          .sendmail = c->sendmail,
                          .mail_from = c->mail_from,
                          .consumer = "panel",
                          .log_life = (c->log_days ? atoll(c->log_days) : LOG_DAYS) * DAY,
                          .external_auth = c->external_auth && strcasecmp(c->external_auth, "on") == 0};
    sem_init(&panel->hashing, 0, 2);
    if (hm_templates_load(&panel->templates, c->templates, &err, p) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "HM0012: %s", err.text);
        return NULL;
    }
    if (ap_global_mutex_create(&panel->writers, NULL, MUTEX, NULL, s, p, 0) != APR_SUCCESS ||
        hm_dispatcher_prepare(panel, s->process->pool) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "HM0013: the panel's mutex or eventfds could not be made");
        return NULL;
    }
    return panel;
}

static int configure(apr_pool_t *p, apr_pool_t *log, apr_pool_t *tmp)
{
    return ap_mutex_register(p, MUTEX, NULL, APR_LOCK_DEFAULT, 0) == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int prepare(apr_pool_t *p, apr_pool_t *log, apr_pool_t *tmp, server_rec *main)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    xmlInitParser();
    for (server_rec *s = main; s; s = s->next) {
        hm_server_t *c = hm_server(s);
        if (c->panel && (c->made = make(s, c, p)) == NULL)
            return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void child(apr_pool_t *p, server_rec *main)
{
    for (server_rec *s = main; s; s = s->next) {
        hm_panel_t *panel = hm_panel_get(s);
        if (panel == NULL)
            continue;
        apr_global_mutex_child_init(&panel->writers, apr_global_mutex_lockfile(panel->writers), p);
        PV_FAULT_INIT(panel->run_dir);
        hm_dispatcher_start(panel, p);
    }
}

static int handle(request_rec *r)
{
    return hm_panel_get(r->server) ? hm_request_handle(r) : DECLINED;
}

void hm_panel_register(apr_pool_t *p)
{
    static const char *const after_dbd[] = {"mod_dbd.c", NULL};
    ap_hook_pre_config(configure, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(prepare, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child, after_dbd, NULL, APR_HOOK_LAST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_FIRST);
}
