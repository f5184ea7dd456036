/*
 * Root's check of arguments: every row of ops.def is well-formed, and odd arguments are refused with their number.
 */
#include "unit.h"

#include "root/args.h"
#include <string.h>

static const pv_conf_t conf = {.UidRange = {70000, 70099}};
static const pv_root_t root = {.conf = &conf};

#define ARGS_MAX 8

/* A message of the arguments up to the first NULL. */
static pv_dgram_t message(const char *const *args)
{
    pv_dgram_t m = {0};
    for (; args[m.head.argc]; m.head.argc++) {
        m.arg[m.head.argc].s = args[m.head.argc];
        m.arg[m.head.argc].len = (uint32_t)strlen(args[m.head.argc]);
    }
    return m;
}

static void specifications_mean_what_they_say(void **state)
{
    static const struct {
        const char *spec;
        const char *args[ARGS_MAX + 1];
        const char *why; /* the beginning of the refusal, NULL: accepted */
    } rows[] = {
        {"", {NULL}, NULL},
        {"", {"x"}, "argument 1 ()"},
        {"site", {"saaaaaaaaaaaa"}, NULL},
        {"site", {NULL}, "argument 1 (site)"},
        {"site", {""}, "argument 1 (site)"},
        {"site", {"paaaaaaaaaaaa"}, "argument 1 (site)"},
        {"platform", {"paaaaaaaaaaaa"}, NULL},
        {"owner", {"vaaaaaaaaaaaa"}, "argument 1 (owner)"},
        {"site uid?", {"saaaaaaaaaaaa"}, NULL},
        {"site uid?", {"saaaaaaaaaaaa", ""}, NULL},
        {"uid", {"0"}, NULL},
        {"uid", {"69999"}, "argument 1 (uid)"},
        {"uid", {"70099"}, NULL},
        {"uid", {"70100"}, "argument 1 (uid)"},
        {"uid", {"070000"}, "argument 1 (uid)"},
        {"uid? comp", {"", "a"}, NULL},
        {"ON|OFF|NONE?", {"OFF"}, NULL},
        {"ON|OFF|NONE?", {"NONE"}, NULL},
        {"ON|OFF|NONE?", {""}, NULL},
        {"ON|OFF|NONE?", {"O"}, "argument 1 (ON|OFF|NONE)"},
        {"ON|OFF|NONE?", {"ON|OFF"}, "argument 1 (ON|OFF|NONE)"},
        {"ON|OFF", {""}, "argument 1 (ON|OFF)"},
        {"count addr* domain*", {"1", "::1", "a.test", "b.test"}, NULL},
        {"count addr* domain*", {"0"}, NULL},
        {"count addr* domain*", {"0", "::1"}, "argument 2 (domain)"},
        {"count addr* domain*", {"2", "::1", "a.test"}, "argument 3 (addr)"},
        {"count addr* domain*", {"2", "::1"}, "argument 1 (count)"},
        {"count addr* domain*", {"4294967296"}, "argument 1 (count)"},
        {"count? addr* domain*", {NULL}, NULL},
        {"count? addr* domain*", {"", "a.test"}, "argument 2 (addr)"},
        {"port", {"65535"}, NULL},
        {"port", {"65536"}, "argument 1 (port)"},
        {"word", {"install"}, NULL},
        {"word", {"-x"}, "argument 1 (word)"},
        {"word", {"abcdefghijklmnopqrstuvwxyz0123456"}, "argument 1 (word)"},
        {"flags", {"ndwtb"}, NULL},
        {"flags", {"ndwtbn"}, "argument 1 (flags)"},
        {"mark", {"Ab-_9"}, NULL},
        {"mark", {"a b"}, "argument 1 (mark)"},
    };
    char why[256];
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_dgram_t m = message(rows[i].args);
        int rc = pv_args_check(&root, rows[i].spec, &m, why, sizeof(why));
        assert_int_equal(rc, rows[i].why ? -1 : 0);
        if (rows[i].why)
            assert_memory_equal(why, rows[i].why, strlen(rows[i].why));
    }
}

/* A word of a row that is no kind would end root at its first use: each is used here. */
static void every_row_is_well_formed(void **state)
{
    static const char *const specs[] = {
#define OP(name, number, caller, args, help) args,
#include "root/ops.def"
#undef OP
    };
    const char *none[] = {"\x01", "\x01", "\x01", "\x01", "\x01", "\x01", "\x01", "\x01", NULL};
    char why[256], one[64];
    pv_dgram_t m = message(none);
    for (size_t i = 0; i < COUNT(specs); i++)
        for (const char *s = specs[i]; *s; s += strspn(s, " ")) {
            size_t len = strcspn(s, " ");
            assert_true(len < sizeof(one));
            memcpy(one, s, len);
            one[len] = '\0';
            assert_int_equal(pv_args_check(&root, one, &m, why, sizeof(why)), -1);
            s += len;
        }
}

static void values_are_taken_by_type(void **state)
{
    const char *args[] = {"saaaaaaaaaaaa", "0:a/b:web", "17", "", "MAKE", NULL};
    pv_dgram_t m = message(args);
    assert_string_equal(pv_arg_id(&m, 0).s, "saaaaaaaaaaaa");
    assert_string_equal(pv_arg_place(&m, 1).docroot.s, "web");
    assert_int_equal(pv_arg_num(&m, 2), 17);
    assert_int_equal(pv_arg_num(&m, 3), 0);
    assert_int_equal(pv_arg_num(&m, 9), 0);
    assert_true(pv_arg_is(&m, 4, "MAKE"));
    assert_false(pv_arg_is(&m, 4, "MAK"));
    assert_false(pv_arg_given(&m, 3));
    assert_string_equal(pv_arg_str(&m, 4, *state), "MAKE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(specifications_mean_what_they_say),
        TEST(every_row_is_well_formed),
        TEST(values_are_taken_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
