/*
 * The event stream, shown. A step's line is written when it begins and completed when it ends where the terminal can do
 * that, and written once, at its end, where it cannot.
 */
#include "ctl/follow.h"
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#define LINE_MAX_TEXT 8192
#define STEP_WIDTH    10

static const char *const finals[] = {"success", "warning", "failed", "cancelled", "stuck"};

int pv_job_ended(const char *state)
{
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++)
        if (strcmp(finals[i], state) == 0)
            return 1;
    return 0;
}

pv_code_t pv_job_outcome(const json_t *row)
{
    const char *state = pv_row_text(row, "state"), *name = pv_row_text(row, "code");
    if (strcmp(state, "success") == 0)
        return PV_OK;
    if (strcmp(state, "warning") == 0)
        return PV_WARNING;
    pv_code_t code = pv_error_find(name, strlen(name));
    return code == PV_CODES || code == PV_OK ? PV_INTERNAL : code;
}

/* Makes room on the terminal for a whole line. */
static void clear_line(pv_follow_t *f)
{
    if (f->pending)
        fputs("\r\033[K", f->out);
    f->pending = 0;
}

static void begin_line(pv_follow_t *f)
{
    if (!f->live || !f->step)
        return;
    fprintf(f->out, "  %s%-*s%s ...", pv_tone_on(PV_TONE_FAINT, f->colour), STEP_WIDTH, f->step,
            pv_tone_off(PV_TONE_FAINT, f->colour));
    f->pending = 1;
}

static const char *shown(pv_follow_t *f, const char *text, apr_pool_t *p)
{
    return pv_text_show(text, strlen(text), LINE_MAX_TEXT, p);
}

static void print_accepted(pv_follow_t *f, const json_t *e, apr_pool_t *p)
{
    fprintf(f->out, "%sjob %" JSON_INTEGER_FORMAT ": %s %s%s\n", pv_tone_on(PV_TONE_HEAD, f->colour),
            pv_row_num(e, "job"), shown(f, pv_row_text(e, "type"), p), f->name, pv_tone_off(PV_TONE_HEAD, f->colour));
}

static void print_state(pv_follow_t *f, const json_t *e, apr_pool_t *p)
{
    const char *state = pv_row_text(e, "state"), *code = pv_row_text(e, "code"), *text = pv_row_text(e, "text");
    pv_tone_t tone = pv_view_tone(state);
    int good = strcmp(code, pv_error_row(PV_OK)->name) == 0;
    f->step = NULL;
    if ((good || !code[0]) && !text[0] && !pv_job_ended(state))
        return;
    fprintf(f->out, "  %s%s%s", pv_tone_on(tone, f->colour), state, pv_tone_off(tone, f->colour));
    if (code[0] && !good)
        fprintf(f->out, ": %s", shown(f, code, p));
    if (text[0])
        fprintf(f->out, ": %s", shown(f, text, p));
    fputc('\n', f->out);
}

static void print_step(pv_follow_t *f, const json_t *e, apr_pool_t *p)
{
    const char *state = pv_row_text(e, "state"), *name = shown(f, pv_row_text(e, "name"), p);
    json_int_t at = pv_row_num(e, "at");
    if (strcmp(state, "started") == 0 || strcmp(state, "undoing") == 0) {
        f->step = apr_pstrdup(f->ctl->p, name);
        f->step_at = at;
        return;
    }
    pv_tone_t tone = pv_view_tone(state);
    fprintf(f->out, "  %-*s %s%s%s", STEP_WIDTH, name, pv_tone_on(tone, f->colour), shown(f, state, p),
            pv_tone_off(tone, f->colour));
    if (f->step && strcmp(f->step, name) == 0)
        fprintf(f->out, "%s  %.2f s%s", pv_tone_on(PV_TONE_FAINT, f->colour), (at - f->step_at) / 1e6,
                pv_tone_off(PV_TONE_FAINT, f->colour));
    fputc('\n', f->out);
    f->step = NULL;
}

static void print_log(pv_follow_t *f, const json_t *e, apr_pool_t *p)
{
    const char *level = pv_row_text(e, "level");
    pv_tone_t tone = pv_view_tone(level);
    int plain = strcmp(level, "output") == 0;
    fprintf(f->out, "    %s%s%s%s%s\n", pv_tone_on(tone, f->colour), plain ? "" : level, plain ? "" : ": ",
            pv_tone_off(tone, f->colour), shown(f, pv_row_text(e, "text"), p));
}

/* Only a live line can show how far something is. */
static void print_progress(pv_follow_t *f, const json_t *e, apr_pool_t *p)
{
    json_int_t done = pv_row_num(e, "done"), total = pv_row_num(e, "total");
    if (!f->live || total <= 0)
        return;
    fprintf(f->out, "  %-*s %3d %%", STEP_WIDTH, f->step ? f->step : "", (int)(100.0 * done / total));
    f->pending = 1;
}

static const struct {
    const char *kind;
    void (*print)(pv_follow_t *f, const json_t *e, apr_pool_t *p);
} printers[] = {
    {"accepted", print_accepted}, {"state", print_state},       {"step", print_step},
    {"log", print_log},           {"progress", print_progress},
};

void pv_follow_print(pv_follow_t *f, const json_t *event)
{
    const char *kind = pv_row_text(event, "kind");
    apr_pool_t *p;
    if (apr_pool_create(&p, f->ctl->p) != APR_SUCCESS)
        return;
    for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
        if (strcmp(printers[i].kind, kind) == 0) {
            clear_line(f);
            printers[i].print(f, event, p);
            if (!f->pending)
                begin_line(f);
        }
    fflush(f->out);
    apr_pool_destroy(p);
}

static int wanted(const pv_follow_t *f, const json_t *event)
{
    if (f->job && (uint64_t)pv_row_num(event, "job") != f->job)
        return 0;
    return !f->object || strcmp(pv_row_text(event, "object"), f->object) == 0;
}

static int is_end(const json_t *event)
{
    return strcmp(pv_row_text(event, "kind"), "state") == 0 && pv_job_ended(pv_row_text(event, "state"));
}

static int over(const pv_follow_t *f)
{
    return f->ended || (f->until && f->after >= f->until);
}

static apr_status_t on_event(void *ctx, json_t *event, pv_err_t *err)
{
    pv_follow_t *f = ctx;
    if (json_object_get(event, "reset")) {
        f->reset = 1;
        return APR_EOF;
    }
    if (!json_object_get(event, "ev"))
        return APR_SUCCESS;
    f->after = pv_row_num(event, "ev");
    if (wanted(f, event)) {
        if (f->json)
            pv_view_json(&f->ctl->view, event);
        else
            pv_follow_print(f, event);
        f->ended = (uint64_t)pv_row_num(event, "job") == f->ends && is_end(event);
    }
    return over(f) ? APR_EOF : APR_SUCCESS;
}

/* Events that are kept no more: what was missed is gone from the log, the job's row still tells how it ended. */
static apr_status_t after_reset(pv_follow_t *f, const json_t *hello, pv_err_t *err)
{
    json_t *row;
    f->reset = 0;
    f->journal = apr_pstrdup(f->ctl->p, pv_row_text(hello, "journal"));
    f->after = pv_row_num(hello, "last");
    if (!f->ends)
        return APR_SUCCESS;
    apr_status_t rv = pv_ctl_job(&row, f->ctl, f->ends, err);
    if (rv == APR_SUCCESS)
        f->ended = pv_job_ended(pv_row_text(row, "state"));
    return rv;
}

static apr_status_t follow_once(pv_follow_t *f, pv_client_t *client, pv_err_t *err)
{
    json_t *request = pv_client_request(client, PV_MSG_follow);
    json_object_set_new(request, "journal", json_string(f->journal));
    json_object_set_new(request, "after", json_integer(f->after));
    apr_status_t rv = pv_client_follow(client, request, on_event, f, err);
    return rv == APR_SUCCESS && f->reset ? after_reset(f, pv_client_hello(client), err) : rv;
}

apr_status_t pv_follow_run(pv_follow_t *f, pv_err_t *err)
{
    pv_client_t *client;
    apr_status_t rv = APR_SUCCESS;
    while (!over(f)) {
        if ((rv = pv_ctl_reconnect(&client, f->ctl, err)) != APR_SUCCESS)
            break;
        rv = follow_once(f, client, err);
        if (rv != APR_SUCCESS && !pv_ctl_lost(err))
            break;
        if (rv != APR_SUCCESS)
            apr_sleep(PV_CTL_PAUSE);
    }
    clear_line(f);
    return rv;
}
