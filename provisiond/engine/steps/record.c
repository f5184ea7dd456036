/*
 * Steps that end a job or begin it in the engine itself: the journal's objects and host names. And what is left of a
 * deleted object: its trash. Local functions run in a journal transaction of their own; done again, they change
 * nothing.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <string.h>

/* The site goes by the names in PROPS from now on, and by no other; NULL: by none. */
static apr_status_t claim(pv_call_t *call, const json_t *props, pv_err_t *err)
{
    size_t i, n = props ? 1 + pv_props_count(props, "aliases") : 0;
    const char **name = apr_palloc(call->p, (n + 1) * sizeof(*name));

    for (i = 0; i < n; i++)
        name[i] = i ? pv_props_at(props, "aliases", i - 1) : pv_props_str(props, "name");
    return pv_host_claim(pv_engine_journal(call->engine), &call->job->object, name, (int)n, err);
}

static apr_status_t claim_want(pv_call_t *call, pv_err_t *err)
{
    return claim(call, call->job->want, err);
}

static apr_status_t claim_have(pv_call_t *call, pv_err_t *err)
{
    return claim(call, pv_props_flag(call->job->plan, "anew") ? NULL : call->job->have, err);
}

void pv_step_local(pv_call_t *call, apr_status_t (*fn)(pv_call_t *call, pv_err_t *err))
{
    call->kind = PV_CALL_LOCAL;
    call->local = fn;
}

void pv_names_take(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, claim_want);
}

void pv_names_back(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, claim_have);
}

static apr_status_t save(pv_call_t *call, json_t *props, const char *state, int deleted, pv_err_t *err)
{
    const pv_job_t *job = call->job;
    const char *context = pv_props_str(job->plan, "context");
    const json_t *seen = json_object_get(job->plan, "revision"); /* of a deleted one, which nobody else could see */
    pv_object_t object = {.id = job->object,
                          .uid = job->uid,
                          .revision = (seen ? (uint64_t)json_integer_value(seen) : job->revision) + 1,
                          .state = state,
                          .props = props,
                          .deleted = deleted};

    if (pv_context_parse(&object.name, context, strlen(context)))
        return pv_fail(err, PV_INTERNAL, NULL, "the plan has no context name");
    if (!object.uid)
        object.uid = (uid_t)json_integer_value(json_object_get(job->facts, "uid"));
    return pv_object_save(pv_engine_journal(call->engine), &object, err);
}

/* What its workers found out belongs to the object: the version, and a platform's app. A site's workers run what its
 * owner wrote, which has no say in what it is. */
static apr_status_t record(pv_call_t *call, pv_err_t *err)
{
    static const char *const found[] = {"version", "app"};
    json_t *props = json_deep_copy(call->job->want);
    apr_status_t rv;
    size_t i;

    for (i = 0; i < (pv_id_kind(&call->job->object) == PV_PLATFORM ? 2 : 1); i++)
        if (json_object_get(call->job->facts, found[i]))
            json_object_set(props, found[i], json_object_get(call->job->facts, found[i]));
    rv = save(call, props, pv_props_str(call->job->plan, "state"), 0, err);
    json_decref(props);
    return rv;
}

static apr_status_t forget(pv_call_t *call, pv_err_t *err)
{
    apr_status_t rv = pv_id_kind(&call->job->object) == PV_SITE ? claim(call, NULL, err) : APR_SUCCESS;

    return rv ? rv : save(call, call->job->have, "deleted", 1, err);
}

void pv_object_record(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, record);
}

void pv_object_forget(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, forget);
}

void pv_trash_empty(const pv_job_t *job, pv_call_t *call)
{
    static const char *const of_site[] = {"/data", "/private", "/tmp"}, *const of_platform[] = {""};
    const pv_conf_t *conf = pv_engine_conf(job->engine);
    int site = pv_id_kind(&job->object) == PV_SITE, i, n = site ? 3 : 1;
    const char *root = site ? conf->SitesRoot : pv_path_root(&conf->PlatformRoot, pv_props_str(job->plan, "place"));
    const char *folder[3];

    for (i = 0; i < n; i++)
        folder[i] = apr_pstrcat(call->p, root, "/.trash/", job->object.s, (site ? of_site : of_platform)[i], NULL);
    pv_step_worker(call, &job->object, "", "empty", "t");
    pv_dgram_str(call->out, "");
    call->request = pv_step_folders(folder, n);
}

void pv_trash_purge(const pv_job_t *job, pv_call_t *call)
{
    int site = pv_id_kind(&job->object) == PV_SITE;

    pv_call_root(call, site ? PV_ROOT_site_dirs : PV_ROOT_platform);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, "PURGE");
    pv_dgram_num(call->out, job->uid);
    if (!site)
        pv_dgram_str(call->out, "");
}

/* dba is told first where the server is that is not recorded yet. */
void pv_db_ping(const pv_job_t *job, pv_call_t *call)
{
    pv_dba_service(job->engine, &job->object, job->want);
    pv_call_dba(call, PV_DBA_ping);
    pv_dgram_str(call->out, job->object.s);
}
