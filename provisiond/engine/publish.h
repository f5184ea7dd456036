/*
 * Changes of the configuration that arrive together share one reload: publish calls are gathered and sent to root as
 * one.
 */
#ifndef PV_ENGINE_PUBLISH_H
#define PV_ENGINE_PUBLISH_H

#include "engine/call.h"
#include "engine/loop.h"
#include "engine/peer.h"

typedef struct pv_publisher pv_publisher_t;

/* GAP: the least seconds between two reloads, 0: they are not spread. */
pv_publisher_t *pv_publisher_make(pv_loop_t *loop, pv_peer_t *root, long gap, apr_pool_t *p);

/* A call of root's operation publish. It answers when what its job staged is served, or is the reason why it is not. */
void pv_publisher_join(pv_publisher_t *publisher, pv_call_t *call);

#endif
