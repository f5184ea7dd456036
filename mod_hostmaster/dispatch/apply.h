/*
 * What a daemon tells, made into rows. A batch of events and the cursor that says so far are one transaction, whose
 * first statement moves the cursor from where the batch begins: if somebody else has moved it, nothing of the batch
 * takes effect. So each event counts exactly once.
 */
#ifndef HM_APPLY_H
#define HM_APPLY_H

#include "model/task.h"

/* EVENTS: objects with "ev", ascending, the follow-ups of the cursor of the daemon at SOCKET, one of whose servers is
 * SERVER. STALE: another follower was quicker. */
apr_status_t hm_apply_events(hm_db_t *db, const char *server, const char *socket, const json_t *events, pv_err_t *err,
                             apr_pool_t *p);

/* The row of a job that may have ended while nobody followed; a transaction of its own. */
apr_status_t hm_apply_job(hm_db_t *db, const char *server, json_t *job, pv_err_t *err, apr_pool_t *p);

/* Ends an attempt (a row with id, task, type and object), with a notice of what failed for every administrator's first
 * page. A deletion of what the daemon has not is done with that. In the caller's transaction. */
apr_status_t hm_apply_end(hm_db_t *db, const json_t *attempt, const hm_end_t *end, pv_err_t *err, apr_pool_t *p);

/* All objects of a daemon as of one event. */
typedef struct {
    json_t *rows;
    int64_t event;
} hm_snapshot_t;

void hm_snapshot_init(hm_snapshot_t *snap, apr_pool_t *p);
apr_status_t hm_snapshot_row(void *snap, json_t *row, pv_err_t *err); /* a pv_client_row_fn */

/* The objects, the new cursor, and every attempt that had not ended back in the queue: one transaction. */
apr_status_t hm_snapshot_apply(const hm_snapshot_t *snap, hm_db_t *db, const char *server, const char *socket,
                               const char *journal, pv_err_t *err, apr_pool_t *p);

#endif
