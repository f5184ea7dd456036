/*
 * Who asks: sessions (cookie `__Host-hm` over TLS, `hm` on plain loopback), API tokens (Authorization: Bearer),
 * one-time login links, passwords (bcrypt), and the delay after wrong logins. Secrets are 256-bit random, stored as
 * SHA-256, compared in the database.
 */
#ifndef HM_AUTH_H
#define HM_AUTH_H

#include "request.h"

/* Fills q->actor from token or cookie; nobody when there is none or it is not valid (never an error: a stale cookie is
 * nobody). */
apr_status_t hm_auth_actor(hm_req_t *q);

/* A new session for ACCOUNT (every login gets a new id) and its cookie; ends the present one, and all that are over. */
apr_status_t hm_auth_session(hm_req_t *q, int64_t account);
/* Ends the session that the request came with. */
apr_status_t hm_auth_logout(hm_req_t *q);

/* Is the request's origin ours, and (CSRF) its token the session's? DENIED otherwise. */
apr_status_t hm_auth_origin(hm_req_t *q);
apr_status_t hm_auth_csrf(hm_req_t *q);

#endif
