/*
 * Commands that look: list, show, log, status, doctor; and cancel, which names a job as they do.
 */
#include "ctl/follow.h"
#include <apr_strings.h>
#include <string.h>

/* All objects: a table of each kind that there is. */
static apr_status_t list_all(pv_ctl_t *ctl, const json_t *names, pv_err_t *err)
{
    static const char *const kinds[] = {"server", "platform", "site"};
    json_t *all = pv_json_keep(json_array(), ctl->p), *rows;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        apr_status_t rv = pv_ctl_list(&rows, ctl, kinds[i], err);
        if (rv != APR_SUCCESS)
            return rv;
        if (!ctl->view.json && json_array_size(rows) > 0) {
            if (json_array_size(all) > 0)
                fputc('\n', ctl->view.out);
            pv_view_table(&ctl->view, pv_view_find(kinds[i]), rows, names, ctl->p);
        }
        json_array_extend(all, rows);
    }
    if (ctl->view.json)
        pv_view_json(&ctl->view, all);
    return APR_SUCCESS;
}

apr_status_t pv_command_list(pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *rows, *names;
    apr_status_t rv = pv_ctl_names(&names, ctl, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (!ctl->words.kind)
        return list_all(ctl, names, err);
    if ((rv = pv_ctl_list(&rows, ctl, ctl->words.kind, err)) == APR_SUCCESS)
        pv_view_table(&ctl->view, pv_view_find(ctl->words.kind), rows, names, ctl->p);
    return rv;
}

/* The row of the words' target: a job, or an object. */
static apr_status_t target_row(json_t **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    return ctl->words.job ? pv_ctl_job(ret, ctl, ctl->words.job, err)
                          : pv_ctl_object(ret, ctl, &ctl->words.context, "context", err);
}

apr_status_t pv_command_show(pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *row, *names;
    apr_status_t rv = target_row(&row, ctl, err);
    if (rv == APR_SUCCESS)
        rv = pv_ctl_names(&names, ctl, err);
    if (rv == APR_SUCCESS)
        pv_view_record(&ctl->view, row, names, ctl->p);
    return rv;
}

/* The first or the last job of an object that has not ended, NULL where there is none. */
static apr_status_t open_job(json_t **ret, pv_ctl_t *ctl, const char *object, int last, pv_err_t *err)
{
    json_t *jobs, *job;
    size_t i;
    apr_status_t rv = pv_ctl_list(&jobs, ctl, "job", err);
    *ret = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(
        jobs, i, job) if (strcmp(pv_row_text(job, "object"), object) == 0 && !pv_job_ended(pv_row_text(job, "state")) &&
                          (!*ret || (pv_row_num(job, "job") > pv_row_num(*ret, "job")) == last)) *ret = job;
    return APR_SUCCESS;
}

/* The job whose end is the log's, 0 where what there is is all. */
static apr_status_t log_end(uint64_t *ret, pv_ctl_t *ctl, const json_t *row, pv_err_t *err)
{
    json_t *job = NULL;
    apr_status_t rv = APR_SUCCESS;
    *ret = 0;
    if (!ctl->words.option[PV_OPTION_follow])
        return APR_SUCCESS;
    if (ctl->words.job)
        *ret = pv_job_ended(pv_row_text(row, "state")) ? 0 : ctl->words.job;
    else if ((rv = open_job(&job, ctl, pv_row_text(row, "id"), 1, err)) == APR_SUCCESS)
        *ret = (uint64_t)pv_row_num(job, "job");
    return rv;
}

apr_status_t pv_command_log(pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *row;
    uint64_t ends = 0;
    apr_status_t rv = target_row(&row, ctl, err);
    if (rv == APR_SUCCESS)
        rv = log_end(&ends, ctl, row, err);
    if (rv != APR_SUCCESS)
        return rv;
    /* A job's row and the hello both say which events there are. */
    const json_t *hello = pv_client_hello(ctl->client), *range = ctl->words.job ? row : hello;
    json_int_t first = pv_row_num(range, "first"), last = pv_row_num(range, "last");
    if (last == 0 && !ends)
        return APR_SUCCESS;
    pv_follow_t follow = {.ctl = ctl,
                          .job = ctl->words.job,
                          .ends = ends,
                          .object = ctl->words.job ? NULL : pv_row_text(row, "id"),
                          .name = ctl->words.job ? pv_row_text(row, "name") : ctl->words.context.s,
                          .journal = pv_row_text(hello, "journal"),
                          .after = first > 0 ? first - 1 : 0,
                          .until = ends ? 0 : last,
                          .json = ctl->view.json,
                          .out = ctl->view.out,
                          .colour = ctl->view.out_colour};
    return pv_follow_run(&follow, err);
}

/* The key of the job that is to end: the one of that number, or the object's first that has not ended. */
static apr_status_t cancel_key(const char **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *job;
    apr_status_t rv = target_row(&job, ctl, err);
    if (rv == APR_SUCCESS && !ctl->words.job)
        rv = open_job(&job, ctl, pv_row_text(job, "id"), 0, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (!job)
        return pv_fail(err, PV_NO_OBJECT, "context", "%s has no job that could be cancelled", ctl->words.context.s);
    *ret = pv_row_text(job, "key");
    return APR_SUCCESS;
}

apr_status_t pv_command_cancel(pv_ctl_t *ctl, pv_err_t *err)
{
    const char *key = NULL;
    json_t *request, *answer;
    apr_status_t rv = cancel_key(&key, ctl, err);
    if (rv == APR_SUCCESS)
        rv = pv_ctl_request(&request, ctl, PV_MSG_cancel, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(request, "key", json_string(key));
    if ((rv = pv_ctl_ask(&answer, ctl, request, err)) != APR_SUCCESS)
        return rv;
    const char *state = pv_row_text(answer, "state");
    if (strcmp(state, "success") == 0 || strcmp(state, "warning") == 0 || strcmp(state, "failed") == 0)
        return pv_fail(err, PV_TOO_LATE, "job", "it has ended: %s", state);
    pv_view_record(&ctl->view, answer, NULL, ctl->p);
    return APR_SUCCESS;
}

apr_status_t pv_command_status(pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *request, *row;
    apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_status, err);
    if (rv == APR_SUCCESS)
        rv = pv_ctl_ask(&row, ctl, request, err);
    if (rv == APR_SUCCESS)
        pv_view_record(&ctl->view, row, NULL, ctl->p);
    return rv;
}

apr_status_t pv_command_doctor(pv_ctl_t *ctl, pv_err_t *err)
{
    json_t *request, *rows, *end;
    apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_doctor, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (ctl->words.option[PV_OPTION_repair])
        json_object_set_new(request, "repair", json_true());
    if ((rv = pv_ctl_rows(&rows, &end, ctl, request, err)) != APR_SUCCESS)
        return rv;
    if (json_array_size(rows) > 0)
        ctl->outcome = PV_WARNING;
    if (json_array_size(rows) > 0 || ctl->view.json)
        pv_view_table(&ctl->view, PV_VIEW_drift, rows, NULL, ctl->p);
    else
        fputs("Everything is as it should be.\n", ctl->view.out);
    return APR_SUCCESS;
}
