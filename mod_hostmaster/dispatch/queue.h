/*
 * The queue of one server: its queued attempts are claimed and submitted to its daemon, over a connection of the
 * queue's own that is made when it is first wanted. Whoever queued them is not asked again: what the daemon will not
 * have has failed.
 */
#ifndef HM_QUEUE_H
#define HM_QUEUE_H

#include "db.h"

typedef struct hm_queue hm_queue_t;

/* SERVER's, whose daemon listens at SOCKET; both live as long as P, with which the connection is closed. */
hm_queue_t *hm_queue_make(const char *server, const char *socket, apr_pool_t *p);

/* Sends a page of what is queued, and what is to be cancelled. Is there more? Then the next call goes on behind that
 * page, so that events do not wait for a long queue. TURN: until the call returns. */
int hm_queue_pass(hm_queue_t *queue, hm_db_t *db, apr_pool_t *turn);

#endif
