/*
 * Tasks: the queue. A task row is committed with its first attempt and with what it changes, in one transaction; waking the
 * dispatcher comes after the commit. The request itself (args) is made from the wanted columns when the attempt is claimed, so that
 * it carries the newest of them and the newest revision that was seen.
 */
#ifndef HM_MODEL_TASK_H
#define HM_MODEL_TASK_H

#include "request.h"

typedef struct {
    const char *type, *object, *label, *server, *origin; /* origin: user, queue, command, event */
    int64_t account, client;
    json_t *args; /* fields that are the task's own (delete, run ...), or NULL */
} hm_task_t;

/* In the caller's transaction: a task and its first attempt, or the open one of the same kind on that object. *ret: its id. */
apr_status_t hm_task_enqueue(int64_t *ret, hm_db_t *db, const hm_task_t *task, pv_err_t *err, apr_pool_t *p);

/* The request of an attempt, flat, without key: what submit gets. From the object's wanted columns. */
apr_status_t hm_task_request(json_t **ret, hm_db_t *db, const char *type, const char *object, const json_t *own,
                             pv_err_t *err, apr_pool_t *p);

/* A new attempt of a task that has ended; the old one and its log stay. */
apr_status_t hm_task_retry(hm_db_t *db, int64_t task, pv_err_t *err, apr_pool_t *p);

/* Asks for its end: a queued attempt is cancelled at once, a running one by the dispatcher. */
apr_status_t hm_task_cancel(hm_db_t *db, int64_t task, pv_err_t *err);

#endif
