/*
 * Workers as calls: root starts one in its jail, the engine feeds its request, keeps its log, reads its report, and
 * holds its deadline. At most Workers run at once; who waits for a place has it by turns of the clients, and the last
 * one only if its client has none.
 */
#ifndef PV_ENGINE_WORKER_H
#define PV_ENGINE_WORKER_H

#include "engine/call.h"

typedef struct pv_workers pv_workers_t;

pv_workers_t *pv_workers_make(pv_engine_t *engine, apr_pool_t *p);

/* Root says that the worker of request SEQ has ended with this wait status. */
void pv_workers_exited(pv_workers_t *workers, uint32_t seq, int status);
/* Root is gone, and every worker with it. */
void pv_workers_lost(pv_workers_t *workers);

#endif
