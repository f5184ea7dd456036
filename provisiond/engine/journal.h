/*
 * The engine's memory: one SQLite file (WAL, synchronous=FULL), the only includer of sqlite3.h is journal.c and its
 * siblings journal_*.c. Schema: sql/journal.sql. Every write carries this life's epoch and fails for good once a later
 * life has begun. What a function returns lives in the pool passed in.
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
    uid_t uid; /* 0: has none (server) */
    uint64_t revision;
    const char *state; /* server, platform: verified; site: enabled, disabled; all: new, deleted, stuck */
    json_t *props;     /* flat: strings, and arrays of strings; borrowed from the pool's copy */
    int deleted;
} pv_object_t;

apr_status_t pv_journal_open(pv_journal_t **ret, const char *path, pv_err_t *err, apr_pool_t *p);

/* One transaction at a time; nested begins are a defect. A commit whose outcome is unknown ends the process: the next
 * life looks. */
apr_status_t pv_journal_begin(pv_journal_t *j, pv_err_t *err);
apr_status_t pv_journal_commit(pv_journal_t *j, pv_err_t *err);
void pv_journal_rollback(pv_journal_t *j);

/*
 * What is committed between these two becomes durable with the last group's end, in one go; nothing that rests on it
 * may leave the process before. Where that fails, what was done in memory can not be taken back: the process ends, and
 * the next life begins with what is on disk. Groups may stand in one another. On a disk that is nearly full they group
 * nothing.
 */
void pv_journal_group(pv_journal_t *j);
void pv_journal_group_end(pv_journal_t *j);

/*
 * May new work be accepted? A ballast file beside the journal keeps room for what was accepted already: when the disk
 * is full it is given up, the transaction that failed can be tried again, and nothing is admitted until the ballast
 * could be made anew.
 */
apr_status_t pv_journal_admit(pv_journal_t *j, pv_err_t *err);

/* The last life ended in order: what was running then was not interrupted by a crash. pv_journal_close says so of this
 * one. */
int pv_journal_clean(const pv_journal_t *j);
void pv_journal_close(pv_journal_t *j);

/* The mark that binds the journal to this machine's sites; made with the journal. */
const char *pv_journal_world(const pv_journal_t *j);
/* Nothing was ever recorded: a journal that may be bound to sites that have no mark yet. */
int pv_journal_empty(pv_journal_t *j);

int64_t pv_journal_now(void); /* microseconds since 1970 */

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
/* Forgets an object that never came to be (state new), and tells it as state undone. */
apr_status_t pv_object_discard(pv_journal_t *j, const pv_id_t *id, pv_err_t *err);
/* Its flat form for events and replies: id kind context uid revision state deleted, and its properties. Owned by P.
 */
json_t *pv_object_json(const pv_object_t *object, apr_pool_t *p);
/* Up to LIMIT deleted objects, deleted before BEFORE, whose trash is not purged yet; and that it is. */
apr_status_t pv_object_trash(pv_object_t ***ret, int *n, pv_journal_t *j, int64_t before, int limit, apr_pool_t *p);
apr_status_t pv_object_purged(pv_journal_t *j, const pv_id_t *id, pv_err_t *err);
/* How many live objects of a kind. */
int pv_object_count(pv_journal_t *j, pv_kind_t kind);

/* Live objects whose property NAME is VALUE: who uses a platform or a server. */
apr_status_t pv_object_users(int *count, pv_object_t **first, pv_journal_t *j, const char *name, const char *value,
                             apr_pool_t *p);

/* Host names: one owner each. The site's names become exactly NAMES, in the caller's transaction; NAME_IN_USE names the
 * other owner. */
apr_status_t pv_host_claim(pv_journal_t *j, const pv_id_t *site, const char *const *names, int n, pv_err_t *err);
apr_status_t pv_host_owner(pv_id_t *ret, pv_journal_t *j, const char *name); /* APR_NOTFOUND where free */

/* The next uid of the range, never given before and nobody's; recorded in the caller's transaction. */
apr_status_t pv_uid_take(uid_t *ret, pv_journal_t *j, uid_t first, uid_t last, pv_err_t *err);

#endif
