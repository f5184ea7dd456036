/*
 * Text from the outside as flat JSON: what is taken, and that everything else is refused with the field's name.
 */
#include "parse.h"
#include "unit.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static const char *dump(json_t *object, apr_pool_t *p)
{
    char *s = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    const char *copy = apr_pstrdup(p, s);
    free(s);
    json_decref(object);
    return copy;
}

static void pairs_are_taken(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "{}"},
        {"a=b", "{\"a\":\"b\"}"},
        {"a=b&c=d+e%20f%26", "{\"a\":\"b\",\"c\":\"d e f&\"}"},
        {"a", "{\"a\":\"\"}"},
        {"a=", "{\"a\":\"\"}"},
        {"&a=b&&", "{\"a\":\"b\"}"},
        {"a=b=c", "{\"a\":\"b=c\"}"},
        {"%61=%c3%A9", "{\"a\":\"\xc3\xa9\"}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *object = NULL;
        pv_err_t err = {0};
        assert_int_equal(hm_pairs_parse(&object, rows[i].text, strlen(rows[i].text), &err), APR_SUCCESS);
        assert_string_equal(dump(object, *state), rows[i].json);
    }
}

static void bad_pairs_are_refused(void **state)
{
    static const struct {
        const char *text, *field;
    } rows[] = {{"a=%", ""},   {"a=%4", ""},        {"a=%zz", ""},      {"a=%00", ""}, {"%00=a", ""},
                {"=b", ""},    {"a=b&a=c", "a"},    {"a=b&%61=c", "a"}, {"a=%ff", ""}, {"a=%c0%af", ""},
                {"%ff=a", ""}, {"a=%ed%a0%80", ""}, {"a=%f5%80%80", ""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *object = NULL;
        pv_err_t err = {0};
        assert_int_not_equal(hm_pairs_parse(&object, rows[i].text, strlen(rows[i].text), &err), APR_SUCCESS);
        assert_int_equal(err.code, PV_SCHEMA);
        assert_string_equal(err.field, rows[i].field);
        assert_null(object);
    }
}

static void there_are_at_most_64_pairs(void **state)
{
    for (int n = 64; n <= 65; n++) {
        const char *text = "";
        json_t *object = NULL;
        pv_err_t err = {0};
        for (int i = 0; i < n; i++)
            text = apr_psprintf(*state, "%s&k%d=v", text, i);
        assert_int_equal(hm_pairs_parse(&object, text, strlen(text), &err) == APR_SUCCESS, n == 64);
        json_decref(object);
    }
}

static void json_is_taken(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"{}", "{}"},
        {" {\"a\": \"b\"} ", "{\"a\":\"b\"}"},
        {"{\"a\": 12, \"b\": -0, \"c\": 9007199254740993}", "{\"a\":\"12\",\"b\":\"0\",\"c\":\"9007199254740993\"}"},
        {"{\"a\": [], \"b\": [\"c\", \"\"]}", "{\"a\":[],\"b\":[\"c\",\"\"]}"},
        {"{\"a\": \"[[[[[[{{{{{{\\\"\"}", "{\"a\":\"[[[[[[{{{{{{\\\"\"}"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *object = NULL;
        pv_err_t err = {0};
        assert_int_equal(hm_json_parse(&object, rows[i].text, strlen(rows[i].text), &err), APR_SUCCESS);
        assert_string_equal(dump(object, *state), rows[i].json);
    }
}

static void what_is_no_json_object_is_refused(void **state)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "a=b",
                                       "\xef\xbb\xbf{}",
                                       "{} x",
                                       "{}{}",
                                       "{\"a\": NaN}",
                                       "{\"a\": 1e999}",
                                       "// c\n{}",
                                       "[]",
                                       "\"x\"",
                                       "null",
                                       "{'a': 'b'}",
                                       "{\"a\": \"b\",}",
                                       "{\"a\": \"\\ud800\"}",
                                       "{\"a\": \"\\u0000\"}",
                                       "{\"a\\u0000\": \"b\"}",
                                       "{\"a\": \"\xff\"}",
                                       "{\"a\": \"\xc0\xaf\"}",
                                       "{\"a\": \"b\", \"a\": \"c\"}",
                                       "{\"a\": [[[[]]]]}",
                                       "{\"a\": 99999999999999999999}"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *object = NULL;
        pv_err_t err = {0};
        assert_int_not_equal(hm_json_parse(&object, rows[i], strlen(rows[i]), &err), APR_SUCCESS);
        assert_int_equal(err.code, PV_SCHEMA);
        assert_string_equal(err.field, "");
        assert_null(object);
    }
}

static void a_value_of_another_type_is_named(void **state)
{
    static const char *const values[] = {"1.5", "true",      "null",   "{}",        "{\"b\": \"c\"}",
                                         "[1]", "[[\"b\"]]", "[null]", "[\"b\", 1]"};
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *text = apr_psprintf(*state, "{\"x\": \"y\", \"a\": %s}", values[i]);
        json_t *object = NULL;
        pv_err_t err = {0};
        assert_int_not_equal(hm_json_parse(&object, text, strlen(text), &err), APR_SUCCESS);
        assert_string_equal(err.field, "a");
        assert_null(object);
    }
}

/* Ten thousand brackets neither nest that deep nor take that much stack. */
static void depth_is_bounded(void **state)
{
    char deep[10000];
    json_t *object = NULL;
    pv_err_t err = {0};
    memset(deep, '[', sizeof(deep));
    assert_int_not_equal(hm_json_parse(&object, deep, sizeof(deep), &err), APR_SUCCESS);
    assert_string_equal(err.text, "nested too deep");
}

/* A word is one as a whole, wherever it stands. */
static void words_are_found_whole(void **state)
{
    assert_true(hm_words_have("after limit  find", "after") && hm_words_have("after limit  find", "limit") &&
                hm_words_have("after limit  find", "find"));
    assert_false(hm_words_have("after limit find", "lim") || hm_words_have("after limit find", "limits") ||
                 hm_words_have("after limit find", "") || hm_words_have("", "after") || hm_words_have("a b", "a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pairs_are_taken),
        TEST(bad_pairs_are_refused),
        TEST(there_are_at_most_64_pairs),
        TEST(json_is_taken),
        TEST(what_is_no_json_object_is_refused),
        TEST(a_value_of_another_type_is_named),
        TEST(depth_is_bounded),
        TEST(words_are_found_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
