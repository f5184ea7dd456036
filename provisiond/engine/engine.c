/*
 * The engine put together, and its beginning: journal, root and dba, the world mark, recovery, and only then work. What
 * runs on a clock is here too: forgetting old events, purging trash.
 */
#include "engine/engine.h"
#include "engine/accept.h"
#include "engine/log.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include "engine/props.h"
#include "engine/start.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRUNE_USEC   3600000000LL
#define RETRY_USEC   60000000
#define SERVERS_PAGE 500

const pv_conf_t *pv_engine_conf(const pv_engine_t *engine)
{
    return engine->conf;
}

pv_journal_t *pv_engine_journal(const pv_engine_t *engine)
{
    return engine->journal;
}

pv_loop_t *pv_engine_loop(const pv_engine_t *engine)
{
    return engine->loop;
}

apr_pool_t *pv_engine_pool(const pv_engine_t *engine)
{
    return engine->p;
}

pv_engine_state_t pv_engine_state(const pv_engine_t *engine)
{
    return engine->state;
}

const char *pv_engine_state_name(pv_engine_state_t state)
{
    static const char *const name[] = {
        [PV_ENGINE_RECOVERING] = "recovering", [PV_ENGINE_READY] = "ready", [PV_ENGINE_READONLY] = "readonly"};
    return name[state];
}

int pv_engine_has_root(const pv_engine_t *engine)
{
    return pv_peer_is_open(engine->root);
}

int pv_engine_has_dba(const pv_engine_t *engine)
{
    return pv_peer_is_open(engine->dba);
}

/* ---- the database process ---- */

static void ignore(pv_call_t *call, const pv_reply_t *reply)
{
    if (reply->code != PV_OK)
        pv_log("dba.service", "code=%s why=%s", pv_error_row(reply->code)->name, pv_log_quote(reply->detail, call->p));
}

void pv_dba_service(pv_engine_t *engine, const pv_id_t *server, const json_t *props)
{
    static const char *const args[] = {"db", "db_auth", "db_host", "db_port", "db_secret"};
    if (*pv_props_str(props, "db") == '\0' || !pv_engine_has_dba(engine))
        return;
    pv_call_t *call = pv_call_make(engine, NULL);
    pv_call_dba(call, PV_DBA_service);
    pv_dgram_str(call->out, server->s);
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        pv_dgram_str(call->out, pv_props_str(props, args[i]));
    pv_call_run(call, ignore, NULL);
}

static void tell_services(pv_engine_t *engine)
{
    apr_pool_t *p;
    pv_object_t **row;
    const char *after = "";
    int n;
    apr_pool_create(&p, engine->p);
    do {
        pv_object_list(&row, &n, engine->journal, PV_SERVER, after, SERVERS_PAGE, p);
        for (int i = 0; i < n; i++)
            pv_dba_service(engine, &row[i]->id, row[i]->props);
        after = n > 0 ? row[n - 1]->id.s : after;
    } while (n == SERVERS_PAGE);
    apr_pool_destroy(p);
}

static void dba_notice(void *ctx, pv_dgram_t *m)
{
    (void)ctx;
    for (int i = 0; i < m->nfds; i++)
        close(m->fd[i]);
    pv_log("dba.notice", "op=%u", m->head.op); /* it has nothing to tell by itself */
}

static void dba_lost(void *ctx)
{
    (void)ctx;
    pv_log("dba.lost", "state=waiting-for-a-new-one");
}

/* ---- root ---- */

static void take_dba(pv_engine_t *engine, pv_dgram_t *m)
{
    for (int i = 1; i < m->nfds; i++)
        close(m->fd[i]);
    if (m->nfds < 1)
        return;
    pv_peer_open(engine->dba, m->fd[0]);
    tell_services(engine);
}

static void root_notice(void *ctx, pv_dgram_t *m)
{
    pv_engine_t *engine = ctx;
    uint64_t status;
    if (m->head.op == PV_DGRAM_DBA)
        take_dba(engine, m);
    else if (m->head.op == PV_DGRAM_EXIT && pv_dgram_arg_num(m, 0, UINT32_MAX, &status) == 0)
        pv_workers_exited(engine->workers, m->head.seq, (int)status);
    else
        dba_notice(engine, m);
}

/* Without root there is nothing that could be done. */
static void root_lost(void *ctx)
{
    pv_engine_t *engine = ctx;
    pv_log("root.lost", "state=ending");
    pv_workers_lost(engine->workers);
    pv_loop_stop(engine->loop);
}

/* ---- on a clock ---- */

static void prune(void *ctx)
{
    pv_engine_t *engine = ctx;
    pv_err_t err;
    if (pv_event_prune(engine->journal, pv_journal_now() - engine->conf->EventTime * 1000000LL, &err) != APR_SUCCESS)
        pv_log("events.prune", "code=%s", pv_error_row(err.code)->name);
    pv_timer_start(engine->loop, PRUNE_USEC, prune, engine);
}

static void purge(void *ctx)
{
    pv_engine_t *engine = ctx;
    int64_t seconds = engine->conf->TrashTime;
    pv_purge_due(engine);
    pv_timer_start(engine->loop, (seconds < 1 ? 1 : seconds > 3600 ? 3600 : seconds) * 1000000LL, purge, engine);
}

/* ---- the beginning ---- */

static void publish_once(void *ctx);

/* What the last life left goes on, and new work is taken. */
static void begin_work(pv_engine_t *engine)
{
    engine->state = PV_ENGINE_READY;
    pv_recover(engine);
    purge(engine);
    pv_log("engine.ready", "journal=%s epoch=%lu", pv_journal_id(engine->journal),
           (unsigned long)pv_journal_epoch(engine->journal));
}

/* Until it succeeds nothing counts as served; what is broken is somebody's to repair, so it is tried for ever. Work
 * does not wait for that: most of it, and all of what repairs, needs no httpd. */
static void published_once(pv_call_t *call, const pv_reply_t *reply)
{
    pv_engine_t *engine = call->ctx;
    if (reply->code != PV_OK) {
        pv_log("start.publish", "code=%s why=%s", pv_error_row(reply->code)->name,
               pv_log_quote(reply->detail, call->p));
        pv_timer_start(engine->loop, RETRY_USEC, publish_once, engine);
    }
    if (engine->state == PV_ENGINE_RECOVERING)
        begin_work(engine);
}

static void publish_once(void *ctx)
{
    pv_call_t *call = pv_call_make(ctx, NULL);
    pv_call_root(call, PV_ROOT_publish);
    pv_call_run(call, published_once, ctx);
}

static void ask_world(void *ctx);

static void world_set(pv_call_t *call, const pv_reply_t *reply)
{
    pv_engine_t *engine = call->ctx;
    if (reply->code == PV_OK) {
        publish_once(engine);
        return;
    }
    pv_log("world.set", "code=%s why=%s", pv_error_row(reply->code)->name, pv_log_quote(reply->detail, call->p));
    pv_timer_start(engine->loop, RETRY_USEC, ask_world, engine);
}

static void set_world(pv_engine_t *engine)
{
    pv_call_t *call = pv_call_make(engine, NULL);
    pv_call_root(call, PV_ROOT_world);
    pv_dgram_str(call->out, "SET");
    pv_dgram_str(call->out, pv_journal_world(engine->journal));
    pv_call_run(call, world_set, engine);
}

/* Sites without a mark belong to a new journal only: else they are not mounted, or not ours. */
static void world_known(pv_call_t *call, const pv_reply_t *reply)
{
    pv_engine_t *engine = call->ctx;
    const char *ours = pv_journal_world(engine->journal);
    if (reply->code != PV_OK) {
        pv_log("world.get", "code=%s why=%s", pv_error_row(reply->code)->name, pv_log_quote(reply->detail, call->p));
        pv_timer_start(engine->loop, RETRY_USEC, ask_world, engine);
    } else if (reply->a == PV_CURRENT && strcmp(reply->detail, ours) == 0) {
        publish_once(engine);
    } else if (reply->a == PV_ABSENT && pv_journal_empty(engine->journal)) {
        set_world(engine);
    } else {
        engine->state = PV_ENGINE_READONLY;
        pv_log("world.mismatch", "journal=%s sites=%s", ours, reply->a == PV_CURRENT ? reply->detail : "-");
    }
}

static void ask_world(void *ctx)
{
    pv_call_t *call = pv_call_make(ctx, NULL);
    pv_call_root(call, PV_ROOT_world);
    pv_dgram_str(call->out, "GET");
    pv_call_run(call, world_known, ctx);
}

pv_engine_t *pv_engine_make(const pv_conf_t *conf, pv_journal_t *journal, apr_pool_t *p)
{
    pv_engine_t *engine = apr_pcalloc(p, sizeof(*engine));
    engine->p = p;
    engine->conf = conf;
    engine->journal = journal;
    engine->second = 1000000;
    engine->loop = pv_loop_make(p);
    engine->root = pv_peer_make(engine->loop, journal, root_notice, root_lost, engine, p);
    engine->dba = pv_peer_make(engine->loop, journal, dba_notice, dba_lost, engine, p);
    engine->workers = pv_workers_make(engine, p);
    engine->publisher = pv_publisher_make(engine, p);
    engine->sched = pv_sched_make(engine, p);
    engine->events = pv_events_make(engine->loop, journal, p);
    return engine;
}

void pv_engine_begin(pv_engine_t *engine, int root, int dba)
{
    pv_peer_open(engine->root, root);
    if (dba >= 0)
        pv_peer_open(engine->dba, dba);
    tell_services(engine);
    prune(engine);
    ask_world(engine);
}
