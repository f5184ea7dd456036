/*
 * Plans against a journal: what a task may refer to, which names are free, what its driver needs, and what is then
 * decided.
 */
#include "unit.h"

#include "engine/parts.h"
#include "engine/props.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEB      "vaaaaaaaaaaaa"
#define DB       "vbbbbbbbbbbbb"
#define PAGES    "paaaaaaaaaaaa"
#define PRESS    "pbbbbbbbbbbbb"
#define UNREADY  "pcccccccccccc"
#define SITE     "saaaaaaaaaaaa"
#define NEW_SITE "sbbbbbbbbbbbb"
#define NEW_CODE "pdddddddddddd"
#define NEW_HOST "vcccccccccccc"

static struct {
    char folder[64];
    pv_conf_t conf;
    struct pv_engine engine;
    apr_pool_t *p;
} world;

static const struct {
    const char *id, *name, *state, *props;
} objects[] = {
    {WEB, "@server_web", "verified", "{'name':'web','http':'apache','http_port':'8080'}"},
    {DB, "@server_db", "verified", "{'name':'db','db':'mariadb','db_auth':'socket'}"},
    {PAGES, "@platform_pages", "verified", "{'name':'pages','server':'" WEB "','place':'0:pages','app':'static'}"},
    {PRESS, "@platform_press", "verified",
     "{'name':'press','server':'" WEB "','place':'0:press','source':'0:wordpress','app':'wordpress','version':'6.1'}"},
    {UNREADY, "@platform_unready", "new", "{'name':'unready','server':'" WEB "','place':'0:unready'}"},
    {SITE, "@a.test", "disabled",
     "{'name':'a.test','aliases':['www.a.test'],'platform':'" PAGES "','app':'static','title':'A'}"},
};

static json_t *json_of(const char *quoted)
{
    char *text = apr_pstrdup(world.p, quoted);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return pv_json_keep(json_loads(text, 0, NULL), world.p);
}

static pv_id_t id_of(const char *s)
{
    pv_id_t id;
    assert_int_equal(pv_id_parse(&id, s, strlen(s)), APR_SUCCESS);
    return id;
}

static void fill(pv_journal_t *j)
{
    static const char *const names[] = {"a.test", "www.a.test"};
    pv_id_t site = id_of(SITE);
    pv_err_t err;
    assert_int_equal(pv_journal_begin(j, &err), APR_SUCCESS);
    for (size_t i = 0; i < COUNT(objects); i++) {
        pv_object_t o = {.id = id_of(objects[i].id), .uid = 70001, .revision = 1, .state = objects[i].state};
        assert_int_equal(pv_context_parse(&o.name, objects[i].name, strlen(objects[i].name)), APR_SUCCESS);
        o.props = json_of(objects[i].props);
        assert_int_equal(pv_object_save(j, &o, &err), APR_SUCCESS);
    }
    assert_int_equal(pv_host_claim(j, &site, names, 2, &err), APR_SUCCESS);
    assert_int_equal(pv_journal_commit(j, &err), APR_SUCCESS);
}

static int world_make(void **state)
{
    pv_err_t err;
    apr_initialize();
    memset(&world, 0, sizeof(world));
    apr_pool_create(&world.p, NULL);
    strcpy(world.folder, "/tmp/pv-plan-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    world.conf = (pv_conf_t){.AppsDir = "provisiond/apps", .SitesRoot = "/srv/sites", .UidRange = {70000, 70009}};
    world.conf.PlatformRoot = (pv_paths_t){.n = 1, .path = {"/srv/platforms"}};
    world.conf.SourceRoot = (pv_paths_t){.n = 1, .path = {"/usr/share"}};
    world.engine.p = world.p;
    world.engine.conf = &world.conf;
    assert_int_equal(
        pv_journal_open(&world.engine.journal, apr_pstrcat(world.p, world.folder, "/journal.db", NULL), &err, world.p),
        0);
    fill(world.engine.journal);
    return 0;
}

static int world_end(void **state)
{
    static const char *const files[] = {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db-ballast"};
    char path[128];
    apr_pool_destroy(world.p);
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", world.folder, files[i]);
        unlink(path);
    }
    rmdir(world.folder);
    apr_terminate();
    return 0;
}

/* "name=a.test aliases=b.test,c.test" as checked fields. */
static const pv_fields_t *fields_of(const pv_task_row_t *task, const char *words)
{
    pv_fields_t raw = {.field = apr_pcalloc(world.p, 16 * sizeof(pv_field_t))}, *fields;
    char *save, *word;
    pv_err_t err;
    for (word = apr_strtok(apr_pstrdup(world.p, words), " ", &save); word; word = apr_strtok(NULL, " ", &save)) {
        pv_field_t *f = &raw.field[raw.n++];
        char *value = strchr(word, '='), *more, *item;
        *value++ = '\0';
        f->name = word;
        f->s = apr_pcalloc(world.p, 8 * sizeof(char *));
        for (item = apr_strtok(value, ",", &more); item; item = apr_strtok(NULL, ",", &more))
            f->s[f->n++] = item;
    }
    if (pv_fields_check(&fields, task, &raw, &err, world.p))
        fail_msg("%s: %s", words, err.text);
    return fields;
}

/* Plans a task and rolls back. */
static apr_status_t plan(pv_job_t **ret, const char *type, const char *object, const char *words, pv_err_t *err)
{
    pv_job_t *job = apr_pcalloc(world.p, sizeof(*job));
    pv_object_t *known;
    apr_status_t rv;
    job->p = world.p;
    job->engine = &world.engine;
    job->type = type;
    job->object = id_of(object);
    job->row = pv_plan_row(type, pv_id_kind(&job->object));
    job->facts = pv_json_keep(json_object(), world.p);
    if (pv_object_find(&known, world.engine.journal, &job->object, world.p) == APR_SUCCESS)
        job->have = known->props;
    assert_int_equal(pv_journal_begin(world.engine.journal, err), APR_SUCCESS);
    rv = pv_plan_make(job, fields_of(pv_task_find(type, pv_id_kind(&job->object)), words), err);
    pv_journal_rollback(world.engine.journal);
    *ret = job;
    return rv;
}

static const struct {
    const char *type, *object, *words;
    pv_code_t code;
    const char *field, *says;
} refused[] = {
    {"install", NEW_SITE, "name=b.test platform=peeeeeeeeeeee", PV_NO_OBJECT, "platform", "peeeeeeeeeeee"},
    {"install", NEW_SITE, "name=b.test platform=" UNREADY, PV_NO_OBJECT, "platform",
     "@platform_unready is not verified"},
    {"install", NEW_SITE, "name=a.test platform=" PAGES, PV_NAME_IN_USE, "name", "@a.test"},
    {"install", NEW_SITE, "name=www.a.test platform=" PAGES, PV_NAME_IN_USE, "name", "www.a.test belongs to @a.test"},
    {"install", NEW_SITE, "name=b.test aliases=www.a.test platform=" PAGES, PV_NAME_IN_USE, "aliases", "@a.test"},
    {"install", NEW_SITE, "name=b.localhost platform=" PAGES, PV_NAME_BAD, "name", "AllowLocalhost"},
    {"install", NEW_SITE, "name=b.test db_server=" DB " platform=" PAGES, PV_SCHEMA, "db_server", "has no database"},
    {"install", NEW_SITE, "name=b.test admin_mail=a@example.org profile=x platform=" PAGES, PV_SCHEMA, "profile",
     "profile: Static pages takes none; admin_mail: Static pages takes none"},
    {"install", NEW_SITE, "name=b.test admin_mail=a@example.org platform=" PRESS, PV_SCHEMA, "db_server",
     "needs a database"},
    {"install", NEW_SITE, "name=b.test db_server=" DB " platform=" PRESS, PV_SCHEMA, "admin_mail",
     "WordPress needs one"},
    {"install", NEW_SITE, "name=b.test admin_mail=a@example.org db_server=" WEB " platform=" PRESS, PV_SCHEMA,
     "db_server", "offers no database"},
    {"install", SITE, "name=b.test platform=" PAGES, PV_NAME_IN_USE, "name", "exists already"},
    {"verify", SITE, "redirect=c.test", PV_SCHEMA, "redirect", "c.test is neither"},
    {"verify", SITE, "aliases=a.test", PV_SCHEMA, "aliases", "own name"},
    {"verify", NEW_SITE, "", PV_NO_OBJECT, "object", "there is no site"},
    {"disable", NEW_SITE, "", PV_NO_OBJECT, "object", "there is no site"},
    {"delete", PAGES, "", PV_IN_USE, "object", "it is the platform of @a.test"},
    {"delete", WEB, "", PV_IN_USE, "object", "it is the server of @platform_pages and 2 more"},
    {"verify", NEW_CODE, "name=x server=" WEB " place=1:x", PV_ROOT_NOT_ALLOWED, "place", "no PlatformRoot 1"},
    {"verify", NEW_CODE, "name=x server=" WEB " place=0:x source=3:x", PV_ROOT_NOT_ALLOWED, "source",
     "no SourceRoot 3"},
    {"verify", NEW_CODE, "name=x server=" WEB " place=0:x source=0:x:web", PV_SCHEMA, "source", "docroot"},
    {"verify", NEW_CODE, "name=x server=" WEB " place=0:pages", PV_NAME_IN_USE, "place", "@platform_pages"},
    {"verify", NEW_CODE, "name=x server=" DB " place=0:x", PV_SCHEMA, "server", "@server_db is no web server"},
    {"verify", NEW_CODE, "name=pages server=" WEB " place=0:x", PV_NAME_IN_USE, "name", "@platform_pages"},
    {"verify", NEW_CODE, "name=x server=" WEB " place=0:x app=joomla", PV_SCHEMA, "app", "no driver 'joomla'"},
    {"verify", PAGES, "name=pages server=" WEB " place=0:other", PV_SCHEMA, "place", "stays so"},
    {"verify", PAGES, "name=pages server=" WEB " place=0:pages app=wordpress", PV_SCHEMA, "app", "stays so"},
    {"run", SITE, "verb=login", PV_SCHEMA, "verb", "there is status, stats"},
    {"run", SITE, "verb=install", PV_SCHEMA, "verb", "offers no install of a site"},
    {"run", SITE, "verb=stats admin_name=ann maintenance=on", PV_SCHEMA, "admin_name", "maintenance: the verb stats"},
    {"run", NEW_SITE, "verb=stats", PV_NO_OBJECT, "object", NEW_SITE},
    {"run", PRESS, "verb=cron", PV_SCHEMA, "verb", "there is nothing"},
    {"run", UNREADY, "verb=cron", PV_SCHEMA, "app", "must be the name of an installed driver"},
    {"verify", NEW_HOST, "name=web http=apache http_port=80", PV_NAME_IN_USE, "name", "@server_web"},
};

static void test_what_cannot_be_is_refused_and_named(void **state)
{
    pv_job_t *job;
    for (size_t i = 0; i < COUNT(refused); i++) {
        pv_err_t err = {.code = PV_OK};
        plan(&job, refused[i].type, refused[i].object, refused[i].words, &err);
        if (err.code != refused[i].code || strcmp(err.field, refused[i].field) != 0 ||
            !strstr(err.text, refused[i].says))
            fail_msg("%s %s: %s '%s' '%s'", refused[i].type, refused[i].words, pv_error_row(err.code)->name, err.field,
                     err.text);
    }
}

static pv_job_t *planned(const char *type, const char *object, const char *words)
{
    pv_job_t *job;
    pv_err_t err;
    if (plan(&job, type, object, words, &err))
        fail_msg("%s %s: %s", type, words, err.text);
    return job;
}

/* The names of the steps that apply, with a blank after each. */
static const char *steps_of(const pv_job_t *job)
{
    const char *text = "";
    for (int i = 0; i < job->row->n; i++)
        if (pv_step_applies(job, job->row->step[i]))
            text = apr_pstrcat(world.p, text, job->row->step[i]->name, " ", NULL);
    return text;
}

static void test_an_install_decides_everything_once(void **state)
{
    pv_job_t *job =
        planned("install", NEW_SITE, "name=b.test admin_mail=a@example.org db_server=" DB " platform=" PRESS);
    assert_int_equal(job->uid, 70000);
    assert_string_equal(job->app.s, "wordpress");
    assert_true(json_equal(
        job->plan,
        json_of("{'state':'enabled','was':'','context':'@b.test','name':'b.test','platform':'" PRESS "','server':'" WEB
                "','place':'0:press','version':'6.1','port':'8080','link':true,"
                "'php':true,'install':true,'move':true,'status':true,'packages':true,'database':true,'db_server':'" DB
                "','db':'mariadb','dbgen':'1'}")));
    assert_true(json_equal(job->want,
                           json_of("{'name':'b.test','platform':'" PRESS "','db_server':'" DB
                                   "','admin_mail':'a@example.org','title':'b.test','dbgen':'1','app':'wordpress'}")));
    assert_string_equal(
        steps_of(job),
        "names clear dirs secret database grant link driver quiet settle pool vhost publish served record packages ");
}

static void test_a_driver_without_database_and_php_leaves_their_steps_out(void **state)
{
    pv_job_t *job = planned("install", NEW_SITE, "name=b.test platform=" PAGES);
    assert_string_equal(steps_of(job), "names clear dirs driver settle vhost publish served record ");
}

static void test_a_verify_changes_only_what_it_names(void **state)
{
    pv_job_t *same = planned("verify", SITE, ""), *none = planned("verify", SITE, "aliases= redirect=none");
    pv_job_t *more = planned("verify", SITE, "redirect=www.a.test client=Somebody");
    assert_true(json_equal(same->want, same->have));
    assert_string_equal(pv_props_str(same->plan, "state"), "disabled");
    assert_int_equal(same->uid, 70001);
    assert_null(json_object_get(none->want, "aliases"));
    assert_null(json_object_get(none->want, "redirect"));
    assert_string_equal(pv_props_str(more->want, "redirect"), "www.a.test");
    assert_string_equal(pv_props_str(more->want, "client"), "Somebody");
}

static void test_a_run_leaves_the_object_as_it_is(void **state)
{
    pv_job_t *job = planned("run", SITE, "verb=stats");
    assert_true(json_equal(job->want, job->have));
    assert_string_equal(pv_props_str(job->plan, "label"), "Statistics");
    assert_string_equal(job->app.s, "static");
    assert_string_equal(steps_of(job), "run ");
}

static void test_a_delete_wants_nothing_and_knows_what_was(void **state)
{
    pv_job_t *job = planned("delete", SITE, "");
    assert_null(job->want);
    assert_string_equal(pv_props_str(job->plan, "was"), "disabled");
    assert_string_equal(pv_props_str(job->plan, "name"), "a.test");
    assert_string_equal(steps_of(job), "archive pack keep note settle vhost publish trash forget ");
    assert_string_equal(steps_of(planned("delete", SITE, "backup=no")), "settle vhost publish trash forget ");
}

static void test_a_platform_is_copied_once_or_adopted(void **state)
{
    pv_job_t *copied =
        planned("verify", NEW_CODE, "name=x server=" WEB " place=0:x/y:web source=0:wordpress app=wordpress");
    pv_job_t *adopted = planned("verify", NEW_CODE, "name=x server=" WEB " place=0:x");
    pv_job_t *again = planned("verify", PRESS, "name=press server=" WEB " place=0:press");
    assert_string_equal(steps_of(copied), "clear place copy check detect setup record packages ");
    assert_true(json_equal(json_object_get(copied->plan, "except"), json_of("['wp-config.php','.htaccess']")));
    assert_int_equal(copied->uid, 70000);
    assert_true(pv_props_flag(adopted->plan, "adopt") && !pv_props_flag(copied->plan, "adopt"));
    assert_int_equal(adopted->uid, 0);
    assert_string_equal(steps_of(again), "clear place check detect setup record packages ");
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, world_make, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_what_cannot_be_is_refused_and_named),
        WORLD(test_an_install_decides_everything_once),
        WORLD(test_a_driver_without_database_and_php_leaves_their_steps_out),
        WORLD(test_a_verify_changes_only_what_it_names),
        WORLD(test_a_run_leaves_the_object_as_it_is),
        WORLD(test_a_delete_wants_nothing_and_knows_what_was),
        WORLD(test_a_platform_is_copied_once_or_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
