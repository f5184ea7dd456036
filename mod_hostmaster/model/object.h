/*
 * What servers, platforms and sites have in common: they are told of their open tasks, shown with one state, and asked for the
 * request that a task on them sends.
 */
#ifndef HM_MODEL_OBJECT_H
#define HM_MODEL_OBJECT_H

#include "request.h"

apr_status_t hm_object_busy(hm_db_t *db, const char *id, const char *type, pv_err_t *err);
apr_status_t hm_object_last(hm_db_t *db, const char *id, const char *last, const char *busy, pv_err_t *err);

/* Adds "shown" to each row: what an open task makes of it (installing, verifying ...), failed before it ever was, or its state. */
void hm_object_shown(json_t *rows);

/* Adds title, href and took to rows of tasks. */
void hm_task_shown(json_t *rows, apr_pool_t *p);

/*
 * The request of a task on an object: flat, all relations resolved, without op and key. NO_OBJECT where the object is gone.
 * WAITS: the id of an older open task that must end first (on the object, its platform or servers), 0 for none.
 */
apr_status_t hm_object_request(json_t **ret, int64_t *waits, hm_db_t *db, int64_t task, const char *type, const char *id, pv_err_t *err);

#endif
