/*
 * What a worker says, and how it ended, as an outcome: only an end that says ok and exit code 0 is success.
 */
#include "unit.h"

#include "engine/report.h"
#include <stdio.h>
#include <string.h>

#define EXIT(code) ((code) << 8)
#define KILLED     9

static void test_each_ending_has_its_outcome(void **state)
{
    static const struct {
        const char *lines[3];
        int status;
        pv_code_t code;
    } rows[] = {
        {{"{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_OK},
        {{"{\"t\":\"log\",\"level\":\"info\",\"text\":\"success\"}"}, EXIT(0), PV_DRIVER_NO_END},
        {{NULL}, EXIT(0), PV_DRIVER_NO_END},
        {{"{\"t\":\"end\",\"ok\":true}"}, EXIT(1), PV_DRIVER_FAILED},
        {{"{\"t\":\"end\",\"ok\":true}"}, KILLED, PV_DRIVER_FAILED},
        {{"{\"t\":\"end\",\"ok\":false}"}, EXIT(1), PV_DRIVER_FAILED},
        {{NULL}, KILLED, PV_DRIVER_NO_END},
        {{"{\"t\":\"end\",\"ok\":true}", "{\"t\":\"progress\",\"done\":1,\"total\":2}"}, EXIT(0), PV_DRIVER_NO_END},
        {{"{\"t\":\"error\",\"code\":\"DB_DOWN\",\"field\":\"\",\"text\":\"gone\"}", "{\"t\":\"end\",\"ok\":false}"},
         EXIT(1),
         PV_DB_DOWN},
        {{"{\"t\":\"error\",\"code\":\"OK\",\"text\":\"\"}", "{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_DRIVER_FAILED},
        {{"{\"t\":\"error\",\"code\":\"RETRY_LATER\"}", "{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_DRIVER_FAILED},
        {{"{\"t\":\"error\",\"code\":\"NO_SUCH\"}", "{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_DRIVER_FAILED},
        {{"no JSON", "{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_DRIVER_FAILED},
        {{"{\"t\":\"unknown\"}", "{\"t\":\"end\",\"ok\":true}"}, EXIT(0), PV_OK},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_report_t *r = pv_report_make(NULL, 0, *state);
        pv_err_t err = {.code = PV_CODES};
        for (size_t k = 0; k < COUNT(rows[i].lines) && rows[i].lines[k]; k++)
            pv_report_line(r, rows[i].lines[k], strlen(rows[i].lines[k]));
        pv_report_end(r, rows[i].status, &err);
        assert_int_equal(err.code, rows[i].code);
    }
}

static void test_an_error_is_told_as_one_clean_line(void **state)
{
    static const char line[] =
        "{\"t\":\"error\",\"code\":\"NOT_READABLE\",\"field\":\"place\",\"text\":\"a\\n\\u001b[1m\"}";
    pv_report_t *r = pv_report_make(NULL, 0, *state);
    pv_err_t err;
    pv_report_line(r, line, strlen(line));
    pv_report_end(r, EXIT(1), &err);
    assert_string_equal(err.field, "place");
    assert_null(strpbrk(err.text, "\n\033"));
}

static void test_facts_are_bounded(void **state)
{
    char line[4096];
    pv_report_t *r = pv_report_make(NULL, 0, *state);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "{\"t\":\"fact\",\"name\":\"n%d\",\"value\":\"v\"}", i);
        pv_report_line(r, line, strlen(line));
    }
    snprintf(line, sizeof(line), "{\"t\":\"fact\",\"name\":\"n1\",\"value\":\"%02000d\"}", 0);
    pv_report_line(r, line, strlen(line));
    json_t *facts = pv_report_facts(r);
    assert_int_equal(json_object_size(facts), 64);
    assert_string_equal(json_string_value(json_object_get(facts, "n1")), "v");
    json_decref(facts);
}

static void test_a_version_is_as_long_as_its_column(void **state)
{
    char line[256];
    pv_report_t *r = pv_report_make(NULL, 0, *state);
    for (int len = 64; len <= 65; len++) {
        snprintf(line, sizeof(line), "{\"t\":\"fact\",\"name\":\"version\",\"value\":\"%0*d\"}", len, len);
        pv_report_line(r, line, strlen(line));
    }
    json_t *facts = pv_report_facts(r);
    assert_int_equal(strlen(json_string_value(json_object_get(facts, "version"))), 64);
    json_decref(facts);
}

/* They go with the job's row in one line, and their names to terminals. */
static void test_facts_fit_a_line_and_have_plain_names(void **state)
{
    static const char *const bad[] = {
        "", "A", "a b", "a\\u001b[2J", "a\\n", "a-b", "n23456789012345678901234567890123"};
    char line[8192], value[6 * 1024 + 1];
    pv_report_t *r = pv_report_make(NULL, 0, *state);
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(line, sizeof(line), "{\"t\":\"fact\",\"name\":\"%s\",\"value\":\"v\"}", bad[i]);
        pv_report_line(r, line, strlen(line));
    }
    json_t *facts = pv_report_facts(r);
    assert_int_equal(json_object_size(facts), 0);
    for (size_t i = 0; i < sizeof(value) - 1; i += 6)
        memcpy(value + i, "\\u0001", 6);
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < 64; i++) {
        snprintf(line, sizeof(line), "{\"t\":\"fact\",\"name\":\"n%d\",\"value\":\"%s\"}", i, value);
        pv_report_line(r, line, strlen(line));
    }
    assert_in_range(json_dumpb(facts, NULL, 0, JSON_COMPACT), 16 * 1024, 32 * 1024);
    json_decref(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_ending_has_its_outcome),
        TEST(test_an_error_is_told_as_one_clean_line),
        TEST(test_facts_are_bounded),
        TEST(test_a_version_is_as_long_as_its_column),
        TEST(test_facts_fit_a_line_and_have_plain_names),
    };
    return cmocka_run_group_tests_name("engine_report", tests, NULL, NULL);
}
