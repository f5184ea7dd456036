/*
 * The seam between db.c and where its connections come from: mod_dbd inside httpd, apr_dbd itself in hostmaster-setup.
 */
#ifndef HM_DB_WRAP_H
#define HM_DB_WRAP_H

#include "db.h"
#include <apr_dbd.h>
#include <apr_global_mutex.h>
#include <mod_dbd.h>

/* REC stays the caller's and outlives the result, which lives in P. WRITERS: NULL where nobody else writes. */
hm_db_t *hm_db_wrap(ap_dbd_t *rec, apr_global_mutex_t *writers, apr_pool_t *p);

/* The connection of a wrapped database, after what was open on it has been rolled back. */
ap_dbd_t *hm_db_unwrap(hm_db_t *db);

#endif
