/*
 * What a task would do, for `plan`: its steps with their words, the files as unified diffs against what is live, and
 * whether a reload comes. The job is a dry run; root renders the files (PREVIEW) and changes nothing.
 */
#include "engine/diff.h"
#include "engine/sink.h"
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)

static const struct {
    const char *step; /* that stages the file */
    const char *folder;
    pv_step_fn *preview;
    int registered; /* root can only render it for a site that is there */
} files[] = {
    {"pool", "fpm/live/", pv_pool_preview, 1},
    {"vhost", "httpd/live/", pv_vhost_preview, 0},
};
#define FILES (sizeof(files) / sizeof(files[0]))

typedef struct {
    pv_job_t *job;
    pv_sink_t *sink;
    size_t at; /* of files */
    int changed;
} describe_t;

static const pv_step_row_t *step_of(const pv_job_t *job, const char *name)
{
    int i;

    for (i = 0; i < job->row->n; i++)
        if (!strcmp(job->row->step[i]->name, name) && pv_step_applies(job, job->row->step[i]))
            return job->row->step[i];
    return NULL;
}

/* What exactly, where the step's words leave it open. */
static const char *detail_of(const pv_job_t *job, const char *step, apr_pool_t *p)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);

    if (!strcmp(step, "dirs"))
        return apr_pstrcat(p, conf->SitesRoot, "/", job->object.s, NULL);
    if (!strcmp(step, "database") || !strcmp(step, "dropdb"))
        return apr_pstrcat(p, job->object.s, "d", pv_props_str(job->plan, "dbgen"), " on ",
                           pv_props_str(job->plan, "db_server"), NULL);
    if (!strcmp(step, "place"))
        return pv_path_place(&conf->PlatformRoot, pv_props_str(job->plan, "place"), p);
    if (!strcmp(step, "copy"))
        return apr_pstrcat(p, "from ", pv_path_place(&conf->SourceRoot, pv_props_str(job->plan, "source"), p), NULL);
    if (!strcmp(step, "run"))
        return pv_props_str(job->plan, "label");
    return "";
}

static void tell_steps(describe_t *d)
{
    const pv_job_t *job = d->job;
    int i;

    for (i = 0; i < job->row->n; i++) {
        const pv_step_row_t *step = job->row->step[i];
        if (pv_step_applies(job, step))
            d->sink->row(d->sink, json_pack("{s:s, s:s, s:s, s:b}", "step", step->name, "what", step->what, "detail",
                                            detail_of(job, step->name, d->sink->p), "commit", i == job->row->commit));
    }
}

static const char *read_all(int fd, apr_pool_t *p)
{
    struct stat st;
    size_t size = fstat(fd, &st) == 0 && st.st_size < FILE_MAX ? (size_t)st.st_size : 0;
    char *text = apr_pcalloc(p, size + 1);

    return pread(fd, text, size, 0) == (ssize_t)size ? text : "";
}

static void next_file(describe_t *d);

static void tell_file(describe_t *d, const char *diff, const char *detail)
{
    const char *file = apr_pstrcat(d->sink->p, files[d->at].folder, d->job->object.s, ".conf", NULL);

    d->sink->row(d->sink, json_pack("{s:s, s:s, s:s}", "file", file, "diff", diff, "detail", detail));
    d->at++;
    next_file(d);
}

static void previewed(pv_call_t *call, const pv_reply_t *reply)
{
    describe_t *d = call->ctx;
    const char *name = apr_pstrcat(d->sink->p, files[d->at].folder, d->job->object.s, ".conf", NULL), *diff;

    if (reply->code != PV_OK || call->nfds < 2) {
        tell_file(d, "", *reply->detail ? reply->detail : pv_error_row(reply->code)->text);
        return;
    }
    diff = pv_diff(name, read_all(call->fd[0], d->sink->p), read_all(call->fd[1], d->sink->p), d->sink->p);
    d->changed |= *diff != '\0';
    tell_file(d, diff, *diff ? "" : "stays as it is");
}

static void next_file(describe_t *d)
{
    pv_call_t *call;

    while (d->at < FILES && !step_of(d->job, files[d->at].step))
        d->at++;
    if (d->at == FILES) {
        d->sink->end(d->sink, NULL, json_pack("{s:b}", "reload", d->changed));
    } else if (files[d->at].registered && !d->job->have) {
        d->changed = 1;
        tell_file(d, "", "is new; it is rendered once the site has its uid");
    } else {
        call = pv_call_make(d->job->engine, d->job);
        files[d->at].preview(d->job, call);
        pv_call_run(call, previewed, d);
    }
}

void pv_plan_describe(pv_job_t *job, pv_sink_t *sink)
{
    describe_t *d = apr_pcalloc(sink->p, sizeof(*d));

    d->job = job;
    d->sink = sink;
    tell_steps(d);
    next_file(d);
}
