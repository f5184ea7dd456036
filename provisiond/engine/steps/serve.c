/*
 * What the sites httpd and PHP-FPM are told about a site, and what is then answered. Staging changes nothing that is
 * served; publish makes all that is staged live at once, and is proven by the new configuration's own processes (root's
 * part). The last proof is a page, asked for as a visitor would.
 */
#include "engine/steps/steps.h"
#include <apr_strings.h>
#include <string.h>

#define OFF_STATUS 503

/* A site's configuration before (`was`) or after (`state`) the job: PROPS are its properties then, NULL where it is not
 * there. */
static const char *switch_of(const pv_job_t *job, const json_t *props, const char *on, const char *off)
{
    int before = props == job->have;
    const char *state = pv_props_str(job->plan, before ? "was" : "state");

    if (!props || (before && pv_props_flag(job->plan, "anew")))
        return "NONE";
    return strcmp(state, "enabled") ? off : on;
}

static void put_names(const pv_job_t *job, pv_call_t *call, const json_t *props)
{
    size_t i;

    pv_dgram_str(call->out, pv_props_str(job->plan, "name"));
    for (i = 0; i < pv_props_count(props, "aliases"); i++)
        pv_dgram_str(call->out, pv_props_at(props, "aliases", i));
}

static void ask_vhost(const pv_job_t *job, pv_call_t *call, const char *verb, const json_t *props)
{
    size_t i, n = pv_props_count(job->plan, "addresses");

    pv_call_root(call, PV_ROOT_vhost);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, verb);
    pv_dgram_str(call->out, switch_of(job, props, "ON", "OFF"));
    pv_dgram_str(call->out, job->app.s);
    pv_dgram_str(call->out, pv_props_str(job->plan, "place"));
    pv_dgram_str(call->out, pv_props_str(job->plan, "port"));
    pv_dgram_str(call->out, pv_props_str(props, "redirect"));
    pv_dgram_num(call->out, n);
    for (i = 0; i < n; i++)
        pv_dgram_str(call->out, pv_props_at(job->plan, "addresses", i));
    put_names(job, call, props);
}

void pv_vhost_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_vhost(job, call, "PROBE", job->want);
}

void pv_vhost_stage(const pv_job_t *job, pv_call_t *call)
{
    ask_vhost(job, call, "STAGE", job->want);
}

void pv_vhost_restore(const pv_job_t *job, pv_call_t *call)
{
    ask_vhost(job, call, "STAGE", job->have);
}

void pv_vhost_preview(const pv_job_t *job, pv_call_t *call)
{
    ask_vhost(job, call, "PREVIEW", job->want);
}

static void ask_pool(const pv_job_t *job, pv_call_t *call, const char *verb, const json_t *props)
{
    pv_call_root(call, PV_ROOT_pool);
    pv_dgram_str(call->out, job->object.s);
    pv_dgram_str(call->out, verb);
    pv_dgram_str(call->out, switch_of(job, props, "ON", "NONE"));
    pv_dgram_str(call->out, job->app.s);
}

void pv_pool_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_pool(job, call, "PROBE", job->want);
}

void pv_pool_stage(const pv_job_t *job, pv_call_t *call)
{
    ask_pool(job, call, "STAGE", job->want);
}

void pv_pool_restore(const pv_job_t *job, pv_call_t *call)
{
    ask_pool(job, call, "STAGE", job->have);
}

void pv_pool_preview(const pv_job_t *job, pv_call_t *call)
{
    ask_pool(job, call, "PREVIEW", job->want);
}

void pv_config_publish(const pv_job_t *job, pv_call_t *call)
{
    pv_call_root(call, PV_ROOT_publish);
}

void pv_site_evict(const pv_job_t *job, pv_call_t *call)
{
    pv_call_root(call, PV_ROOT_evict);
    pv_dgram_str(call->out, job->object.s);
}

static void ask_served(const pv_job_t *job, pv_call_t *call)
{
    pv_call_root(call, PV_ROOT_served);
    pv_dgram_str(call->out, pv_props_str(job->plan, "port"));
}

/* `served` answers a = rev, b = pid, or NOT_SERVED where httpd does not run or listen. */
static void read_served(pv_call_t *call, pv_reply_t *reply)
{
    uint64_t rev = reply->a;

    if (reply->code != PV_OK && reply->code != PV_NOT_SERVED)
        return;
    reply->a = reply->code == PV_NOT_SERVED ? PV_ABSENT : rev == 0 ? PV_DRIFT : PV_CURRENT;
    if (reply->a == PV_DRIFT)
        apr_cpystrn(reply->detail, "no configuration is proven to be served", sizeof(reply->detail));
    reply->code = PV_OK;
}

void pv_httpd_probe(const pv_job_t *job, pv_call_t *call)
{
    ask_served(job, call);
    call->read = read_served;
}

void pv_httpd_listens(const pv_job_t *job, pv_call_t *call)
{
    ask_served(job, call);
}

/* Only a new site's title is asked for: later it is its owner's, who may change it. The driver knows best what it
 * wrote. */
static const char *title_of(const pv_job_t *job, const pv_manifest_t *m)
{
    const char *found = pv_props_str(job->facts, "title");

    if (!m->title || strcmp(job->type, "install"))
        return NULL;
    return *found ? found : pv_props_str(job->want, "title");
}

/* Its driver may have looked into it, in this job: then that counts. */
static pv_closed_t closed_of(const pv_job_t *job)
{
    const char *said = pv_props_str(job->facts, "maintenance");

    return !strcmp(said, "on") ? PV_IS_CLOSED : !strcmp(said, "off") ? PV_NOT_CLOSED : PV_MAYBE_CLOSED;
}

/* A site that was there before may send visitors elsewhere, ask who they are, or be closed: that is its owner's will,
 * and its own answer. */
static void read_answer(pv_call_t *call, pv_reply_t *reply)
{
    if (reply->code != PV_OK || reply->b == (uint64_t)call->status)
        return;
    if (reply->b == OFF_STATUS)
        pv_job_log(call->job, PV_LOG_WARNING, "engine", "the site answers 503, as in maintenance mode");
    else
        pv_job_log(call->job, PV_LOG_NOTICE, "engine", "the site answers %d", (int)reply->b);
}

void pv_site_get(const pv_job_t *job, pv_call_t *call)
{
    const pv_manifest_t *m = pv_step_manifest(job, call);
    const char *redirect = pv_props_str(job->want, "redirect"), *port = pv_props_str(job->plan, "port");
    int on = !strcmp(pv_props_str(job->plan, "state"), "enabled");

    if (!m)
        return;
    call->kind = PV_CALL_HTTP;
    call->addr = pv_props_count(job->plan, "addresses") ? pv_props_at(job->plan, "addresses", 0) : "127.0.0.1";
    call->port = atoi(port);
    call->host = *redirect ? redirect : pv_props_str(job->plan, "name");
    if (call->port != 80)
        call->host = apr_pstrcat(call->p, call->host, ":", port, NULL);
    call->path = m->path;
    call->status = on ? 200 : OFF_STATUS;
    call->title = on ? title_of(job, m) : NULL;
    call->others = on && strcmp(job->type, "install");
    call->closed = call->others ? closed_of(job) : PV_NOT_CLOSED;
    call->read = read_answer;
}
