/*
 * The log of an attempt: lines of at most 8192 bytes, at most 64 MiB of them, then one line that says so. Kept as
 * events.
 */
#include "engine/job_run.h"
#include "proto/message.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES    8192
#define LOG_BYTES     (64 * 1024 * 1024)
#define LINE_COST     64 /* what a line takes beside its text, be it empty */
#define PROGRESS_USEC 200000

static void tell(pv_job_t *job, const char *kind, json_t *body)
{
    pv_err_t
        err; /* it waits for the next transaction, so there is nothing to fail yet; in one, that fails as a whole */
    pv_event_job_t of = {.id = job->id, .key = job->key};
    pv_event_add(job->engine->journal, kind, &of, &job->object, body, &err);
}

static void add_line(pv_job_t *job, pv_level_t level, const char *src, const char *text)
{
    static const char *const name[] = {
        [PV_LOG_ERROR] = "error", [PV_LOG_WARNING] = "warning", [PV_LOG_NOTICE] = "notice",
        [PV_LOG_INFO] = "info",   [PV_LOG_OUTPUT] = "output",
    };
    tell(job, "log",
         json_pack("{sI ss ss ss}", "n", (json_int_t)++job->run->log_lines, "level", name[level], "src", src, "text",
                   text));
}

void pv_job_log_bytes(pv_job_t *job, pv_level_t level, const char *src, const char *s, size_t len)
{
    if (!job->run || job->run->log_bytes > LOG_BYTES)
        return;
    job->warnings += level == PV_LOG_WARNING;
    apr_pool_t *p;
    apr_pool_create(&p, job->p);
    const char *text = pv_text_show(s, len, LINE_BYTES, p);
    job->run->log_bytes += strlen(text) + LINE_COST;
    if (job->run->log_bytes > LOG_BYTES)
        add_line(job, PV_LOG_NOTICE, "engine", "the log of this attempt is full (64 MiB); what follows is not kept");
    else
        add_line(job, level, src, text);
    apr_pool_destroy(p);
}

void pv_job_log(pv_job_t *job, pv_level_t level, const char *src, const char *fmt, ...)
{
    char text[LINE_BYTES + 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pv_job_log_bytes(job, level, src, text, strlen(text));
}

void pv_job_progress(pv_job_t *job, uint64_t done, uint64_t total)
{
    int64_t now = pv_loop_now();
    if (!job->run || (done != total && now - job->run->progress_at < PROGRESS_USEC))
        return;
    job->run->progress_at = now;
    tell(job, "progress", json_pack("{sI sI}", "done", (json_int_t)done, "total", (json_int_t)total));
}
