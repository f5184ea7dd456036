/*
 * Backups: list, one, restore, delete, download. A download is a link that a POST makes and that works once, so that no
 * address that somebody may come to know gives a site's content away.
 */
#include "model/backup.h"
#include "db.h"
#include "forms.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

int hm_page_backup_list(hm_req_t *q)
{
    const char *after = hm_arg(q, "after");
    uint64_t before = INT64_MAX;
    int64_t limit;
    json_t *rows;
    HM_TRY(q, hm_list_limit(q, &limit));
    if (after && pv_num_parse(&before, after, strlen(after), 1, INT64_MAX) != APR_SUCCESS)
        HM_TRY(q, pv_fail(&q->err, PV_SCHEMA, "after", "the next of the page before"));
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_sql_backup_list(q->db, &rows, &q->err, HM_SCOPE(q), (int64_t)before, limit + 1));
    hm_list_show(q, "backups", rows, limit, "made");
    return OK;
}

static apr_status_t backup_get(hm_req_t *q, json_t **backup)
{
    json_t *rows;
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_backup_get(q->db, &rows, &q->err, q->param[0], HM_SCOPE(q));
    if (rv == APR_SUCCESS)
        rv = hm_one(q, rows, backup);
    if (rv == APR_SUCCESS)
        json_object_set(q->view, "backup", *backup);
    return rv;
}

int hm_page_backup_view(hm_req_t *q)
{
    json_t *backup;
    HM_TRY(q, backup_get(q, &backup));
    int live = hm_row_n(backup, "live") != 0;
    json_object_set_new(q->view, "can",
                        json_pack("{s:b, s:b}", "parts", live && hm_row_n(backup, "holds_db"), "open", live));
    return OK;
}

/* Queues a task of its site, which may be gone, about this backup. */
static apr_status_t queue(hm_req_t *q, const char *type, const json_t *backup, const char *only, int64_t *task)
{
    json_t *site = hm_own(q, json_pack("{s:s, s:s, s:I}", "id", hm_row_s(backup, "site"), "name",
                                       hm_row_s(backup, "name"), "client", (json_int_t)hm_row_n(backup, "client")));
    json_t *args = hm_own(q, json_pack("{s:s}", "bid", hm_row_s(backup, "id")));
    if (*only)
        json_object_set_new(args, "only", json_string(only));
    hm_asked_t asked = {.type = type, .what = hm_row_s(backup, "id"), .title = "", .args = args};
    return hm_queue_asked(q, &asked, site, hm_row_s(backup, "server"), task);
}

int hm_page_backup_restore(hm_req_t *q)
{
    json_t *backup, *values;
    int64_t task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, backup_get(q, &backup));
    HM_TRY(q, hm_form_check(&values, q, hm_form_find("backup_restore")));
    HM_TRY(q, queue(q, "restore", backup, hm_value(values, "only", NULL), &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

int hm_page_backup_delete(hm_req_t *q)
{
    json_t *backup;
    int64_t task;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, backup_get(q, &backup));
    HM_TRY(q, queue(q, "backup_delete", backup, "", &task));
    return hm_done(q, 202, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task);
}

int hm_page_backup_link(hm_req_t *q)
{
    const char *secret;
    json_t *backup;
    HM_TRY(q, hm_begin(q));
    HM_TRY(q, backup_get(q, &backup));
    HM_TRY(q, hm_download_make(&secret, q->db, hm_row_s(backup, "id"), q->actor.account, &q->err, q->p));
    HM_TRY(q, hm_audit(q, "backup_link", hm_row_s(backup, "site"), hm_row_s(backup, "id")));
    json_object_set_new(q->view, "secret", json_string(apr_pstrcat(q->p, q->panel->url, "/download/", secret, NULL)));
    return hm_done(q, 201, "/download/%s", secret);
}

/* The link is used up, and that is committed before a byte comes: nobody waits for a writer's turn meanwhile. */
static apr_status_t fetch(hm_req_t *q, const char *id, const char *socket)
{
    apr_status_t rv = hm_begin(q);
    if (rv == APR_SUCCESS)
        rv = hm_download_use(q->db, q->param[0], &q->err, q->p);
    if (rv == APR_SUCCESS)
        rv = hm_commit(q);
    return rv == APR_SUCCESS ? hm_backup_fetch(&q->file, &q->file_size, socket, id, &q->err, q->p) : rv;
}

int hm_page_download(hm_req_t *q)
{
    const char *id;
    json_t *rows, *backup;
    HM_TRY(q, hm_req_db(q));
    HM_TRY(q, hm_download_find(&id, q->db, q->param[0], &q->err, q->p));
    HM_TRY(q, hm_sql_backup_get(q->db, &rows, &q->err, id, 1, 0));
    HM_TRY(q, hm_one(q, rows, &backup));
    HM_TRY(q, hm_sql_server_get(q->db, &rows, &q->err, hm_row_s(backup, "server")));
    const char *socket = hm_row_s(json_array_get(rows, 0), "socket");
    q->file_name = apr_psprintf(q->p, "%s.%s.tar.zst", hm_row_s(backup, "name"), id);
    if (!hm_copy_begin())
        HM_TRY(q, pv_fail(&q->err, PV_BUSY, NULL, "other downloads are under way"));
    apr_status_t rv = fetch(q, id, *socket ? socket : q->panel->socket);
    hm_copy_end();
    HM_TRY(q, rv);
    return OK;
}
