/*
 * Commands that carry a task: submit and follow it, or plan it. A submit whose answer was lost is sent again with its
 * key, which the daemon takes for what it is.
 */
#include "ctl/follow.h"
#include "ctl/resolve.h"
#include <apr_strings.h>
#include <apr_time.h>

static apr_status_t make_request(json_t **ret, pv_ctl_t *ctl, pv_msg_t msg, const pv_target_t *target, pv_err_t *err)
{
    json_t *request;
    apr_status_t rv = pv_ctl_request(&request, ctl, msg, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(request, "type", json_string(ctl->words.task->type));
    json_object_set_new(request, "object", json_string(target->id.s));
    json_object_set_new(request, "revision", json_integer(target->revision));
    pv_request_put(request, ctl->words.task, target->fields);
    *ret = request;
    return APR_SUCCESS;
}

static apr_status_t submit(json_t **ret, pv_ctl_t *ctl, const pv_target_t *target, pv_err_t *err)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(PV_CTL_PATIENCE);
    pv_key_t key;
    if (pv_key_make(&key) != APR_SUCCESS)
        return pv_fail(err, PV_INTERNAL, NULL, "the kernel has no randomness to give");
    for (;;) {
        json_t *request;
        apr_status_t rv = make_request(&request, ctl, PV_MSG_submit, target, err);
        if (rv == APR_SUCCESS) {
            json_object_set_new(request, "key", json_string(key.s));
            rv = pv_ctl_ask(ret, ctl, request, err);
        }
        if (rv == APR_SUCCESS || !pv_ctl_lost(err) || apr_time_now() > end)
            return rv;
        apr_sleep(PV_CTL_PAUSE);
    }
}

/* What a verb found that was run by itself; a name is a plain word. */
static void show_results(const pv_ctl_t *ctl, const json_t *row)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(row, "results"), name, value)
    {
        fprintf(ctl->view.out, "%s: %s\n", name, pv_view_cell(name, value, NULL, ctl->p));
    }
}

/* How it ended: the line for people was the log's last one; what they need on top is the way out. */
static void show_end(pv_ctl_t *ctl, const json_t *row)
{
    pv_code_t code = pv_job_outcome(row);
    ctl->outcome = code;
    if (ctl->view.json) {
        pv_view_json(&ctl->view, row);
        return;
    }
    show_results(ctl, row);
    if (pv_error_row(code)->class != PV_CLASS_OK) {
        pv_err_t end;
        (void)pv_fail(&end, code, pv_row_text(row, "field"), "%s", pv_row_text(row, "text"));
        pv_view_error(&ctl->view, &end, ctl->p);
    }
}

static apr_status_t follow_job(pv_ctl_t *ctl, json_int_t job, const char *journal, json_int_t after, pv_err_t *err)
{
    pv_follow_t follow = {.ctl = ctl,
                          .job = job,
                          .ends = job,
                          .name = ctl->words.context.s,
                          .journal = journal,
                          .after = after,
                          .out = ctl->view.err,
                          .colour = ctl->view.err_colour,
                          .live = ctl->view.err_live};
    json_t *row;
    apr_status_t rv = pv_follow_run(&follow, err);
    if (rv == APR_SUCCESS)
        rv = pv_ctl_job(&row, ctl, (uint64_t)job, err);
    if (rv == APR_SUCCESS)
        show_end(ctl, row);
    return rv;
}

apr_status_t pv_command_task(pv_ctl_t *ctl, pv_err_t *err)
{
    pv_target_t target;
    json_t *answer;
    apr_status_t rv = pv_target_resolve(&target, ctl, err);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *hello = pv_client_hello(ctl->client);
    const char *journal = apr_pstrdup(ctl->p, pv_row_text(hello, "journal"));
    json_int_t after = pv_row_num(hello, "last");
    if ((rv = submit(&answer, ctl, &target, err)) != APR_SUCCESS)
        return rv;
    json_int_t job = pv_row_num(answer, "job");
    if (!ctl->words.option[PV_OPTION_no_wait])
        return follow_job(ctl, job, journal, after, err);
    if (ctl->view.json)
        pv_view_json(&ctl->view, answer);
    else
        fprintf(ctl->view.out, "%" JSON_INTEGER_FORMAT "\n", job);
    return APR_SUCCESS;
}

/* Steps as a table, then what they would change: files as diffs, statements, reloads. */
static void show_plan(pv_ctl_t *ctl, const json_t *rows)
{
    json_t *steps = pv_json_keep(json_array(), ctl->p), *row;
    size_t i;
    json_array_foreach(rows, i, row) if (json_object_get(row, "step")) json_array_append(steps, row);
    pv_view_table(&ctl->view, PV_VIEW_step, steps, NULL, ctl->p);
    json_array_foreach(rows, i, row) if (json_object_get(row, "diff"))
        pv_view_diff(&ctl->view, pv_row_text(row, "diff"), ctl->p);
}

apr_status_t pv_command_plan(pv_ctl_t *ctl, pv_err_t *err)
{
    pv_target_t target;
    json_t *request, *rows, *end;
    apr_status_t rv = pv_target_resolve(&target, ctl, err);
    if (rv == APR_SUCCESS)
        rv = make_request(&request, ctl, PV_MSG_plan, &target, err);
    if (rv == APR_SUCCESS)
        rv = pv_ctl_rows(&rows, &end, ctl, request, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (ctl->view.json)
        pv_view_json(&ctl->view, rows);
    else
        show_plan(ctl, rows);
    return APR_SUCCESS;
}
