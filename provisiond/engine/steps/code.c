/*
 * A platform's steps: its folder, which root makes or adopts, and the code base in it, which workers of the platform's
 * own uid copy, check and prepare. Nothing in it is trusted: what is found out about it comes back as facts and words.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <string.h>

#define COPY_SECONDS 3600

static const char *place_of(const pv_job_t *job)
{
    return pv_props_str(job->plan, "place");
}

static const char *path_of(const pv_job_t *job, pv_call_t *call)
{
    return pv_path_place(&pv_engine_conf(job->engine)->PlatformRoot, place_of(job), call->p);
}

static void ask_place(const pv_job_t *job, pv_call_t *call, const char *verb, uid_t uid, const char *place)
{
    pv_call_root(call, PV_ROOT_platform);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, verb);
    pv_dgram_num(call->out, uid);
    pv_dgram_str(call->out, place);
}

/* An adopted folder's owner is the platform's uid from now on. */
static void take_owner(pv_call_t *call, uint64_t uid)
{
    json_object_set_new(call->job->facts, "uid", json_integer((json_int_t)uid));
}

static void read_owner(pv_call_t *call, pv_reply_t *reply)
{
    if (reply->code == PV_OK)
        take_owner(call, reply->a);
}

/* It may have been adopted by a life that did not live to write it down. */
static void read_registered(pv_call_t *call, pv_reply_t *reply)
{
    if (reply->code == PV_OK && reply->b > 0)
        take_owner(call, reply->b);
}

void pv_place_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_place(job, call, "PROBE", job->uid, place_of(job));
    if (pv_props_flag(job->plan, "adopt"))
        call->read = read_registered;
}

void pv_place_make(const pv_job_t *job, pv_call_t *call)
{
    if (pv_props_flag(job->plan, "adopt")) {
        ask_place(job, call, "ADOPT", 0, place_of(job));
        call->read = read_owner;
    } else {
        ask_place(job, call, "MAKE", job->uid, place_of(job));
    }
}

void pv_place_drop(const pv_job_t *job, pv_call_t *call)
{
    ask_place(job, call, pv_props_flag(job->plan, "adopt") ? "FORGET" : "TRASH", 0, "");
}

void pv_code_copy(const pv_job_t *job, pv_call_t *call)
{
    const char *source = pv_props_str(job->plan, "source");

    pv_step_worker(call, &job->object, place_of(job), "copy", "w");
    pv_dgram_str(call->out, source);
    call->deadline = COPY_SECONDS;
    call->request = json_pack("{s:i, s:s, s:s, s:O}", "v", 1, "from",
                              pv_path_place(&pv_engine_conf(job->engine)->SourceRoot, source, call->p), "to",
                              path_of(job, call), "except", json_object_get(job->plan, "except"));
}

void pv_code_empty(const pv_job_t *job, pv_call_t *call)
{
    const char *folder = path_of(job, call);

    pv_step_worker(call, &job->object, place_of(job), "empty", "w");
    pv_dgram_str(call->out, "");
    call->deadline = COPY_SECONDS;
    call->request = pv_step_folders(&folder, 1);
}

/* What tells the types apart: the markers of the one driver that was asked for, else of all. NULL: CALL was made the
 * failure. */
static json_t *markers(const pv_job_t *job, pv_call_t *call)
{
    const pv_manifest_t **list = NULL;
    json_t *all;
    pv_err_t err;
    int i, n = 0;

    if (pv_manifest_list(&list, &n, pv_engine_conf(job->engine)->AppsDir, &err, call->p)) {
        pv_step_fail(call, &err);
        return NULL;
    }
    all = json_object();
    for (i = 0; i < n; i++)
        if (!job->app.s[0] || !strcmp(job->app.s, list[i]->app.s))
            json_object_set_new(all, list[i]->app.s, pv_strings_json(&list[i]->marker));
    return all;
}

void pv_code_check(const pv_job_t *job, pv_call_t *call)
{
    const pv_paths_t *roots = &pv_engine_conf(job->engine)->PlatformRoot;
    json_t *all = markers(job, call);

    if (!all)
        return;
    pv_step_worker(call, &job->object, place_of(job), "check", "");
    pv_dgram_str(call->out, "");
    call->request = json_pack("{s:i, s:s, s:s, s:o}", "v", 1, "root", path_of(job, call), "docroot",
                              pv_path_docroot(roots, place_of(job), call->p), "markers", all);
}

static void run_verb(const pv_job_t *job, pv_call_t *call, const char *verb, const char *flags)
{
    const pv_manifest_t *m = pv_step_manifest(job, call);

    if (m)
        pv_step_verb(job, call, m, verb, &job->object, flags);
}

void pv_code_detect(const pv_job_t *job, pv_call_t *call)
{
    run_verb(job, call, "detect", "");
}

void pv_code_setup(const pv_job_t *job, pv_call_t *call)
{
    run_verb(job, call, "setup", "w");
}
