/*
 * The other end of a datagram pair (root, dba): requests go out in order, replies find their call by its number. When
 * the peer is lost, every call that waits for it answers RETRY_LATER.
 */
#ifndef PV_ENGINE_PEER_H
#define PV_ENGINE_PEER_H

#include "engine/call.h"
#include "engine/journal.h"
#include "engine/loop.h"

typedef struct pv_peer pv_peer_t;

/* What is no reply goes to NOTICE, which owns its descriptors; LOST is called after the calls have answered. */
typedef void pv_notice_fn(void *ctx, pv_dgram_t *m);
typedef void pv_lost_fn(void *ctx);
pv_peer_t *pv_peer_make(pv_loop_t *loop, pv_journal_t *journal, pv_notice_fn *notice, pv_lost_fn *lost, void *ctx,
                        apr_pool_t *p);

/* From now on over FD, which the peer owns; what was open before is lost. */
void pv_peer_open(pv_peer_t *peer, int fd);
int pv_peer_is_open(const pv_peer_t *peer);
int pv_peer_fd(const pv_peer_t *peer); /* -1: not there */

/* Sends the message of CALL under a number of its own. ANSWERED is called once: with the reply, or with RETRY_LATER;
 * the call's descriptors are then filled. Never from inside this function. */
void pv_peer_ask(pv_peer_t *peer, pv_call_t *call, pv_call_done_fn *answered);

#endif
