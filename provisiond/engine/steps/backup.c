/*
 * Backup and restore. An archive is a file of root's that a worker of the site fills or reads. A restore never touches
 * what is live: it fills a second tree and a new database beside it, lets the driver look at both, and then exchanges
 * the trees by one rename; a site of which only the database is restored gets its settings changed instead. What was
 * live before goes only after the new one was served.
 */
#include "engine/journal_backup.h"
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define ARCHIVE_SECONDS 7200

static pv_bid_t bid_of(const pv_job_t *job)
{
    pv_bid_t bid;
    apr_cpystrn(bid.s, pv_props_str(job->plan, "bid"), sizeof(bid.s));
    return bid;
}

/* Does this restore bring files? Then the tree that is built beside is what workers see. */
static int has_files(const pv_job_t *job)
{
    return pv_props_flag(job->plan, "files");
}

/* ---- the archive ---- */

static void ask_archive(const pv_job_t *job, pv_call_t *call, const char *verb)
{
    pv_call_root(call, PV_ROOT_backup);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, bid_of(job).s);
    pv_dgram_str(call->out, verb);
}

void pv_archive_make(const pv_job_t *job, pv_call_t *call)
{
    ask_archive(job, call, "MAKE");
}

static int64_t fact(const pv_job_t *job, const char *name)
{
    return strtoll(pv_props_str(job->facts, name), NULL, 10);
}

/* What the archiver reported is what root finds. */
static void read_kept(pv_call_t *call, pv_reply_t *reply)
{
    const char *sum = pv_props_str(call->job->facts, "sha256");

    if (reply->code != PV_OK)
        return;
    if (strlen(sum) == 64 && strspn(sum, "0123456789abcdef") == 64 && (int64_t)reply->b == fact(call->job, "size"))
        return;
    reply->code = PV_DRIVER_FAILED;
    apr_cpystrn(reply->detail, "its size or its sum is not what was reported", sizeof(reply->detail));
}

void pv_archive_keep(const pv_job_t *job, pv_call_t *call)
{
    ask_archive(job, call, "COMMIT");
    call->read = read_kept;
}

void pv_archive_drop(const pv_job_t *job, pv_call_t *call)
{
    ask_archive(job, call, "DROP");
}

static json_t *folders_of(const pv_job_t *job, apr_pool_t *p)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);

    return json_pack("{s:s, s:s}", "data", pv_path_site(conf, &job->object, "data", p), "private",
                     pv_path_site(conf, &job->object, "private", p));
}

/* A worker of the site that has the archive as descriptor 4. */
static void begin_archiver(const pv_job_t *job, pv_call_t *call, const char *program, int beside, int database)
{
    const char *flags = apr_pstrcat(call->p, beside ? "b" : "", database ? pv_step_db_flag(job) : "", NULL);

    pv_step_worker(call, &job->object, "", program, flags);
    pv_dgram_str(call->out, "");
    pv_dgram_str(call->out, bid_of(job).s);
    call->deadline = ARCHIVE_SECONDS;
}

void pv_archive_pack(const pv_job_t *job, pv_call_t *call)
{
    int database = pv_props_flag(job->plan, "database");

    begin_archiver(job, call, "pack", 0, database);
    call->request =
        json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:I}, s:o}", "v", 1, "about", "site", job->object.s, "name",
                  pv_props_str(job->plan, "name"), "app", job->app.s, "version", pv_props_str(job->plan, "version"),
                  "revision", (json_int_t)job->revision, "folders", folders_of(job, call->p));
    if (database)
        json_object_set_new(call->request, "db", pv_step_database(job, call->p));
}

void pv_archive_unpack(const pv_job_t *job, pv_call_t *call)
{
    int database = pv_props_flag(job->plan, "reload");

    begin_archiver(job, call, "unpack", has_files(job), database);
    call->request = json_pack("{s:i, s:s, s:O}", "v", 1, "sha256", pv_props_str(job->plan, "sha256"), "bytes",
                              json_object_get(job->plan, "bytes"));
    if (has_files(job))
        json_object_set_new(call->request, "folders", folders_of(job, call->p));
    if (database)
        json_object_set_new(call->request, "db", pv_step_database(job, call->p));
}

/* ---- its row ---- */

static apr_status_t add(pv_call_t *call, pv_err_t *err)
{
    const pv_job_t *job = call->job;
    pv_backup_t backup = {.bid = bid_of(job),
                          .site = job->object,
                          .name = pv_props_str(job->plan, "name"),
                          .description = pv_props_str(job->plan, "description"),
                          .app = job->app.s,
                          .version = pv_props_str(job->plan, "version"),
                          .sha256 = pv_props_str(job->facts, "sha256"),
                          .database = pv_props_flag(job->plan, "database"),
                          .size = fact(job, "size"),
                          .bytes = fact(job, "bytes"),
                          .made = json_integer_value(json_object_get(job->plan, "at"))};

    return pv_backup_add(pv_engine_journal(call->engine), &(pv_event_job_t){job->id, job->key}, &backup, err);
}

static apr_status_t take_away(pv_call_t *call, pv_err_t *err)
{
    const pv_job_t *job = call->job;
    pv_bid_t bid = bid_of(job);

    return pv_backup_remove(pv_engine_journal(call->engine), &(pv_event_job_t){job->id, job->key}, &job->object, &bid,
                            err);
}

void pv_backup_record(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, add);
}

void pv_backup_forget(const pv_job_t *job, pv_call_t *call)
{
    pv_step_local(call, take_away);
}

/* ---- the tree beside ---- */

static void ask_beside(const pv_job_t *job, pv_call_t *call, const char *verb)
{
    pv_call_root(call, PV_ROOT_beside);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, verb);
    pv_dgram_str(call->out, pv_props_str(job->plan, "build"));
    pv_dgram_num(call->out, job->uid);
}

void pv_beside_make(const pv_job_t *job, pv_call_t *call)
{
    ask_beside(job, call, "MAKE");
}

void pv_beside_switch(const pv_job_t *job, pv_call_t *call)
{
    ask_beside(job, call, "SWITCH");
}

void pv_beside_back(const pv_job_t *job, pv_call_t *call)
{
    ask_beside(job, call, "BACK");
}

void pv_beside_purge(const pv_job_t *job, pv_call_t *call)
{
    ask_beside(job, call, "PURGE");
}

void pv_beside_empty(const pv_job_t *job, pv_call_t *call)
{
    if (has_files(job))
        pv_step_empty(job, call, "b");
}

/* ---- the new database ---- */

void pv_newdb_grant(const pv_job_t *job, pv_call_t *call)
{
    pv_grant_give(job, call);
    pv_dgram_str(call->out, pv_props_str(job->plan, "dbgen_old"));
}

void pv_olddb_drop(const pv_job_t *job, pv_call_t *call)
{
    pv_call_dba(call, PV_DBA_drop);
    pv_dgram_str(call->out, pv_props_str(job->plan, "db_server"));
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, pv_props_str(job->plan, "dbgen_old"));
}

/* ---- the driver ---- */

/* The settings are written anew for the database that the site has now, or had before. */
static void rewire(const pv_job_t *job, pv_call_t *call, const char *dbgen)
{
    if (!pv_step_site_verb(job, call, "move", has_files(job) ? "b" : "", dbgen))
        return;
    json_object_set_new(call->request, "args",
                        json_pack("{s:O}", "from_url", json_object_get(json_object_get(call->request, "site"), "url")));
}

void pv_driver_rewire(const pv_job_t *job, pv_call_t *call)
{
    rewire(job, call, pv_props_str(job->plan, "dbgen"));
}

/* A tree that was built beside goes as a whole. */
void pv_driver_unwire(const pv_job_t *job, pv_call_t *call)
{
    if (!has_files(job))
        rewire(job, call, pv_props_str(job->plan, "dbgen_old"));
}

void pv_driver_status(const pv_job_t *job, pv_call_t *call)
{
    pv_step_site_verb(job, call, "status", has_files(job) ? "b" : "", pv_props_str(job->plan, "dbgen"));
}
