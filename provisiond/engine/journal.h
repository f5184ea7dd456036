/*
 * The engine's memory: one SQLite file (WAL, synchronous=FULL), the only includer of sqlite3.h is journal.c and its siblings
 * journal_*.c. Schema: sql/journal.sql. Every write carries this life's epoch and fails for good once a later life has begun.
 * What a function returns lives in the pool passed in.
 */
#ifndef PV_ENGINE_JOURNAL_H
#define PV_ENGINE_JOURNAL_H

#include "proto/error.h"
#include "proto/names.h"
#include <apr_pools.h>
#include <jansson.h>

typedef struct pv_journal pv_journal_t;

/* A named object of the back end. */
typedef struct {
    pv_id_t id;
    pv_context_t name;
    uid_t uid;            /* 0: has none (server) */
    uint64_t revision;
    const char *state;    /* server, platform: verified; site: enabled, disabled; all: new, deleted, stuck */
    json_t *props;        /* flat: strings, and arrays of strings; borrowed from the pool's copy */
    int deleted;
} pv_object_t;

typedef struct {
    uint64_t id;
    pv_key_t key;
    const char *type, *state, *origin, *client;
    pv_id_t object;
    uint64_t revision;
    json_t *args, *plan;
    pv_err_t err;         /* code, field, text of its end or of what it waits for */
    int cancel, crashes;
    int64_t not_before, accepted, started, ended; /* microseconds since 1970; 0: not yet */
} pv_job_row_t;

apr_status_t pv_journal_open(pv_journal_t **ret, const char *path, pv_err_t *err, apr_pool_t *p);

/* One transaction at a time; nested begins are a defect. A commit whose outcome is unknown ends the process: the next life looks. */
apr_status_t pv_journal_begin(pv_journal_t *j, pv_err_t *err);
apr_status_t pv_journal_commit(pv_journal_t *j, pv_err_t *err);
void pv_journal_rollback(pv_journal_t *j);

const char *pv_journal_id(const pv_journal_t *j);
uint64_t pv_journal_epoch(const pv_journal_t *j);

/* Objects. find: APR_NOTFOUND without err where there is none. */
apr_status_t pv_object_find(pv_object_t **ret, pv_journal_t *j, const pv_id_t *id, apr_pool_t *p);
apr_status_t pv_object_find_name(pv_object_t **ret, pv_journal_t *j, const char *context, apr_pool_t *p);
/* Up to LIMIT live objects of a kind with an id above AFTER ("" to begin), by id. */
apr_status_t pv_object_list(pv_object_t ***ret, int *n, pv_journal_t *j, pv_kind_t kind, const char *after, int limit,
                            apr_pool_t *p);
/* Writes it (new or changed) and its object event, in the caller's transaction. */
apr_status_t pv_object_save(pv_journal_t *j, const pv_object_t *object, pv_err_t *err);
/* Live objects whose property NAME is VALUE: who uses a platform or a server. */
apr_status_t pv_object_users(int *count, pv_object_t **first, pv_journal_t *j, const char *name, const char *value,
                             apr_pool_t *p);

/* Host names: one owner each, in the caller's transaction. claim: NAME_IN_USE names the other. */
apr_status_t pv_host_claim(pv_journal_t *j, const pv_id_t *site, const char *const *names, int n, pv_err_t *err);
apr_status_t pv_host_owner(pv_id_t *ret, pv_journal_t *j, const char *name); /* APR_NOTFOUND where free */

/* The next uid of the range, never given before; recorded in the caller's transaction. */
apr_status_t pv_uid_take(uid_t *ret, pv_journal_t *j, uid_t first, uid_t last, pv_err_t *err);

#endif
