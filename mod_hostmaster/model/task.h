/*
 * Tasks: the queue. A task row is committed with its first attempt and with what it changes, in one transaction; waking
 * the dispatcher comes after the commit. The request itself (args) is made from the wanted columns when the attempt is
 * claimed, so that it carries the newest of them and the newest revision that was seen.
 */
#ifndef HM_MODEL_TASK_H
#define HM_MODEL_TASK_H

#include "request.h"

typedef struct {
    const char *type, *object, *label, *server, *origin; /* origin: user, queue, command, event */
    const char *what;  /* of the object it is about, a backup or a verb; NULL or "": the object itself */
    const char *title; /* what people call it; NULL or "": as its type's row says */
    const char *args;  /* fields besides those that the object gives, flat JSON; NULL or "": none */
    int64_t account, client;
} hm_task_t;

/* How an attempt ended. */
typedef struct {
    const char *state, *code, *field, *text;
    int64_t at;
} hm_end_t;

/* In the caller's transaction: a task and its first attempt, or the open one of the same type on that object and what
 * of it; STALE where that one has other fields. *ret: its id. */
apr_status_t hm_task_enqueue(int64_t *ret, hm_db_t *db, const hm_task_t *task, pv_err_t *err, apr_pool_t *p);

/* A new attempt of a task that has ended (TASK: a row of task_get); the old one and its log stay. */
apr_status_t hm_task_retry(hm_db_t *db, const json_t *task, pv_err_t *err, apr_pool_t *p);

/* Asks for its end: a queued attempt is cancelled at once, a running one by the dispatcher. TOO_LATE for one that has
 * ended. */
apr_status_t hm_task_cancel(hm_db_t *db, const json_t *task, pv_err_t *err, apr_pool_t *p);

/* Ends an attempt and its task, and tells the object. Ending what has ended changes nothing. */
apr_status_t hm_task_end(hm_db_t *db, int64_t task, int64_t attempt, const char *object, const hm_end_t *end,
                         pv_err_t *err, apr_pool_t *p);

/* Deletes the oldest lines of logs whose attempts ended before ENDED: a few of them, so that nobody waits. */
void hm_logs_prune(hm_db_t *db, int64_t ended);

#endif
