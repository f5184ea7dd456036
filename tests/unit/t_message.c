/*
 * Requests from bytes, by the rows of messages.def, and the shapes of what is answered.
 */
#include "unit.h"

#include "proto/line.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define KEY  "0123456789abcdef0123456789abcdef"
#define SITE "saaaaaaaaaaaa"
#define PLAT "paaaaaaaaaaaa"

static void test_the_rows_agree_with_each_other(void **state)
{
    for (int m = 0; m < PV_MSGS; m++) {
        const pv_msg_row_t *row = pv_msg_row((pv_msg_t)m);
        assert_int_equal(pv_msg_find(row->op, strlen(row->op)), m);
        assert_true(row->help[0]);
        for (int i = 0; i < row->nargs; i++) {
            assert_true(row->arg[i].help[0]);
            assert_string_not_equal(row->arg[i].name, "op");
            assert_string_not_equal(row->arg[i].name, "id");
            for (int k = 0; k < i; k++)
                assert_string_not_equal(row->arg[i].name, row->arg[k].name);
        }
    }
    assert_int_equal(pv_msg_find("hell", 4), PV_MSGS);
    assert_int_equal(pv_msg_row(PV_MSG_submit)->nargs, 4);
    assert_int_equal(pv_msg_row(PV_MSG_status)->nargs, 0);
    assert_string_equal(pv_msg_row(PV_MSG_doctor)->arg[0].name, "repair");
}

static void test_no_field_of_a_task_is_named_like_an_argument(void **state)
{
    const pv_msg_row_t *row = pv_msg_row(PV_MSG_submit);
    for (int i = 0; i < pv_task_count(); i++)
        for (int f = 0; f < pv_task_at(i)->nfields; f++)
            for (int k = 0; k < row->nargs; k++)
                assert_string_not_equal(pv_task_at(i)->field[f].name, row->arg[k].name);
}

/* Decodes from memory of exactly its length, so that ASan sees a byte read too many. */
static apr_status_t decode(const pv_request_t **ret, uint64_t *id, const char *line, size_t len, pv_err_t *err,
                           apr_pool_t *p)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, line, len);
    apr_status_t rv = pv_request_decode(ret, id, exact, len, err, p);
    free(exact);
    return rv;
}

static void test_a_submit_arrives_checked(void **state)
{
    static const char line[] = "{\"op\":\"submit\",\"id\":7,\"key\":\"" KEY "\",\"type\":\"install\",\"object\":\"" SITE
                               "\",\"revision\":0,\"name\":\"A.Test\",\"platform\":\"" PLAT
                               "\",\"aliases\":[\"b.test\",\"c.test\"],\"title\":\"Gr\\u00fc\\u00dfe\"}";
    const pv_request_t *q;
    pv_err_t err;
    uint64_t id;
    assert_int_equal(decode(&q, &id, line, strlen(line), &err, *state), APR_SUCCESS);
    assert_int_equal(id, 7);
    assert_int_equal(q->id, 7);
    assert_int_equal(q->msg, PV_MSG_submit);
    assert_string_equal(pv_request_arg(q, "key")->key.s, KEY);
    assert_string_equal(pv_request_arg(q, "object")->id.s, SITE);
    assert_int_equal(pv_request_arg(q, "revision")->num, 0);
    assert_string_equal(pv_request_arg(q, "type")->s, "install");
    assert_ptr_equal(q->task, pv_task_find("install", PV_SITE));
    assert_string_equal(pv_fields_str(q->fields, "name", ""), "a.test");
    assert_int_equal(pv_fields_get(q->fields, "aliases")->n, 2);
    assert_string_equal(pv_fields_str(q->fields, "title", ""), "Gr\xc3\xbc\xc3\x9f"
                                                               "e");
}

static void test_good_requests(void **state)
{
    static const char *const rows[] = {
        "{\"op\":\"hello\",\"id\":0,\"v\":1,\"client\":\"provision 1\"}",
        " { \"id\" : 9007199254740992 , \"op\" : \"status\" } ",
        "{\"op\":\"doctor\",\"id\":1}",
        "{\"op\":\"doctor\",\"id\":1,\"repair\":true}",
        "{\"op\":\"list\",\"id\":1,\"kind\":\"site\",\"after\":\"" SITE "\",\"limit\":500}",
        "{\"op\":\"show\",\"id\":1,\"name\":\"@a.test\"}",
        "{\"op\":\"follow\",\"id\":1,\"journal\":\"abc\",\"after\":0}",
        "{\"op\":\"plan\",\"id\":1,\"type\":\"verify\",\"object\":\"" SITE "\",\"revision\":3,\"aliases\":[]}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const pv_request_t *q;
        pv_err_t err = {0};
        uint64_t id;
        decode(&q, &id, rows[i], strlen(rows[i]), &err, *state);
        assert_string_equal(err.text, "");
        assert_int_equal(err.code, PV_OK);
    }
}

#define Q(rest) "{\"op\":\"submit\",\"id\":5,\"type\":\"delete\",\"object\":\"" SITE "\",\"revision\":1," rest "}"
#define DEEP    "[[[[[[[[[[[[[[[[[[[["
#define INSTALL(rest)                                                                                                  \
    "{\"op\":\"submit\",\"id\":5,\"key\":\"" KEY "\",\"type\":\"install\",\"object\":\"" SITE                          \
    "\",\"revision\":0," rest "}"

static const struct {
    const char *in;
    uint64_t id;
    pv_code_t code;
    const char *text; /* what the error says, from its beginning */
} bad_requests[] = {
    {"", 0, PV_SCHEMA, "the line is no JSON object"}, /* S2 */
    {"x", 0, PV_SCHEMA, "the line is no JSON object"},
    {"\xef\xbb\xbf{}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"GET / HTTP/1.1\r", 0, PV_SCHEMA, "the line is no JSON object"},
    {"[]", 0, PV_SCHEMA, "the line is no JSON object"},
    {"7", 0, PV_SCHEMA, "the line is no JSON object"},
    {"null", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{}", 0, PV_SCHEMA, "id: must be a whole number"},
    {"{}{}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":1} x", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":1", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":-1}", 0, PV_SCHEMA, "id: must be"},
    {"{\"op\":\"status\",\"id\":9007199254740993}", 0, PV_SCHEMA, "id: must be"},
    {"{\"op\":\"status\",\"id\":99999999999999999999}", 0, PV_SCHEMA, "the line is no JSON object: too big integer"},
    {"{\"op\":\"status\",\"id\":1.0}", 0, PV_SCHEMA, "numbers must be whole"},
    {"{\"op\":\"status\",\"id\":1e3}", 0, PV_SCHEMA, "numbers must be whole"},
    {"{\"op\":\"status\",\"id\":1e999}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":NaN}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":\"1\"}", 0, PV_SCHEMA, "id: must be"},
    {"{\"op\":7,\"id\":1}", 1, PV_SCHEMA, "op: must be a string"},
    {"{\"op\":\"\",\"id\":1}", 1, PV_UNKNOWN_OP, "there is no operation ''"}, /* S3 */
    {"{\"op\":\"publish\",\"id\":1}", 1, PV_UNKNOWN_OP, "there is no operation 'publish'"},
    {"{\"op\":\"STATUS\",\"id\":1}", 1, PV_UNKNOWN_OP, "there is no operation"},
    {"{\"op\":\"status\",\"id\":1,\"id\":2}", 0, PV_SCHEMA,
     "the line is no JSON object: duplicate object key"}, /* S4 */
    {"{\"op\":\"status\",\"id\":1,\"a\":\"\\u0000\"}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":1,\"a\":\"\xff\"}", 0, PV_SCHEMA,
     "the line is no JSON object: unable to decode byte 0xff"},
    {"{\"op\":\"status\",\"id\":1,\"a\":\"\xc0\x80\"}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":1,\"a\":\"\\ud800\"}", 0, PV_SCHEMA, "the line is no JSON object"},
    {"{\"op\":\"status\",\"id\":1,\"a\":" DEEP, 0, PV_SCHEMA, "the line nests deeper"},
    {"{\"op\":\"status\",\"id\":1,\"a\":[[[[]]]]}", 0, PV_SCHEMA, "the line nests deeper"},
    {"{\"op\":\"status\",\"id\":1,\"path\":\"/etc\"}", 1, PV_SCHEMA, "path: unknown; 'status' has no such argument"},
    {"{\"op\":\"doctor\",\"id\":1,\"repair\":1}", 1, PV_SCHEMA, "repair: must be true or false"},
    {"{\"op\":\"hello\",\"id\":1}", 1, PV_SCHEMA, "v: required: protocol version, 1; client: required"},
    {"{\"op\":\"hello\",\"id\":1,\"v\":null,\"client\":[]}", 1, PV_SCHEMA, "v: must be a whole number"},
    {"{\"op\":\"list\",\"id\":1,\"kind\":\"../x\"}", 1, PV_SCHEMA, "kind: must be letters"},
    {Q("\"key\":\"" KEY "0\""), 5, PV_SCHEMA, "key: must be 32 small hex digits"}, /* S7 */
    {Q("\"key\":\"0123456789abcdef0123456789abcde\""), 5, PV_SCHEMA, "key: must be 32"},
    {Q("\"key\":\"00000000000000000000000000000000\""), 5, PV_SCHEMA, "key: must be 32"},
    {Q("\"key\":7"), 5, PV_SCHEMA, "key: must be 32"},
    {Q("\"key\":\"" KEY "\",\"cmd\":\";id\",\"path\":\"/etc\""), /* S6 */
     5, PV_SCHEMA, "cmd: unknown; 'delete site' has no such field; path: unknown"},
    {INSTALL("\"name\":7,\"platform\":null"), 5, PV_SCHEMA, "name: must be a string; platform: must be a string"},
    {INSTALL("\"name\":[\"a.test\"],\"platform\":\"" PLAT "\""), 5, PV_SCHEMA, "name: must be a string"},
    {INSTALL("\"name\":\"a.test\",\"platform\":\"" PLAT "\",\"aliases\":\"b.test\""), 5, PV_SCHEMA,
     "aliases: must be an array of strings"},
    {INSTALL("\"name\":\"a.test\",\"platform\":\"" PLAT "\",\"aliases\":[\"b.test\",7]"), 5, PV_SCHEMA,
     "aliases: must be an array of strings"},
    {INSTALL("\"name\":\"a.test\",\"platform\":\"" PLAT "\",\"x\":{\"a\":1}"), 5, PV_SCHEMA, "x: must be a string"},
    {INSTALL("\"Name\":\"a.test\",\"platform\":\"" PLAT "\""), 5, PV_SCHEMA, "Name: unknown"},
    {"{\"op\":\"submit\",\"id\":5,\"key\":\"" KEY "\",\"type\":\"install\",\"object\":\"" PLAT "\",\"revision\":0}", 5,
     PV_SCHEMA, "type: a platform has no task 'install'"},
    {"{\"op\":\"submit\",\"id\":5,\"key\":\"" KEY "\",\"type\":\"verify\",\"object\":\"-1\",\"revision\":0}", 5,
     PV_SCHEMA, "object: must be an id"}, /* S5 */
    {"{\"op\":\"submit\",\"id\":5,\"object\":\"" SITE "\",\"type\":\"install\",\"name\":\"x\"}", 5, PV_SCHEMA,
     "key: required: 32 hex digits, new for every attempt; revision: required: the object's revision that was "
     "seen; 0 "
     "for a new one; name: must be a host name"},
};

static void test_bad_requests(void **state)
{
    for (size_t i = 0; i < COUNT(bad_requests); i++) {
        const pv_request_t *q = NULL;
        pv_err_t err = {0};
        uint64_t id = 99;
        assert_int_equal(decode(&q, &id, bad_requests[i].in, strlen(bad_requests[i].in), &err, *state), APR_EGENERAL);
        if (strncmp(err.text, bad_requests[i].text, strlen(bad_requests[i].text)) != 0 ||
            err.code != bad_requests[i].code || id != bad_requests[i].id)
            fail_msg("%s gave %s: %s", bad_requests[i].in, pv_error_row(err.code)->name, err.text);
        assert_null(q);
        assert_int_equal(pv_text_check(err.text, strlen(err.text), sizeof(err.text)), APR_SUCCESS);
    }
}

static void test_the_longest_request_and_one_byte_more(void **state)
{
    static const char head[] = "{\"op\":\"status\",\"id\":1}";
    const pv_request_t *q;
    pv_err_t err;
    uint64_t id;
    char *line = apr_palloc(*state, PV_LINE_MAX);
    memset(line, ' ', PV_LINE_MAX);
    memcpy(line, head, strlen(head));
    assert_int_equal(decode(&q, &id, line, PV_LINE_MAX - 1, &err, *state), APR_SUCCESS);
    assert_int_equal(decode(&q, &id, line, PV_LINE_MAX, &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_TOO_LONG);
}

static void test_a_nul_byte_in_the_line(void **state)
{
    static const char line[] = "{\"op\":\"status\",\"id\":1}\0";
    const pv_request_t *q;
    pv_err_t err;
    uint64_t id;
    assert_int_equal(decode(&q, &id, line, sizeof(line) - 1, &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_SCHEMA);
}

static void test_a_request_that_is_made_is_decoded_to_the_same(void **state)
{
    static const char in[] =
        "{\"op\":\"plan\",\"id\":1,\"type\":\"install\",\"object\":\"" SITE
        "\",\"revision\":0,\"name\":\"a.test\",\"platform\":\"" PLAT "\",\"aliases\":[\"b.test\"]}";
    const pv_request_t *q, *again;
    const char *line;
    size_t len;
    pv_err_t err;
    uint64_t id;
    assert_int_equal(decode(&q, &id, in, strlen(in), &err, *state), APR_SUCCESS);
    json_t *json = pv_json_keep(pv_request_make(PV_MSG_plan, 1), *state);
    json_object_set_new(json, "type", json_string("install"));
    json_object_set_new(json, "object", json_string(SITE));
    json_object_set_new(json, "revision", json_integer(0));
    pv_request_put(json, q->task, q->fields);
    assert_int_equal(pv_json_line(&line, &len, json, &err, *state), APR_SUCCESS);
    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(decode(&again, &id, line, len - 1, &err, *state), APR_SUCCESS);
    assert_int_equal(again->fields->n, q->fields->n);
    assert_string_equal(line,
                        "{\"op\":\"plan\",\"id\":1,\"type\":\"install\",\"object\":\"" SITE
                        "\",\"revision\":0,\"name\":\"a.test\",\"platform\":\"" PLAT "\",\"aliases\":[\"b.test\"]}\n");
}

static void expect_json(json_t *json, const char *want, apr_pool_t *p)
{
    const char *line;
    size_t len;
    pv_err_t err;
    assert_int_equal(pv_json_line(&line, &len, pv_json_keep(json, p), &err, p), APR_SUCCESS);
    assert_string_equal(line, want);
}

static void test_the_shapes_of_answers(void **state)
{
    const pv_err_t err = {PV_STALE, "revision", ""}, named = {PV_SCHEMA, "", "name: required"};
    expect_json(pv_reply_make(3), "{\"re\":3,\"ok\":true}\n", *state);
    expect_json(pv_event_make(9, 1700000000000000, "state"), "{\"ev\":9,\"at\":1700000000000000,\"kind\":\"state\"}\n",
                *state);
    expect_json(
        pv_reply_error(4, &err),
        "{\"re\":4,\"ok\":false,\"code\":\"STALE\",\"field\":\"revision\",\"text\":\"The object was changed since it "
        "was read.\",\"fix\":\"Read it again ('provision show'), look at what changed, and send the change "
        "anew.\"}\n",
        *state);
    json_t *json = pv_json_keep(pv_reply_error(5, &named), *state);
    assert_string_equal(json_string_value(json_object_get(json, "text")), "name: required");
}

static void test_replies_are_read(void **state)
{
    static const struct {
        const char *in;
        apr_status_t rv;
        pv_code_t code;
    } rows[] = {
        {"{\"re\":2,\"ok\":true}", APR_SUCCESS, PV_OK},
        {"{\"re\":2,\"name\":\"a row\"}", APR_SUCCESS, PV_OK},
        {"{\"re\":2,\"ok\":false,\"code\":\"STALE\",\"field\":\"\",\"text\":\"t\"}", APR_EGENERAL, PV_STALE},
        {"{\"re\":0,\"ok\":false,\"code\":\"BUSY\",\"field\":\"\",\"text\":\"t\"}", APR_EGENERAL, PV_BUSY},
        {"{\"re\":2,\"ok\":false,\"code\":\"NEWER\",\"field\":\"\",\"text\":\"t\"}", APR_EGENERAL, PV_INTERNAL},
        {"{\"re\":2,\"ok\":false,\"code\":\"OK\"}", APR_EGENERAL, PV_INTERNAL},
        {"{\"re\":2,\"ok\":false}", APR_EGENERAL, PV_INTERNAL},
        {"{\"re\":3,\"ok\":true}", APR_EGENERAL, PV_INTERNAL},
        {"{\"re\":0,\"ok\":true}", APR_EGENERAL, PV_INTERNAL},
        {"{\"re\":\"2\",\"ok\":true}", APR_EGENERAL, PV_INTERNAL},
        {"{\"ev\":2}", APR_EGENERAL, PV_INTERNAL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *json;
        pv_err_t err = {0};
        assert_int_equal(pv_json_parse(&json, rows[i].in, strlen(rows[i].in), &err), APR_SUCCESS);
        assert_int_equal(pv_reply_check(json, 2, &err), rows[i].rv);
        assert_int_equal(err.code, rows[i].code);
        json_decref(json);
    }
}

static void test_a_message_longer_than_a_line_is_refused(void **state)
{
    const char *line;
    size_t len;
    pv_err_t err;
    char *text = apr_pcalloc(*state, PV_LINE_MAX + 1);
    memset(text, 'a', PV_LINE_MAX - 9); /* {"a":""} and the newline around it */
    json_t *json = json_pack("{s:s}", "a", text);
    assert_int_equal(pv_json_line(&line, &len, pv_json_keep(json, *state), &err, *state), APR_SUCCESS);
    assert_int_equal(len, PV_LINE_MAX);
    text[PV_LINE_MAX - 9] = 'a';
    json = json_pack("{s:s}", "a", text);
    assert_int_equal(pv_json_line(&line, &len, pv_json_keep(json, *state), &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_TOO_LONG);
}

static void test_any_bytes_are_shown_as_text(void **state)
{
    static const struct {
        const char *in;
        size_t len, max;
        const char *out;
    } rows[] = {
        {"plain", 5, 99, "plain"},
        {"a\0b", 3, 99, "a\\x00b"},
        {"\x1b[31mred", 8, 99, "\\x1b[31mred"},
        {"\xc3\xbc \xff \xc3", 6, 99, "\xc3\xbc \\xff \\xc3"},
        {"\xe2\x80\xa8", 3, 99, "\\xe2\\x80\\xa8"},
        {"abc", 3, 2, "ab"},
        {"a\xc3\xbc", 3, 2, "a"},
        {"a\n", 2, 4, "a"},
        {"", 0, 9, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(pv_text_show(rows[i].in, rows[i].len, rows[i].max, *state), rows[i].out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_the_rows_agree_with_each_other),
        TEST(test_no_field_of_a_task_is_named_like_an_argument),
        TEST(test_a_submit_arrives_checked),
        TEST(test_good_requests),
        TEST(test_bad_requests),
        TEST(test_the_longest_request_and_one_byte_more),
        TEST(test_a_nul_byte_in_the_line),
        TEST(test_a_request_that_is_made_is_decoded_to_the_same),
        TEST(test_the_shapes_of_answers),
        TEST(test_replies_are_read),
        TEST(test_a_message_longer_than_a_line_is_refused),
        TEST(test_any_bytes_are_shown_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
