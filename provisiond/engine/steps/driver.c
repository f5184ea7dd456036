/*
 * What is done inside a site by its own uid: the driver's install and other verbs, and the emptying of the folders that
 * it filled. The request is the contract of provision-driver(7); no secret is in it, only the path of the file that
 * holds it.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <string.h>

/* "db": how a driver reaches the site's database. */
static json_t *database_of(const pv_job_t *job, const char *dbgen, apr_pool_t *p)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);
    const char *name = apr_pstrcat(p, job->object.s, "d", dbgen, NULL);
    const char *host = pv_props_str(job->plan, "db_host");
    json_t *db = json_pack("{s:s, s:s, s:s, s:s}", "type", pv_props_str(job->plan, "db"), "name", name, "user",
                           job->object.s, "secret_file", pv_path_site(conf, &job->object, "etc/db", p));

    if (*host) {
        json_object_set_new(db, "host", json_string(host));
        json_object_set_new(db, "port", json_integer(atoi(pv_props_str(job->plan, "db_port"))));
    } else {
        json_object_set_new(db, "socket", json_string(conf->DbSocket));
    }
    return db;
}

static json_t *site_of(const pv_job_t *job, apr_pool_t *p)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);
    const char *name = pv_props_str(job->plan, "name"), *port = pv_props_str(job->plan, "port");
    const char *redirect = pv_props_str(job->want, "redirect"), *host = *redirect ? redirect : name;
    const char *url =
        apr_pstrcat(p, "http://", host, strcmp(port, "80") ? ":" : "", strcmp(port, "80") ? port : "", NULL);
    json_t *aliases = json_object_get(job->want, "aliases");

    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "id", job->object.s, "uri", name, "url", url,
                     "aliases", aliases ? json_deep_copy(aliases) : json_array(), "data",
                     pv_path_site(conf, &job->object, "data", p), "private",
                     pv_path_site(conf, &job->object, "private", p), "tmp", pv_path_site(conf, &job->object, "tmp", p),
                     "title", pv_props_str(job->want, "title"));
}

/* "args": those of the site's properties that the manifest lists as fields of an install. */
static json_t *args_of(const pv_job_t *job, const pv_manifest_t *m)
{
    json_t *args = json_object();
    int i;

    for (i = 0; i < m->fields.n; i++)
        pv_props_set(args, m->fields.s[i], pv_props_str(job->want, m->fields.s[i]));
    return args;
}

json_t *pv_step_database(const pv_job_t *job, apr_pool_t *p)
{
    return database_of(job, pv_props_str(job->plan, "dbgen"), p);
}

const char *pv_step_db_flag(const pv_job_t *job)
{
    return !pv_props_flag(job->plan, "database") ? "" : *pv_props_str(job->plan, "db_host") ? "n" : "d";
}

int pv_step_site_verb(const pv_job_t *job, pv_call_t *call, const char *verb, const char *flags, const char *dbgen)
{
    const pv_manifest_t *m = pv_step_manifest(job, call);

    if (!m || !pv_step_verb(job, call, m, verb, &job->object, apr_pstrcat(call->p, flags, pv_step_db_flag(job), NULL)))
        return 0;
    json_object_set_new(call->request, "site", site_of(job, call->p));
    if (pv_props_flag(job->plan, "database"))
        json_object_set_new(call->request, "db", database_of(job, dbgen, call->p));
    return 1;
}

void pv_driver_install(const pv_job_t *job, pv_call_t *call)
{
    const pv_manifest_t *m = pv_step_manifest(job, call);

    if (m && pv_step_site_verb(job, call, "install", "", pv_props_str(job->plan, "dbgen")))
        json_object_set_new(call->request, "args", args_of(job, m));
}

/* "args": those fields of the task that the verb takes. */
static json_t *fields_of(const pv_job_t *job, const pv_verb_t *verb)
{
    json_t *args = json_object();
    int i;

    for (i = 0; i < verb->args.n; i++)
        pv_props_set(args, verb->args.s[i], pv_props_str(job->args, verb->args.s[i]));
    return args;
}

/* A verb of the object itself, which is a site or a platform. NULL: it was not built. */
static const pv_verb_t *ask_verb(const pv_job_t *job, pv_call_t *call, const char *name)
{
    const pv_manifest_t *m = pv_step_manifest(job, call);
    int made;

    if (!m)
        return NULL;
    made = pv_id_kind(&job->object) == PV_SITE
               ? pv_step_site_verb(job, call, name, "", pv_props_str(job->plan, "dbgen"))
               : pv_step_verb(job, call, m, name, &job->object, "");
    return made ? pv_manifest_verb(m, name) : NULL;
}

/* A run that has to be done again tells what it finds then, and nothing of the one before. */
static void read_results(pv_call_t *call, pv_reply_t *reply)
{
    if (reply->code == PV_OK)
        json_object_clear(call->job->facts);
}

void pv_verb_run(const pv_job_t *job, pv_call_t *call)
{
    const char *name = pv_props_str(job->plan, "verb");
    const pv_verb_t *verb = ask_verb(job, call, name);
    pv_err_t err;

    if (verb) {
        call->read = read_results;
        json_object_set_new(call->request, "args", fields_of(job, verb));
    } else if (call->answer.code == PV_OK) {
        pv_fail(&err, PV_SCHEMA, "verb", "the driver has no verb %s any more", name);
        pv_step_fail(call, &err);
    }
}

/* What it told of packages has gone its own way, other facts are nobody's; and nothing depends on whether it came to
 * its end, so a failure is a warning. After a daemon's end it is run again. */
static void read_packages(pv_call_t *call, pv_reply_t *reply)
{
    json_object_clear(call->facts);
    if (reply->code == PV_OK || reply->code == PV_CANCELLED || reply->code == PV_RETRY_LATER)
        return;
    pv_job_log(call->job, PV_LOG_WARNING, "engine", "its packages could not be listed: %s: %s",
               pv_error_row(reply->code)->name, *reply->detail ? reply->detail : pv_error_row(reply->code)->text);
    *reply = (pv_reply_t){.code = PV_OK};
}

void pv_packages_list(const pv_job_t *job, pv_call_t *call)
{
    if (job->listed)
        return;
    if (ask_verb(job, call, "packages"))
        call->scans = 1;
    call->read = read_packages;
}

void pv_step_empty(const pv_job_t *job, pv_call_t *call, const char *flags)
{
    const pv_conf_t *conf = pv_engine_conf(job->engine);
    const char *folder[] = {pv_path_site(conf, &job->object, "data", call->p),
                            pv_path_site(conf, &job->object, "private", call->p),
                            pv_path_site(conf, &job->object, "tmp", call->p)};

    pv_step_worker(call, &job->object, "", "empty", flags);
    pv_dgram_str(call->out, "");
    call->request = pv_step_folders(folder, 3);
}

void pv_site_empty(const pv_job_t *job, pv_call_t *call)
{
    pv_step_empty(job, call, "");
}
