/*
 * Runs sendmail: a fixed program, addresses by its -t option out of the message's own head, never as arguments, no
 * shell.
 */
#include "dispatch/mail.h"
#include "db.h"
#include "stmts.h"
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>

APLOG_USE_MODULE(hostmaster);

#define BATCH 5

static apr_status_t sendmail(const hm_panel_t *panel, const char *message, apr_pool_t *p)
{
    const char *argv[] = {panel->sendmail, "-t", "-i", NULL}, *env[] = {"PATH=/usr/bin:/bin", NULL};
    apr_procattr_t *attr;
    apr_proc_t proc;
    apr_size_t len = strlen(message);
    int code;
    apr_exit_why_e why;
    apr_status_t rv = apr_procattr_create(&attr, p);
    if (rv == APR_SUCCESS)
        rv = apr_procattr_io_set(attr, APR_CHILD_BLOCK, APR_NO_PIPE, APR_NO_PIPE);
    if (rv == APR_SUCCESS)
        rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM);
    if (rv == APR_SUCCESS)
        rv = apr_proc_create(&proc, panel->sendmail, argv, env, attr, p);
    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_file_write_full(proc.in, message, len, NULL);
    apr_file_close(proc.in);
    apr_proc_wait(&proc, &code, &why, APR_WAIT);
    return rv != APR_SUCCESS || code == 0 ? rv : APR_EGENERAL;
}

static const char *recipients(hm_db_t *db, apr_pool_t *p)
{
    json_t *rows, *row;
    pv_err_t err = {0};
    size_t i;
    const char *all = "";
    if (hm_sql_account_admins(db, &rows, &err) != APR_SUCCESS)
        return all;
    json_array_foreach(rows, i, row) all = apr_pstrcat(p, all, i ? ", " : "", hm_row_s(row, "mail"), NULL);
    return all;
}

void hm_notices_mail(hm_panel_t *panel, hm_db_t *db, apr_pool_t *p)
{
    json_t *rows, *row;
    pv_err_t err = {0};
    size_t i;
    if (panel->sendmail == NULL || hm_sql_notice_unmailed(db, &rows, &err, BATCH) != APR_SUCCESS ||
        json_array_size(rows) == 0)
        return;
    const char *to = recipients(db, p);
    json_array_foreach(rows, i, row)
    {
        if (hm_sql_notice_mailed(db, &err, hm_row_n(row, "id")) != APR_SUCCESS || !to[0])
            continue;
        int64_t task = hm_row_n(row, "task");
        const char *at = task ? apr_psprintf(p, "/tasks/%" APR_INT64_T_FMT, (apr_int64_t)task) : "/";
        const char *text =
            apr_psprintf(p,
                         "From: %s\nTo: %s\nSubject: Hostmaster: %s\nMIME-Version: 1.0\n"
                         "Content-Type: text/plain; charset=utf-8\nAuto-Submitted: "
                         "auto-generated\n\n%s\n\n%s%s\n",
                         panel->mail_from ? panel->mail_from : "hostmaster", to,
                         task ? "a task failed" : "something needs attention", hm_row_s(row, "text"), panel->url, at);
        if (sendmail(panel, text, p) != APR_SUCCESS)
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, panel->s, "HM0030: %s did not take the mail of a notice",
                         panel->sendmail);
    }
}
