/*
 * errors.def as the rest of the system relies on it, and how an error is filled.
 */
#include "unit.h"

#include "proto/error.h"
#include "proto/names.h"
#include <string.h>

static void test_every_row_says_what_and_how_to_fix_it(void **state)
{
    for (int i = 0; i < PV_CODES; i++) {
        const pv_error_row_t *row = pv_error_row((pv_code_t)i);
        assert_int_equal(pv_error_find(row->name, strlen(row->name)), i); /* unique too: find gives the first */
        assert_int_equal(pv_text_check(row->text, strlen(row->text), 200), APR_SUCCESS);
        assert_true(row->text[0] && (i == PV_OK || row->fix[0]));
    }
}

static void test_exit_codes_are_the_listed_ones_and_agree_with_the_class(void **state)
{
    static const int listed[] = {0, 1, 2, 3, 4, 5, 6, 7, 69, 75};
    for (int i = 0; i < PV_CODES; i++) {
        const pv_error_row_t *row = pv_error_row((pv_code_t)i);
        int known = 0;
        for (size_t k = 0; k < COUNT(listed); k++)
            known |= row->exit == listed[k];
        assert_true(known);
        assert_int_equal(row->class == PV_CLASS_OK, row->exit <= 1);
        assert_int_equal(row->class == PV_CLASS_OK, row->http == 200);
        assert_true(row->exit != 75 || row->class == PV_CLASS_TEMP);
        assert_in_range(row->http, 200, 599);
    }
}

static void test_an_unknown_name_is_no_code(void **state)
{
    assert_int_equal(pv_error_find("DB_DOW", 6), PV_CODES);
    assert_int_equal(pv_error_find("DB_DOWN_", 8), PV_CODES);
    assert_int_equal(pv_error_find("DB_DOWN_", 7), PV_DB_DOWN);
    assert_int_equal(pv_error_find("", 0), PV_CODES);
}

static void test_text_of_foreign_programs_becomes_one_harmless_line(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"line\nnext\tcol", "line next col"}, {"esc \x1b[31m", "esc  [31m"},
        {"c1 \xc2\x85 end", "c1   end"},      {"sep \xe2\x80\xa8 end", "sep   end"},
        {"bad \xff\xc3", "bad   "},           {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
    };
    pv_err_t err;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pv_fail(&err, PV_DB_FAILED, NULL, "%s", rows[i].in), APR_EGENERAL);
        assert_string_equal(err.text, rows[i].out);
        assert_string_equal(err.field, "");
        assert_int_equal(err.code, PV_DB_FAILED);
    }
}

static void test_a_long_text_is_cut_at_a_characters_border(void **state)
{
    char text[1100];
    pv_err_t err;
    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(err.text) - 2, "\xc3\xa9", 3); /* only its first byte would fit */
    pv_fail(&err, PV_INTERNAL, NULL, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 2);
}

static void test_an_error_may_quote_itself(void **state)
{
    pv_err_t err;
    pv_fail(&err, PV_DB_DOWN, "db_host", "refused");
    pv_fail(&err, PV_DB_DENIED, err.field, "after: %s", err.text);
    assert_string_equal(err.field, "db_host");
    assert_string_equal(err.text, "after: refused");
}

static void test_several_wrong_fields_make_one_error(void **state)
{
    pv_err_t err = {0}, more = {0};
    pv_fail_also(&err, "name", "required");
    pv_fail_also(&err, "place", "must be %s", "a folder");
    pv_fail_join(&err, &more);
    pv_fail_also(&more, "app", "unknown");
    pv_fail_join(&err, &more);
    assert_int_equal(err.code, PV_SCHEMA);
    assert_string_equal(err.field, "name");
    assert_string_equal(err.text, "name: required; place: must be a folder; app: unknown");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_says_what_and_how_to_fix_it),
        cmocka_unit_test(test_exit_codes_are_the_listed_ones_and_agree_with_the_class),
        cmocka_unit_test(test_an_unknown_name_is_no_code),
        cmocka_unit_test(test_text_of_foreign_programs_becomes_one_harmless_line),
        cmocka_unit_test(test_a_long_text_is_cut_at_a_characters_border),
        cmocka_unit_test(test_an_error_may_quote_itself),
        cmocka_unit_test(test_several_wrong_fields_make_one_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
