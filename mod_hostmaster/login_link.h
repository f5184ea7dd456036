/*
 * One-time login links and API tokens, for the panel and for hostmaster-setup.
 */
#ifndef HM_LOGIN_LINK_H
#define HM_LOGIN_LINK_H

#include "db.h"

/* A one-time login link of 15 minutes: its secret, in q->p. use: the account, once. */
apr_status_t hm_link_make(const char **secret, hm_db_t *db, int64_t account, pv_err_t *err, apr_pool_t *p);
apr_status_t hm_link_use(int64_t *account, hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p);

/* An API token of a year; SCOPE is read or write. */
apr_status_t hm_token_make(const char **secret, hm_db_t *db, int64_t account, const char *name, const char *scope,
                           pv_err_t *err, apr_pool_t *p);

#endif
