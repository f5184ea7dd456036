/*
 * Changes of the configuration that arrive together share one reload: publish calls are gathered and sent to root as
 * one.
 */
#ifndef PV_ENGINE_PUBLISH_H
#define PV_ENGINE_PUBLISH_H

#include "engine/call.h"

typedef struct pv_publisher pv_publisher_t;

/* The least time between two reloads is ReloadGap; 0: they are not spread. */
pv_publisher_t *pv_publisher_make(pv_engine_t *engine, apr_pool_t *p);

/* A call of root's operation publish. It answers when what its job staged is served, or is the reason why it is not. */
void pv_publisher_join(pv_publisher_t *publisher, pv_call_t *call);

#endif
