/*
 * Reading a worker's report, by a table of its kinds of line. Facts, codes and texts are data of a tenant: bounded,
 * cleaned, and never more than words; a code that is none of errors.def becomes DRIVER_FAILED.
 */
#include "engine/report.h"
#include "engine/engine.h"
#include "engine/journal_event.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <string.h>
#include <sys/wait.h>

#define FACTS_MAX     64
#define FACT_BYTES    1024
#define FACT_NAME     32
#define VERSION_BYTES 64          /* it becomes a property of the object, which has a column */
#define FACTS_BYTES   (32 * 1024) /* of all, as JSON: they travel in one line with the job's row */
#define ITEMS_A_LINE  50
#define ITEM_BYTES    1024
#define REPORT_BYTES  (16 * 1024 * 1024) /* what is read of a report: a hundred times what a large site's takes */
#define LINE_COST     64                 /* what a line counts for beside its text, be it empty */

struct pv_report {
    pv_job_t *job;
    apr_pool_t *p;
    json_t *facts, *items;
    int scans;
    int64_t scan;             /* names its set of packages: its own time, which no other has */
    uint64_t count;           /* packages told */
    size_t bytes, fact_bytes; /* read; of them, facts that were taken */
    int ended, ok;
    pv_err_t err; /* PV_OK: none was reported */
};

static apr_status_t drop(void *data)
{
    pv_report_t *r = data;
    json_decref(r->facts);
    json_decref(r->items);
    return APR_SUCCESS;
}

pv_report_t *pv_report_make(pv_job_t *job, int scans, apr_pool_t *p)
{
    pv_report_t *r = apr_pcalloc(p, sizeof(*r));
    r->job = job;
    r->p = p;
    r->scans = scans;
    r->scan = pv_journal_now();
    r->facts = json_object();
    r->items = json_array();
    apr_pool_cleanup_register(p, r, drop, apr_pool_cleanup_null);
    return r;
}

json_t *pv_report_facts(pv_report_t *report)
{
    return json_incref(report->facts);
}

static const char *text_of(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));
    return s ? s : "";
}

static uint64_t num_of(const json_t *line, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(line, name));
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (uint64_t)n;
}

/* ---- the kinds of line ---- */

static void on_log(pv_report_t *r, json_t *line)
{
    static const char *const level[] = {
        [PV_LOG_ERROR] = "error", [PV_LOG_WARNING] = "warning", [PV_LOG_NOTICE] = "notice",
        [PV_LOG_INFO] = "info",   [PV_LOG_OUTPUT] = "output",
    };
    int i = PV_LOG_ERROR;
    while (i < PV_LOG_OUTPUT && strcmp(level[i], text_of(line, "level")) != 0)
        i++;
    if (r->job)
        pv_job_log(r->job, (pv_level_t)i, "driver", "%s", text_of(line, "text"));
}

static void on_progress(pv_report_t *r, json_t *line)
{
    if (r->job)
        pv_job_progress(r->job, num_of(line, "done"), num_of(line, "total"));
}

/* Small letters, digits and _, so that a name is one wherever it is shown. */
static int is_name(const char *s)
{
    size_t len = strlen(s);
    return len > 0 && len <= FACT_NAME && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static void on_fact(pv_report_t *r, json_t *line)
{
    const char *name = text_of(line, "name"), *value = text_of(line, "value");
    size_t bytes = json_dumpb(line, NULL, 0, JSON_COMPACT);
    if (!is_name(name) || strlen(value) > (strcmp(name, "version") ? FACT_BYTES : VERSION_BYTES) ||
        json_object_size(r->facts) >= FACTS_MAX || r->fact_bytes + bytes > FACTS_BYTES)
        return;
    r->fact_bytes += bytes;
    json_object_set_new(r->facts, name, json_string(value));
}

/* A set travels as several events and an end, and is shown from its end on. */
static void tell_items(pv_report_t *r, const char *kind, json_t *body)
{
    pv_err_t err;
    pv_event_job_t job = {.id = r->job->id, .key = r->job->key};
    json_object_set_new(body, "type", json_string("package"));
    json_object_set_new(body, "scan", json_integer(r->scan));
    pv_event_add(pv_engine_journal(r->job->engine), kind, &job, &r->job->object, body, &err);
}

static void flush_items(pv_report_t *r)
{
    if (json_array_size(r->items) == 0)
        return;
    r->count += json_array_size(r->items);
    json_t *body = json_object();
    json_object_set_new(body, "items", r->items);
    r->items = json_array();
    tell_items(r, "facts", body);
}

/* As every item is, whatever else stands in the line. */
static json_t *item_of(const json_t *line)
{
    static const char *const name[] = {"type", "name", "version", "path", "label", "status", "schema"};
    json_t *item = json_object();
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
        json_object_set_new(item, name[i], json_string(text_of(line, name[i])));
    return item;
}

static void on_package(pv_report_t *r, json_t *line)
{
    json_t *item = item_of(line);
    if (!r->job || json_dumpb(item, NULL, 0, JSON_COMPACT) > ITEM_BYTES) {
        json_decref(item);
        return;
    }
    json_array_append_new(r->items, item);
    if (json_array_size(r->items) == ITEMS_A_LINE)
        flush_items(r);
}

static void on_error(pv_report_t *r, json_t *line)
{
    const char *name = text_of(line, "code"), *text = text_of(line, "text");
    pv_code_t code = pv_error_find(name, strlen(name));
    /* RETRY_LATER is the daemon's own word: a process of it was lost, so nobody knows how the work ended. */
    if (code == PV_CODES || code == PV_RETRY_LATER || pv_error_row(code)->class == PV_CLASS_OK)
        code = PV_DRIVER_FAILED;
    pv_fail(&r->err, code, text_of(line, "field"), "%s", text);
}

static void on_end(pv_report_t *r, json_t *line)
{
    r->ended = 1;
    r->ok = json_is_true(json_object_get(line, "ok"));
}

static const struct {
    const char *t;
    void (*fn)(pv_report_t *r, json_t *line);
} kinds[] = {
    {"log", on_log},         {"progress", on_progress}, {"fact", on_fact},
    {"package", on_package}, {"error", on_error},       {"end", on_end},
};

void pv_report_line(pv_report_t *r, const char *s, size_t len)
{
    pv_err_t err;
    json_t *line;
    r->ended = 0; /* the end is the last line */
    if (r->bytes > REPORT_BYTES)
        return;
    r->bytes += len + LINE_COST;
    if (r->bytes > REPORT_BYTES) {
        pv_fail(&r->err, PV_DRIVER_FAILED, NULL, "its report is longer than %d MiB", REPORT_BYTES / 1024 / 1024);
        return;
    }
    if (pv_json_parse(&line, s, len, &err) != APR_SUCCESS) {
        pv_fail(&r->err, PV_DRIVER_FAILED, NULL, "its report has a line that is none: %s", err.text);
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].t, text_of(line, "t")) == 0)
            kinds[i].fn(r, line);
    json_decref(line);
}

/* ---- the outcome ---- */

static const char *how_it_ended(int status, apr_pool_t *p)
{
    if (WIFSIGNALED(status))
        return apr_psprintf(p, "it was killed by signal %d", WTERMSIG(status));
    return apr_psprintf(p, "it ended with exit code %d", WEXITSTATUS(status));
}

static void outcome(const pv_report_t *r, int status, pv_err_t *err)
{
    int clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (r->err.code != PV_OK)
        *err = r->err;
    else if (!r->ended)
        pv_fail(err, PV_DRIVER_NO_END, NULL, "%s without the last line of its report", how_it_ended(status, r->p));
    else if (!r->ok || !clean)
        pv_fail(err, PV_DRIVER_FAILED, NULL, "it reported no error, and %s", how_it_ended(status, r->p));
    else
        *err = (pv_err_t){.code = PV_OK};
}

/* A set of packages without an end counts for nothing: the one before stays. */
void pv_report_end(pv_report_t *r, int status, pv_err_t *err)
{
    outcome(r, status, err);
    if (!r->job || err->code != PV_OK)
        return;
    flush_items(r);
    if (r->scans || r->count > 0) {
        tell_items(r, "facts-end", json_pack("{sI}", "count", (json_int_t)r->count));
        r->job->listed = 1;
    }
}
