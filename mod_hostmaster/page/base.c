/*
 * The rules of a type over the fields of an install, as the daemon has them: better told before the task than by its
 * failure. No SQL, no markup, no state; no name of a type either, all is in its row.
 */
#include "page/base.h"
#include "db.h"
#include "forms.h"
#include "model/app.h"
#include "page/page.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

/* Fields that a type may take or not; every site has the others. */
static const char *const of_type[] = {"profile", "language", "admin_name", "admin_mail"};

apr_status_t hm_base_get(hm_base_t *base, hm_req_t *q, const char *platform)
{
    json_t *rows;
    apr_status_t rv = hm_sql_platform_get(q->db, &rows, &q->err, platform);
    if (rv == APR_SUCCESS && json_array_size(rows) == 0)
        return pv_fail(&q->err, PV_NO_OBJECT, "platform", HM_NO_SUCH);
    base->platform = json_array_get(rows, 0);
    if (rv == APR_SUCCESS)
        rv = hm_app_of(&base->app, q->db, platform, &q->err);
    if (rv == APR_SUCCESS)
        rv = hm_sql_app_databases(q->db, &base->databases, &q->err, platform);
    return rv;
}

static int has_database(const hm_base_t *base)
{
    return json_array_size(json_object_get(base->app, "databases")) > 0;
}

static const char *label(const hm_base_t *base)
{
    return hm_row_s(base->app, "label");
}

/* "mariadb or postgresql" */
static const char *databases_named(const hm_base_t *base, apr_pool_t *p)
{
    const char *all = "";
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(base->app, "databases"), i, entry) all =
        apr_pstrcat(p, all, i ? " or " : "", json_string_value(entry), NULL);
    return all;
}

/* ---- the form ---- */

/* Only servers that fit, the nearest one chosen; where there is none, that stands there. */
static void databases_offer(hm_req_t *q, const hm_base_t *base)
{
    json_t *field = hm_form_field(q, "db_server"), *row;
    size_t i;
    int chosen = hm_row_s(field, "value")[0] != '\0' || json_object_get(q->body, "db_server");
    json_object_set_new(field, "required", json_true());
    json_array_foreach(base->databases, i, row)
    {
        if (!hm_app_has(base->app, "databases", hm_row_s(row, "type")))
            continue;
        if (!chosen)
            json_object_set(field, "value", json_object_get(row, "id"));
        chosen = 1;
        hm_form_option(q, "db_server", hm_row_s(row, "id"), hm_row_s(row, "name"));
    }
    if (json_array_size(json_object_get(field, "options")) == 0)
        hm_form_option(q, "db_server", "",
                       apr_psprintf(q->p, "no server has %s: add one first", databases_named(base, q->p)));
}

/* Who adds the site is most often its first user. */
static apr_status_t mail_prefill(hm_req_t *q)
{
    json_t *field = hm_form_field(q, "admin_mail"), *rows;
    if (field == NULL || hm_row_s(field, "value")[0] || json_object_get(q->body, "admin_mail"))
        return APR_SUCCESS;
    apr_status_t rv = hm_sql_account_get(q->db, &rows, &q->err, q->actor.account);
    if (rv == APR_SUCCESS && json_array_size(rows) > 0)
        json_object_set(field, "value", json_object_get(json_array_get(rows, 0), "mail"));
    return rv;
}

static void chosen_show(hm_req_t *q, const hm_base_t *base, const char *again)
{
    json_object_set_new(hm_form_field(q, "platform"), "type", json_string("hidden"));
    json_object_set_new(json_object_get(q->view, "form"), "chosen",
                        json_pack("{s:s, s:s, s:s, s:s}", "name", hm_row_s(base->platform, "name"), "label",
                                  label(base), "version", hm_row_s(base->platform, "version"), "href", again));
}

apr_status_t hm_base_form(hm_req_t *q, const hm_base_t *base, const char *again)
{
    size_t i;
    json_t *entry;
    chosen_show(q, base, again);
    for (i = 0; i < sizeof(of_type) / sizeof(*of_type); i++)
        if (!hm_app_has(base->app, "fields", of_type[i]))
            hm_form_drop(q, of_type[i]);
    json_array_foreach(json_object_get(base->app, "required"), i, entry)
    {
        json_t *field = json_is_string(entry) ? hm_form_field(q, json_string_value(entry)) : NULL;
        if (field)
            json_object_set_new(field, "required", json_true());
    }
    if (has_database(base))
        databases_offer(q, base);
    else
        hm_form_drop(q, "db_server");
    return mail_prefill(q);
}

/* ---- what came ---- */

static const json_t *database_find(const hm_base_t *base, const char *id)
{
    size_t i;
    json_t *row;
    json_array_foreach(base->databases, i, row)
    {
        if (strcmp(hm_row_s(row, "id"), id) == 0)
            return row;
    }
    return NULL;
}

/* One that there is not at all is told by who looks relations up. */
static void database_check(hm_req_t *q, const hm_base_t *base)
{
    const char *id = hm_form(q, "db_server");
    json_t *rows;
    if (has_database(base) && !hm_form_given(q, "db_server"))
        hm_form_wrong(q, PV_SCHEMA, "db_server", "%s needs a database server", label(base));
    if (!has_database(base) && hm_form_given(q, "db_server"))
        hm_form_wrong(q, PV_SCHEMA, "db_server", "%s has no database", label(base));
    if (!has_database(base) || id == NULL || *id == '\0')
        return;
    const json_t *server = database_find(base, id);
    if (server && !hm_app_has(base->app, "databases", hm_row_s(server, "type")))
        hm_form_wrong(q, PV_SCHEMA, "db_server", "%s offers no database that %s can use: %s", hm_row_s(server, "name"),
                      label(base), databases_named(base, q->p));
    if (server == NULL && hm_sql_server_get(q->db, &rows, &q->err, id) == APR_SUCCESS && json_array_size(rows) > 0 &&
        hm_usable_check(q, "db_server", rows) == APR_SUCCESS)
        hm_form_wrong(q, PV_SCHEMA, "db_server", "it has no database on the platform's machine");
}

void hm_base_check(hm_req_t *q, const hm_base_t *base)
{
    size_t i;
    json_t *entry;
    database_check(q, base);
    for (i = 0; i < sizeof(of_type) / sizeof(*of_type); i++)
        if (hm_form_given(q, of_type[i]) && !hm_app_has(base->app, "fields", of_type[i]))
            hm_form_wrong(q, PV_SCHEMA, of_type[i], "%s takes none", label(base));
    json_array_foreach(json_object_get(base->app, "required"), i, entry)
    {
        const char *name = json_string_value(entry);
        if (name && !hm_form_given(q, name))
            hm_form_wrong(q, PV_SCHEMA, name, "%s needs one", label(base));
    }
}
