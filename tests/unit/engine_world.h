/*
 * A small world for tests of the engine: a plan table of its own, steps that change an array in memory, a root that
 * answers what the start asks, and a journal in a folder of its own. The array outlives the engine, as a machine does,
 * so a "crash" is to drop the engine in the middle of a step and to open the journal again.
 */
#ifndef TESTS_ENGINE_WORLD_H
#define TESTS_ENGINE_WORLD_H

#include "unit.h"

#include "engine/accept.h"
#include "engine/job_run.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include "engine/start.h"
#include "engine/transport.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SITE_A   "saaaaaaaaaaaa"
#define SITE_B   "sbbbbbbbbbbbb"
#define PLATFORM "pcccccccccccc"

enum { DIRS, DATABASE, DRIVER, SERVED, RECORD, STEPS };
typedef enum { NOWHERE, BEFORE_EFFECT, AFTER_EFFECT, BEFORE_UNDO, AFTER_UNDO } crash_t;

static struct {
    char folder[64];
    pv_conf_t conf;
    apr_pool_t *p;
    pv_engine_t *engine;
    int root; /* our end of its pair */
    char buf[PV_DGRAM_MAX];
    int publishes;
    int marked;                /* 0: the sites have no mark yet */
    const char *mark;          /* NULL: the journal's own */
    pv_dgram_head_t worker[8]; /* those that were asked for; answered by the test, if at all */
    int workers;

    /* the machine */
    int machine[1024][STEPS]; /* what is there, an object a row */
    int *there;               /* the row of SITE_A */
    int did[STEPS], undid[STEPS];
    pv_code_t fail[STEPS], fail_undo[STEPS];
    int fails[STEPS], fails_undo[STEPS]; /* how often */
    int told;                            /* a worker's report says so, nobody else */
    int drifted[STEPS];
    crash_t crash;
    int crash_at, crashes;
    int hold[STEPS]; /* its act does not answer until it is killed: the job stays there */
    const char *order[256];
    int norder;
} world;

static int *row_of(const pv_id_t *object)
{
    return world.machine[(object->s[11] * 26 + object->s[12]) % 1024];
}

/* ---- steps ---- */

static void crash_now(void)
{
    world.crash = NOWHERE;
    world.crashes++;
    pv_loop_stop(world.engine->loop);
}

/* A failure that is due for step N; the call then answers it. */
static int due(pv_call_t *call, pv_code_t code, int *times)
{
    if (*times == 0)
        return 0;
    --*times;
    call->answer.code = code;
    call->told = world.told;
    snprintf(call->answer.detail, sizeof(call->answer.detail), "as the test wants it");
    return 1;
}

static void probe_step(const pv_job_t *job, pv_call_t *call, int n)
{
    call->answer.a = !row_of(&job->object)[n] ? PV_ABSENT : world.drifted[n] ? PV_DRIFT : PV_CURRENT;
    if (world.drifted[n])
        snprintf(call->answer.detail, sizeof(call->answer.detail), "mode 0777, not 0750");
}

static void act_step(const pv_job_t *job, pv_call_t *call, int n, const char *name)
{
    if (world.crash == BEFORE_EFFECT && world.crash_at == n) {
        crash_now();
        return;
    }
    if (due(call, world.fail[n], &world.fails[n]))
        return;
    row_of(&job->object)[n] = 1;
    world.drifted[n] = 0;
    world.did[n]++;
    world.order[world.norder++ % 256] = apr_psprintf(world.p, "%s:%s", name, job->object.s);
    if (world.crash == AFTER_EFFECT && world.crash_at == n)
        crash_now();
    if (world.hold[n]) {
        pv_call_root(call, PV_ROOT_served); /* the root of this world answers it only when it is told to */
        call->kind = PV_CALL_ROOT;
    }
}

static void undo_step(const pv_job_t *job, pv_call_t *call, int n)
{
    if (world.crash == BEFORE_UNDO && world.crash_at == n) {
        crash_now();
        return;
    }
    if (due(call, world.fail_undo[n], &world.fails_undo[n]))
        return;
    row_of(&job->object)[n] = 0;
    world.undid[n]++;
    if (world.crash == AFTER_UNDO && world.crash_at == n)
        crash_now();
}

#define PROBE(name, n)                                                                                                 \
    static void name##_probe(const pv_job_t *job, pv_call_t *call)                                                     \
    {                                                                                                                  \
        probe_step(job, call, n);                                                                                      \
    }
#define ACT(name, n)                                                                                                   \
    static void name##_act(const pv_job_t *job, pv_call_t *call)                                                       \
    {                                                                                                                  \
        act_step(job, call, n, #name);                                                                                 \
    }
#define UNDO(name, n)                                                                                                  \
    static void name##_undo(const pv_job_t *job, pv_call_t *call)                                                      \
    {                                                                                                                  \
        undo_step(job, call, n);                                                                                       \
    }
PROBE(dirs, DIRS)
ACT(dirs, DIRS)
UNDO(dirs, DIRS)
PROBE(database, DATABASE)
ACT(database, DATABASE)
UNDO(database, DATABASE)
ACT(driver, DRIVER)
UNDO(driver, DRIVER)
PROBE(served, SERVED)
ACT(served, SERVED)
UNDO(served, SERVED)
ACT(record, RECORD)

/* The last step writes the object, as the real one does. */
static apr_status_t save_object(pv_call_t *call, pv_err_t *err)
{
    const pv_job_t *job = call->job;
    pv_object_t object = {.id = job->object, .uid = job->uid, .revision = job->revision + 1, .state = "enabled"};
    const char *name = json_string_value(json_object_get(job->plan, "context"));
    object.props = job->want ? job->want : job->have;
    object.deleted = !job->want;
    object.state = job->want ? "enabled" : "deleted";
    pv_context_parse(&object.name, name, strlen(name));
    return pv_object_save(call->engine->journal, &object, err);
}

static void record_save(const pv_job_t *job, pv_call_t *call)
{
    record_act(job, call);
    if (call->answer.code == PV_OK) {
        call->kind = PV_CALL_LOCAL;
        call->local = save_object;
    }
}

static const pv_step_row_t dirs_row = {"dirs", PV_REPEAT, NULL, NULL, dirs_probe, dirs_act, dirs_undo, "make folders"};
static const pv_step_row_t database_row = {"database",     PV_REPEAT,    NULL,          NULL,
                                           database_probe, database_act, database_undo, "make database"};
static const pv_step_row_t driver_row = {"driver", PV_ONCE, "dirs", NULL, NULL, driver_act, driver_undo, "install"};
static const pv_step_row_t served_row = {"served",     PV_PUBLISH, NULL,        NULL,
                                         served_probe, served_act, served_undo, "serve"};
static const pv_step_row_t record_row = {"record", PV_REPEAT, NULL, NULL, NULL, record_save, NULL, "record"};

static const pv_step_row_t *const install_rows[] = {&dirs_row, &database_row, &driver_row, &served_row, &record_row};
static const pv_step_row_t *const verify_rows[] = {&dirs_row, &database_row, &served_row, &record_row};
static const pv_step_row_t *const record_rows[] = {&record_row};
static const pv_plan_row_t plans[] = {
    {"install", PV_SITE, 0, 3, 5, install_rows},   {"verify", PV_SITE, 1, 2, 4, verify_rows},
    {"delete", PV_SITE, 1, 0, 1, record_rows},     {"purge", PV_SITE, 1, 0, 1, record_rows},
    {"verify", PV_PLATFORM, 1, 0, 1, record_rows}, {"verify", PV_SERVER, 1, 0, 1, record_rows},
};

const pv_plan_row_t *pv_plan_row(const char *type, pv_kind_t kind)
{
    for (size_t i = 0; i < COUNT(plans); i++)
        if (plans[i].kind == kind && strcmp(plans[i].type, type) == 0)
            return &plans[i];
    return NULL;
}

int pv_step_applies(const pv_job_t *job, const pv_step_row_t *step)
{
    return 1;
}

apr_status_t pv_plan_make(pv_job_t *job, const pv_fields_t *fields, pv_err_t *err)
{
    const char *name = pv_fields_str(fields, "name", NULL);
    const char *prefix = pv_id_kind(&job->object) == PV_SITE       ? ""
                         : pv_id_kind(&job->object) == PV_PLATFORM ? "platform_"
                                                                   : "server_";
    if (!job->have && !name)
        return pv_fail(err, PV_NO_OBJECT, "object", "there is no site %s", job->object.s);
    if (!name)
        name = json_string_value(json_object_get(job->have, "name"));
    job->plan = pv_json_keep(json_pack("{ss+}", "context", apr_pstrcat(job->p, "@", prefix, NULL), name), job->p);
    json_object_set_new(job->plan, "context", json_string(apr_pstrcat(job->p, "@", prefix, name, NULL)));
    job->uid = 70001;
    if (strcmp(job->type, "delete") != 0 && strcmp(job->type, "purge") != 0)
        job->want = pv_json_keep(json_deep_copy(job->have ? job->have : job->args), job->p);
    return APR_SUCCESS;
}

void pv_plan_describe(pv_job_t *job, pv_sink_t *sink)
{
    for (int i = 0; i < job->row->n; i++)
        sink->row(sink, json_pack("{ss}", "step", job->row->step[i]->name));
    sink->end(sink, NULL, NULL);
}

void pv_doctor_run(pv_engine_t *engine, int repair, pv_sink_t *sink)
{
    int taken = repair ? pv_engine_unstick(engine, NULL) : 0;
    sink->end(sink, NULL, json_pack("{si}", "taken", taken));
}

void pv_call_by_http(pv_call_t *call)
{
    abort(); /* no step of this world asks for a page */
}

/* ---- root ---- */

static void root_answers(void *ctx, int fd, short revents)
{
    static pv_dgram_t m;
    pv_reply_t reply = {.code = PV_OK};
    if (pv_dgram_recv(fd, world.buf, &m) != 1) {
        pv_loop_unwatch(world.engine->loop, fd);
        return;
    }
    if (m.head.op == PV_ROOT_world && m.head.argc == 2) {
        world.marked = 1;
    } else if (m.head.op == PV_ROOT_world && world.marked) {
        reply.a = PV_CURRENT;
        snprintf(reply.detail, sizeof(reply.detail), "%s",
                 world.mark ? world.mark : pv_journal_world(world.engine->journal));
    } else if (m.head.op == PV_ROOT_publish) {
        world.publishes++;
    } else if (m.head.op == PV_ROOT_served && m.head.job > 0) {
        return; /* held */
    } else if (m.head.op == PV_ROOT_worker) {
        world.worker[world.workers++] = m.head;
        return;
    }
    pv_dgram_reply_send(fd, &m.head, &reply, NULL, 0);
}

/* ---- lives ---- */

static void life_begin(void)
{
    int pair[2];
    pv_err_t err;
    pv_journal_t *j;
    apr_pool_create(&world.p, NULL);
    assert_int_equal(pv_journal_open(&j, apr_pstrcat(world.p, world.folder, "/journal.db", NULL), &err, world.p), 0);
    world.engine = pv_engine_make(&world.conf, j, world.p);
    world.engine->second = 1000;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    world.root = pair[1];
    pv_loop_watch(world.engine->loop, pair[1], POLLIN, root_answers, NULL);
    pv_engine_begin(world.engine, pair[0], -1);
}

/* Drops everything in memory, wherever it is. */
static void life_end(void)
{
    int fds[] = {world.root, pv_peer_fd(world.engine->root)};
    apr_pool_destroy(world.p);
    close(fds[0]);
    close(fds[1]);
}

static int world_make(void **state)
{
    apr_initialize();
    memset(&world, 0, sizeof(world));
    snprintf(world.folder, sizeof(world.folder), "/tmp/pv-unit-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    world.conf = (pv_conf_t){.WaitLimit = 86400, .TrashTime = 604800, .EventTime = 2592000, .Workers = 2};
    world.there = row_of(&(pv_id_t){SITE_A});
    life_begin();
    return 0;
}

static int world_end(void **state)
{
    static const char *const files[] = {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db-ballast"};
    char path[128];
    life_end();
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", world.folder, files[i]);
        unlink(path);
    }
    rmdir(world.folder);
    apr_terminate();
    return 0;
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, world_make, world_end)

/* ---- until something is so ---- */

typedef struct {
    int (*is_so)(void *ctx);
    void *ctx;
    int64_t deadline;
} wait_t;

static void look(void *ctx)
{
    wait_t *w = ctx;
    if (w->is_so(w->ctx) || pv_loop_now() > w->deadline)
        pv_loop_stop(world.engine->loop);
    else
        pv_timer_start(world.engine->loop, 500, look, w);
}

/* Runs the loop until IS_SO; lives that end in a crash are followed by new ones. */
static void run_until(int (*is_so)(void *ctx), void *ctx)
{
    wait_t w = {.is_so = is_so, .ctx = ctx, .deadline = pv_loop_now() + 20000000};
    int crashes;
    do {
        crashes = world.crashes;
        pv_timer_t *timer = pv_timer_start(world.engine->loop, 0, look, &w);
        (void)timer;
        pv_loop_run(world.engine->loop);
        if (world.crashes > crashes) {
            life_end();
            life_begin();
        }
    } while (world.crashes > crashes);
    assert_true(is_so(ctx));
}

static int is_ready(void *ctx)
{
    return world.engine->state == PV_ENGINE_READY;
}

static pv_job_t *job_now(uint64_t id)
{
    pv_job_t *job = NULL;
    assert_int_equal(pv_job_find(&job, world.engine->journal, id, world.p), 0);
    return job;
}

static int has_ended(void *ctx)
{
    pv_job_state_t state = job_now(*(uint64_t *)ctx)->state;
    return pv_job_is_final(state) || state == PV_JOB_stuck;
}

/* ---- asking ---- */

static pv_id_t id_of(const char *text)
{
    pv_id_t id;
    assert_int_equal(pv_id_parse(&id, text, strlen(text)), 0);
    return id;
}

/* Hands in a task with text fields NAME, VALUE, ..., NULL. */
static pv_code_t ask_task(uint64_t *job, const char *type, const char *object, uint64_t revision, ...)
{
    pv_field_t field[8];
    const char *value[8];
    pv_fields_t fields = {.field = field};
    pv_err_t err;
    pv_accepted_t accepted;
    pv_id_t id = id_of(object);
    va_list ap;
    va_start(ap, revision);
    for (const char *name; (name = va_arg(ap, const char *)); fields.n++) {
        value[fields.n] = va_arg(ap, const char *);
        field[fields.n] = (pv_field_t){.name = name, .n = 1, .s = &value[fields.n]};
    }
    va_end(ap);
    pv_ask_t ask = {.type = type,
                    .task = pv_task_find(type, pv_id_kind(&id)),
                    .object = id,
                    .revision = revision,
                    .fields = &fields,
                    .origin = "admin"};
    pv_key_make(&ask.key);
    if (!is_ready(NULL))
        run_until(is_ready, NULL);
    if (pv_accept(&accepted, world.engine, &ask, &err) != APR_SUCCESS)
        return err.code;
    *job = accepted.job;
    return PV_OK;
}

static uint64_t ask_install(const char *object, const char *name)
{
    uint64_t job = 0;
    assert_int_equal(ask_task(&job, "install", object, 0, "name", name, "platform", PLATFORM, NULL), PV_OK);
    return job;
}

/* The state it ends in. */
static pv_job_state_t end_of(uint64_t job)
{
    run_until(has_ended, &job);
    return job_now(job)->state;
}

#endif
