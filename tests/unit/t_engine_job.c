/*
 * The loop over a job's steps: forward, back, waiting, stuck, and from any crash on, against a machine in memory.
 */
#include "engine_world.h"

static void assert_all(const int *is, const int *should)
{
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(is[i], should[i]);
}

static void assert_nothing_left(void)
{
    pv_object_t *object;
    pv_id_t id = id_of(SITE_A);
    assert_all(world.there, (int[STEPS]){0});
    assert_int_equal(pv_object_find(&object, world.engine->journal, &id, world.p), APR_NOTFOUND);
    assert_false(pv_resource_known(world.engine->journal, &id, "dirs"));
}

static void assert_installed(void)
{
    pv_object_t *object;
    pv_id_t id = id_of(SITE_A);
    assert_int_equal(pv_object_find(&object, world.engine->journal, &id, world.p), APR_SUCCESS);
    assert_string_equal(object->state, "enabled");
    assert_all(world.there, (int[STEPS]){1, 1, 1, 1, 1});
    assert_true(pv_resource_known(world.engine->journal, &id, "dirs"));
}

static void test_a_job_does_each_step_once_and_records_its_object(void **state)
{
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_installed();
    assert_all(world.did, (int[STEPS]){1, 1, 1, 1, 1});
}

static void test_a_lasting_failure_before_the_commit_takes_everything_back(void **state)
{
    world.fail[SERVED] = PV_NOT_SERVED;
    world.fails[SERVED] = 1;
    uint64_t job = ask_install(SITE_A, "a.test");
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_int_equal(job_now(job)->err.code, PV_NOT_SERVED);
    assert_string_equal(job_now(job)->err.text, "served: as the test wants it");
    assert_nothing_left();
    assert_all(world.undid, (int[STEPS]){1, 1, 1, 1, 0});
}

static void test_a_part_that_is_away_is_waited_for(void **state)
{
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = 3;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_int_equal(world.did[DATABASE], 1);
}

static void test_waiting_ends_at_its_limit_with_the_reason(void **state)
{
    world.conf.WaitLimit = 5; /* milliseconds here */
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = 1000;
    uint64_t job = ask_install(SITE_A, "a.test");
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_int_equal(job_now(job)->err.code, PV_DB_DOWN);
    assert_nothing_left();
}

/* A tenant's code may say for ever that its database is away: it holds its locks for a few tries, not for WaitLimit. */
static void test_what_only_a_report_says_to_be_away_is_waited_for_a_few_times(void **state)
{
    world.told = 1;
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = PV_TRIES - 1;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    world.fails[DATABASE] = 1000;
    uint64_t job = ask_install(SITE_B, "b.test");
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_int_equal(job_now(job)->err.code, PV_DB_DOWN);
    assert_int_equal(1000 - world.fails[DATABASE], PV_TRIES);
}

static void test_an_undo_waits_no_longer_for_what_only_a_report_says(void **state)
{
    world.told = 1;
    world.fail[SERVED] = PV_NOT_SERVED;
    world.fails[SERVED] = 1;
    world.fail_undo[DATABASE] = PV_DB_DOWN;
    world.fails_undo[DATABASE] = 1000;
    uint64_t job = ask_install(SITE_A, "a.test");
    assert_int_equal(end_of(job), PV_JOB_stuck);
    assert_in_range(1000 - world.fails_undo[DATABASE], PV_TRIES, PV_TRIES + 1);
}

static void test_what_is_there_and_not_ours_is_not_touched(void **state)
{
    world.there[DATABASE] = 1;
    uint64_t job = ask_install(SITE_A, "a.test");
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_int_equal(job_now(job)->err.code, PV_FOREIGN_OBJECT);
    assert_all(world.there, (int[STEPS]){0, 1, 0, 0, 0});
}

static void test_a_verify_names_drift_repairs_it_and_warns(void **state)
{
    uint64_t job;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    world.drifted[DIRS] = 1;
    assert_int_equal(ask_task(&job, "verify", SITE_A, 1, NULL), PV_OK);
    assert_int_equal(end_of(job), PV_JOB_warning);
    assert_int_equal(world.drifted[DIRS], 0);
    assert_int_equal(job_now(job)->err.code, PV_WARNING);
}

static void test_a_failed_verify_takes_nothing_away_that_was_there(void **state)
{
    uint64_t job;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    world.there[DIRS] = 0;
    world.drifted[SERVED] = 1;
    world.fail[SERVED] = PV_NOT_SERVED;
    world.fails[SERVED] = 1;
    assert_int_equal(ask_task(&job, "verify", SITE_A, 1, NULL), PV_OK);
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_int_equal(world.there[DIRS], 1);
    assert_int_equal(world.there[DATABASE], 1);
    assert_int_equal(world.undid[DIRS] + world.undid[DATABASE], 0);
}

static void test_an_undo_that_fails_is_tried_again_then_stuck_then_repaired(void **state)
{
    world.fail[SERVED] = PV_NOT_SERVED;
    world.fails[SERVED] = 1;
    world.fail_undo[DATABASE] = PV_DB_FAILED;
    world.fails_undo[DATABASE] = 1000;
    uint64_t job = ask_install(SITE_A, "a.test"), other;
    assert_int_equal(end_of(job), PV_JOB_stuck);
    assert_int_equal(job_now(job)->err.code, PV_UNDO_FAILED);
    assert_int_equal(world.there[DATABASE], 1);
    assert_int_equal(ask_task(&other, "install", SITE_A, 0, "name", "a.test", NULL), PV_LOCKED);

    world.fails_undo[DATABASE] = 0;
    assert_int_equal(pv_engine_unstick(world.engine, NULL), 1);
    assert_int_equal(end_of(job), PV_JOB_failed);
    assert_nothing_left();
}

static void test_past_the_commit_it_only_goes_forward(void **state)
{
    pv_job_state_t now;
    pv_err_t err;
    world.fail[RECORD] = PV_INTERNAL;
    world.fails[RECORD] = 1000;
    uint64_t job = ask_install(SITE_A, "a.test");
    assert_int_equal(end_of(job), PV_JOB_stuck);
    assert_all(world.undid, (int[STEPS]){0});
    world.fails[RECORD] = 0;
    assert_int_equal(pv_engine_unstick(world.engine, NULL), 1);
    assert_int_equal(end_of(job), PV_JOB_success);
    pv_key_t key = job_now(job)->key;
    assert_int_equal(pv_cancel(&now, world.engine, &key, &err), APR_SUCCESS);
    assert_int_equal(now, PV_JOB_success);
}

static int waits(void *ctx)
{
    return job_now(*(uint64_t *)ctx)->state == PV_JOB_waiting;
}

static void test_cancel_ends_a_waiting_job_at_once_and_undoes_it(void **state)
{
    pv_job_state_t now;
    pv_err_t err;
    world.engine->second = 3600000000LL; /* it would wait for an hour */
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = 1000;
    uint64_t job = ask_install(SITE_A, "a.test");
    run_until(waits, &job);
    pv_key_t key = job_now(job)->key;
    assert_int_equal(pv_cancel(&now, world.engine, &key, &err), APR_SUCCESS);
    assert_int_equal(end_of(job), PV_JOB_cancelled);
    assert_nothing_left();
}

static int at_record(void *ctx)
{
    return world.did[RECORD] > 0;
}

static void test_cancel_past_the_commit_is_too_late(void **state)
{
    pv_job_state_t now;
    pv_err_t err;
    world.fail[RECORD] = PV_RETRY_LATER;
    world.fails[RECORD] = 1;
    world.engine->second = 300000;
    uint64_t job = ask_install(SITE_A, "a.test");
    run_until(waits, &job);
    pv_key_t key = job_now(job)->key;
    assert_int_equal(pv_cancel(&now, world.engine, &key, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_TOO_LATE);
    run_until(at_record, NULL);
    assert_int_equal(end_of(job), PV_JOB_success);
}

/* One crash at each step of each kind, before and after its effect: done, each effect where it belongs. */
static void test_a_crash_anywhere_is_gone_on_from(void **state)
{
    for (int at = DIRS; at < STEPS; at++)
        for (crash_t when = BEFORE_EFFECT; when <= AFTER_EFFECT; when++) {
            world_end(NULL);
            world_make(NULL);
            world.crash = when;
            world.crash_at = at;
            uint64_t job = ask_install(SITE_A, "a.test");
            assert_int_equal(end_of(job), PV_JOB_success);
            assert_int_equal(world.crashes, 1);
            assert_int_equal(job_now(job)->crashes, 1);
            assert_installed();
            assert_int_equal(world.undid[DATABASE], at == DRIVER);
            assert_int_equal(world.undid[SERVED], 0);
        }
}

static void test_a_crash_in_an_undo_is_gone_on_from(void **state)
{
    for (int at = DIRS; at <= SERVED; at++)
        for (crash_t when = BEFORE_UNDO; when <= AFTER_UNDO; when++) {
            world_end(NULL);
            world_make(NULL);
            world.fail[SERVED] = PV_NOT_SERVED;
            world.fails[SERVED] = 1;
            world.crash = when;
            world.crash_at = at;
            uint64_t job = ask_install(SITE_A, "a.test");
            assert_int_equal(end_of(job), PV_JOB_failed);
            assert_int_equal(world.crashes, 1);
            assert_int_equal(job_now(job)->err.code, PV_NOT_SERVED);
            assert_nothing_left();
        }
}

/* The driver is ONCE: after a crash in it, what it was run on is made anew. */
static void test_a_once_step_never_runs_twice_on_the_same_data(void **state)
{
    world.crash = AFTER_EFFECT;
    world.crash_at = DRIVER;
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_all(world.did, (int[STEPS]){2, 2, 2, 1, 1});
    assert_all(world.undid, (int[STEPS]){1, 1, 1, 0, 0});
}

static int crash_again(void *ctx)
{
    world.crash = BEFORE_EFFECT;
    return has_ended(ctx);
}

static void test_three_crashes_undo_a_job(void **state)
{
    world.crash = BEFORE_EFFECT;
    world.crash_at = DATABASE;
    uint64_t job = ask_install(SITE_A, "a.test");
    run_until(crash_again, &job);
    assert_int_equal(job_now(job)->state, PV_JOB_failed);
    assert_int_equal(job_now(job)->err.code, PV_CRASHED);
    assert_int_equal(world.crashes, 3);
    assert_nothing_left();
}

static void test_an_orderly_end_is_no_crash(void **state)
{
    world.crash = BEFORE_EFFECT;
    world.crash_at = DATABASE;
    uint64_t job = ask_install(SITE_A, "a.test");
    pv_loop_run(world.engine->loop);
    assert_int_equal(world.crashes, 1);
    pv_journal_close(world.engine->journal);
    life_end();
    life_begin();
    assert_int_equal(end_of(job), PV_JOB_success);
    assert_int_equal(job_now(job)->crashes, 0);
}

static void test_a_full_log_says_so_once(void **state)
{
    static char line[8192];
    uint64_t lines, bytes;
    memset(line, 'x', sizeof(line));
    world.engine->second = 3600000000LL;
    world.fail[DATABASE] = PV_DB_DOWN;
    world.fails[DATABASE] = 1000;
    uint64_t id = ask_install(SITE_A, "a.test");
    run_until(waits, &id);
    pv_job_t *job = pv_sched_running(world.engine->sched, id);
    job->run->log_bytes = 64 * 1024 * 1024 - 10000;
    for (int i = 0; i < 5; i++)
        pv_job_log_bytes(job, PV_LOG_OUTPUT, "output", line, sizeof(line));
    pv_err_t err;
    assert_int_equal(pv_event_flush(world.engine->journal, &err), APR_SUCCESS);
    pv_event_log_size(world.engine->journal, id, &lines, &bytes);
    assert_int_equal(lines, 3); /* "waits", one whole line, and the last */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_a_job_does_each_step_once_and_records_its_object),
        WORLD(test_a_lasting_failure_before_the_commit_takes_everything_back),
        WORLD(test_a_part_that_is_away_is_waited_for),
        WORLD(test_waiting_ends_at_its_limit_with_the_reason),
        WORLD(test_what_only_a_report_says_to_be_away_is_waited_for_a_few_times),
        WORLD(test_an_undo_waits_no_longer_for_what_only_a_report_says),
        WORLD(test_what_is_there_and_not_ours_is_not_touched),
        WORLD(test_a_verify_names_drift_repairs_it_and_warns),
        WORLD(test_a_failed_verify_takes_nothing_away_that_was_there),
        WORLD(test_an_undo_that_fails_is_tried_again_then_stuck_then_repaired),
        WORLD(test_past_the_commit_it_only_goes_forward),
        WORLD(test_cancel_ends_a_waiting_job_at_once_and_undoes_it),
        WORLD(test_cancel_past_the_commit_is_too_late),
        WORLD(test_a_crash_anywhere_is_gone_on_from),
        WORLD(test_a_crash_in_an_undo_is_gone_on_from),
        WORLD(test_a_once_step_never_runs_twice_on_the_same_data),
        WORLD(test_three_crashes_undo_a_job),
        WORLD(test_an_orderly_end_is_no_crash),
        WORLD(test_a_full_log_says_so_once),
    };
    return cmocka_run_group_tests_name("engine_job", tests, NULL, NULL);
}
