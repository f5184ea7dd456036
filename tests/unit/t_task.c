/*
 * tasks.def, values.def and rules.def: the rows agree with each other, each kind of value takes what it should and
 * nothing else, and a request is checked as a whole.
 */
#include "unit.h"

#include "proto/task.h"
#include <apr_strings.h>
#include <string.h>

#define SERVER   "vaaaaaaaaaaaa"
#define PLATFORM "paaaaaaaaaaaa"

static void test_tasks_are_found_by_type_and_kind_and_only_once(void **state)
{
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        assert_ptr_equal(pv_task_find(task->type, task->kind), task);
        assert_true(task->label[0] && task->help[0]);
    }
    assert_null(pv_task_find("install", PV_SERVER));
    assert_null(pv_task_find("", PV_SITE));
    assert_int_equal(pv_task_find("verify", PV_SERVER)->nfields, 9);
    assert_int_equal(pv_task_find("install", PV_SITE)->nfields, 11);
    assert_int_equal(pv_task_find("delete", PV_SERVER)->nfields, 0);
    assert_string_equal(pv_task_find("verify", PV_PLATFORM)->field[4].name, "app");
}

static void test_every_field_has_a_value_a_help_and_a_name_of_its_own(void **state)
{
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        for (int k = 0; k < task->nfields; k++) {
            const pv_field_row_t *field = &task->field[k];
            assert_in_range(field->value, 0, PV_VALUES - 1);
            assert_true(field->help[0]);
            for (int m = 0; m < k; m++)
                assert_string_not_equal(field->name, task->field[m].name);
        }
    }
    for (int v = 0; v < PV_VALUES; v++)
        assert_true(pv_value_row((pv_value_t)v)->help[0] && pv_value_row((pv_value_t)v)->max > 0);
}

static const char SAME[] = "";
static const struct {
    pv_value_t value;
    const char *in, *out; /* NULL: refused; SAME: as it came */
} values[] = {
    {PV_VALUE_LABEL, "web-1", SAME},
    {PV_VALUE_LABEL, "Web", NULL},
    {PV_VALUE_ONOFF, "on", SAME},
    {PV_VALUE_ONOFF, "offline", NULL},
    {PV_VALUE_DOMAIN, "WWW.a.test", "www.a.test"},
    {PV_VALUE_DOMAIN, "none", NULL},
    {PV_VALUE_DOMAIN_OR_NONE, "none", SAME},
    {PV_VALUE_DOMAIN_OR_NONE, "A.test", "a.test"},
    {PV_VALUE_DOMAIN_OR_NONE, "//evil", NULL},
    {PV_VALUE_DOMAIN_OR_NONE, "javascript:", NULL},
    {PV_VALUE_DOMAIN_OR_NONE, "http://a.test/", NULL},
    {PV_VALUE_ADDRS, "2001:DB8::1", "2001:db8::1"},
    {PV_VALUE_ADDRS, "*", NULL},
    {PV_VALUE_SERVER, SERVER, SAME},
    {PV_VALUE_SERVER, PLATFORM, NULL},
    {PV_VALUE_PLATFORM, PLATFORM, SAME},
    {PV_VALUE_PLATFORM, SERVER, NULL},
    {PV_VALUE_PLACE, "0:a/b:web", SAME},
    {PV_VALUE_PLACE, "/etc", NULL},
    {PV_VALUE_SOURCE, "0:wordpress", SAME},
    {PV_VALUE_SOURCE, "0:../etc", NULL},
    {PV_VALUE_APP, "static", SAME},
    {PV_VALUE_APP, "../x", NULL},
    {PV_VALUE_HTTP, "apache", SAME},
    {PV_VALUE_HTTP, "apach", NULL},
    {PV_VALUE_HTTP, "Apache", NULL},
    {PV_VALUE_DB, "mariadb", SAME},
    {PV_VALUE_DB, "", NULL},
    {PV_VALUE_DB_AUTH, "socket", SAME},
    {PV_VALUE_DB_AUTH, "password", SAME},
    {PV_VALUE_DB_AUTH, "none", NULL},
    {PV_VALUE_HOST, "DB.a.test", "db.a.test"},
    {PV_VALUE_HOST, "db1", SAME},
    {PV_VALUE_HOST, "::1", SAME},
    {PV_VALUE_HOST, "10.0.0.1", SAME},
    {PV_VALUE_HOST, "2130706433", NULL},
    {PV_VALUE_HOST, "10.1", NULL},
    {PV_VALUE_HOST, "a b", NULL},
    {PV_VALUE_HOST, ";id", NULL},
    {PV_VALUE_PORT, "1", SAME},
    {PV_VALUE_PORT, "65535", SAME},
    {PV_VALUE_PORT, "65536", NULL},
    {PV_VALUE_PORT, "0", NULL},
    {PV_VALUE_PORT, "080", NULL},
    {PV_VALUE_COMP, "db.txt", SAME},
    {PV_VALUE_COMP, "../db", NULL},
    {PV_VALUE_TEXT, "<script>alert(1)</script> {{7*7}} \"'", SAME},
    {PV_VALUE_TEXT, "two\nlines", NULL},
    {PV_VALUE_TEXT, "", NULL},
    {PV_VALUE_WORD, "minimal_2", SAME},
    {PV_VALUE_WORD, "_x", NULL},
    {PV_VALUE_WORD, "a-b", NULL},
    {PV_VALUE_LANG, "en", SAME},
    {PV_VALUE_LANG, "pt-br", SAME},
    {PV_VALUE_LANG, "zh-Hans-CN", SAME},
    {PV_VALUE_LANG, "e", NULL},
    {PV_VALUE_LANG, "en-", NULL},
    {PV_VALUE_LANG, "-en", NULL},
    {PV_VALUE_LANG, "e1", NULL},
    {PV_VALUE_LANG, "../en", NULL},
    {PV_VALUE_LOGIN, "root@a", SAME},
    {PV_VALUE_LOGIN, "-root", NULL},
    {PV_VALUE_LOGIN, "root'--", NULL},
    {PV_VALUE_MAIL, "Some.One+x@A.Test", "Some.One+x@a.test"},
    {PV_VALUE_MAIL, "x@y\nBcc: z", NULL}, /* F11 */
    {PV_VALUE_MAIL, "a@b|id", NULL},
    {PV_VALUE_MAIL, "-oQ/tmp@x.test", NULL},
    {PV_VALUE_MAIL, "\"a b\"@x.test", NULL},
    {PV_VALUE_MAIL, "x", NULL},
    {PV_VALUE_MAIL, "@", NULL},
    {PV_VALUE_MAIL, "a@", NULL},
    {PV_VALUE_MAIL, "@a.test", NULL},
    {PV_VALUE_MAIL, "a@localhost", NULL},
    {PV_VALUE_MAIL, "a..b@a.test", NULL},
    {PV_VALUE_MAIL, "a.@a.test", NULL},
    {PV_VALUE_MAIL, "a@b@a.test", NULL},
};

static void test_values(void **state)
{
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *out = NULL, *want = values[i].out == SAME ? values[i].in : values[i].out;
        pv_err_t err;
        pv_value_check(&out, values[i].value, values[i].in, strlen(values[i].in), &err, *state);
        if (!out != !want || (out && strcmp(out, want) != 0))
            fail_msg("%s '%s' gave '%s'", pv_value_row(values[i].value)->name, values[i].in, out ? out : "(refused)");
    }
}

static void test_no_value_is_longer_than_its_row_says_or_holds_a_nul(void **state)
{
    static char much[4096];
    memset(much, 'a', sizeof(much));
    for (int v = 0; v < PV_VALUES; v++) {
        const char *out;
        pv_err_t err;
        size_t max = pv_value_row((pv_value_t)v)->max;
        assert_int_equal(pv_value_check(&out, (pv_value_t)v, much, max + 1, &err, *state), APR_EGENERAL);
        assert_int_equal(pv_value_check(&out, (pv_value_t)v, "\0", 1, &err, *state), APR_EGENERAL);
    }
}

/* Fields from text: "name=value" each; further values of a list follow after commas, "name=[]" is an empty list. */
static pv_fields_t *fields(const char *const *text, apr_pool_t *p)
{
    pv_fields_t *f = apr_pcalloc(p, sizeof(*f));
    f->field = apr_pcalloc(p, 16 * sizeof(*f->field));
    for (; *text; text++) {
        pv_field_t *to = &f->field[f->n++];
        char *last, *copy = apr_pstrdup(p, *text);
        to->name = apr_strtok(copy, "=", &last);
        to->s = apr_pcalloc(p, 300 * sizeof(*to->s));
        for (char *value = apr_strtok(NULL, ",", &last); value && strcmp(value, "[]") != 0;
             value = apr_strtok(NULL, ",", &last))
            to->s[to->n++] = value;
    }
    return f;
}

static const struct {
    const char *type;
    pv_kind_t kind;
    const char *in[12];
    const char *text; /* the error's; NULL: good */
} requests[] = {
    {"verify", PV_SERVER, {"name=web", "http=apache", "http_port=80", "addresses=::1,127.0.0.1"}, NULL},
    {"verify", PV_SERVER, {"name=web", "db=mariadb", "db_auth=socket"}, NULL},
    {"verify",
     PV_SERVER,
     {"name=web", "db=mariadb", "db_auth=password", "db_host=db", "db_port=3306", "db_secret=db.txt"},
     NULL},
    {"verify", PV_SERVER, {"name=web"}, "http: http or db is required"},
    {"verify", PV_SERVER, {"name=web", "http=apache"}, "http_port: required with http"},
    {"verify", PV_SERVER, {"name=web", "db=mariadb"}, "db_auth: required with db"},
    {"verify",
     PV_SERVER,
     {"name=web", "db=mariadb", "db_auth=password"},
     "db_host: required with db_auth=password; db_secret: required with db_auth=password"},
    {"verify",
     PV_SERVER,
     {"name=web", "db=mariadb", "db_auth=socket", "db_secret=x", "http_port=80"},
     "http_port: only allowed with http; db_secret: only allowed with db_auth=password"},
    {"verify",
     PV_SERVER,
     {"http=apache", "http_port=0", "path=/etc"},
     "path: unknown; 'verify server' has no such field; name: required: name: small letters, digits and hyphens; "
     "http_port: must be a number from 1 to 65535"},
    {"install", PV_SITE, {"name=a.test", "platform=" PLATFORM, "aliases=b.test", "redirect=b.test"}, NULL},
    {"install", PV_SITE, {"name=a.test", "platform=" PLATFORM, "redirect=A.test"}, NULL},
    {"install", PV_SITE, {"name=a.test", "platform=" PLATFORM, "redirect=none"}, NULL},
    {"install", PV_SITE, {"name=a.test", "platform=" PLATFORM, "aliases=[]"}, NULL},
    {"install",
     PV_SITE,
     {"name=a.test", "platform=" PLATFORM, "redirect=c.test"},
     "redirect: must be the site's name or one of its aliases"},
    {"install",
     PV_SITE,
     {"name=a.test", "platform=" PLATFORM, "aliases=b.test,A.TEST"},
     "aliases: must not hold the site's own name"},
    {"install",
     PV_SITE,
     {"name=a.test", "platform=" PLATFORM, "aliases=b.test,B.Test"}, /* F8 */
     "aliases: value 2 stands there twice"},
    {"install",
     PV_SITE,
     {"name=a.test", "platform=" PLATFORM, "aliases=b.test,_x.test", "redirect=b.test"},
     "aliases: value 2 is wrong; must be host names, at most 250, none twice"},
    {"install", PV_SITE, {"name=a.test", "name=b.test", "platform=" PLATFORM}, "name: given twice"},
    {"install",
     PV_SITE,
     {"name=a.test,b.test", "platform=" PLATFORM},
     "name: takes one value: a host name of at least two labels, such as www.example.org; letters that are not ASCII "
     "as xn--..."},
    {"verify", PV_SITE, {"redirect=b.test"}, NULL}, /* the engine knows the names */
    {"verify", PV_SITE, {NULL}, NULL},
    {"delete", PV_SERVER, {"name=web"}, "name: unknown; 'delete server' has no such field"},
};

static void test_requests(void **state)
{
    for (size_t i = 0; i < COUNT(requests); i++) {
        const pv_task_row_t *task = pv_task_find(requests[i].type, requests[i].kind);
        pv_fields_t *f = NULL;
        pv_err_t err = {0};
        apr_status_t rv = pv_fields_check(&f, task, fields(requests[i].in, *state), &err, *state);
        assert_string_equal(err.text, requests[i].text ? requests[i].text : "");
        assert_int_equal(rv, requests[i].text ? APR_EGENERAL : APR_SUCCESS);
        assert_int_equal(err.code, requests[i].text ? PV_SCHEMA : PV_OK);
        assert_true(requests[i].text ? !f : f != NULL);
    }
}

static void test_a_checked_request_is_canonical_and_in_the_rows_order(void **state)
{
    static const char *const in[] = {"aliases=C.test,b.test", "platform=" PLATFORM, "name=A.Test", NULL};
    pv_fields_t *f;
    pv_err_t err;
    assert_int_equal(pv_fields_check(&f, pv_task_find("install", PV_SITE), fields(in, *state), &err, *state),
                     APR_SUCCESS);
    assert_int_equal(f->n, 3);
    assert_string_equal(f->field[0].name, "name");
    assert_string_equal(pv_fields_str(f, "name", ""), "a.test");
    assert_int_equal(pv_fields_get(f, "aliases")->n, 2);
    assert_string_equal(pv_fields_get(f, "aliases")->s[0], "c.test");
    assert_string_equal(pv_fields_str(f, "title", "none given"), "none given");
    assert_null(pv_fields_get(f, "title"));
}

static void test_a_list_takes_as_many_values_as_its_row_says(void **state)
{
    static const char *const in[] = {"name=a.test", "platform=" PLATFORM, "aliases=x", NULL};
    const int most = pv_value_row(PV_VALUE_DOMAINS)->list;
    pv_fields_t *raw = fields(in, *state), *f;
    pv_field_t *aliases = &raw->field[2];
    pv_err_t err;
    for (aliases->n = 0; aliases->n < most; aliases->n++)
        aliases->s[aliases->n] = apr_psprintf(*state, "a%d.example.test", aliases->n);
    assert_int_equal(pv_fields_check(&f, pv_task_find("install", PV_SITE), raw, &err, *state), APR_SUCCESS);
    aliases->s[aliases->n++] = "one.too.many.test";
    assert_int_equal(pv_fields_check(&f, pv_task_find("install", PV_SITE), raw, &err, *state), APR_EGENERAL);
    assert_string_equal(err.field, "aliases");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_tasks_are_found_by_type_and_kind_and_only_once),
        TEST(test_every_field_has_a_value_a_help_and_a_name_of_its_own),
        TEST(test_values),
        TEST(test_no_value_is_longer_than_its_row_says_or_holds_a_nul),
        TEST(test_requests),
        TEST(test_a_checked_request_is_canonical_and_in_the_rows_order),
        TEST(test_a_list_takes_as_many_values_as_its_row_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
