/*
 * Backups as the daemons tell of them, links to download one, and its bytes.
 */
#ifndef HM_MODEL_BACKUP_H
#define HM_MODEL_BACKUP_H

#include "request.h"
#include <apr_file_io.h>

/* One of a set, of which SERVER's daemon tells; seen when the set has ended. In the caller's transaction, as all here.
 */
apr_status_t hm_backup_take(hm_db_t *db, const char *server, const json_t *item, int64_t scan, pv_err_t *err);

/* The set of a site, or of all that a server has (SITE NULL), is whole: it is shown, and what is not in it is gone. */
apr_status_t hm_backup_end(hm_db_t *db, const char *server, const char *site, int64_t scan, pv_err_t *err);

/* A secret that downloads the backup once, for five minutes; an older one of the account's is none any more. */
apr_status_t hm_download_make(const char **secret, hm_db_t *db, const char *backup, int64_t account, pv_err_t *err,
                              apr_pool_t *p);

/* The backup that a link is for. NO_OBJECT where it was used or is too old. */
apr_status_t hm_download_find(const char **backup, hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p);

/* Uses it up; of two who try, one gets NO_OBJECT. */
apr_status_t hm_download_use(hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p);

/* A few copies are made at a time: 0 where one more is too many; what began is ended. */
int hm_copy_begin(void);
void hm_copy_end(void);

/*
 * The archive as a nameless temporary file of SIZE bytes that closes with P, from the daemon at SOCKET. A copy, so that
 * a slow browser holds neither a thread of ours nor a connection of the daemon's.
 */
apr_status_t hm_backup_fetch(apr_file_t **ret, apr_off_t *size, const char *socket, const char *backup, pv_err_t *err,
                             apr_pool_t *p);

#endif
