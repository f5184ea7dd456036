/*
 * A site's own things: folders and secret (root), database and login (dba), the link in its platform (a worker of the
 * platform's uid). All acts are idempotent; each probe compares with exactly what the act would make.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>

/* The name of the file in etc/ that holds the database password. */
#define SECRET "db"

static void ask_dirs(const pv_job_t *job, pv_call_t *call, const char *verb)
{
    pv_call_root(call, PV_ROOT_site_dirs);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, verb);
    pv_dgram_num(call->out, job->uid);
}

void pv_dirs_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_dirs(job, call, "PROBE");
}

void pv_dirs_make(const pv_job_t *job, pv_call_t *call)
{
    ask_dirs(job, call, "MAKE");
}

void pv_dirs_trash(const pv_job_t *job, pv_call_t *call)
{
    ask_dirs(job, call, "TRASH");
}

void pv_dirs_untrash(const pv_job_t *job, pv_call_t *call)
{
    ask_dirs(job, call, "UNTRASH");
}

static void ask_secret(const pv_job_t *job, pv_call_t *call, const char *verb)
{
    pv_call_root(call, PV_ROOT_secret);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, SECRET);
    pv_dgram_str(call->out, verb);
}

void pv_secret_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_secret(job, call, "PROBE");
}

void pv_secret_make(const pv_job_t *job, pv_call_t *call)
{
    ask_secret(job, call, "MAKE");
}

static void ask_database(const pv_job_t *job, pv_call_t *call, pv_dba_op_t op)
{
    pv_call_dba(call, op);
    pv_dgram_str(call->out, pv_props_str(job->plan, "db_server"));
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, pv_props_str(job->plan, "dbgen"));
}

void pv_database_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_database(job, call, PV_DBA_probe);
    pv_dgram_str(call->out, "DATABASE");
}

void pv_database_create(const pv_job_t *job, pv_call_t *call)
{
    ask_database(job, call, PV_DBA_create);
}

void pv_database_drop(const pv_job_t *job, pv_call_t *call)
{
    ask_database(job, call, PV_DBA_drop);
}

void pv_grant_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_database(job, call, PV_DBA_probe);
    pv_dgram_str(call->out, "GRANT");
}

void pv_grant_give(const pv_job_t *job, pv_call_t *call)
{
    ask_database(job, call, PV_DBA_grant);
}

static void ask_link(const pv_job_t *job, pv_call_t *call, const char *program, const char *flags)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);
    const char *place = pv_props_str(job->plan, "place");
    const char *docroot = pv_path_docroot(&conf->PlatformRoot, place, call->p);
    pv_id_t platform = pv_plan_id(job, "platform");

    pv_step_worker(call, &platform, place, program, flags);
    pv_dgram_str(call->out, "");
    call->request =
        json_pack("{s:i, s:s, s:s}", "v", 1, "link", apr_pstrcat(call->p, docroot, "/sites/", job->object.s, NULL),
                  "target", pv_path_site(conf, &job->object, "data", call->p));
}

void pv_link_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_link(job, call, "linked", "");
}

void pv_link_make(const pv_job_t *job, pv_call_t *call)
{
    ask_link(job, call, "link", "w");
}

void pv_link_drop(const pv_job_t *job, pv_call_t *call)
{
    ask_link(job, call, "unlink", "w");
}
