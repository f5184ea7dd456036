/*
 * The registry of uids: one id a uid and one uid an id, for ever, but for a forgotten code base that is adopted anew.
 */
#include "unit.h"

#include "root/files.h"
#include "root/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pv_conf_t conf = {.UidRange = {70000, 70099}, .PlatformRoot = {.n = 1}};
static const pv_id_t site = {"saaaaaaaaaaaa"}, platform = {"paaaaaaaaaaaa"}, other = {"pbbbbbbbbbbbb"};
static const char *const names[] = {"uids", "ids", "places"};
static pv_root_t root;
static char folder[64];

static int setup(void **state)
{
    strcpy(folder, "/tmp/pv-registry-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    int dir = open(folder, O_RDONLY | O_DIRECTORY), *fds[] = {&root.uids, &root.ids, &root.places};
    for (size_t i = 0; i < COUNT(names); i++)
        *fds[i] = pv_dir_make(dir, names[i], 0700, 0, 0);
    close(dir);
    root.conf = &conf;
    return pool_make(state);
}

static int teardown(void **state)
{
    int fds[] = {root.uids, root.ids, root.places};
    char **entries, path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(pv_dir_list(&entries, fds[i], *state), 0);
        for (; *entries; entries++)
            unlinkat(fds[i], *entries, 0);
        close(fds[i]);
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        rmdir(path);
    }
    assert_int_equal(rmdir(folder), 0);
    return pool_end(state);
}

static void taken(const pv_id_t *id, uid_t uid, int adopt)
{
    assert_int_equal(pv_registry_add(&root, id, uid, adopt), -1);
    assert_int_equal(errno, EEXIST);
}

static void a_uid_and_an_id_are_bound_once(void **state)
{
    assert_int_equal(pv_registry_uid(&root, &site), 0);
    assert_int_equal(pv_registry_add(&root, &site, 70001, 0), 0);
    assert_int_equal(pv_registry_add(&root, &site, 70001, 0), 0);
    assert_int_equal(pv_registry_uid(&root, &site), 70001);
    taken(&platform, 70001, 0);
    taken(&platform, 70001, 1);
    taken(&site, 70002, 0);
}

static void a_uid_stays_taken_when_its_site_is_gone(void **state)
{
    assert_int_equal(pv_registry_add(&root, &site, 70001, 0), 0);
    assert_int_equal(pv_registry_forget(&root, &site), 0);
    assert_int_equal(pv_registry_forget(&root, &site), 0);
    assert_int_equal(pv_registry_uid(&root, &site), 0);
    taken(&platform, 70001, 1);
}

static void a_forgotten_code_base_can_be_adopted_anew(void **state)
{
    assert_int_equal(pv_registry_add(&root, &platform, 70005, 1), 0);
    taken(&other, 70005, 1);
    assert_int_equal(pv_registry_forget(&root, &platform), 0);
    taken(&other, 70005, 0);
    assert_int_equal(pv_registry_add(&root, &other, 70005, 1), 0);
    assert_int_equal(pv_registry_uid(&root, &other), 70005);
}

static void a_place_is_bound_once(void **state)
{
    pv_place_t place, is;
    assert_int_equal(pv_place_parse(&place, "0:a/b:web", 9), 0);
    assert_int_equal(pv_registry_place(&root, &platform, &is), -1);
    assert_int_equal(pv_registry_put_place(&root, &platform, &place), 0);
    assert_int_equal(pv_registry_put_place(&root, &platform, &place), 0);
    assert_int_equal(pv_registry_place(&root, &platform, &is), 0);
    assert_string_equal(is.docroot.s, "web");
    assert_int_equal(pv_place_parse(&place, "0:a/c", 5), 0);
    assert_int_equal(pv_registry_put_place(&root, &platform, &place), -1);
    assert_int_equal(errno, EEXIST);
}

/* An entry that somebody wrote by hand gives nothing that is used. */
static void what_is_no_entry_is_none(void **state)
{
    pv_place_t is;
    assert_int_equal(symlinkat("0", root.ids, site.s), 0);
    assert_int_equal(symlinkat("9:a", root.places, platform.s), 0);
    assert_int_equal(pv_registry_uid(&root, &site), 0);
    assert_int_equal(pv_registry_place(&root, &platform, &is), -1);
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(a_uid_and_an_id_are_bound_once),
        REGISTRY_TEST(a_uid_stays_taken_when_its_site_is_gone),
        REGISTRY_TEST(a_forgotten_code_base_can_be_adopted_anew),
        REGISTRY_TEST(a_place_is_bound_once),
        REGISTRY_TEST(what_is_no_entry_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
