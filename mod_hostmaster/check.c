/*
 * What 'httpd -t' refuses on the module's behalf: a host name in the virtual hosts of two sites, or of a site and of
 * nobody (httpd itself takes the first and says nothing), a pool without a site, and a user that does not exist.
 */
#include "hm.h"
#include <apr_hash.h>
#include <apr_strings.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>

APLOG_USE_MODULE(hostmaster);

static const char *owner_text(const server_rec *s)
{
    const char *site = hm_server(s)->site;
    return site ? site : "no site";
}

/* The same site may use a name more than once: for plain and TLS, for what redirects. */
static int claim(apr_hash_t *owners, const char *name, server_rec *s, apr_pool_t *p)
{
    char *key = apr_pstrdup(p, name);
    ap_str_tolower(key);
    const server_rec *other = apr_hash_get(owners, key, APR_HASH_KEY_STRING);
    if (!other) {
        apr_hash_set(owners, key, APR_HASH_KEY_STRING, s);
        return 1;
    }
    const char *mine = hm_server(s)->site, *theirs = hm_server(other)->site;
    if (mine && theirs ? strcmp(mine, theirs) == 0 : !mine && !theirs)
        return 1;
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                 "HM0020: host name %s is in two virtual hosts: %s (line %u of %s) and %s (line %u of %s)", key,
                 owner_text(other), other->defn_line_number, other->defn_name, owner_text(s), s->defn_line_number,
                 s->defn_name);
    return 0;
}

static int claim_names(apr_hash_t *owners, const apr_array_header_t *names, server_rec *s, apr_pool_t *p)
{
    int ok = 1;
    for (int i = 0; names && i < names->nelts; i++)
        ok &= claim(owners, APR_ARRAY_IDX(names, i, const char *), s, p);
    return ok;
}

/* Told of a number that no account has, httpd leaves its children root and goes on. */
static int user_exists(server_rec *s)
{
    const char *user = ap_unixd_config.user_name;
    if (geteuid() != 0 || user[0] != '#' || getpwuid((uid_t)strtoul(user + 1, NULL, 10)))
        return 1;
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                 "HM0025: User %s: no account has this number, and httpd would serve as root", user);
    return 0;
}

static int check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    apr_hash_t *owners = apr_hash_make(ptemp);
    int ok = user_exists(main_server);
    for (server_rec *s = main_server->next; s; s = s->next) {
        hm_server_t *conf = hm_server(s);
        if (s->server_hostname)
            ok &= claim(owners, s->server_hostname, s, ptemp);
        ok &= claim_names(owners, s->names, s, ptemp) & claim_names(owners, s->wild_names, s, ptemp);
        if (conf->pool && conf->site)
            conf->target = apr_pstrcat(pconf, "proxy:unix:", conf->pool, "|fcgi://", conf->site, "/", NULL);
        if (conf->pool && !conf->site) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                         "HM0021: HostmasterPool without HostmasterSite: line %u of %s", s->defn_line_number,
                         s->defn_name);
            ok = 0;
        }
    }
    return ok ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

void hm_check_register(apr_pool_t *p)
{
    ap_hook_check_config(check, NULL, NULL, APR_HOOK_MIDDLE);
}
