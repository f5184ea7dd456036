/*
 * What servers, platforms and sites have in common: they are told of their open tasks, shown with one state, and asked
 * for the request that a task on them sends.
 */
#ifndef HM_MODEL_OBJECT_H
#define HM_MODEL_OBJECT_H

#include "request.h"

apr_status_t hm_object_busy(hm_db_t *db, const char *id, const char *type, pv_err_t *err);
apr_status_t hm_object_last(hm_db_t *db, const char *id, const char *last, const char *busy, pv_err_t *err);

/* A site has got another client, or is about to go: its tasks and backups are that client's. */
apr_status_t hm_site_follow(hm_db_t *db, const char *site, pv_err_t *err);

/* Adds "shown" to each row: what an open task makes of it (installing, verifying ...), failed before it ever was, or
 * its state. */
void hm_object_shown(json_t *rows);

/* Adds title, took and, where the object is there, href to rows of tasks. */
void hm_task_shown(json_t *rows, apr_pool_t *p);

/* Can such a row's task be tried again? Not where its object is gone, or never came to be. */
int hm_task_possible(const json_t *task);

/* What a task on an object sends. */
typedef struct {
    json_t *json;   /* flat, all relations resolved, without op, id and key; the caller's */
    int64_t wanted; /* the object's revision that it was made from */
    int64_t waits;  /* an older open task, on the object, its platform or servers, that must end first; 0: none */
} hm_request_t;

/* NO_OBJECT where the object is gone. */
apr_status_t hm_object_request(hm_request_t *ret, hm_db_t *db, int64_t task, const char *type, const char *id,
                               pv_err_t *err);

#endif
