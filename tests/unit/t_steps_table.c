/*
 * The rows of steps.def: that they fit together, and what the calls say that their functions build.
 */
#include "unit.h"

#include "engine/parts.h"
#include "engine/steps/steps.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <string.h>

static const struct {
    const char *type;
    pv_kind_t kind;
} tasks[] = {
    {"verify", PV_SERVER}, {"verify", PV_PLATFORM}, {"verify", PV_SITE},    {"install", PV_SITE},
    {"disable", PV_SITE},  {"enable", PV_SITE},     {"delete", PV_SITE},    {"delete", PV_PLATFORM},
    {"delete", PV_SERVER}, {"purge", PV_SITE},      {"purge", PV_PLATFORM}, {"restore", PV_SITE},
    {"run", PV_SITE},      {"run", PV_PLATFORM},
};

static int place_of(const pv_plan_row_t *row, const char *name)
{
    int i = 0;
    while (i < row->n && strcmp(row->step[i]->name, name) != 0)
        i++;
    return i;
}

static void test_every_task_has_a_plan(void **state)
{
    for (int i = 0; i < pv_task_count(); i++)
        assert_non_null(pv_plan_row(pv_task_at(i)->type, pv_task_at(i)->kind));
    assert_null(pv_plan_row("install", PV_SERVER));
}

static void test_each_plan_can_be_run_and_undone(void **state)
{
    for (size_t t = 0; t < COUNT(tasks); t++) {
        const pv_plan_row_t *row = pv_plan_row(tasks[t].type, tasks[t].kind);
        assert_non_null(row);
        assert_in_range(row->commit, 0, row->n - 1);
        for (int i = 0; i < row->n; i++) {
            const pv_step_row_t *step = row->step[i];
            assert_int_equal(place_of(row, step->name), i); /* none twice */
            assert_true(step->act || step->undo);
            assert_true(step->what && *step->what);
            if (step->kind == PV_ONCE)
                assert_in_range(place_of(row, step->rewind), 0, i - 1);
            if (step->kind == PV_CHECK)
                assert_true(step->act && !step->probe && !step->undo);
        }
    }
}

/* What is staged is undone by staging what was; the undo of `settle`, which comes after these, makes it live. */
static void test_an_undo_publishes_what_it_staged(void **state)
{
    for (size_t t = 0; t < COUNT(tasks); t++) {
        const pv_plan_row_t *row = pv_plan_row(tasks[t].type, tasks[t].kind);
        if (place_of(row, "vhost") == row->n)
            continue;
        assert_true(place_of(row, "settle") < place_of(row, "pool"));
        assert_true(place_of(row, "pool") < place_of(row, "vhost"));
        assert_true(place_of(row, "vhost") < place_of(row, "publish"));
    }
}

/* Code of a site runs from its publication on: its processes end before the folders do in which they may write, and so
 * they do on the way back. */
static void test_processes_end_before_their_folders(void **state)
{
    const pv_plan_row_t *gone = pv_plan_row("delete", PV_SITE), *off = pv_plan_row("disable", PV_SITE);
    const pv_plan_row_t *install = pv_plan_row("install", PV_SITE), *restore = pv_plan_row("restore", PV_SITE);
    assert_true(place_of(gone, "publish") < place_of(gone, "evict") &&
                place_of(gone, "evict") < place_of(gone, "trash"));
    assert_true(place_of(off, "publish") < place_of(off, "evict") && place_of(off, "evict") < off->n);
    assert_true(place_of(restore, "switch") < place_of(restore, "evict"));
    assert_true(place_of(restore, "evict") < place_of(restore, "oldfiles"));
    assert_true(place_of(install, "driver") < place_of(install, "quiet"));
    assert_true(place_of(install, "quiet") < place_of(install, "settle"));
    assert_true(place_of(restore, "unpack") < place_of(restore, "quiet"));
    assert_true(place_of(restore, "quiet") < place_of(restore, "settle"));
}

/* ---- calls ---- */

static struct {
    pv_conf_t conf;
    struct pv_engine engine;
    pv_job_t job;
    apr_pool_t *p;
} world;

static json_t *json_of(const char *quoted)
{
    char *text = apr_pstrdup(world.p, quoted);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return pv_json_keep(json_loads(text, 0, NULL), world.p);
}

static int world_make(void **state)
{
    memset(&world, 0, sizeof(world));
    pool_make(state);
    world.p = world.engine.p = *state;
    world.conf = (pv_conf_t){.AppsDir = "provisiond/apps", .SitesRoot = "/srv/sites", .DbSocket = "/run/db"};
    world.conf.PlatformRoot = (pv_paths_t){.n = 2, .path = {"/srv/a", "/srv/b"}};
    world.conf.SourceRoot = (pv_paths_t){.n = 1, .path = {"/usr/share"}};
    world.engine.conf = &world.conf;
    world.job = (pv_job_t){.p = world.p, .engine = &world.engine, .type = "install", .uid = 70003};
    strcpy(world.job.object.s, "saaaaaaaaaaaa");
    strcpy(world.job.app.s, "wordpress");
    world.job.facts = json_of("{}");
    world.job.args = json_of("{'verb':'login','admin_name':'ann'}");
    world.job.plan =
        json_of("{'state':'enabled','was':'','name':'a.test','platform':'paaaaaaaaaaaa','place':'1:cms:web',"
                "'port':'8080','addresses':['127.0.0.1','::1'],'database':true,'db':'mariadb',"
                "'db_server':'vaaaaaaaaaaaa','dbgen':'1','version':'6.1','verb':'login'}");
    world.job.want = json_of("{'aliases':['b.test'],'redirect':'b.test','title':'A & B','admin_mail':'a@example.org',"
                             "'client':'Somebody'}");
    return 0;
}

/* A call's arguments, joined by blanks, "-" for an empty one. */
static const char *words_of(pv_step_fn *fn, pv_call_t **ret)
{
    pv_call_t *call = pv_call_make(&world.engine, &world.job);
    const char *text = "", *at;
    uint32_t len;
    fn(&world.job, call);
    if (call->request)
        pv_json_keep(call->request, world.p);
    at = call->out ? call->out->buf + sizeof(pv_dgram_head_t) : NULL; /* the head comes first */
    for (int i = 0; call->out && i < call->out->head.argc; i++, at += len) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        text = apr_pstrcat(world.p, text, i ? " " : "", len ? apr_pstrmemdup(world.p, at, len) : "-", NULL);
    }
    if (ret)
        *ret = call;
    return text;
}

static const struct {
    pv_step_fn *fn;
    const char *words;
} calls[] = {
    {pv_dirs_make, "saaaaaaaaaaaa MAKE 70003"},
    {pv_secret_probe, "saaaaaaaaaaaa db PROBE"},
    {pv_database_create, "vaaaaaaaaaaaa saaaaaaaaaaaa 1"},
    {pv_grant_probe, "vaaaaaaaaaaaa saaaaaaaaaaaa 1 GRANT"},
    {pv_pool_stage, "saaaaaaaaaaaa STAGE ON wordpress"},
    {pv_pool_restore, "saaaaaaaaaaaa STAGE NONE wordpress"},
    {pv_vhost_probe, "saaaaaaaaaaaa PROBE ON wordpress 1:cms:web 8080 b.test 2 127.0.0.1 ::1 a.test b.test"},
    {pv_vhost_restore, "saaaaaaaaaaaa STAGE NONE wordpress 1:cms:web 8080 - 2 127.0.0.1 ::1 a.test"},
    {pv_httpd_listens, "8080"},
    {pv_link_make, "paaaaaaaaaaaa 1:cms:web link - - w -"},
    {pv_driver_install, "saaaaaaaaaaaa 1:cms:web driver wordpress install d -"},
    {pv_verb_run, "saaaaaaaaaaaa 1:cms:web driver wordpress login d -"},
    {pv_packages_list, "saaaaaaaaaaaa 1:cms:web driver wordpress packages d -"},
    {pv_trash_empty, "saaaaaaaaaaaa - empty - - t -"},
};

static void test_each_call_says_what_is_asked(void **state)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        assert_string_equal(words_of(calls[i].fn, NULL), calls[i].words);
}

static void test_a_disabled_site_has_no_pool_and_another_host(void **state)
{
    pv_props_set(world.job.plan, "state", "disabled");
    assert_string_equal(words_of(pv_pool_stage, NULL), "saaaaaaaaaaaa STAGE NONE wordpress");
    assert_memory_equal(words_of(pv_vhost_stage, NULL), "saaaaaaaaaaaa STAGE OFF", 23);
}

/* The contract of provision-driver(7), and no secret in it. */
static void test_a_driver_s_request_is_whole(void **state)
{
    pv_call_t *call;
    words_of(pv_driver_install, &call);
    json_t *wanted = json_of(
        "{'v':1,'verb':'install','platform':{'id':'paaaaaaaaaaaa','root':'/srv/b/cms/"
        "web','app':'wordpress','version':'6.1'},"
        "'site':{'id':'saaaaaaaaaaaa','uri':'a.test','url':'http://b.test:8080','aliases':['b.test'],"
        "'data':'/srv/sites/saaaaaaaaaaaa/data','private':'/srv/sites/saaaaaaaaaaaa/private',"
        "'tmp':'/srv/sites/saaaaaaaaaaaa/tmp','title':'A & B'},"
        "'db':{'type':'mariadb','name':'saaaaaaaaaaaad1','user':'saaaaaaaaaaaa','socket':'/run/db',"
        "'secret_file':'/srv/sites/saaaaaaaaaaaa/etc/db'},'args':{'title':'A & B','admin_mail':'a@example.org'}}");
    assert_true(json_equal(call->request, wanted));
}

static void test_a_run_takes_its_arguments_and_the_manifest_s_deadline(void **state)
{
    pv_call_t *call;
    words_of(pv_verb_run, &call);
    assert_true(json_equal(json_object_get(call->request, "args"), json_of("{'admin_name':'ann'}")));
    assert_string_equal(json_string_value(json_object_get(call->request, "verb")), "login");
    assert_int_equal(call->deadline, 60);
    pv_props_set(world.job.plan, "verb", "cron");
    assert_string_equal(words_of(pv_verb_run, &call), "saaaaaaaaaaaa 1:cms:web driver wordpress cron dn -");
    assert_int_equal(json_object_size(json_object_get(call->request, "args")), 0);
    pv_props_set(world.job.plan, "verb", "dance");
    words_of(pv_verb_run, &call);
    assert_int_equal(call->kind, PV_CALL_NONE);
    assert_int_equal(call->answer.code, PV_SCHEMA);
}

static void test_a_database_over_tcp_needs_the_network_of_the_host(void **state)
{
    pv_call_t *call;
    json_object_set_new(world.job.plan, "db_host", json_string("10.0.0.1"));
    json_object_set_new(world.job.plan, "db_port", json_string("3307"));
    assert_string_equal(words_of(pv_driver_install, &call), "saaaaaaaaaaaa 1:cms:web driver wordpress install n -");
    json_t *db = json_object_get(call->request, "db");
    assert_string_equal(json_string_value(json_object_get(db, "host")), "10.0.0.1");
    assert_int_equal(json_integer_value(json_object_get(db, "port")), 3307);
    assert_null(json_object_get(db, "socket"));
}

/* A visitor is redirected to the chosen name, so that one is asked; the title only of a new site, as the driver says
 * it. */
static void test_the_page_asked_for_is_a_visitor_s(void **state)
{
    pv_call_t *call;
    words_of(pv_site_get, &call);
    assert_string_equal(call->host, "b.test:8080");
    assert_string_equal(call->addr, "127.0.0.1");
    assert_true(call->port == 8080 && call->status == 200);
    assert_string_equal(call->title, "A & B");
    json_object_set_new(world.job.facts, "title", json_string("As found"));
    words_of(pv_site_get, &call);
    assert_string_equal(call->title, "As found");
    world.job.type = "verify";
    words_of(pv_site_get, &call);
    assert_null(call->title);
}

/* Its driver's word on its maintenance counts, where it was asked; a new site has to show its page. */
static void test_a_site_that_was_there_may_answer_as_its_owner_wants(void **state)
{
    pv_call_t *call;
    words_of(pv_site_get, &call);
    assert_true(!call->others && call->closed == PV_NOT_CLOSED);
    world.job.type = "restore";
    words_of(pv_site_get, &call);
    assert_true(call->others && call->closed == PV_MAYBE_CLOSED);
    json_object_set_new(world.job.facts, "maintenance", json_string("on"));
    words_of(pv_site_get, &call);
    assert_int_equal(call->closed, PV_IS_CLOSED);
    json_object_set_new(world.job.facts, "maintenance", json_string("off"));
    words_of(pv_site_get, &call);
    assert_int_equal(call->closed, PV_NOT_CLOSED);
}

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_an_archive_is_kept_that_is_as_its_worker_reported_it(void **state)
{
    static const struct {
        const char *sum, *size;
        pv_code_t code;
    } rows[] = {
        {SUM, "512", PV_OK},
        {SUM, "511", PV_DRIVER_FAILED},
        {SUM, "", PV_DRIVER_FAILED},
        {SUM "0", "512", PV_DRIVER_FAILED},
        {"a", "512", PV_DRIVER_FAILED},
    };
    pv_call_t *call;
    world.job.plan = json_of("{'bid':'baaaaaaaaaaaa'}");
    words_of(pv_archive_keep, &call);
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_reply_t reply = {.code = PV_OK, .b = 512};
        json_object_set_new(world.job.facts, "sha256", json_string(rows[i].sum));
        json_object_set_new(world.job.facts, "size", json_string(rows[i].size));
        call->read(call, &reply);
        assert_int_equal(reply.code, rows[i].code);
    }
}

/* What a site's own code reported is no word on which driver it has. */
static void test_a_site_s_driver_is_its_platform_s(void **state)
{
    pv_call_t *call;
    words_of(pv_site_get, &call);
    const char *path = call->path;
    json_object_set_new(world.job.facts, "app", json_string("gone"));
    words_of(pv_site_get, &call);
    assert_string_equal(call->path, path);
}

static void test_a_driver_that_is_gone_fails_the_call(void **state)
{
    pv_call_t *call;
    strcpy(world.job.app.s, "gone");
    words_of(pv_driver_install, &call);
    assert_int_equal(call->kind, PV_CALL_NONE);
    assert_int_equal(call->answer.code, PV_SCHEMA);
    assert_non_null(strstr(call->answer.detail, "no driver 'gone'"));
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, world_make, pool_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_task_has_a_plan),
        TEST(test_each_plan_can_be_run_and_undone),
        TEST(test_an_undo_publishes_what_it_staged),
        TEST(test_processes_end_before_their_folders),
        WORLD(test_each_call_says_what_is_asked),
        WORLD(test_a_site_that_was_there_may_answer_as_its_owner_wants),
        WORLD(test_an_archive_is_kept_that_is_as_its_worker_reported_it),
        WORLD(test_a_disabled_site_has_no_pool_and_another_host),
        WORLD(test_a_driver_s_request_is_whole),
        WORLD(test_a_run_takes_its_arguments_and_the_manifest_s_deadline),
        WORLD(test_a_database_over_tcp_needs_the_network_of_the_host),
        WORLD(test_the_page_asked_for_is_a_visitor_s),
        WORLD(test_a_site_s_driver_is_its_platform_s),
        WORLD(test_a_driver_that_is_gone_fails_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
