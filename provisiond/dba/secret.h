/*
 * Passwords: asked of root, one at a time, over the pair dba - root (operations db_secret and db_admin), which answers
 * with a descriptor. They live in the caller's frame for as long as a login takes, and are then wiped by the caller
 * with pv_account_wipe; no message, error text or log line holds one.
 */
#ifndef PV_DBA_SECRET_H
#define PV_DBA_SECRET_H

#include "proto/error.h"
#include "proto/names.h"
#include <apr_pools.h>

typedef struct pv_secrets pv_secrets_t;

/* The account of a password file: a line USER, a line PASSWORD. */
typedef struct {
    char user[81];
    char password[129];
} pv_account_t;

/* What the server stores for a site's password: '*' and the hex SHA-1 of its SHA-1. The password itself never travels.
 */
typedef struct {
    char s[42];
} pv_dbhash_t;

pv_secrets_t *pv_secrets_open(int root, apr_pool_t *p);

/* The account in SecretsDir/NAME. DB_DENIED says what is wrong with the file. */
apr_status_t pv_secret_account(pv_account_t *ret, pv_secrets_t *s, const pv_comp_t *name, pv_err_t *err);

/* The hash of the database password of a site. */
apr_status_t pv_secret_hash(pv_dbhash_t *ret, pv_secrets_t *s, const pv_id_t *site, pv_err_t *err);

void pv_account_wipe(pv_account_t *account);

#endif
