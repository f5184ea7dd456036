/*
 * Passwords: bcrypt, 12 to 72 bytes, at most two hashed at a time in a process; and the growing delay after wrong ones.
 */
#ifndef HM_PASSWORD_H
#define HM_PASSWORD_H

#include "request.h"

apr_status_t hm_password_hash(const char **ret, hm_req_t *q, const char *password);

/* Is PASSWORD that of HASH? An empty hash costs as much and is never right. BUSY when too many are being looked at. */
apr_status_t hm_password_check(hm_req_t *q, const char *password, const char *hash, int *right);

/* Name or mail address, and password. One text and one amount of work for every failure; after five wrong ones in a row
 * for that account or from that address each next must wait twice as long, up to 15 minutes (BUSY says how long). */
apr_status_t hm_password_login(hm_req_t *q, const char *login, const char *password, int64_t *account);

#endif
