/*
 * mod_hostmaster in the httpd that serves sites: what one virtual host is, and the hooks of its three parts. It trusts
 * the configuration (root writes it) and nothing else: not .htaccess files, not requests.
 */
#ifndef HM_H
#define HM_H

#include "proto/names.h"
#include <httpd.h>

#include <http_config.h>
#include <http_log.h>

/* The one symbol that the shared object exports. */
extern module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) hostmaster_module;

/* The configuration of a server (virtual host). Strings live in the configuration's pool. */
typedef struct {
    const char *site;     /* HostmasterSite: an id, or NULL for a virtual host that is no site's */
    const char *pool;     /* HostmasterPool: the one socket its PHP may be reached at, or NULL */
    const char *target;   /* the only proxy handler that is let through, made of both; NULL: none */
    const char *revision; /* HostmasterRevision, main server: the configuration's number in decimal, or NULL */
    const char *beacon;   /* HostmasterBeacon, main server: path of a datagram socket, or NULL */
    /* The panel's settings, as their directives say: panel.h. */
    const char *panel, *templates, *run, *socket, *sendmail, *mail_from, *log_days, *external_auth;
    struct hm_panel *made; /* made of them in post_config; NULL for a server that is no panel */
} hm_server_t;

static inline hm_server_t *hm_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &hostmaster_module);
}

void hm_guard_register(apr_pool_t *p);
void hm_beacon_register(apr_pool_t *p);
void hm_check_register(apr_pool_t *p);
void hm_panel_register(apr_pool_t *p);

#endif
