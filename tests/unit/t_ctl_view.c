/* What people and programs see: tables, records, errors, events, and the places that paths become. */
#include "ctl/follow.h"
#include "ctl/resolve.h"
#include "proto/message.h"
#include <apr_general.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    apr_pool_t *p;
    pv_view_t view;
    char *text;
    size_t len;
} fixture_t;

static int make(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));
    if (!f || apr_initialize() != APR_SUCCESS || apr_pool_create(&f->p, NULL) != APR_SUCCESS)
        return 1;
    f->view.out = f->view.err = open_memstream(&f->text, &f->len);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture_t *f = *state;
    fclose(f->view.out);
    free(f->text);
    apr_pool_destroy(f->p);
    apr_terminate();
    free(f);
    return 0;
}

static const char *shown(fixture_t *f)
{
    fflush(f->view.out);
    return f->text;
}

static json_t *parse(fixture_t *f, const char *text)
{
    return pv_json_keep(json_loads(text, 0, NULL), f->p);
}

static void a_table_is_aligned_and_leaves_out_empty_columns(void **state)
{
    fixture_t *f = *state;
    const json_t *rows = parse(f, "[{\"id\":\"v1\",\"context\":\"@server_a\",\"state\":\"verified\",\"http\":\"\"},"
                                  "{\"id\":\"v2\",\"context\":\"@server_\\u00fc\\u00fc\",\"state\":\"new\"}]");
    pv_view_table(&f->view, PV_VIEW_server, rows, NULL, f->p);
    assert_string_equal(shown(f), "SERVER      STATE     ID\n"
                                  "@server_a   verified  v1\n"
                                  "@server_\u00fc\u00fc  new       v2\n");
}

static void an_id_of_another_object_is_shown_as_its_name(void **state)
{
    fixture_t *f = *state;
    const json_t *rows =
        parse(f, "[{\"id\":\"s1\",\"context\":\"@a.test\",\"platform\":\"p1\",\"aliases\":[\"b.test\",\"c.test\"]}]");
    pv_view_table(&f->view, PV_VIEW_site, rows, parse(f, "{\"p1\":\"@platform_x\",\"s1\":\"@a.test\"}"), f->p);
    assert_string_equal(shown(f), "SITE     PLATFORM     ALIASES         ID\n"
                                  "@a.test  @platform_x  b.test, c.test  s1\n");
}

static void json_holds_the_whole_rows(void **state)
{
    fixture_t *f = *state;
    f->view.json = 1;
    pv_view_table(&f->view, PV_VIEW_site, parse(f, "[{\"id\":\"s1\",\"uid\":70000}]"), NULL, f->p);
    assert_string_equal(shown(f), "[{\"id\":\"s1\",\"uid\":70000}]\n");
}

static void a_record_shows_times_in_utc_and_colours_its_state(void **state)
{
    fixture_t *f = *state;
    f->view.out_colour = 1;
    pv_view_record(&f->view, parse(f, "{\"job\":1,\"state\":\"failed\",\"accepted\":1709208000000000,\"ended\":0}"),
                   NULL, f->p);
    assert_string_equal(shown(f), "\033[2mjob     \033[0m  1\n"
                                  "\033[2mstate   \033[0m  \033[31mfailed\033[0m\n"
                                  "\033[2maccepted\033[0m  2024-02-29 12:00:00 UTC\n");
}

static void control_characters_never_reach_the_terminal(void **state)
{
    fixture_t *f = *state;
    pv_view_record(&f->view, parse(f, "{\"title\":\"\\u001b[2Jx\"}"), NULL, f->p);
    assert_null(strchr(shown(f), '\033'));
    assert_non_null(strstr(shown(f), "[2Jx"));
}

static void an_error_names_field_cause_and_remedy(void **state)
{
    fixture_t *f = *state;
    pv_err_t err;
    (void)pv_fail(&err, PV_DB_DENIED, "db_secret", "Access denied for user 'x'");
    pv_view_error(&f->view, &err, f->p);
    assert_non_null(strstr(shown(f), "DB_DENIED: "));
    assert_non_null(strstr(shown(f), "\n  field  db_secret\n  what   Access denied for user 'x'\n  fix    "));
}

static void steps_and_log_are_lines(void **state)
{
    static const char *const events[] = {
        "{\"ev\":1,\"kind\":\"accepted\",\"job\":7,\"type\":\"install\"}",
        "{\"ev\":2,\"kind\":\"step\",\"name\":\"dirs\",\"state\":\"started\",\"at\":1000000}",
        "{\"ev\":3,\"kind\":\"log\",\"level\":\"warning\",\"text\":\"odd\"}",
        "{\"ev\":4,\"kind\":\"step\",\"name\":\"dirs\",\"state\":\"done\",\"at\":1250000}",
        "{\"ev\":5,\"kind\":\"state\",\"state\":\"waiting\",\"code\":\"DB_DOWN\",\"text\":\"no answer\"}",
        "{\"ev\":6,\"kind\":\"state\",\"state\":\"success\"}",
        "{\"ev\":7,\"kind\":\"some-later-kind\"}",
    };
    fixture_t *f = *state;
    pv_ctl_t ctl = {.p = f->p};
    pv_follow_t follow = {.ctl = &ctl, .name = "@a.test", .out = f->view.out};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        pv_follow_print(&follow, parse(f, events[i]));
    assert_string_equal(shown(f), "job 7: install @a.test\n"
                                  "    warning: odd\n"
                                  "  dirs       done  0.25 s\n"
                                  "  waiting: DB_DOWN: no answer\n"
                                  "  success\n");
}

static void a_job_s_row_has_the_code_of_its_end(void **state)
{
    static const struct {
        const char *row;
        pv_code_t code;
    } rows[] = {
        {"{\"state\":\"success\",\"code\":\"\"}", PV_OK},
        {"{\"state\":\"warning\",\"code\":\"WARNING\"}", PV_WARNING},
        {"{\"state\":\"failed\",\"code\":\"DB_DOWN\"}", PV_DB_DOWN},
        {"{\"state\":\"cancelled\",\"code\":\"CANCELLED\"}", PV_CANCELLED},
        {"{\"state\":\"stuck\",\"code\":\"UNDO_FAILED\"}", PV_UNDO_FAILED},
        {"{\"state\":\"failed\",\"code\":\"OK\"}", PV_INTERNAL},
        {"{\"state\":\"failed\",\"code\":\"UNHEARD_OF\"}", PV_INTERNAL},
        {"{}", PV_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(pv_job_outcome(parse(*state, rows[i].row)), rows[i].code);
}

static void a_path_becomes_a_place_below_the_longest_root(void **state)
{
    static const pv_paths_t roots = {3, {"/srv/platforms", "/srv/platforms/big", "/opt/code"}};
    static const struct {
        const char *path, *place;
    } rows[] = {
        {"/srv/platforms/pages-10:web", "0:pages-10:web"},
        {"/srv/platforms/big/wp", "1:wp"},
        {"/srv/platforms/bigger/wp", "0:bigger/wp"},
        {"/opt/code/a/b", "2:a/b"},
        {"/opt/coder/a", NULL},
        {"/opt/code", NULL},
        {"/etc", NULL},
    };
    fixture_t *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *place = NULL;
        pv_err_t err = {0};
        apr_status_t rv = pv_place_of_path(&place, &roots, "PlatformRoot", rows[i].path, "place", &err, f->p);
        if (rows[i].place) {
            assert_int_equal(rv, APR_SUCCESS);
            assert_string_equal(place, rows[i].place);
        } else {
            assert_int_equal(err.code, PV_ROOT_NOT_ALLOWED);
            assert_string_equal(err.field, "place");
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
    const struct CMUnitTest tests[] = {
        TEST(a_table_is_aligned_and_leaves_out_empty_columns),
        TEST(an_id_of_another_object_is_shown_as_its_name),
        TEST(json_holds_the_whole_rows),
        TEST(a_record_shows_times_in_utc_and_colours_its_state),
        TEST(control_characters_never_reach_the_terminal),
        TEST(an_error_names_field_cause_and_remedy),
        TEST(steps_and_log_are_lines),
        TEST(a_job_s_row_has_the_code_of_its_end),
        TEST(a_path_becomes_a_place_below_the_longest_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
