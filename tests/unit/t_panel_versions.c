/*
 * Versions in the order of people.
 */
#include "unit.h"
#include "versions.h"

/* Each is older than the next. */
static const char *const ordered[] = {"7.x-0.9",
                                      "1.0-dev",
                                      "1.0-alpha2",
                                      "1.0-alpha10",
                                      "1.0-beta1",
                                      "1.0-rc1",
                                      "1.0-rc2",
                                      "1.0",
                                      "1.0-p1",
                                      "1.0.1",
                                      "v1.1",
                                      "1.9",
                                      "8.x-1.10",
                                      "1.10.1",
                                      "8.x-2.0-beta1",
                                      "2.0.0",
                                      "2.0.0.1",
                                      "10.3.1",
                                      "10.10",
                                      "20260101",
                                      "18446744073709551616",
                                      "18446744073709551617"};

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void versions_are_ordered(void **state)
{
    for (size_t i = 0; i < COUNT(ordered); i++)
        for (size_t k = 0; k < COUNT(ordered); k++) {
            int is = sign(hm_version_compare(ordered[i], ordered[k])), wanted = i < k ? -1 : i > k;
            if (is != wanted)
                fail_msg("%s to %s: %d", ordered[i], ordered[k], is);
        }
}

static void what_does_not_count_is_the_same(void **state)
{
    static const char *const same[][2] = {
        {"1.0", "v1.0"}, {"8.x-1.0", "1.0"}, {"1.0-RC1", "1.0rc1"}, {"1.0-beta1", "1_0_b1"}, {"", ""}, {"1.02", "1.2"},
        {"0", "000"},    {"--", ""},         {"1.x", "1.X"}};
    for (size_t i = 0; i < COUNT(same); i++) {
        assert_int_equal(hm_version_compare(same[i][0], same[i][1]), 0);
        assert_int_equal(hm_version_compare(same[i][1], same[i][0]), 0);
    }
}

/* Whatever it is, one order: the reverse is the reverse. */
static void any_text_has_its_place(void **state)
{
    static const char *const any[] = {"",         "x",      "dev", "1.x-dev", "7.x-1.x-dev", "1", "-",
                                      "\xc3\xa9", "master", "v",   "a1b2c3",  "7.x-",        "1 "};
    for (size_t i = 0; i < COUNT(any); i++)
        for (size_t k = 0; k < COUNT(any); k++)
            assert_int_equal(sign(hm_version_compare(any[i], any[k])), -sign(hm_version_compare(any[k], any[i])));
    assert_true(hm_version_compare("7.x-1.x-dev", "7.x-1.0") < 0);
    assert_true(hm_version_compare("", "1") < 0);
}

static void what_is_finished_is_known(void **state)
{
    static const char *const yes[] = {"1.0", "8.x-1.0", "", "1.0-p2", "v2", "1.0-ubuntu1"};
    static const char *const no[] = {"1.0-dev", "8.x-1.x-dev", "1.0-alpha1", "1.0b2", "1.0-RC1"};
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(hm_version_stable(yes[i]));
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(hm_version_stable(no[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_ordered),
        cmocka_unit_test(what_does_not_count_is_the_same),
        cmocka_unit_test(any_text_has_its_place),
        cmocka_unit_test(what_is_finished_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
