/*
 * Who may connect, and how much: the listeners of the two roles, and what one uid may hold at a time.
 */
#ifndef PV_ENGINE_SERVER_H
#define PV_ENGINE_SERVER_H

#include "conf.h"
#include "engine/call.h"

typedef struct pv_server pv_server_t;

/* What one uid has under way, over all its connections. */
typedef struct {
    uid_t uid;
    int connections, requests;
    int64_t refilled; /* when its allowance of requests was counted last */
    double allowance;
} pv_usage_t;

#define PV_REQUESTS_MAX 64 /* under way at once */

typedef struct {
    const char *name; /* "panel", "admin"; the origin of its jobs */
    int listener;
    const pv_users_t *users;
    int connections; /* at most, of one uid */
} pv_role_t;

pv_server_t *pv_server_make(pv_engine_t *engine, int panel, int admin, apr_pool_t *p);

/* Counts a request of USAGE: at most 200 a second, 400 at once after a quiet time. 0, or the microseconds that the next
 * one has to wait. */
int64_t pv_usage_charge(pv_usage_t *usage);

#endif
