/* The command line's grammar: every command with its arguments, and what a wrong word is told. */
#include "ctl/grammar.h"
#include <apr_general.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS 8

typedef struct {
    const char *words[MAX_WORDS];
    pv_command_t command;
    pv_code_t code;
    const char *field; /* of the error */
} row_t;

static const row_t rows[] = {
    {{NULL}, PV_COMMAND_help, PV_OK, ""},
    {{"help", NULL}, PV_COMMAND_help, PV_OK, ""},
    {{"help", "install", NULL}, PV_COMMAND_help, PV_OK, ""},
    {{"help", "list", NULL}, PV_COMMAND_help, PV_OK, ""},
    {{"help", "nothing", NULL}, PV_COMMAND_help, PV_SCHEMA, "task"},
    {{"version", NULL}, PV_COMMAND_version, PV_OK, ""},
    {{"list", NULL}, PV_COMMAND_list, PV_OK, ""},
    {{"list", "job", NULL}, PV_COMMAND_list, PV_OK, ""},
    {{"list", "--json", "site", NULL}, PV_COMMAND_list, PV_OK, ""},
    {{"list", "pages", NULL}, PV_COMMAND_list, PV_SCHEMA, "kind"},
    {{"list", "site", "more", NULL}, PV_COMMAND_list, PV_SCHEMA, "word"},
    {{"list", "--no-wait", NULL}, PV_COMMAND_list, PV_SCHEMA, "option"},
    {{"list", "--nonsense", NULL}, PV_COMMAND_list, PV_SCHEMA, "option"},
    {{"list", "--json=yes", NULL}, PV_COMMAND_list, PV_SCHEMA, "option"},
    {{"list", "--socket", NULL}, PV_COMMAND_list, PV_SCHEMA, "option"},
    {{"list", "--socket=", NULL}, PV_COMMAND_list, PV_SCHEMA, "option"},
    {{"show", "@www.example.org", NULL}, PV_COMMAND_show, PV_OK, ""},
    {{"show", "17", NULL}, PV_COMMAND_show, PV_OK, ""},
    {{"show", "0", NULL}, PV_COMMAND_show, PV_SCHEMA, "job"},
    {{"show", "-1", NULL}, PV_COMMAND_show, PV_SCHEMA, "option"},
    {{"show", "--", "-1", NULL}, PV_COMMAND_show, PV_SCHEMA, "job"},
    {{"show", "18446744073709551616", NULL}, PV_COMMAND_show, PV_SCHEMA, "job"},
    {{"show", NULL}, PV_COMMAND_show, PV_SCHEMA, "context"},
    {{"show", "@", NULL}, PV_COMMAND_show, PV_SCHEMA, "context"},
    {{"log", "-f", "17", NULL}, PV_COMMAND_log, PV_OK, ""},
    {{"log", "@server_main", "--follow", NULL}, PV_COMMAND_log, PV_OK, ""},
    {{"cancel", "@www.example.org", NULL}, PV_COMMAND_cancel, PV_OK, ""},
    {{"status", NULL}, PV_COMMAND_status, PV_OK, ""},
    {{"doctor", "--repair", NULL}, PV_COMMAND_doctor, PV_OK, ""},
    {{"install", "@www.example.org", "platform=@platform_a", NULL}, PV_COMMAND_task, PV_OK, ""},
    {{"install", "@www.example.org", "--no-wait", NULL}, PV_COMMAND_task, PV_OK, ""},
    {{"install", "@www.example.org", "--repair", NULL}, PV_COMMAND_task, PV_SCHEMA, "option"},
    {{"install", NULL}, PV_COMMAND_task, PV_SCHEMA, "context"},
    {{"install", "@server_main", NULL}, PV_COMMAND_task, PV_SCHEMA, "task"},
    {{"install", "@www.example.org", "color=red", NULL}, PV_COMMAND_task, PV_SCHEMA, "color"},
    {{"install", "@www.example.org", "title", NULL}, PV_COMMAND_task, PV_SCHEMA, "field"},
    {{"install", "@www.example.org", "=x", NULL}, PV_COMMAND_task, PV_SCHEMA, "field"},
    {{"install", "@www.example.org", "title=a", "title=b", NULL}, PV_COMMAND_task, PV_SCHEMA, "title"},
    {{"plan", "verify", "@server_main", "http=apache", NULL}, PV_COMMAND_plan, PV_OK, ""},
    {{"plan", NULL}, PV_COMMAND_plan, PV_SCHEMA, "task"},
    {{"nothing", "@www.example.org", NULL}, PV_COMMAND_task, PV_SCHEMA, "task"},
    {{"list", "--help", NULL}, PV_COMMAND_help, PV_OK, ""},
    {{"delete", "@www.example.org", "-h", NULL}, PV_COMMAND_help, PV_OK, ""},
};

static int count(const char *const *words)
{
    int n = 0;
    while (words[n])
        n++;
    return n;
}

static void parses_each_row(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pv_words_t words;
        pv_err_t err = {0};
        apr_status_t rv = pv_words_parse(&words, count(rows[i].words), rows[i].words, &err, *state);
        assert_int_equal(rv == APR_SUCCESS ? PV_OK : err.code, rows[i].code);
        assert_string_equal(err.field, rows[i].field);
        if (rv == APR_SUCCESS)
            assert_int_equal(words.command, rows[i].command);
    }
}

static void splits_lists_at_commas(void **state)
{
    static const struct {
        const char *word;
        int n;
        const char *first, *last;
    } lists[] = {
        {"aliases=a.example,b.example", 2, "a.example", "b.example"},
        {"aliases=a.example", 1, "a.example", "a.example"},
        {"aliases=", 0, NULL, NULL},
        {"aliases=a.example,", 1, "a.example", "a.example"},
        {"aliases=,a.example", 2, "", "a.example"},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const char *const line[] = {"verify", "@www.example.org", lists[i].word};
        pv_words_t words;
        pv_err_t err;
        assert_int_equal(pv_words_parse(&words, 3, line, &err, *state), APR_SUCCESS);
        const pv_field_t *field = pv_fields_get(words.fields, "aliases");
        assert_int_equal(field->n, lists[i].n);
        if (field->n > 0) {
            assert_string_equal(field->s[0], lists[i].first);
            assert_string_equal(field->s[field->n - 1], lists[i].last);
        }
    }
}

static void keeps_what_an_option_and_a_field_say(void **state)
{
    const char *const line[] = {"--config=/a/b", "install", "@www.example.org", "title=a=b, c", "--socket", "/s",
                                "--json"};
    pv_words_t words;
    pv_err_t err;
    assert_int_equal(pv_words_parse(&words, 7, line, &err, *state), APR_SUCCESS);
    assert_string_equal(words.option[PV_OPTION_config], "/a/b");
    assert_string_equal(words.option[PV_OPTION_socket], "/s");
    assert_non_null(words.option[PV_OPTION_json]);
    assert_null(words.option[PV_OPTION_no_wait]);
    assert_string_equal(words.task->type, "install");
    assert_int_equal(words.context.kind, PV_SITE);
    assert_string_equal(pv_fields_get(words.fields, "title")->s[0], "a=b, c");
    assert_true(pv_words_json(7, line));
    assert_false(pv_words_json(6, line));
}

static void no_command_hides_a_task_or_another_command(void **state)
{
    for (int c = 1; c < PV_COMMANDS; c++) {
        const char *word = pv_command_row(c)->word;
        for (int i = 0; i < pv_task_count(); i++)
            assert_string_not_equal(word, pv_task_at(i)->type);
        for (int d = 1; d < c; d++)
            assert_string_not_equal(word, pv_command_row(d)->word);
    }
}

static int pool_make(void **state)
{
    apr_pool_t *p;
    int failed = apr_initialize() != APR_SUCCESS || apr_pool_create(&p, NULL) != APR_SUCCESS;
    if (!failed)
        *state = p;
    return failed;
}

static int pool_end(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_row),
        cmocka_unit_test(splits_lists_at_commas),
        cmocka_unit_test(keeps_what_an_option_and_a_field_say),
        cmocka_unit_test(no_command_hides_a_task_or_another_command),
    };
    return cmocka_run_group_tests(tests, pool_make, pool_end);
}
