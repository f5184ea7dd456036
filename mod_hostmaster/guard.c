/*
 * The guard: what a site's virtual host may do, whatever its .htaccess files say. This httpd can open every site's PHP
 * socket, so without it a tenant's SetHandler or RewriteRule [P] runs code in another site's pool (measured). In a
 * virtual host with HostmasterSite
 *   - only the site's own names are answered, others get 421, so that no site is the default of an address;
 *   - a request may end in a file, a folder, an internal redirect or the site's own pool, else 403;
 *   - variables that PHP-FPM takes as settings, and ProxyFCGISetEnvIf below the virtual host, have no effect.
 * It decides at the last moment, right before the handlers: nothing that a tenant controls runs between it and them.
 */
#include "hm.h"
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include <util_filter.h>

APLOG_USE_MODULE(hostmaster);

/* Handlers by name that only read files or redirect inside the virtual host. A handler with a '/' is a content type. */
static const char *const harmless[] = {"default-handler", "redirect-handler", "httpd/unix-directory", NULL};

/* Content types that some module runs inside httpd: CGI scripts, an embedded PHP. */
static const char *const running[] = {"application/x-httpd-", "httpd/", NULL};

/* Filters that run what a file says. */
static const char *const executing[] = {"INCLUDES", NULL};

/* What PHP-FPM takes as settings, and what names the script or a proxy: nobody but httpd itself sets these. */
static const char *const settings[] = {"PHP_VALUE",       "PHP_ADMIN_VALUE", "SCRIPT_FILENAME",
                                       "PATH_TRANSLATED", "DOCUMENT_ROOT",   "HTTP_PROXY",
                                       "LD_PRELOAD",      "LD_LIBRARY_PATH", NULL};

static int listed(const char *const *list, const char *s)
{
    for (; *list; list++)
        if (strcmp(*list, s) == 0)
            return 1;
    return 0;
}

static int begins(const char *const *list, const char *s)
{
    for (; *list; list++)
        if (ap_cstr_casecmpn(*list, s, strlen(*list)) == 0)
            return 1;
    return 0;
}

static int handler_allowed(const hm_server_t *conf, const char *handler)
{
    if (listed(harmless, handler) || (conf->target && strcmp(conf->target, handler) == 0))
        return 1;
    return strchr(handler, '/') && ap_cstr_casecmpn(handler, "proxy:", 6) != 0 && !begins(running, handler);
}

static const char *executing_filter(const request_rec *r)
{
    for (const ap_filter_t *f = r->output_filters; f; f = f->next)
        for (const char *const *name = executing; *name; name++)
            if (ap_cstr_casecmp(f->frec->name, *name) == 0)
                return *name;
    return NULL;
}

/* mod_proxy_fcgi evaluates ProxyFCGISetEnvIf after every hook, so the request goes on with the virtual host's own
 * setting of that module instead of what .htaccess files merged into it. The vector may be shared between requests: it
 * is copied. */
static void forget_fcgi_settings(request_rec *r)
{
    module *fcgi = ap_find_linked_module("mod_proxy_fcgi.c");
    if (!fcgi)
        return;
    ap_conf_vector_t *own = ap_create_request_config(r->pool);
    for (module *m = ap_top_module; m; m = m->next)
        ap_set_module_config(own, m, ap_get_module_config(r->per_dir_config, m));
    ap_set_module_config(own, fcgi, ap_get_module_config(r->server->lookup_defaults, fcgi));
    r->per_dir_config = own;
}

static int refuse(request_rec *r, const hm_server_t *conf, const char *what, const char *value)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "HM0001: site %s: %s '%s' refused for %s", conf->site, what, value,
                  r->uri);
    return HTTP_FORBIDDEN;
}

static int guard(request_rec *r)
{
    const hm_server_t *conf = hm_server(r->server);
    if (!conf->site)
        return DECLINED;
    if (r->proxyreq != PROXYREQ_NONE || (r->filename && ap_cstr_casecmpn(r->filename, "proxy:", 6) == 0))
        return refuse(r, conf, "proxy target", r->filename ? r->filename : r->uri);
    if (!handler_allowed(conf, r->handler))
        return refuse(r, conf, "handler", r->handler);
    const char *filter = executing_filter(r);
    if (filter)
        return refuse(r, conf, "filter", filter);
    for (const char *const *name = settings; *name; name++)
        apr_table_unset(r->subprocess_env, *name);
    forget_fcgi_settings(r);
    return DECLINED;
}

static int name_matches(const apr_array_header_t *names, const char *host)
{
    for (int i = 0; names && i < names->nelts; i++)
        if (ap_cstr_casecmp(APR_ARRAY_IDX(names, i, const char *), host) == 0)
            return 1;
    return 0;
}

/* First thing in a request: whose is it? The note is the access log's first field: %{hostmaster-site}n. */
static int mark(request_rec *r)
{
    const server_rec *s = r->server;
    const hm_server_t *conf = hm_server(s);
    if (!conf->site)
        return DECLINED;
    apr_table_setn(r->notes, "hostmaster-site", conf->site);
    if (r->hostname && (ap_cstr_casecmp(s->server_hostname, r->hostname) == 0 || name_matches(s->names, r->hostname)))
        return DECLINED;
    return HTTP_MISDIRECTED_REQUEST;
}

void hm_guard_register(apr_pool_t *p)
{
    ap_hook_post_read_request(mark, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(guard, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
