/*
 * The live side of the event stream: who follows is woken when something was committed, and what was told outside a
 * transaction is committed soon.
 */
#ifndef PV_ENGINE_EVENTS_H
#define PV_ENGINE_EVENTS_H

#include "engine/journal_event.h"
#include "engine/loop.h"

typedef struct pv_events pv_events_t;
typedef struct pv_follower pv_follower_t;

/* Embedded in who follows; FN is called from the loop, once for all commits of a turn. */
struct pv_follower {
    pv_follower_t *next;
    void (*fn)(void *ctx);
    void *ctx;
};

pv_events_t *pv_events_make(pv_loop_t *loop, pv_journal_t *journal, apr_pool_t *p);
void pv_events_follow(pv_events_t *events, pv_follower_t *follower, void (*fn)(void *ctx), void *ctx);
void pv_events_unfollow(pv_events_t *events, pv_follower_t *follower);

#endif
