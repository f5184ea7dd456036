/*
 * The module's record: its directives, made from the rows of directives.def, and the registration of its parts. Loaded
 * by the httpd that serves sites and by the panel's, where no directive of it stands in a virtual host and the guard
 * therefore sleeps.
 */
#include "hm.h"
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

typedef const char *check_fn(cmd_parms *cmd, const char *value);

static const char *check_number(cmd_parms *cmd, const char *value)
{
    uint64_t n;
    return pv_num_parse(&n, value, strlen(value), 1, UINT64_MAX) == APR_SUCCESS ? NULL : "takes a whole number above 0";
}

static const char *check_days(cmd_parms *cmd, const char *value)
{
    uint64_t n;
    return pv_num_parse(&n, value, strlen(value), 1, 3650) == APR_SUCCESS ? NULL
                                                                          : "takes a number of days from 1 to 3650";
}

static const char *check_path(cmd_parms *cmd, const char *value)
{
    return value[0] == '/' ? NULL : "takes an absolute path";
}

static const char *check_site(cmd_parms *cmd, const char *value)
{
    pv_id_t id;
    return pv_id_parse(&id, value, strlen(value)) == APR_SUCCESS && pv_id_kind(&id) == PV_SITE
               ? NULL
               : "takes the id of a site: s and 12 of a-z2-7";
}

static const char *check_url(cmd_parms *cmd, const char *value)
{
    apr_uri_t uri;
    return apr_uri_parse(cmd->temp_pool, value, &uri) == APR_SUCCESS && uri.hostname && uri.path == NULL &&
                   uri.scheme && (strcmp(uri.scheme, "https") == 0 || strcmp(uri.scheme, "http") == 0)
               ? NULL
               : "takes a URL such as https://panel.example.org, without a path";
}

static const char *check_word(cmd_parms *cmd, const char *value)
{
    return pv_text_check(value, strlen(value), 254) == APR_SUCCESS ? NULL : "takes one word";
}

static const char *check_flag(cmd_parms *cmd, const char *value)
{
    return strcasecmp(value, "on") == 0 || strcasecmp(value, "off") == 0 ? NULL : "takes on or off";
}

enum where { MAIN, VHOST, ANY };

typedef struct {
    check_fn *check;
    size_t offset; /* of its field in hm_server_t */
    enum where where;
} row_t;

#define DIRECTIVE(name, field, where, check, help)                                                                     \
    static const row_t row_##name = {check_##check, offsetof(hm_server_t, field), where};
#include "directives.def"
#undef DIRECTIVE

static const char *set(cmd_parms *cmd, void *dir_config, const char *value)
{
    const row_t *row = cmd->info;
    if (row->where == MAIN && cmd->server->is_virtual)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " belongs outside of virtual hosts", NULL);
    if (row->where == VHOST && !cmd->server->is_virtual)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " belongs into a virtual host", NULL);
    const char *why = row->check(cmd, value);
    if (why)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", why, ", not '", value, "'", NULL);
    const char **field = (const char **)((char *)hm_server(cmd->server) + row->offset);
    if (*field)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " stands twice", NULL);
    *field = value;
    return NULL;
}

static const command_rec directives[] = {
#define DIRECTIVE(name, field, where, check, help) AP_INIT_TAKE1(#name, set, (void *)&row_##name, RSRC_CONF, help),
#include "directives.def"
#undef DIRECTIVE
    {NULL}};

/* No merging: a virtual host inherits nothing of the main server's, so that nobody is a site by accident. */
static void *server_make(apr_pool_t *p, server_rec *s)
{
    return apr_pcalloc(p, sizeof(hm_server_t));
}

static void *server_merge(apr_pool_t *p, void *base, void *own)
{
    return own;
}

static void hooks(apr_pool_t *p)
{
    hm_check_register(p);
    hm_guard_register(p);
    hm_beacon_register(p);
    hm_panel_register(p);
}

AP_DECLARE_MODULE(hostmaster) = {STANDARD20_MODULE_STUFF, NULL, NULL, server_make, server_merge, directives, hooks, 0};
