/*
 * The first page: what needs attention, what runs, counts; and the notices on it.
 */
#include "db.h"
#include "model/object.h"
#include "page/page.h"
#include "route.h"
#include "stmts.h"
#include <stdlib.h>

static int64_t count(const json_t *rows)
{
    return hm_row_n(json_array_get(rows, 0), "n");
}

int hm_page_dashboard(hm_req_t *q)
{
    json_t *sites, *platforms, *servers, *open, *tasks, *notices;
    int admin = q->actor.role == HM_ADMIN;
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_site_count(q->db, &sites, &q->err, HM_SCOPE(q)));
    HM_TRY(q, hm_sql_platform_count(q->db, &platforms, &q->err));
    HM_TRY(q, hm_sql_server_count(q->db, &servers, &q->err));
    HM_TRY(q, hm_sql_task_open_count(q->db, &open, &q->err, HM_SCOPE(q)));
    if (admin)
        HM_TRY(q, hm_sql_task_list(q->db, &tasks, &q->err, INT64_MAX, 10));
    else
        HM_TRY(q, hm_sql_task_list_of(q->db, &tasks, &q->err, q->actor.client, INT64_MAX, 10));
    hm_task_shown(tasks, q->p);
    json_object_set(q->view, "tasks", tasks);
    json_object_set_new(q->view, "counts",
                        json_pack("{s:I, s:I, s:I, s:I}", "sites", (json_int_t)count(sites), "platforms",
                                  (json_int_t)count(platforms), "servers", (json_int_t)count(servers), "open",
                                  (json_int_t)count(open)));
    json_object_set_new(q->view, "can", json_pack("{s:b}", "add_site", count(platforms) > 0));
    if (admin && count(sites) == 0)
        json_object_set_new(
            q->view, "first",
            json_pack("{s:i, s:i, s:i}", "show", 1, "server", count(servers) > 0, "platform", count(platforms) > 0));
    if (admin) {
        HM_TRY(q, hm_sql_notice_list(q->db, &notices, &q->err, 20));
        json_object_set(q->view, "notices", notices);
    }
    return OK;
}

int hm_page_notice_dismiss(hm_req_t *q)
{
    HM_TRY(q, hm_begin(q));
    if (hm_sql_notice_delete(q->db, &q->err, strtoll(q->param[0], NULL, 10)) != APR_SUCCESS)
        HM_TRY(q, pv_fail(&q->err, PV_NO_OBJECT, NULL, "%s", ""));
    return hm_done(q, 200, "/");
}
