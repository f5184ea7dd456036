/*
 * Unified diffs: what `diff -u` would say, in rows of two texts.
 */
#include "unit.h"

#include "engine/diff.h"
#include <apr_strings.h>
#include <string.h>

static const struct {
    const char *old, *new, *diff;
} rows[] = {
    {"", "", ""},
    {"a\nb\n", "a\nb\n", ""},
    {"", "a\n", "--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a\n"},
    {"a\n", "", "--- f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"},
    {"a\nb\nc\n", "a\nB\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
    {"1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n", "--- f\n+++ f\n@@ -3,4 +3,3 @@\n 3\n 4\n 5\n-6\n"},
    /* two changes far apart are two hunks, near ones are one */
    {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n",
     "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
    {"1\n2\n3\n4\n5\n", "x\n2\n3\n4\ny\n", "--- f\n+++ f\n@@ -1,5 +1,5 @@\n-1\n+x\n 2\n 3\n 4\n-5\n+y\n"},
    {"no end", "no end\nmore", "--- f\n+++ f\n@@ -1,1 +1,2 @@\n no end\n+more\n"},
};

static void test_each_pair_gives_its_diff(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(pv_diff("f", rows[i].old, rows[i].new, *state), rows[i].diff);
}

/* Longer than what is compared line by line: all of the old, then all of the new. */
static void test_a_long_text_is_replaced_as_a_whole(void **state)
{
    char *text = apr_pcalloc(*state, 2 * 1500 + 1);
    const char *diff;
    memset(text, 'x', 2 * 1500);
    for (size_t i = 1; i < 2 * 1500; i += 2)
        text[i] = '\n';
    diff = pv_diff("f", text, "y\n", *state);
    assert_non_null(strstr(diff, "@@ -1,1500 +1,1 @@\n-x\n"));
    assert_non_null(strstr(diff, "\n+y\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_pair_gives_its_diff),
        TEST(test_a_long_text_is_replaced_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
