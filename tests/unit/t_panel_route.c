/*
 * The table of routes: each path leads to its own handler, through its own doors, and nothing else leads anywhere.
 */
#include "route.h"
#include "unit.h"
#include <apr_strings.h>
#include <string.h>

/* The handlers, which are not run here. */
#define ROUTE(method, path, doors, name, who, csrf, limit, page, takes, help)                                          \
    int hm_page_##name(hm_req_t *q)                                                                                    \
    {                                                                                                                  \
        return 0;                                                                                                      \
    }
#include "routes.def"
#undef ROUTE

static const hm_route_t *find(const char *method, const char *path, int api, const char **param, const char **allowed,
                              apr_pool_t *p)
{
    return hm_route_find(method, path, api, param, allowed, p);
}

static void each_route_leads_to_its_handler(void **state)
{
    static const struct {
        const char *word, *value;
    } words[] = {{"{site}", "sabcdefghij23"},   {"{platform}", "pabcdefghij23"}, {"{server}", "vabcdefghij23"},
                 {"{backup}", "babcdefghij23"}, {"{id}", "9223372036854775807"}, {"{token}", "Ab-_9"}};
    const hm_route_t *route;
    for (int i = 0; (route = hm_route_at(i)) != NULL; i++) {
        const char *path = route->path, *brace = strchr(path, '{'), *param[4] = {NULL}, *allowed, *value = NULL;
        for (size_t k = 0; brace && k < COUNT(words); k++)
            if (strncmp(brace, words[k].word, strlen(words[k].word)) == 0) {
                value = words[k].value;
                path = apr_pstrcat(*state, apr_pstrndup(*state, path, (size_t)(brace - path)), value,
                                   brace + strlen(words[k].word), NULL);
            }
        assert_ptr_equal(find(route->method, path, route->doors == HM_API, param, &allowed, *state), route);
        if (value)
            assert_string_equal(param[0], value);
        assert_null(find("PUT", path, route->doors == HM_API, param, &allowed, *state));
        assert_non_null(strstr(allowed, route->method));
    }
}

static void a_malformed_path_leads_nowhere(void **state)
{
    static const char *const paths[] = {"",
                                        "sites",
                                        "/sites/",
                                        "//sites",
                                        "/Sites",
                                        "/sites;x",
                                        "/sites/sabcdefghij2",
                                        "/sites/sabcdefghij234",
                                        "/sites/pabcdefghij23",
                                        "/sites/SABCDEFGHIJ23",
                                        "/sites/sabcdefghij21",
                                        "/sites/1",
                                        "/sites/..",
                                        "/sites/%2e%2e",
                                        "/sites/sabcdefghij23/",
                                        "/sites/sabcdefghij23/edit/",
                                        "/platforms/sabcdefghij23",
                                        "/servers/0",
                                        "/tasks/0",
                                        "/tasks/-1",
                                        "/tasks/01",
                                        "/tasks/9223372036854775808",
                                        "/tasks/1e3",
                                        "/tasks/0x1",
                                        "/tasks/1 ",
                                        "/tasks/ 1",
                                        "/tasks/",
                                        "/tasks/1/log/2",
                                        "/link/",
                                        "/link/a.b",
                                        "/link/a/b",
                                        "/nothing"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        const char *param[4], *allowed = "x";
        assert_null(find("GET", paths[i], 0, param, &allowed, *state));
        assert_null(allowed);
    }
}

static void a_door_is_closed_to_what_is_not_its_own(void **state)
{
    static const struct {
        const char *path;
        int page, api;
    } rows[] = {{"/login", 1, 0}, {"/link/x", 1, 0}, {"/openapi.json", 0, 1}, {"/sites", 1, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *param[4], *allowed;
        assert_int_equal(find("GET", rows[i].path, 0, param, &allowed, *state) != NULL, rows[i].page);
        assert_int_equal(find("GET", rows[i].path, 1, param, &allowed, *state) != NULL, rows[i].api);
    }
}

static void a_word_is_taken_whole(void **state)
{
    const hm_route_t route = {.takes = "after limit find"};
    static const struct {
        const char *word;
        int taken;
    } rows[] = {{"after", 1}, {"limit", 1}, {"find", 1},        {"fin", 0},
                {"finds", 0}, {"", 0},      {"after limit", 0}, {" ", 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(hm_route_takes(&route, rows[i].word), rows[i].taken);
}

/* What changes something is a POST and guarded; what is a GET has no body. */
static void the_rows_keep_the_rules(void **state)
{
    const hm_route_t *route;
    for (int i = 0; (route = hm_route_at(i)) != NULL; i++) {
        int post = strcmp(route->method, "POST") == 0;
        assert_int_equal(post, route->csrf != HM_CSRF_NONE);
        assert_int_equal(post, route->limit > 0);
        if (post)
            assert_int_equal(route->csrf == HM_CSRF_ORIGIN, route->who == HM_ANYBODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(each_route_leads_to_its_handler), TEST(a_malformed_path_leads_nowhere),
                                       TEST(a_door_is_closed_to_what_is_not_its_own), TEST(a_word_is_taken_whole),
                                       TEST(the_rows_keep_the_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
