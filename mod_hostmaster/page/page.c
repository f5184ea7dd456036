/*
 * The shared part of the screens. No SQL, no markup, no state.
 */
#include "page/page.h"
#include "db.h"
#include "forms.h"
#include "model/object.h"
#include "model/task.h"
#include "reply.h"
#include "stmts.h"
#include <apr_strings.h>
#include <httpd.h>
#include <stdlib.h>
#include <string.h>

apr_status_t hm_one(hm_req_t *q, json_t *rows, json_t **row)
{
    *row = json_array_get(rows, 0);
    return *row ? APR_SUCCESS : pv_fail(&q->err, PV_NO_OBJECT, NULL, "%s", "");
}

apr_status_t hm_list_limit(hm_req_t *q, int64_t *limit)
{
    const char *s = hm_arg(q, "limit");
    uint64_t n = HM_PAGE_ROWS;
    if (s && pv_num_parse(&n, s, strlen(s), 1, 500) != APR_SUCCESS) {
        q->status = 400;
        return pv_fail(&q->err, PV_SCHEMA, "limit", "a whole number from 1 to 500");
    }
    *limit = (int64_t)n;
    return APR_SUCCESS;
}

/* The same address with another place to begin; the query holds only words that the list knows. */
static const char *next_href(const hm_req_t *q, const char *after)
{
    const char *href = apr_pstrcat(q->p, q->r->uri, "?after=", ap_escape_urlencoded(q->p, after), NULL), *name;
    json_t *value;
    json_object_foreach(q->args, name, value)
    {
        if (strcmp(name, "after") != 0)
            href = apr_pstrcat(q->p, href, "&", name, "=", ap_escape_urlencoded(q->p, json_string_value(value)), NULL);
    }
    return href;
}

void hm_list_show(hm_req_t *q, const char *name, json_t *rows, int64_t limit, const char *column)
{
    json_object_set(q->view, name, rows);
    if ((int64_t)json_array_size(rows) <= limit)
        return;
    json_array_remove(rows, (size_t)limit);
    const json_t *value = json_object_get(json_array_get(rows, (size_t)limit - 1), column);
    const char *after = json_is_integer(value)
                            ? apr_psprintf(q->p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value))
                            : json_string_value(value);
    json_object_set_new(q->view, "next", json_string(after));
    json_object_set_new(q->view, "next_href", json_string(next_href(q, after)));
}

/* What people type is looked for as it is: the pattern's own characters mean themselves. */
const char *hm_find_pattern(const hm_req_t *q)
{
    const char *s = hm_arg(q, "find");
    char *out = apr_palloc(q->p, s ? 2 * strlen(s) + 3 : 2), *o = out;
    *o++ = '%';
    for (; s && *s; s++) {
        if (strchr("!%_", *s))
            *o++ = '!';
        *o++ = *s;
        if (s[1] == '\0')
            *o++ = '%';
    }
    *o = '\0';
    return out;
}

apr_status_t hm_tasks_on(hm_req_t *q, const char *object)
{
    json_t *rows;
    apr_status_t rv = hm_sql_task_list_on(q->db, &rows, &q->err, object, HM_SCOPE(q), 20);
    if (rv != APR_SUCCESS)
        return rv;
    hm_task_shown(rows, q->p);
    json_object_set(q->view, "tasks", rows);
    return APR_SUCCESS;
}

int hm_is_made(const json_t *row)
{
    return strcmp(hm_row_s(row, "state"), "new") != 0;
}

int hm_is_unmade(const json_t *row)
{
    return !hm_is_made(row) && hm_row_s(row, "busy")[0] == '\0';
}

apr_status_t hm_unmade_check(hm_req_t *q, const json_t *row)
{
    return hm_is_unmade(row) ? APR_SUCCESS
                             : pv_fail(&q->err, PV_STALE, NULL, "it is there already, or a task of it is open");
}

apr_status_t hm_usable_check(hm_req_t *q, const char *field, const json_t *rows)
{
    const json_t *row = json_array_get(rows, 0);
    if (row == NULL)
        return hm_form_wrong(q, PV_NO_OBJECT, field, HM_NO_SUCH);
    if (strcmp(hm_row_s(row, "busy"), "delete") == 0)
        return hm_form_wrong(q, PV_SCHEMA, field, "%s is being deleted", hm_row_s(row, "name"));
    if (hm_is_unmade(row))
        return hm_form_wrong(q, PV_SCHEMA, field, "%s was never verified", hm_row_s(row, "name"));
    return APR_SUCCESS;
}

apr_status_t hm_queue_asked(hm_req_t *q, const hm_asked_t *asked, const json_t *object, const char *server,
                            int64_t *task)
{
    int64_t client = hm_row_n(object, "client");
    hm_task_t t = {.type = asked->type,
                   .object = hm_row_s(object, "id"),
                   .label = hm_row_s(object, "name"),
                   .server = server,
                   .what = asked->what,
                   .title = asked->title,
                   .args = asked->args ? hm_reply_dump(q, asked->args) : "",
                   .origin = q->api ? "api" : "user",
                   .account = q->actor.account,
                   .client = client ? client : 1};
    apr_status_t rv = hm_task_enqueue(task, q->db, &t, &q->err, q->p);
    if (rv == APR_SUCCESS)
        rv = hm_audit(q, asked->type, t.object, t.label);
    if (rv == APR_SUCCESS)
        json_object_set_new(q->view, "task", json_integer(*task));
    q->wake = server;
    return rv;
}

apr_status_t hm_queue(hm_req_t *q, const char *type, const json_t *object, const char *server, int64_t *task)
{
    return hm_queue_asked(q, &(hm_asked_t){.type = type, .what = "", .title = ""}, object, server, task);
}

apr_status_t hm_audit(hm_req_t *q, const char *action, const char *object, const char *text)
{
    return hm_sql_audit_add(q->db, &q->err, hm_db_id(), q->actor.account, q->actor.login ? q->actor.login : "",
                            q->r->useragent_ip, action, object, text);
}

const char *hm_value(const json_t *values, const char *name, const json_t *row)
{
    const json_t *value = json_object_get(values, name);
    return json_is_string(value) ? json_string_value(value) : hm_row_s(row, name);
}

int64_t hm_value_n(const json_t *values, const char *name, int64_t otherwise)
{
    const char *s = json_string_value(json_object_get(values, name));
    return s && s[0] ? strtoll(s, NULL, 10) : otherwise;
}

apr_status_t hm_revision(hm_req_t *q, const json_t *values, const json_t *row)
{
    if (hm_value_n(values, "revision", -1) == hm_row_n(row, "revision"))
        return APR_SUCCESS;
    return hm_form_wrong(q, PV_STALE, "revision", "somebody else has changed it; open the form again");
}
