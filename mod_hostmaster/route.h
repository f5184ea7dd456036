/*
 * Routes as data, made from routes.def: which handler a method and a path lead to, and what must hold before it runs.
 */
#ifndef HM_ROUTE_H
#define HM_ROUTE_H

#include "request.h"

typedef enum { HM_ANYBODY, HM_LOGIN, HM_ADMIN_ONLY } hm_who_t;
typedef enum { HM_CSRF_NONE, HM_CSRF_ORIGIN, HM_CSRF_TOKEN } hm_csrf_t;

typedef enum { HM_BOTH, HM_PAGE, HM_API } hm_doors_t;

struct hm_route {
    const char *method, *path, *name, *page, *takes, *help;
    hm_doors_t doors;
    hm_handler_fn *handler;
    hm_who_t who;
    hm_csrf_t csrf;
    size_t limit;
};

/* The route of METHOD and PATH (decoded, without /api/v1) behind that door, its {words} checked by their names ({site}
 * is a site's id, {id} a number ...) and left in PARAM. NULL: no such path, or a malformed word (*allowed is then
 * NULL), or no such method there (*allowed: the methods that are, for the Allow header). */
const hm_route_t *hm_route_find(const char *method, const char *path, int api, const char **param, const char **allowed,
                                apr_pool_t *p);

/* Is NAME one of the words of a GET's query? */
int hm_route_takes(const hm_route_t *route, const char *name);

const hm_route_t *hm_route_at(int i); /* NULL past the last */

#define ROUTE(method, path, doors, name, who, csrf, limit, page, takes, help) hm_handler_fn hm_page_##name;
#include "routes.def"
#undef ROUTE

#endif
