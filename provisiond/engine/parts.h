/*
 * Private to the engine's own files: what it consists of. Steps and sessions use engine.h.
 */
#ifndef PV_ENGINE_PARTS_H
#define PV_ENGINE_PARTS_H

#include "engine/engine.h"
#include "engine/events.h"
#include "engine/peer.h"
#include "engine/publish.h"
#include "engine/sched.h"
#include "engine/server.h"
#include "engine/worker.h"

struct pv_engine {
    apr_pool_t *p;
    const pv_conf_t *conf;
    pv_loop_t *loop;
    pv_journal_t *journal;
    pv_engine_state_t state;
    int64_t second; /* of a job's waiting, in microseconds; tests have shorter ones */
    pv_peer_t *root, *dba;
    pv_workers_t *workers;
    pv_publisher_t *publisher;
    pv_sched_t *sched;
    pv_events_t *events;
    pv_server_t *server;
};

#endif
