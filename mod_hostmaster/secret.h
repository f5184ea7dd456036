/*
 * Secrets: 256 random bits as 43 characters of base64url, and what is stored of them.
 */
#ifndef HM_SECRET_H
#define HM_SECRET_H

#include <apr_pools.h>

#define HM_SECRET_LEN 43

const char *hm_secret_make(apr_pool_t *p);
const char *hm_secret_hash(const char *secret, apr_pool_t *p); /* SHA-256, 64 hex digits */
int hm_secret_eq(const char *a, const char *b);                /* in constant time for equal lengths */

#endif
