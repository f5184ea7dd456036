/*
 * Manifests: the shipped ones are read, and each slip is named with its file and key.
 */
#include "unit.h"

#include "engine/manifest.h"
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char good[] =
    "{'v':1,'name':'odd','label':'Odd','databases':['mariadb'],'marker':['a/b.txt'],'fields':['title'],'required':[],"
    "'link':true,'php':false,'probe':{'path':'/x?y=1','title':true},"
    "'verbs':{'install':{'deadline':30,'net':true,'kind':'ONCE','label':'Install','permission':'run'},"
    "'login':{'deadline':9,'kind':'REPEAT','label':'Log in','run':'site','args':['admin_name']}}}";

/* A text in GOOD, what stands there instead, and what the error then says. */
static const struct {
    const char *from, *to, *says;
} slips[] = {
    {"'v':1", "'v':2", "odd/manifest.json: v: must be 1"},
    {"'v':1,", "", "odd/manifest.json: v: is missing"},
    {"'name':'odd'", "'name':'other'", "name: must be the name of the driver's folder"},
    {"'label':'Odd'", "'label':''", "label: must be a text"},
    {"'label':'Odd'", "'label':'a\\nb'", "label: must be a text"},
    {"'label':'Odd'", "'label':'Odd','colour':'red'", "colour: there is no such key"},
    {"'label':'Odd'", "'label':'Odd','label':'Odd'", "line 1: duplicate object key"},
    {"['mariadb']", "'mariadb'", "databases: must be a list"},
    {"['mariadb']", "[1]", "databases: must be a text"},
    {"['a/b.txt']", "[]", "marker: must name at least one file"},
    {"['a/b.txt']", "['../x']", "marker: must not contain . or .."},
    {"['a/b.txt']", "['a/./x']", "marker: must not contain . or .."},
    {"['a/b.txt']", "['/etc/passwd']", "marker: must be relative"},
    {"'link':true", "'link':1", "link: must be true or false"},
    {"'/x?y=1'", "'x'", "probe.path: must be a path"},
    {"'/x?y=1'", "'/x y'", "probe.path: must be a path"},
    {",'title':true", "", "probe.title: is missing"},
    {"'install':", "'In-stall':", "verbs.In-stall: a verb is"},
    {"'deadline':30", "'deadline':0", "verbs.install.deadline: must be a number of seconds"},
    {"'deadline':30", "'deadline':'30'", "verbs.install.deadline: must be a number of seconds"},
    {"'kind':'ONCE'", "'kind':'TWICE'", "verbs.install.kind: must be REPEAT or ONCE"},
    {"'run':'site'", "'run':'server'", "verbs.login.run: must be site or platform"},
    {"'run':'site'", "'run':true", "verbs.login.run: must be site or platform"},
    {"'run':'site',", "", "verbs.login.args: goes only with run"},
    {"'REPEAT'", "'ONCE'", "verbs.login.run: a verb that people ask for by itself must be of kind REPEAT"},
    {"['admin_name']", "['admin_mail']", "verbs.login.args: must be fields of the task run"},
    {"['admin_name']", "['verb']", "verbs.login.args: must be fields of the task run"},
    {"'run':'site'", "'run':'platform'", "verbs.login.args: must be fields of the task run"},
    {"['admin_name']", "'admin_name'", "verbs.login.args: must be a list"},
    {"'net':true", "'next':true", "verbs.install.next: there is no such key"},
    {"{'v'", "['v'", "line 1: "},
};

static char folder[] = "/tmp/pv-manifest-XXXXXX";

static int folder_make(void **state)
{
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    pool_make(state);
    return mkdtemp(folder) && mkdir(apr_pstrcat(*state, folder, "/odd", NULL), 0755) == 0 ? 0 : -1;
}

static int folder_end(void **state)
{
    unlink(apr_pstrcat(*state, folder, "/odd/manifest.json", NULL));
    rmdir(apr_pstrcat(*state, folder, "/odd", NULL));
    rmdir(folder);
    return pool_end(state);
}

#define FOLDER(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_end)

/* GOOD with FROM replaced, its quotes made JSON's, as the driver's manifest. */
static void put(const char *from, const char *to, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, good), *at = *from ? strstr(text, from) : text;
    FILE *f = fopen(apr_pstrcat(p, folder, "/odd/manifest.json", NULL), "w");
    assert_non_null(at);
    text = apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(at - text)), to, at + strlen(from), NULL);
    for (char *c = text; *c; c++)
        fputc(*c == '\'' ? '"' : *c, f);
    assert_int_equal(fclose(f), 0);
}

static void test_each_slip_is_named(void **state)
{
    const pv_manifest_t *m;
    pv_err_t err;
    for (size_t i = 0; i < COUNT(slips); i++) {
        put(slips[i].from, slips[i].to, *state);
        assert_int_equal(pv_manifest_read(&m, folder, "odd", &err, *state), APR_EGENERAL);
        assert_int_equal(err.code, PV_DRIVER_FAILED);
        if (!strstr(err.text, slips[i].says))
            fail_msg("'%s' does not say '%s'", err.text, slips[i].says);
    }
}

static void test_a_changed_manifest_counts_at_once(void **state)
{
    const pv_manifest_t *m, **list;
    const pv_verb_t *verb;
    pv_err_t err;
    int n;
    put("", "", *state);
    assert_int_equal(pv_manifest_read(&m, folder, "odd", &err, *state), APR_SUCCESS);
    assert_string_equal(m->app.s, "odd");
    assert_true(m->link && !m->php && m->title);
    assert_string_equal(m->path, "/x?y=1");
    assert_true(pv_strings_have(&m->databases, "mariadb") && !pv_strings_have(&m->databases, "sqlite"));
    verb = pv_manifest_verb(m, "install");
    assert_true(verb && verb->net && verb->kind == PV_ONCE && verb->deadline == 30);
    assert_null(verb->run);
    verb = pv_manifest_verb(m, "login");
    assert_true(verb && !verb->net && pv_strings_have(&verb->args, "admin_name"));
    assert_string_equal(verb->run, "site");
    assert_null(pv_manifest_verb(m, "setup"));
    put("'link':true", "'link':false", *state);
    assert_int_equal(pv_manifest_list(&list, &n, folder, &err, *state), APR_SUCCESS);
    assert_true(n == 1 && !list[0]->link);
}

static void test_a_wrong_manifest_hides_no_other_driver(void **state)
{
    const pv_manifest_t **list;
    pv_err_t err;
    int n;
    put(slips[0].from, slips[0].to, *state);
    assert_int_equal(pv_manifest_list(&list, &n, folder, &err, *state), APR_SUCCESS);
    assert_int_equal(n, 0);
}

static void test_a_driver_that_is_not_there_is_a_wrong_app(void **state)
{
    static const char *const names[] = {"missing", "../odd", "", "ODD"};
    const pv_manifest_t *m;
    pv_err_t err;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(pv_manifest_read(&m, folder, names[i], &err, *state), APR_EGENERAL);
        assert_int_equal(err.code, PV_SCHEMA);
        assert_string_equal(err.field, "app");
    }
}

static void test_the_shipped_manifests_are_right(void **state)
{
    const pv_manifest_t **list;
    pv_err_t err;
    int n;
    if (pv_manifest_list(&list, &n, "provisiond/apps", &err, *state))
        fail_msg("%s", err.text);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++)
        assert_non_null(pv_manifest_verb(list[i], "install"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER(test_each_slip_is_named),
        FOLDER(test_a_changed_manifest_counts_at_once),
        FOLDER(test_a_wrong_manifest_hides_no_other_driver),
        FOLDER(test_a_driver_that_is_not_there_is_a_wrong_app),
        TEST(test_the_shipped_manifests_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
