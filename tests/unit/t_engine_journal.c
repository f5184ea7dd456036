/*
 * The journal: what is committed is there in the next life, what is not is gone; lives exclude each other; a full disk
 * refuses new work and lets old work end.
 */
#include "engine_world.h"

#include <sys/mount.h>
#include <sys/wait.h>

static pv_journal_t *journal(void)
{
    return world.engine->journal;
}

static pv_object_t object_of(const char *id, const char *context, json_t *props)
{
    pv_object_t o = {.id = id_of(id), .uid = 70001, .revision = 1, .state = "enabled"};
    assert_int_equal(pv_context_parse(&o.name, context, strlen(context)), APR_SUCCESS);
    o.props = pv_json_keep(props, world.p);
    return o;
}

static void save(const pv_object_t *o)
{
    pv_err_t err;
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    assert_int_equal(pv_object_save(journal(), o, &err), APR_SUCCESS);
    assert_int_equal(pv_journal_commit(journal(), &err), APR_SUCCESS);
}

static void test_a_commit_survives_and_a_rollback_does_not(void **state)
{
    pv_object_t a = object_of(SITE_A, "@a.test", json_pack("{ss}", "name", "a.test")), *found;
    pv_object_t b = object_of(SITE_B, "@b.test", json_pack("{ss}", "name", "b.test"));
    pv_id_t id_a = a.id, id_b = b.id;
    pv_err_t err;
    save(&a);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    assert_int_equal(pv_object_save(journal(), &b, &err), APR_SUCCESS);
    uint64_t epoch = pv_journal_epoch(journal());
    const char *id = apr_pstrdup(world.p, pv_journal_id(journal()));
    char first_id[33];
    apr_cpystrn(first_id, id, sizeof(first_id));
    life_end();
    life_begin();
    assert_int_equal(pv_object_find(&found, journal(), &id_a, world.p), APR_SUCCESS);
    assert_string_equal(found->name.s, "@a.test");
    assert_int_equal(pv_object_find(&found, journal(), &id_b, world.p), APR_NOTFOUND);
    assert_int_equal(pv_journal_epoch(journal()), epoch + 1);
    assert_string_equal(pv_journal_id(journal()), first_id);
}

static apr_status_t found(const char *id)
{
    pv_object_t *object;
    pv_id_t wanted = id_of(id);
    return pv_object_find(&object, journal(), &wanted, world.p);
}

static void test_a_group_is_there_as_a_whole_or_not_at_all(void **state)
{
    pv_object_t a = object_of(SITE_A, "@a.test", json_object()), b = object_of(SITE_B, "@b.test", json_object());
    pv_object_t platform = object_of(PLATFORM, "@platform_c", json_object());
    pv_err_t err;
    pv_journal_group(journal());
    save(&a);
    pv_journal_group(journal());
    save(&platform);
    pv_journal_group_end(journal()); /* the inner one ends nothing */
    assert_int_equal(found(SITE_A), APR_SUCCESS);
    life_end();
    life_begin();
    assert_int_equal(found(SITE_A), APR_NOTFOUND);
    assert_int_equal(found(PLATFORM), APR_NOTFOUND);

    a = object_of(SITE_A, "@a.test", json_object());
    b = object_of(SITE_B, "@b.test", json_object());
    pv_journal_group(journal());
    save(&a);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    assert_int_equal(pv_object_save(journal(), &b, &err), APR_SUCCESS);
    pv_journal_rollback(journal()); /* takes back its own only */
    pv_journal_group_end(journal());
    life_end();
    life_begin();
    assert_int_equal(found(SITE_A), APR_SUCCESS);
    assert_int_equal(found(SITE_B), APR_NOTFOUND);
}

static void test_an_earlier_life_writes_nothing_any_more(void **state)
{
    apr_pool_t *p;
    pv_journal_t *later;
    pv_err_t err;
    apr_pool_create(&p, NULL);
    assert_int_equal(pv_journal_open(&later, apr_pstrcat(p, world.folder, "/journal.db", NULL), &err, p), APR_SUCCESS);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_JOURNAL_UNAVAILABLE);
    assert_int_equal(pv_journal_begin(later, &err), APR_SUCCESS);
    pv_journal_rollback(later);
    apr_pool_destroy(p);
}

static void test_a_name_has_one_owner(void **state)
{
    pv_object_t a = object_of(SITE_A, "@a.test", json_object()), b = object_of(SITE_B, "@a.test", json_object());
    const char *names[] = {"a.test", "www.a.test"}, *fewer[] = {"a.test"};
    pv_id_t owner;
    pv_err_t err;
    save(&a);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    assert_int_equal(pv_object_save(journal(), &b, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_NAME_IN_USE);
    assert_int_equal(pv_host_claim(journal(), &a.id, names, 2, &err), APR_SUCCESS);
    assert_int_equal(pv_host_claim(journal(), &b.id, names + 1, 1, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_NAME_IN_USE);
    assert_int_equal(pv_host_claim(journal(), &a.id, fewer, 1, &err), APR_SUCCESS);
    assert_int_equal(pv_host_owner(&owner, journal(), "www.a.test"), APR_NOTFOUND);
    assert_int_equal(pv_host_owner(&owner, journal(), "a.test"), APR_SUCCESS);
    assert_string_equal(owner.s, SITE_A);
    pv_journal_rollback(journal());
}

static void test_a_uid_is_given_once_and_the_range_ends(void **state)
{
    uid_t uid;
    pv_err_t err;
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    for (uid_t want = 70000; want <= 70002; want++) {
        assert_int_equal(pv_uid_take(&uid, journal(), 70000, 70002, &err), APR_SUCCESS);
        assert_int_equal(uid, want);
    }
    assert_int_equal(pv_uid_take(&uid, journal(), 70000, 70002, &err), APR_EGENERAL);
    assert_int_equal(pv_uid_take(&uid, journal(), 80000, 80001, &err), APR_SUCCESS);
    assert_int_equal(uid, 80000);
    pv_journal_rollback(journal());
}

/* The folder of an adopted platform belonged to it before it was one. */
static void test_a_uid_that_an_object_has_is_not_given(void **state)
{
    pv_object_t adopted = object_of(PLATFORM, "@platform_own", json_object());
    uid_t uid;
    pv_err_t err;
    adopted.uid = 70001;
    save(&adopted);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    assert_int_equal(pv_uid_take(&uid, journal(), 70000, 70002, &err), APR_SUCCESS);
    assert_int_equal(uid, 70000);
    assert_int_equal(pv_uid_take(&uid, journal(), 70000, 70002, &err), APR_SUCCESS);
    assert_int_equal(uid, 70002);
    assert_int_equal(pv_uid_take(&uid, journal(), 70000, 70002, &err), APR_EGENERAL);
    pv_journal_rollback(journal());
}

static void test_users_of_an_object_are_found_by_property(void **state)
{
    pv_object_t a = object_of(SITE_A, "@a.test", json_pack("{ss}", "platform", PLATFORM)), *first;
    int n;
    save(&a);
    assert_int_equal(pv_object_users(&n, &first, journal(), "platform", PLATFORM, world.p), APR_SUCCESS);
    assert_int_equal(n, 1);
    assert_string_equal(first->id.s, SITE_A);
    a.deleted = 1;
    a.state = "deleted";
    save(&a);
    assert_int_equal(pv_object_users(&n, &first, journal(), "platform", PLATFORM, world.p), APR_SUCCESS);
    assert_int_equal(n, 0);
}

typedef struct {
    int n;
    const char *kinds[16];
} seen_t;

static int see(void *ctx, uint64_t seq, json_t *event)
{
    seen_t *seen = ctx;
    seen->kinds[seen->n++] = apr_pstrdup(world.p, json_string_value(json_object_get(event, "kind")));
    return seen->n == 16;
}

static void test_what_is_told_outside_a_transaction_comes_before_the_next_one(void **state)
{
    seen_t seen = {.n = 0};
    pv_err_t err;
    uint64_t first, last;
    pv_event_add(journal(), "log", NULL, NULL, json_object(), &err);
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    pv_event_add(journal(), "state", NULL, NULL, json_object(), &err);
    pv_journal_rollback(journal()); /* takes the second back, and keeps the first for the next one */
    assert_int_equal(pv_event_flush(journal(), &err), APR_SUCCESS);
    pv_event_read(journal(), 0, see, &seen);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.kinds[0], "log");
    pv_event_range(journal(), &first, &last);
    assert_int_equal(first, 1);
    assert_int_equal(last, 1);
}

static void test_events_are_kept_until_every_consumer_has_them(void **state)
{
    uint64_t first, last;
    pv_err_t err;
    for (int i = 0; i < 5; i++) {
        pv_event_add(journal(), "log", NULL, NULL, json_object(), &err);
        assert_int_equal(pv_event_flush(journal(), &err), APR_SUCCESS);
    }
    int64_t later = pv_journal_now() + 1;
    assert_int_equal(pv_consumer_ack(journal(), "panel", 2, &err), APR_SUCCESS);
    assert_int_equal(pv_event_prune(journal(), later, &err), APR_SUCCESS);
    pv_event_range(journal(), &first, &last);
    assert_int_equal(first, 3);
    assert_int_equal(pv_consumer_ack(journal(), "panel", 5, &err), APR_SUCCESS);
    assert_int_equal(pv_event_prune(journal(), later, &err), APR_SUCCESS);
    pv_event_range(journal(), &first, &last);
    assert_int_equal(first, 5); /* the newest stays: numbers never come again */
    assert_int_equal(last, 5);
}

static void fill(const char *path)
{
    static char junk[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, junk, sizeof(junk)) > 0)
        ;
    close(fd);
}

/* A small file system in the place of the world's folder, with no life yet; and its end, with one. */
static void disk_begin(void)
{
    life_end();
    assert_int_equal(mount("unit", world.folder, "tmpfs", 0, "size=20m"), 0);
}

static void disk_end(void)
{
    life_end();
    umount2(world.folder, MNT_DETACH);
    life_begin();
}

static void fill_disk(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/junk", world.folder);
    fill(path);
}

/* One that needs new pages of the journal. */
static pv_object_t large_object(void)
{
    static char title[60000];
    memset(title, 'x', sizeof(title) - 1);
    return object_of(SITE_A, "@a.test", json_pack("{ss}", "title", title));
}

/* What was done in memory by then cannot be taken back. */
static void test_a_group_that_does_not_become_durable_ends_the_process(void **state)
{
    int status;
    disk_begin();
    pid_t pid = fork();
    if (pid == 0) {
        life_begin();
        pv_object_t b = object_of(SITE_B, "@b.test", json_object());
        pv_object_t a = large_object();
        pv_journal_group(journal());
        save(&b);
        fill_disk();
        save(&a);
        pv_journal_group_end(journal());
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    life_begin(); /* the ballast was given up: there is room for the next life */
    assert_int_equal(found(SITE_A), APR_NOTFOUND);
    assert_int_equal(found(SITE_B), APR_NOTFOUND);
    disk_end();
}

/* A tenant who fills the disk ends no life, and so brings no job to its third crash. */
static void test_on_a_full_disk_nothing_is_grouped(void **state)
{
    pv_err_t err;
    disk_begin();
    life_begin();
    fill_disk();
    pv_object_t a = large_object();
    pv_journal_group(journal());
    assert_int_equal(pv_journal_begin(journal(), &err), APR_SUCCESS);
    apr_status_t rv = pv_object_save(journal(), &a, &err);
    if (rv == APR_SUCCESS)
        rv = pv_journal_commit(journal(), &err);
    else
        pv_journal_rollback(journal());
    assert_int_equal(rv, APR_EGENERAL);
    assert_int_equal(err.code, PV_JOURNAL_UNAVAILABLE);
    save(&a); /* in the ballast's room */
    pv_journal_group_end(journal());
    life_end();
    life_begin();
    assert_int_equal(found(SITE_A), APR_SUCCESS);
    disk_end();
}

/* A small file system of its own, filled up: needs root, as the other parts' tests do. */
static void test_a_full_disk_refuses_new_work_ends_old_work_and_recovers(void **state)
{
    static char junk[65536];
    pv_err_t err;
    uint64_t job;
    char path[128];
    life_end();
    assert_int_equal(mount("unit", world.folder, "tmpfs", 0, "size=12m"), 0);
    life_begin();
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = 3;
    world.engine->second = 100000;
    job = ask_install(SITE_A, "a.test");

    snprintf(path, sizeof(path), "%s/junk", world.folder);
    fill(path);
    assert_int_equal(end_of(job), PV_JOB_success);
    pv_code_t code = PV_OK;
    for (int i = 0; i < 200 && code == PV_OK; i++) {
        char id[14] = "sbbbbbbbbbbaa";
        id[11] = (char)('a' + i / 26);
        id[12] = (char)('a' + i % 26);
        code = ask_task(&job, "install", id, 0, "name", apr_psprintf(world.p, "n%d.test", i), "title", junk, NULL);
        if (code == PV_OK)
            end_of(job);
    }
    assert_int_equal(code, PV_JOURNAL_UNAVAILABLE);
    unlink(path);
    assert_int_equal(pv_journal_admit(journal(), &err), APR_SUCCESS);
    assert_int_equal(ask_task(&job, "install", SITE_B, 0, "name", "b.test", NULL), PV_OK);
    assert_int_equal(end_of(job), PV_JOB_success);
    life_end();
    umount2(world.folder, MNT_DETACH);
    life_begin();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_a_commit_survives_and_a_rollback_does_not),
        WORLD(test_a_group_is_there_as_a_whole_or_not_at_all),
        WORLD(test_an_earlier_life_writes_nothing_any_more),
        WORLD(test_a_name_has_one_owner),
        WORLD(test_a_uid_is_given_once_and_the_range_ends),
        WORLD(test_a_uid_that_an_object_has_is_not_given),
        WORLD(test_users_of_an_object_are_found_by_property),
        WORLD(test_what_is_told_outside_a_transaction_comes_before_the_next_one),
        WORLD(test_events_are_kept_until_every_consumer_has_them),
        WORLD(test_a_group_that_does_not_become_durable_ends_the_process),
        WORLD(test_on_a_full_disk_nothing_is_grouped),
        WORLD(test_a_full_disk_refuses_new_work_ends_old_work_and_recovers),
    };
    return cmocka_run_group_tests_name("engine_journal", tests, NULL, NULL);
}
