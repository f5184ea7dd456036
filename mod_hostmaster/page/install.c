/*
 * Sites that are not installed yet: choosing the platform of one, adding it, and changing one whose install has failed.
 */
#include "db.h"
#include "forms.h"
#include "model/app.h"
#include "model/object.h"
#include "page/base.h"
#include "page/page.h"
#include "page/site.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

/* ---- the platform ---- */

/* The platforms that a site can go on now; more than one is asked for on a page of its own, whose links begin with
 * PREFIX. *only: the id of the only one, NULL where that page is shown. */
static apr_status_t choose(hm_req_t *q, const char *title, const char *prefix, const char *back, const char **only)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_app_platforms(q->db, &rows, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    *only = json_array_size(rows) == 1 ? hm_row_s(json_array_get(rows, 0), "id") : NULL;
    if (*only)
        return APR_SUCCESS;
    json_array_foreach(rows, i, row)
        json_object_set_new(row, "href", json_string(apr_pstrcat(q->p, prefix, hm_row_s(row, "id"), NULL)));
    json_object_set(q->view, "platforms", rows);
    json_object_set_new(q->view, "choice", json_pack("{s:s, s:s}", "title", title, "back", back));
    return APR_SUCCESS;
}

/* Where another platform can be chosen; "": there is no other. */
static apr_status_t another(hm_req_t *q, const char *where, const char *platform, const char **ret)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_app_platforms(q->db, &rows, &q->err);
    *ret = "";
    json_array_foreach(rows, i, row)
    {
        if (rv == APR_SUCCESS && strcmp(hm_row_s(row, "id"), platform) != 0)
            *ret = where;
    }
    return rv;
}

/* The choices where nothing is known of what the platform takes: all that can be used, or will be soon. */
static apr_status_t choices(hm_req_t *q)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_platform_usable(q->db, &rows, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(q, "platform", hm_row_s(row, "id"), hm_row_s(row, "name"));
    if ((rv = hm_sql_service_servers(q->db, &rows, &q->err, "db")) != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(q, "db_server", hm_row_s(row, "id"), hm_row_s(row, "name"));
    hm_form_option(q, "db_server", "", "none");
    return APR_SUCCESS;
}

/* A form for a site on a platform. */
typedef struct {
    const char *form, *platform;
    const char *action, *back; /* where it goes, and where who gives up goes */
    const char *another;       /* where another platform is chosen */
    const json_t *values;      /* what stands in it */
} place_t;

/* Shows it; what came, if something did, is looked at in its light. */
static apr_status_t form_show(hm_req_t *q, const place_t *at, int sent)
{
    hm_base_t base = {0};
    const char *other = "";
    apr_status_t rv = hm_base_get(&base, q, at->platform);
    if (rv != APR_SUCCESS && (q->err.code != PV_NO_OBJECT || !sent))
        return rv;
    q->err = (pv_err_t){0}; /* that there is no such platform is told beside its field */
    hm_form_show(q, hm_form_find(at->form), at->values, at->action, at->back);
    rv = base.app ? another(q, at->another, at->platform, &other) : choices(q);
    if (rv == APR_SUCCESS && base.app)
        rv = hm_base_form(q, &base, other);
    if (q->actor.role != HM_ADMIN)
        hm_form_drop(q, "client");
    else if (rv == APR_SUCCESS)
        rv = hm_site_clients(q);
    if (rv == APR_SUCCESS && base.app && sent)
        hm_base_check(q, &base);
    return rv;
}

/* ---- what came ---- */

static apr_status_t relations_check(hm_req_t *q, const json_t *values, const char **server)
{
    const char *platform = hm_value(values, "platform", NULL), *db_server = hm_value(values, "db_server", NULL);
    json_t *rows;
    apr_status_t rv = hm_sql_platform_get(q->db, &rows, &q->err, platform);
    if (rv == APR_SUCCESS && (rv = hm_usable_check(q, "platform", rows)) == APR_SUCCESS)
        *server = hm_row_s(json_array_get(rows, 0), "server");
    if (rv == APR_SUCCESS && db_server[0] && (rv = hm_sql_server_get(q->db, &rows, &q->err, db_server)) == APR_SUCCESS)
        rv = hm_usable_check(q, "db_server", rows);
    return rv;
}

/* What an install takes, after the rules that look at other rows. */
typedef struct {
    const char *name, *redirect, *server;
    int64_t client;
} install_t;

/* Was it no more than a wrong field? Then the others are looked at too. */
static int goes_on(const hm_req_t *q)
{
    return q->err.code == PV_OK || pv_error_row(q->err.code)->http < 500;
}

static apr_status_t install_check(hm_req_t *q, install_t *ret, const json_t *values, const char *site, int64_t client)
{
    install_t in = {.name = hm_value(values, "name", NULL), .redirect = hm_site_redirect(values, NULL), .server = ""};
    hm_site_name_free(q, "name", in.name, site);
    if (goes_on(q))
        hm_site_aliases_check(q, json_object_get(values, "aliases"), in.name, in.redirect, site);
    if (goes_on(q))
        hm_site_client(q, values, client, &in.client);
    if (goes_on(q))
        relations_check(q, values, &in.server);
    *ret = in;
    return q->err.code == PV_OK ? APR_SUCCESS : APR_EGENERAL;
}

/* Takes its host names and queues the task; the answer leads there. */
static int install_queue(hm_req_t *q, const install_t *in, const json_t *values, const char *id, int status)
{
    json_t *site =
        hm_own(q, json_pack("{s:s, s:s, s:I}", "id", id, "name", in->name, "client", (json_int_t)in->client));
    int64_t task;
    HM_TRY(q, hm_sql_host_delete_of(q->db, &q->err, id));
    HM_TRY(q, hm_sql_host_add(q->db, &q->err, in->name, id, "site"));
    HM_TRY(q, hm_site_aliases_add(q, json_object_get(values, "aliases"), id));
    HM_TRY(q, hm_queue(q, "install", site, in->server, &task));
    HM_TRY(q, hm_site_follow(q->db, id, &q->err));
    json_object_del(q->view, "form");
    json_object_set(q->view, "site", site);
    return hm_done(q, status, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

/* ---- adding ---- */

static apr_status_t add_form(hm_req_t *q, const char *platform, int sent)
{
    json_t *values = hm_own(q, json_pack("{s:s, s:s}", "platform", platform, "client", "1"));
    place_t at = {.form = "site_add",
                  .platform = platform,
                  .action = "/sites",
                  .back = "/sites",
                  .another = "/sites/new",
                  .values = values};
    return form_show(q, &at, sent);
}

int hm_page_site_new(hm_req_t *q)
{
    const char *platform = hm_arg(q, "platform");
    HM_TRY(q, hm_req_db(q));
    if (platform == NULL || *platform == '\0')
        HM_TRY(q, choose(q, "Add site", "/sites/new?platform=", "/sites", &platform));
    if (platform)
        HM_TRY(q, add_form(q, platform, 0));
    return OK;
}

int hm_page_site_add(hm_req_t *q)
{
    json_t *values;
    install_t in;
    pv_id_t id;
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, add_form(q, hm_form(q, "platform") ? hm_form(q, "platform") : "", 1));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_add")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, pv_id_make(&id, PV_SITE));
    HM_TRY(q, install_check(q, &in, values, id.s, 1));
    HM_TRY(q, hm_sql_site_add(q->db, &q->err, id.s, in.name, in.client, hm_value(values, "platform", NULL),
                              hm_value(values, "db_server", NULL), in.redirect, hm_value(values, "title", NULL),
                              hm_value(values, "language", NULL), hm_value(values, "profile", NULL),
                              hm_value(values, "admin_name", NULL), hm_value(values, "admin_mail", NULL), hm_db_now()));
    return install_queue(q, &in, values, id.s, 201);
}

/* ---- changing one whose install has failed ---- */

/* Only a site that was never installed, and on which nothing runs. */
static apr_status_t again_get(hm_req_t *q, json_t **site)
{
    apr_status_t rv = hm_site_get_whole(q, site);
    return rv == APR_SUCCESS ? hm_unmade_check(q, *site) : rv;
}

static apr_status_t again_show(hm_req_t *q, json_t *site, const char *platform, int sent)
{
    const char *back = apr_pstrcat(q->p, "/sites/", q->param[0], NULL);
    const char *action = apr_pstrcat(q->p, back, "/again", NULL);
    place_t at = {.form = "site_again",
                  .platform = platform,
                  .action = action,
                  .back = back,
                  .another = apr_pstrcat(q->p, action, "?platform=", NULL),
                  .values = site};
    json_object_set_new(site, "platform", json_string(platform));
    return form_show(q, &at, sent);
}

int hm_page_site_again_form(hm_req_t *q)
{
    const char *platform = hm_arg(q, "platform"), *path = apr_pstrcat(q->p, "/sites/", q->param[0], NULL);
    json_t *site;
    HM_TRY(q, again_get(q, &site));
    if (platform == NULL)
        platform = hm_row_s(site, "platform");
    if (*platform == '\0')
        HM_TRY(q, choose(q, "Edit site", apr_pstrcat(q->p, path, "/again?platform=", NULL), path, &platform));
    if (platform)
        HM_TRY(q, again_show(q, site, apr_pstrdup(q->p, platform), 0));
    return OK;
}

int hm_page_site_again(hm_req_t *q)
{
    json_t *site, *values;
    install_t in;
    HM_TRY(q, again_get(q, &site));
    HM_TRY(q, again_show(q, site, hm_form(q, "platform") ? hm_form(q, "platform") : "", 1));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("site_again")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, site));
    HM_TRY(q, install_check(q, &in, values, q->param[0], hm_row_n(site, "client")));
    HM_TRY(q, hm_sql_site_again(q->db, &q->err, in.name, in.client, hm_value(values, "platform", NULL),
                                hm_value(values, "db_server", NULL), in.redirect, hm_value(values, "title", NULL),
                                hm_value(values, "language", NULL), hm_value(values, "profile", NULL),
                                hm_value(values, "admin_name", NULL), hm_value(values, "admin_mail", NULL), q->param[0],
                                hm_row_n(site, "revision")));
    return install_queue(q, &in, values, q->param[0], 202);
}
