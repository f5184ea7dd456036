/*
 * A worker's life: waiting for a place, started, ended. Its three pipes are read until it has ended and they are empty;
 * a process that it left behind is dead with its pid namespace, so nothing is waited for after that.
 */
#include "engine/worker.h"
#include "engine/job.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include "engine/pipe.h"
#include "engine/report.h"
#include "engine/transport.h"
#include "engine/turns.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_DEFAULT 600
#define LOG_LINE         8192
#define REPORT_LINE      65536

typedef enum { WAITS, STARTING, RUNS } phase_t;

typedef struct work work_t;
struct work {
    work_t *next;
    pv_workers_t *workers;
    pv_call_t *call;
    phase_t phase;
    int kill;          /* why it was killed: PV_CANCELLED, PV_DEADLINE; PV_OK: it was not */
    int request;       /* descriptor, -1 when all is written */
    char *text, *left; /* the request, and what of it is not written yet */
    pv_pipe_t *log, *lines;
    pv_report_t *report;
    pv_timer_t *timer;
};

struct pv_workers {
    pv_engine_t *engine;
    pv_turns_t *turns;
    work_t *first; /* all, oldest first */
    int busy;      /* places taken */
};

static void start_waiting(pv_workers_t *workers);

pv_workers_t *pv_workers_make(pv_engine_t *engine, apr_pool_t *p)
{
    pv_workers_t *workers = apr_pcalloc(p, sizeof(*workers));
    workers->engine = engine;
    workers->turns = pv_turns_make(p);
    return workers;
}

/* ---- its end ---- */

static void close_request(work_t *w)
{
    if (w->request < 0)
        return;
    pv_loop_unwatch(w->workers->engine->loop, w->request);
    close(w->request);
    w->request = -1;
}

/* Gives its place to the next, and answers. */
static void finish(work_t *w, const pv_err_t *err)
{
    pv_workers_t *workers = w->workers;
    work_t **at = &workers->first;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    workers->busy -= w->phase != WAITS;
    pv_timer_stop(w->timer);
    close_request(w);
    pv_pipe_close(w->log);
    pv_pipe_close(w->lines);
    free(w->text);

    pv_call_t *call = w->call;
    pv_reply_t reply = {.code = err->code};
    apr_cpystrn(reply.detail, err->text, sizeof(reply.detail));
    apr_cpystrn(call->field, err->field, sizeof(call->field));
    call->facts = w->report ? pv_report_facts(w->report) : json_object();
    pv_call_answer(call, &reply);
    start_waiting(workers);
}

static void ended(work_t *w, int status)
{
    pv_err_t err = {.code = PV_OK};
    pv_pipe_close(w->log);
    pv_pipe_close(w->lines);
    pv_report_end(w->report, status, &err);
    w->call->told = err.code != PV_OK;
    if (w->kill == PV_CANCELLED)
        pv_fail(&err, PV_CANCELLED, NULL, "it was ended because the task was cancelled");
    else if (w->kill == PV_DEADLINE)
        pv_fail(&err, PV_DEADLINE, NULL, "it was ended after %d s",
                w->call->deadline ? w->call->deadline : DEADLINE_DEFAULT);
    finish(w, &err);
}

void pv_workers_exited(pv_workers_t *workers, uint32_t seq, int status)
{
    for (work_t *w = workers->first; w; w = w->next)
        if (w->phase == RUNS && w->call->out->head.seq == seq) {
            ended(w, status);
            return;
        }
}

void pv_workers_lost(pv_workers_t *workers)
{
    pv_err_t err;
    pv_fail(&err, PV_RETRY_LATER, NULL, "provisiond ended while it ran");
    work_t *w = workers->first;
    while (w && w->phase != RUNS)
        w = w->next;
    if (w) {
        finish(w, &err);
        pv_workers_lost(workers);
    }
}

/* ---- killing ---- */

static void killed(pv_call_t *call, const pv_reply_t *reply)
{
    (void)call, (void)reply; /* its end is told by itself */
}

static void kill_work(work_t *w, int why)
{
    pv_err_t err;
    if (w->kill != PV_OK)
        return;
    w->kill = why;
    if (w->phase == WAITS) {
        pv_fail(&err, (pv_code_t)why, NULL, "it had not begun");
        finish(w, &err);
    } else if (w->phase == RUNS) {
        pv_call_t *call = pv_call_make(w->workers->engine, NULL);
        pv_call_root(call, PV_ROOT_kill);
        pv_dgram_num(call->out, w->call->out->head.seq);
        pv_call_run(call, killed, NULL);
    }
}

void pv_call_kill(pv_engine_t *engine, const pv_job_t *job)
{
    for (work_t *w = engine->workers->first; w; w = w->next)
        if (w->call->job == job) {
            kill_work(w, PV_CANCELLED);
            return; /* a job has one call at a time */
        }
}

static void deadline(void *ctx)
{
    work_t *w = ctx;
    w->timer = NULL;
    kill_work(w, PV_DEADLINE);
}

/* ---- its pipes ---- */

static void log_line(void *ctx, const char *s, size_t len)
{
    work_t *w = ctx;
    if (w->call->job)
        pv_job_log_bytes(w->call->job, PV_LOG_OUTPUT, "output", s, len);
}

static void report_line(void *ctx, const char *s, size_t len)
{
    work_t *w = ctx;
    pv_report_line(w->report, s, len);
}

static void on_request(void *ctx, int fd, short revents)
{
    work_t *w = ctx;
    ssize_t n = write(fd, w->left, strlen(w->left));
    (void)revents;
    if (n > 0)
        w->left += n;
    if (*w->left == '\0' || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_request(w); /* one that does not want its request says so by its report */
}

/* ---- its beginning ---- */

static void started(pv_call_t *call, const pv_reply_t *reply)
{
    work_t *w = call->travel;
    pv_loop_t *loop = w->workers->engine->loop;
    pv_err_t err = {.code = reply->code};
    apr_cpystrn(err.text, reply->detail, sizeof(err.text));
    if (reply->code == PV_OK && call->nfds != 3)
        pv_fail(&err, PV_INTERNAL, NULL, "root sent %d descriptors for a worker, not 3", call->nfds);
    if (err.code != PV_OK) {
        finish(w, &err);
        return;
    }
    w->phase = RUNS;
    w->report = pv_report_make(call->job, call->scans, call->p);
    w->request = call->fd[0];
    w->log = pv_pipe_make(loop, call->fd[1], LOG_LINE, log_line, w, call->p);
    w->lines = pv_pipe_make(loop, call->fd[2], REPORT_LINE, report_line, w, call->p);
    call->nfds = 0;
    fcntl(w->request, F_SETFL, fcntl(w->request, F_GETFL) | O_NONBLOCK);
    pv_loop_watch(loop, w->request, POLLOUT, on_request, w);
    int seconds = call->deadline ? call->deadline : DEADLINE_DEFAULT;
    w->timer = pv_timer_start(loop, seconds * 1000000LL, deadline, w);
    if (w->kill != PV_OK) { /* while root was starting it */
        int why = w->kill;
        w->kill = PV_OK;
        kill_work(w, why);
    }
}

static const char *client_of(const work_t *w)
{
    return w->call->job ? w->call->job->client : "";
}

/* The last free place is for a client that has none, so that one with many long tasks holds up nobody else's. */
static int may_begin(const work_t *waiting)
{
    const pv_workers_t *workers = waiting->workers;
    const char *client = client_of(waiting);
    if (*client == '\0' || workers->busy + 1 < workers->engine->conf->Workers)
        return 1;
    for (const work_t *w = workers->first; w; w = w->next)
        if (w->phase != WAITS && strcmp(client_of(w), client) == 0)
            return 0;
    return 1;
}

static work_t *next_waiting(const pv_workers_t *workers)
{
    work_t *best = NULL;
    for (work_t *w = workers->first; w; w = w->next)
        if (w->phase == WAITS && may_begin(w) &&
            (!best || pv_turns_last(workers->turns, client_of(w)) < pv_turns_last(workers->turns, client_of(best))))
            best = w;
    return best;
}

static void start_waiting(pv_workers_t *workers)
{
    work_t *w;
    while (workers->busy < workers->engine->conf->Workers && (w = next_waiting(workers))) {
        workers->busy++;
        pv_turns_take(workers->turns, client_of(w));
        w->phase = STARTING;
        pv_peer_ask(workers->engine->root, w->call, started);
    }
}

void pv_call_by_worker(pv_call_t *call)
{
    pv_workers_t *workers = call->engine->workers;
    work_t *w = apr_pcalloc(call->p, sizeof(*w)), **end = &workers->first;
    *w = (work_t){.workers = workers, .call = call, .request = -1};
    w->text = w->left = json_dumps(call->request, JSON_COMPACT);
    call->travel = w;
    while (*end)
        end = &(*end)->next;
    *end = w;
    start_waiting(workers);
}
