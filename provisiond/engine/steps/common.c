/*
 * What several steps build alike: workers, driver verbs, failures. Builds calls and nothing else.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <assert.h>
#include <string.h>

void pv_step_fail(pv_call_t *call, const pv_err_t *err)
{
    call->kind = PV_CALL_NONE;
    call->answer.code = err->code;
    apr_cpystrn(call->answer.detail, err->text, sizeof(call->answer.detail));
}

pv_id_t pv_plan_id(const pv_job_t *job, const char *name)
{
    const char *s = pv_props_str(job->plan, name);
    pv_id_t id;
    apr_status_t rv = pv_id_parse(&id, s, strlen(s));

    assert(rv == APR_SUCCESS);
    return id;
}

const pv_manifest_t *pv_step_manifest(const pv_job_t *job, pv_call_t *call)
{
    const char *found = pv_id_kind(&job->object) == PV_PLATFORM ? pv_props_str(job->facts, "app") : "";
    const pv_manifest_t *m = NULL;
    pv_err_t err;

    if (pv_manifest_read(&m, pv_engine_conf(job->engine)->AppsDir, *found ? found : job->app.s, &err, call->p))
        pv_step_fail(call, &err);
    return m;
}

static void begin_worker(pv_call_t *call, const pv_id_t *who, const char *platform, const char *program,
                         const char *app, const char *verb, const char *flags)
{
    pv_call_root(call, PV_ROOT_worker);
    call->kind = PV_CALL_WORKER;
    pv_dgram_str(call->out, who->s);
    pv_dgram_str(call->out, platform);
    pv_dgram_str(call->out, program);
    pv_dgram_str(call->out, app);
    pv_dgram_str(call->out, verb);
    pv_dgram_str(call->out, flags);
}

void pv_step_worker(pv_call_t *call, const pv_id_t *who, const char *platform, const char *program, const char *flags)
{
    begin_worker(call, who, platform, program, "", "", flags);
}

int pv_step_verb(const pv_job_t *job, pv_call_t *call, const pv_manifest_t *m, const char *verb, const pv_id_t *who,
                 const char *flags)
{
    const pv_verb_t *row = pv_manifest_verb(m, verb);
    const char *place = pv_props_str(job->plan, "place");
    pv_id_t platform = pv_plan_id(job, "platform");

    if (!row)
        return 0;
    begin_worker(call, who, place, "driver", m->app.s, verb, row->net ? apr_pstrcat(call->p, flags, "n", NULL) : flags);
    pv_dgram_str(call->out, "");
    call->deadline = row->deadline;
    call->request =
        json_pack("{s:i, s:s, s:{s:s, s:s, s:s, s:s}, s:{}}", "v", 1, "verb", verb, "platform", "id", platform.s,
                  "root", pv_path_docroot(&pv_engine_conf(job->engine)->PlatformRoot, place, call->p), "app", m->app.s,
                  "version", pv_props_str(job->plan, "version"), "args");
    return 1;
}

json_t *pv_step_folders(const char *const *folder, int n)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < n; i++)
        json_array_append_new(list, json_string(folder[i]));
    return json_pack("{s:i, s:o}", "v", 1, "folders", list);
}
