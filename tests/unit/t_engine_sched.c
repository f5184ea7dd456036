/*
 * Who may run when: locks, order, turns; submit's answers; and one publish for what comes together.
 */
#include "engine_world.h"
#include <limits.h>

static int order_of(const char *what)
{
    for (int i = 0; i < world.norder; i++)
        if (strcmp(world.order[i], what) == 0)
            return i;
    return -1;
}

static void run_a_while(void)
{
    pv_timer_start(world.engine->loop, 20000, (pv_timer_fn *)pv_loop_stop, world.engine->loop);
    pv_loop_run(world.engine->loop);
}

static int is_running(void *ctx)
{
    return job_now(*(uint64_t *)ctx)->state == PV_JOB_running;
}

static void test_jobs_of_one_object_run_one_after_the_other_in_their_order(void **state)
{
    uint64_t install = ask_install(SITE_A, "a.test"), verify;
    assert_int_equal(ask_task(&verify, "verify", SITE_A, 0, NULL), PV_OK);
    assert_int_equal(end_of(verify), PV_JOB_success);
    assert_int_equal(job_now(install)->state, PV_JOB_success);
    assert_true(job_now(verify)->started >= job_now(install)->ended);
}

static void test_a_job_that_waits_says_for_what(void **state)
{
    uint64_t install, verify;
    world.hold[DATABASE] = 1;
    install = ask_install(SITE_A, "a.test");
    run_until(is_running, &install);
    assert_int_equal(ask_task(&verify, "verify", SITE_A, 0, NULL), PV_OK);
    run_a_while();
    assert_int_equal(job_now(verify)->state, PV_JOB_accepted);
    assert_non_null(strstr(job_now(verify)->err.text, "waits for job 1, install of " SITE_A));
}

static void test_sites_share_their_platform_and_its_own_job_waits_for_them(void **state)
{
    uint64_t a, b, platform;
    world.hold[DRIVER] = 1;
    a = ask_install(SITE_A, "a.test");
    b = ask_install(SITE_B, "b.test");
    assert_int_equal(ask_task(&platform, "verify", PLATFORM, 0, "name", "main", NULL), PV_OK);
    run_until(is_running, &a);
    run_until(is_running, &b);
    assert_int_equal(job_now(platform)->state, PV_JOB_accepted);
    assert_null(job_now(platform)->plan); /* not planned before its time */
}

static void test_clients_take_turns(void **state)
{
    static const struct {
        const char *id, *name, *client;
    } rows[] = {
        {"saaaaaaaaaaaa", "a.test", "big"}, {"saaaaaaaaaaab", "b.test", "big"},   {"saaaaaaaaaaac", "c.test", "big"},
        {"saaaaaaaaaaad", "d.test", "big"}, {"saaaaaaaaaaae", "e.test", "small"},
    };
    uint64_t job = 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(ask_task(&job, "install", rows[i].id, 0, "name", rows[i].name, "client", rows[i].client, NULL),
                         PV_OK);
    assert_int_equal(end_of(job), PV_JOB_success);
    assert_int_equal(order_of("dirs:saaaaaaaaaaae"), 1); /* second, though it came last */
}

static int is_waiting(void *ctx)
{
    return job_now(*(uint64_t *)ctx)->state == PV_JOB_waiting;
}

/* More of them than may run at once. */
static void test_jobs_that_wait_keep_nobody_from_running(void **state)
{
    enum { WAIT = 130 };
    uint64_t job = 0;
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = INT_MAX;
    for (int i = 0; i < WAIT; i++) {
        const char *id = apr_psprintf(world.p, "saaaaaaaaaa%c%c", 'a' + i / 26, 'a' + i % 26);
        assert_int_equal(ask_task(&job, "install", id, 0, "name", apr_psprintf(world.p, "a%d.test", i), NULL), PV_OK);
    }
    run_until(is_waiting, &job);
    assert_int_equal(ask_task(&job, "verify", PLATFORM, 0, "name", "main", NULL), PV_OK);
    assert_int_equal(end_of(job), PV_JOB_success);
    assert_int_equal(pv_sched_count(world.engine->sched), 0);
}

static int are_asked_for(void *ctx)
{
    return world.workers >= *(int *)ctx;
}

static void no_answer(pv_call_t *call, const pv_reply_t *reply)
{
    (void)call, (void)reply;
}

static void ask_worker(pv_job_t *job)
{
    pv_call_t *call = pv_call_make(world.engine, job);
    pv_call_root(call, PV_ROOT_worker);
    pv_call_run(call, no_answer, NULL);
}

/* The workers that root has been asked for by now, and no more. */
static void expect_workers(int n)
{
    run_until(are_asked_for, &n);
    run_a_while();
    assert_int_equal(world.workers, n);
}

static void test_the_last_place_is_for_a_client_that_has_none(void **state)
{
    static pv_job_t big = {.id = 1, .client = "big"}, small = {.id = 2, .client = "small"},
                    other = {.id = 3, .client = "other"};
    pv_reply_t refused = {.code = PV_BUSY};
    world.conf.Workers = 3;
    run_until(is_ready, NULL);
    for (int i = 0; i < 4; i++)
        ask_worker(&big);
    expect_workers(2);
    ask_worker(&small);
    ask_worker(&small);
    expect_workers(3);
    assert_int_equal(world.worker[2].job, small.id);
    pv_dgram_reply_send(world.root, &world.worker[0], &refused, NULL, 0); /* a place comes free, and stays so */
    expect_workers(3);
    ask_worker(&other);
    expect_workers(4);
    assert_int_equal(world.worker[3].job, other.id);
    ask_worker(NULL); /* the daemon's own: of no client */
    pv_dgram_reply_send(world.root, &world.worker[1], &refused, NULL, 0);
    expect_workers(5);
    assert_int_equal(world.worker[4].job, 0);
}

static void test_the_same_key_is_the_same_job_and_another_request_a_conflict(void **state)
{
    const char *name = "a.test", *other = "b.test";
    pv_field_t field = {.name = "name", .n = 1, .s = &name};
    pv_fields_t fields = {.n = 1, .field = &field};
    pv_ask_t ask = {.type = "install",
                    .task = pv_task_find("install", PV_SITE),
                    .object = id_of(SITE_A),
                    .fields = &fields,
                    .origin = "admin"};
    pv_accepted_t first, again;
    pv_err_t err;
    pv_key_make(&ask.key);
    run_until(is_ready, NULL);
    assert_int_equal(pv_accept(&first, world.engine, &ask, &err), APR_SUCCESS);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pv_accept(&again, world.engine, &ask, &err), APR_SUCCESS);
        assert_true(again.dup);
        assert_int_equal(again.job, first.job);
    }
    assert_int_equal(end_of(first.job), PV_JOB_success);
    assert_int_equal(pv_accept(&again, world.engine, &ask, &err), APR_SUCCESS);
    assert_int_equal(again.state, PV_JOB_success);
    field.s = &other;
    assert_int_equal(pv_accept(&again, world.engine, &ask, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_KEY_CONFLICT);
}

static void test_a_stale_revision_and_an_unknown_object_are_refused_at_once(void **state)
{
    uint64_t job;
    assert_int_equal(ask_task(&job, "verify", SITE_A, 0, NULL), PV_NO_OBJECT);
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_int_equal(ask_task(&job, "verify", SITE_A, 0, NULL), PV_STALE);
    assert_int_equal(ask_task(&job, "verify", SITE_A, 1, NULL), PV_OK);
}

static void test_nothing_is_accepted_before_the_engine_is_ready(void **state)
{
    pv_fields_t fields = {.n = 0};
    pv_ask_t ask = {.type = "verify",
                    .task = pv_task_find("verify", PV_SITE),
                    .object = id_of(SITE_A),
                    .fields = &fields,
                    .origin = "admin"};
    pv_accepted_t accepted;
    pv_err_t err;
    pv_key_make(&ask.key);
    assert_int_equal(pv_accept(&accepted, world.engine, &ask, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_RETRY_LATER);
    run_until(is_ready, NULL);
    world.engine->state = PV_ENGINE_READONLY;
    assert_int_equal(pv_accept(&accepted, world.engine, &ask, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_RETRY_LATER);
}

static int is_readonly(void *ctx)
{
    return world.engine->state == PV_ENGINE_READONLY;
}

/* A journal is bound to the sites of its machine: to none that has another mark, or has lost it. */
static void test_sites_of_another_journal_are_not_touched(void **state)
{
    run_until(is_ready, NULL);
    assert_true(world.marked);
    life_end();
    world.mark = "another";
    life_begin();
    run_until(is_readonly, NULL);
    world.mark = NULL;
    life_end();
    life_begin();
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    life_end();
    world.marked = 0;
    life_begin();
    run_until(is_readonly, NULL);
}

static void test_an_object_that_fits_no_event_is_refused(void **state)
{
    static char title[62000];
    uint64_t job;
    memset(title, 'x', sizeof(title) - 1);
    assert_int_equal(ask_task(&job, "install", SITE_A, 0, "name", "a.test", "title", title, NULL), PV_TOO_LONG);
}

static void test_a_cancelled_job_that_had_not_begun_leaves_nothing(void **state)
{
    pv_job_state_t now;
    pv_object_t *object;
    pv_err_t err;
    uint64_t job = ask_install(SITE_A, "a.test");
    pv_key_t key = job_now(job)->key;
    pv_id_t id = id_of(SITE_A);
    assert_int_equal(pv_object_find(&object, world.engine->journal, &id, world.p), APR_SUCCESS);
    assert_int_equal(pv_cancel(&now, world.engine, &key, &err), APR_SUCCESS);
    assert_int_equal(now, PV_JOB_cancelled);
    assert_int_equal(pv_object_find(&object, world.engine->journal, &id, world.p), APR_NOTFOUND);
    assert_int_equal(world.norder, 0);
}

static int answers;

static void count_answer(pv_call_t *call, const pv_reply_t *reply)
{
    assert_int_equal(reply->code, PV_OK);
    answers++;
}

static int has_three_answers(void *ctx)
{
    return answers == 3;
}

static void ask_publish(void *ctx)
{
    pv_call_t *call = pv_call_make(world.engine, NULL);
    pv_call_root(call, PV_ROOT_publish);
    pv_call_run(call, count_answer, NULL);
}

static void test_publishes_that_come_together_are_one(void **state)
{
    run_until(is_ready, NULL);
    int before = world.publishes;
    answers = 0;
    for (int i = 0; i < 3; i++)
        ask_publish(NULL);
    run_until(has_three_answers, NULL);
    assert_int_equal(world.publishes, before + 1);
}

/* How many publishes it takes when three ask for one, 50 ms after each other. */
static int publishes_of_three(void)
{
    int before = world.publishes;
    answers = 0;
    for (int i = 0; i < 3; i++)
        pv_timer_start(world.engine->loop, i * 50000, ask_publish, NULL);
    run_until(has_three_answers, NULL);
    return world.publishes - before;
}

static int runs_one(void *ctx)
{
    return pv_sched_count(world.engine->sched) == 1;
}

static void test_a_publish_waits_for_others_that_are_at_work_and_for_nobody_else(void **state)
{
    life_end();
    world.conf.ReloadGap = 1;
    life_begin();
    run_until(is_ready, NULL);
    assert_int_equal(publishes_of_three(), 3);
    world.hold[DRIVER] = 1;
    ask_install(SITE_A, "a.test");
    run_until(runs_one, NULL);
    assert_int_equal(publishes_of_three(), 1);
}

static void test_a_deleted_object_is_purged_after_its_time(void **state)
{
    pv_object_t **row;
    uint64_t job;
    int n;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_int_equal(ask_task(&job, "delete", SITE_A, 1, NULL), PV_OK);
    assert_int_equal(end_of(job), PV_JOB_success);
    pv_object_trash(&row, &n, world.engine->journal, pv_journal_now(), 10, world.p);
    assert_int_equal(n, 1);
    world.conf.TrashTime = 0;
    pv_purge_due(world.engine);
    pv_purge_due(world.engine); /* once is enough */
    job++;
    assert_int_equal(end_of(job), PV_JOB_success);
    assert_string_equal(job_now(job)->type, "purge");
    pv_object_trash(&row, &n, world.engine->journal, pv_journal_now(), 10, world.p);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_jobs_of_one_object_run_one_after_the_other_in_their_order),
        WORLD(test_a_job_that_waits_says_for_what),
        WORLD(test_sites_share_their_platform_and_its_own_job_waits_for_them),
        WORLD(test_clients_take_turns),
        WORLD(test_jobs_that_wait_keep_nobody_from_running),
        WORLD(test_the_last_place_is_for_a_client_that_has_none),
        WORLD(test_the_same_key_is_the_same_job_and_another_request_a_conflict),
        WORLD(test_a_stale_revision_and_an_unknown_object_are_refused_at_once),
        WORLD(test_nothing_is_accepted_before_the_engine_is_ready),
        WORLD(test_sites_of_another_journal_are_not_touched),
        WORLD(test_an_object_that_fits_no_event_is_refused),
        WORLD(test_a_cancelled_job_that_had_not_begun_leaves_nothing),
        WORLD(test_publishes_that_come_together_are_one),
        WORLD(test_a_publish_waits_for_others_that_are_at_work_and_for_nobody_else),
        WORLD(test_a_deleted_object_is_purged_after_its_time),
    };
    return cmocka_run_group_tests_name("engine_sched", tests, NULL, NULL);
}
