/*
 * Finds the route of a request. Pure: no httpd, no database; a path is split at its slashes and compared word by word.
 */
#include "route.h"
#include "parse.h"
#include <apr_strings.h>
#include <string.h>

#define KB(n)            ((size_t)(n)*1024)
#define WHO_ANYBODY      HM_ANYBODY
#define WHO_LOGIN        HM_LOGIN
#define WHO_ADMIN        HM_ADMIN_ONLY
#define CSRF_KIND_NONE   HM_CSRF_NONE
#define CSRF_KIND_ORIGIN HM_CSRF_ORIGIN
#define CSRF_KIND_CSRF   HM_CSRF_TOKEN

static const hm_route_t routes[] = {
#define ROUTE(method, path, doors, name, who, csrf, limit, page, takes, help)                                          \
    {#method, path, #name, page, takes, help, HM_##doors, hm_page_##name, WHO_##who, CSRF_KIND_##csrf, limit},
#include "routes.def"
#undef ROUTE
};

#define ROUTES ((int)(sizeof(routes) / sizeof(*routes)))

const hm_route_t *hm_route_at(int i)
{
    return i < ROUTES ? &routes[i] : NULL;
}

/* Is this text what a {word} of that name stands for? */
static int word_ok(const char *name, size_t namelen, const char *s, size_t len)
{
    static const struct {
        const char *name;
        pv_kind_t kind;
    } objects[] = {{"site", PV_SITE}, {"platform", PV_PLATFORM}, {"server", PV_SERVER}};
    pv_id_t id;
    pv_bid_t bid;
    uint64_t n;
    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        if (namelen == strlen(objects[i].name) && memcmp(name, objects[i].name, namelen) == 0)
            return pv_id_parse(&id, s, len) == APR_SUCCESS && pv_id_kind(&id) == objects[i].kind;
    if (namelen == 6 && memcmp(name, "backup", 6) == 0)
        return pv_bid_parse(&bid, s, len) == APR_SUCCESS;
    if (namelen == 2 && memcmp(name, "id", 2) == 0)
        return pv_num_parse(&n, s, len, 1, INT64_MAX) == APR_SUCCESS;
    return len >= 1 && len <= 128 &&
           strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") >= len;
}

static int path_match(const char *pattern, const char *path, const char **param, apr_pool_t *p)
{
    int n = 0;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return 0;
            continue;
        }
        size_t name = strcspn(pattern + 1, "}"), len = strcspn(path, "/");
        if (!word_ok(pattern + 1, name, path, len))
            return 0;
        param[n++] = apr_pstrmemdup(p, path, len);
        pattern += name + 2;
        path += len;
    }
    return *pattern == '\0' && *path == '\0';
}

const hm_route_t *hm_route_find(const char *method, const char *path, int api, const char **param, const char **allowed,
                                apr_pool_t *p)
{
    *allowed = NULL;
    for (int i = 0; i < ROUTES; i++) {
        if (routes[i].doors == (api ? HM_PAGE : HM_API) || !path_match(routes[i].path, path, param, p))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        *allowed = *allowed ? apr_pstrcat(p, *allowed, ", ", routes[i].method, NULL) : routes[i].method;
    }
    return NULL;
}

int hm_route_takes(const hm_route_t *route, const char *name)
{
    return hm_words_have(route->takes, name);
}
