/*
 * Platforms: list, one, add, change, tasks.
 */
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "page/page.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

int hm_page_platform_list(hm_req_t *q)
{
    int64_t limit;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_platform_list(q->db, &rows, &q->err, HM_SCOPE(q), hm_arg(q, "after") ? hm_arg(q, "after") : "",
                                   limit + 1));
    hm_object_shown(rows);
    hm_list_show(q, "platforms", rows, limit, "name");
    return OK;
}

static apr_status_t platform_get(hm_req_t *q, json_t **platform)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_platform_get(q->db, &rows, &q->err, q->param[0]);
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, platform);
    if (rv == APR_SUCCESS)
        hm_object_shown(rows);
    /* Where it is on the machine is nothing to a client. */
    static const char *const inside[] = {"server", "server_name", "place", "source"};
    for (size_t i = 0; rv == APR_SUCCESS && q->actor.role != HM_ADMIN && i < sizeof(inside) / sizeof(*inside); i++)
        json_object_del(*platform, inside[i]);
    return rv;
}

int hm_page_platform_view(hm_req_t *q)
{
    json_t *platform, *sites;
    HM_TRY(q, platform_get(q, &platform));
    HM_TRY(q, hm_sql_site_list_on(q->db, &sites, &q->err, q->param[0], HM_SCOPE(q), 100));
    HM_TRY(q, hm_packages_on(q, q->param[0]));
    HM_TRY(q, hm_tasks_on(q, q->param[0]));
    hm_object_shown(sites);
    json_object_set(q->view, "platform", platform);
    json_object_set(q->view, "sites", sites);
    int admin = q->actor.role == HM_ADMIN, made = hm_is_made(platform);
    json_object_set_new(q->view, "can",
                        json_pack("{s:b, s:b, s:b}", "change", admin && made, "again", admin && hm_is_unmade(platform),
                                  "add_site", made && strcmp(hm_row_s(platform, "busy"), "delete") != 0));
    if (q->actor.role == HM_ADMIN) {
        hm_actions_show(q, PV_PLATFORM, q->param[0], hm_row_s(platform, "state"));
        if (made)
            HM_TRY(q, hm_verbs_show(q, PV_PLATFORM, q->param[0], q->param[0], NULL));
    }
    return OK;
}

/* A form for one as a whole: new, or never verified. */
static apr_status_t whole_form(hm_req_t *q, const char *form, const json_t *values, const char *action,
                               const char *back)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_service_servers(q->db, &rows, &q->err, "http");
    if (rv != APR_SUCCESS)
        return rv;
    hm_form_show(q, hm_form_find(form), values, action, back);
    json_array_foreach(rows, i, row) hm_form_option(q, "server", hm_row_s(row, "id"), hm_row_s(row, "name"));
    hm_form_option(q, "app", "", "found out");
    if ((rv = hm_sql_app_list(q->db, &rows, &q->err)) != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row) hm_form_option(q, "app", hm_row_s(row, "name"), hm_row_s(row, "label"));
    return APR_SUCCESS;
}

static apr_status_t add_form(hm_req_t *q)
{
    return whole_form(q, "platform_add", NULL, "/platforms", "/platforms");
}

int hm_page_platform_new(hm_req_t *q)
{
    HM_TRY(q, add_form(q));
    return OK;
}

static apr_status_t name_free(hm_req_t *q, const char *name, const char *platform)
{
    json_t *rows;
    apr_status_t rv = hm_sql_platform_by_name(q->db, &rows, &q->err, name);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0 ||
        strcmp(hm_row_s(json_array_get(rows, 0), "id"), platform) == 0)
        return rv;
    return hm_form_wrong(q, PV_NAME_IN_USE, "name", "there is a platform %s already", name);
}

static apr_status_t whole_check(hm_req_t *q, const json_t *values, const char *id)
{
    json_t *rows;
    apr_status_t rv = name_free(q, hm_value(values, "name", NULL), id);
    if (rv == APR_SUCCESS)
        rv = hm_sql_server_get(q->db, &rows, &q->err, hm_value(values, "server", NULL));
    return rv == APR_SUCCESS ? hm_usable_check(q, "server", rows) : rv;
}

/* Queues the first verify; the answer leads there. */
static int whole_queue(hm_req_t *q, const json_t *values, const char *id, int status)
{
    json_t *platform = hm_own(q, json_pack("{s:s, s:s}", "id", id, "name", hm_value(values, "name", NULL)));
    int64_t task;
    HM_TRY(q, hm_queue(q, "verify", platform, hm_value(values, "server", NULL), &task));
    json_object_del(q->view, "form");
    json_object_set(q->view, "platform", platform);
    return hm_done(q, status, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

int hm_page_platform_add(hm_req_t *q)
{
    json_t *values;
    pv_id_t id;
    HM_TRY(q, add_form(q));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("platform_add")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, pv_id_make(&id, PV_PLATFORM));
    HM_TRY(q, whole_check(q, values, id.s));
    HM_TRY(q, hm_sql_platform_add(q->db, &q->err, id.s, hm_value(values, "name", NULL),
                                  hm_value(values, "server", NULL), hm_value(values, "place", NULL),
                                  hm_value(values, "source", NULL), hm_value(values, "app", NULL), hm_db_now()));
    return whole_queue(q, values, id.s, 201);
}

/* ---- changing one whose first verify has failed ---- */

static apr_status_t again_form(hm_req_t *q, json_t **platform)
{
    const char *path = apr_pstrcat(q->p, "/platforms/", q->param[0], NULL);
    apr_status_t rv = platform_get(q, platform);
    if (rv == APR_SUCCESS)
        rv = hm_unmade_check(q, *platform);
    return rv == APR_SUCCESS ? whole_form(q, "platform_again", *platform, apr_pstrcat(q->p, path, "/again", NULL), path)
                             : rv;
}

int hm_page_platform_again_form(hm_req_t *q)
{
    json_t *platform;
    HM_TRY(q, again_form(q, &platform));
    return OK;
}

int hm_page_platform_again(hm_req_t *q)
{
    json_t *platform, *values;
    HM_TRY(q, again_form(q, &platform));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("platform_again")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, platform));
    HM_TRY(q, whole_check(q, values, q->param[0]));
    HM_TRY(q, hm_sql_platform_again(q->db, &q->err, hm_value(values, "name", NULL), hm_value(values, "server", NULL),
                                    hm_value(values, "place", NULL), hm_value(values, "source", NULL),
                                    hm_value(values, "app", NULL), q->param[0], hm_row_n(platform, "revision")));
    return whole_queue(q, values, q->param[0], 202);
}

/* ---- changing one ---- */

static apr_status_t change_form(hm_req_t *q, json_t **platform)
{
    apr_status_t rv = platform_get(q, platform);
    const char *path = apr_pstrcat(q->p, "/platforms/", q->param[0], NULL);
    if (rv == APR_SUCCESS)
        hm_form_show(q, hm_form_find("platform_change"), *platform, path, path);
    return rv;
}

int hm_page_platform_edit(hm_req_t *q)
{
    json_t *platform;
    HM_TRY(q, change_form(q, &platform));
    return OK;
}

int hm_page_platform_change(hm_req_t *q)
{
    json_t *platform, *values;
    int64_t task;
    HM_TRY(q, change_form(q, &platform));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("platform_change")));
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, hm_revision(q, values, platform));
    HM_TRY(q, name_free(q, hm_value(values, "name", platform), q->param[0]));
    HM_TRY(q, hm_sql_platform_change(q->db, &q->err, hm_value(values, "name", platform), q->param[0],
                                     hm_row_n(platform, "revision")));
    HM_TRY(q, hm_queue(q, "verify", platform, hm_row_s(platform, "server"), &task));
    json_object_del(q->view, "form");
    return hm_done(q, 202, "/platforms/%s", q->param[0]);
}

int hm_page_platform_task(hm_req_t *q)
{
    json_t *platform, *rows;
    hm_asked_t asked;
    int64_t task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, platform_get(q, &platform));
    HM_TRY(q, hm_task_asked(q, PV_PLATFORM, platform, q->param[0], &asked));
    HM_TRY(q, hm_sql_site_count_on(q->db, &rows, &q->err, q->param[0]));
    if (strcmp(asked.type, "delete") == 0 && hm_row_n(json_array_get(rows, 0), "n") > 0)
        HM_TRY(q, pv_fail(&q->err, PV_IN_USE, NULL, "%d sites are on it", (int)hm_row_n(json_array_get(rows, 0), "n")));
    HM_TRY(q, hm_queue_asked(q, &asked, platform, hm_row_s(platform, "server"), &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}
