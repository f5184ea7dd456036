/*
 * Backups in the journal, a row each. Every change is told by the whole set of the site's backups: events `facts` with
 * its rows, and `facts-end` with their number.
 */
#ifndef PV_ENGINE_JOURNAL_BACKUP_H
#define PV_ENGINE_JOURNAL_BACKUP_H

#include "engine/journal_event.h"

typedef struct {
    pv_bid_t bid;
    pv_id_t site;
    const char *name, *description, *app, *version, *sha256;
    int database;        /* holds a dump */
    int64_t size, bytes; /* of the archive, of what it holds */
    int64_t made;
} pv_backup_t;

/* APR_NOTFOUND without err where there is none. */
apr_status_t pv_backup_find(pv_backup_t **ret, pv_journal_t *j, const pv_bid_t *bid, apr_pool_t *p);

/* Up to LIMIT with an id above AFTER ("" to begin), by id; of SITE, or of all where it is NULL. */
int pv_backup_list(pv_backup_t ***ret, pv_journal_t *j, const pv_id_t *site, const char *after, int limit,
                   apr_pool_t *p);

/* In the caller's transaction, and told. Adding what is there and removing what is not there are no errors. */
apr_status_t pv_backup_add(pv_journal_t *j, const pv_event_job_t *job, const pv_backup_t *backup, pv_err_t *err);
apr_status_t pv_backup_remove(pv_journal_t *j, const pv_event_job_t *job, const pv_id_t *site, const pv_bid_t *bid,
                              pv_err_t *err);

/* Its flat form for events and replies; the caller's. */
json_t *pv_backup_json(const pv_backup_t *backup);

#endif
