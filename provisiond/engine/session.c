/*
 * A connection's life. Its pool ends when it is closed and no answer is under way any more: a sink outlives its client,
 * and what it then says goes nowhere.
 *
 * A follower reads its events from the journal as its socket takes them, so a slow one costs no memory; one that takes
 * nothing while a MiB of events came is dropped, and goes on where it was when it comes again.
 */
#include "engine/session.h"
#include "engine/log.h"
#include "engine/parts.h"
#include "proto/line.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_USEC      5000000
#define TICK_USEC      1000000
#define HEARTBEAT_USEC 10000000
#define ERRORS_MAX     10
#define FEED_BYTES     (256 * 1024)  /* events are read from the journal up to this */
#define STREAM_BYTES   (1024 * 1024) /* of a file, at a time */
#define STREAM_USEC    60000000      /* a peer that takes none of it for so long is gone */
#define WAITING_MAX    (1024 * 1024) /* bytes that a peer may leave untaken */

struct pv_session {
    pv_engine_t *engine;
    const pv_role_t *role;
    pv_usage_t *usage;
    apr_pool_t *p, *tmp; /* tmp: a request's */
    pv_line_t *line;
    int fd; /* -1: closed */
    int greeted, errors, sinks, ending;
    int64_t opened;
    pv_timer_t *tick, *pause;
    pv_follower_t follower;
    int follows;
    uint64_t after;
    int64_t beat;   /* when something was sent to the follower last */
    uint64_t taken; /* pv_event_bytes when the peer took something last */
    int file;       /* sent after all lines, then the connection ends; -1: none */
    int64_t left;   /* bytes of it */
};

static void ready(void *ctx, int fd, short revents);
static void tick(void *ctx);

/* ---- the end ---- */

static void release(pv_session_t *s)
{
    if (s->fd < 0 && s->sinks == 0)
        apr_pool_destroy(s->p);
}

static void end(pv_session_t *s)
{
    if (s->fd < 0)
        return;
    pv_loop_unwatch(s->engine->loop, s->fd);
    close(s->fd);
    s->fd = -1;
    s->usage->connections--;
    if (s->file >= 0)
        close(s->file);
    pv_timer_stop(s->tick);
    pv_timer_stop(s->pause);
    if (s->follows)
        pv_events_unfollow(s->engine->events, &s->follower);
}

void pv_session_refuse(int fd, pv_code_t code, const char *fmt, ...)
{
    pv_err_t err, none;
    apr_pool_t *p;
    const char *line;
    size_t len;
    va_list ap;
    char text[256];
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pv_fail(&err, code, NULL, "%s", text);
    apr_pool_create(&p, NULL);
    if (pv_json_line(&line, &len, pv_json_keep(pv_reply_error(0, &err), p), &none, p) == APR_SUCCESS &&
        send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        pv_log("session.refuse", "code=%s sent=no", pv_error_row(code)->name);
    apr_pool_destroy(p);
    close(fd);
}

/* ---- sending ---- */

/* Nothing is read from a peer that is to go, has used up its allowance, or does not take its answers. */
static void watch(pv_session_t *s)
{
    size_t waiting = pv_line_waiting(s->line);
    int reads = !s->ending && !s->pause && waiting <= WAITING_MAX, sends = waiting > 0 || s->file >= 0;
    pv_loop_watch(s->engine->loop, s->fd, (short)((reads ? POLLIN : 0) | (sends ? POLLOUT : 0)), ready, s);
}

pv_engine_t *pv_session_engine(const pv_session_t *session)
{
    return session->engine;
}

const char *pv_session_origin(const pv_session_t *session)
{
    return session->role->name;
}

size_t pv_session_waiting(const pv_session_t *session)
{
    return session->fd < 0 ? 0 : pv_line_waiting(session->line);
}

void pv_session_send(pv_session_t *s, uint64_t re, json_t *line)
{
    apr_pool_t *p;
    pv_err_t err, none;
    const char *text;
    size_t len;
    if (s->fd >= 0) {
        apr_pool_create(&p, s->p);
        apr_status_t rv = pv_json_line(&text, &len, line, &err, p);
        if (rv != APR_SUCCESS)
            rv = pv_json_line(&text, &len, pv_json_keep(pv_reply_error(re, &err), p), &none, p);
        if (rv == APR_SUCCESS)
            pv_line_put(s->line, text, len);
        apr_pool_destroy(p);
        watch(s);
    }
    json_decref(line);
}

void pv_session_error(pv_session_t *s, uint64_t re, const pv_err_t *err)
{
    pv_session_send(s, re, pv_reply_error(re, err));
}

/* ---- answers that come by and by ---- */

typedef struct {
    pv_sink_t sink;
    pv_session_t *session;
    uint64_t re;
} session_sink_t;

static void sink_row(pv_sink_t *sink, json_t *row)
{
    session_sink_t *k = (session_sink_t *)sink;
    json_object_set_new(row, "re", json_integer((json_int_t)k->re));
    pv_session_send(k->session, k->re, row);
}

static void sink_end(pv_sink_t *sink, const pv_err_t *err, json_t *more)
{
    session_sink_t *k = (session_sink_t *)sink;
    pv_session_t *s = k->session;
    json_t *last = err ? pv_reply_error(k->re, err) : pv_reply_make(k->re);
    json_object_set_new(last, "end", json_true());
    if (more)
        json_object_update_missing(last, more);
    json_decref(more);
    pv_session_send(s, k->re, last);
    apr_pool_destroy(sink->p);
    s->usage->requests--;
    s->sinks--;
    release(s);
}

pv_sink_t *pv_session_sink(pv_session_t *s, uint64_t re)
{
    pv_err_t err;
    apr_pool_t *p;
    if (s->usage->requests >= PV_REQUESTS_MAX) {
        pv_fail(&err, PV_BUSY, NULL, "%d requests are under way", s->usage->requests);
        pv_session_error(s, re, &err);
        return NULL;
    }
    s->usage->requests++;
    s->sinks++;
    apr_pool_create(&p, s->p);
    session_sink_t *k = apr_pcalloc(p, sizeof(*k));
    *k = (session_sink_t){
        .sink = {.engine = s->engine, .p = p, .row = sink_row, .end = sink_end}, .session = s, .re = re};
    return &k->sink;
}

/* ---- a file ---- */

void pv_session_stream(pv_session_t *s, int fd, int64_t size)
{
    if (s->fd < 0) {
        close(fd);
        return;
    }
    fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
    s->file = fd;
    s->left = size;
    s->beat = pv_loop_now();
    s->ending = 1;
}

/* A piece of it, as much as the socket takes now, so that no other connection waits for this one. A file that ends
 * early is a connection that ends early, which the peer sees. */
static apr_status_t stream(pv_session_t *s)
{
    ssize_t n =
        s->left == 0 ? 0 : sendfile(s->fd, s->file, NULL, s->left < STREAM_BYTES ? (size_t)s->left : STREAM_BYTES);
    if (n < 0 && errno == EAGAIN)
        return APR_SUCCESS;
    if (n < 0 || (n == 0 && s->left > 0))
        return APR_EGENERAL;
    s->left -= n;
    s->beat = pv_loop_now();
    if (s->left == 0) {
        close(s->file);
        s->file = -1;
    }
    return APR_SUCCESS;
}

/* ---- following ---- */

static int feed_one(void *ctx, uint64_t seq, json_t *event)
{
    pv_session_t *s = ctx;
    pv_session_send(s, 0, json_incref(event));
    s->after = seq;
    s->beat = pv_loop_now();
    return pv_line_waiting(s->line) > FEED_BYTES;
}

static void feed(pv_session_t *s)
{
    if (s->follows && s->fd >= 0 && pv_line_waiting(s->line) <= FEED_BYTES)
        pv_event_read(s->engine->journal, s->after, feed_one, s);
}

/* Something was committed. The peer has what it was sent before, or it is behind. */
static void told(void *ctx)
{
    pv_session_t *s = ctx;
    uint64_t bytes = pv_event_bytes(s->engine->journal);
    if (pv_line_waiting(s->line) > 0 && bytes - s->taken > WAITING_MAX) {
        pv_log("session.slow", "uid=%u after=%lu", s->usage->uid, (unsigned long)s->after);
        end(s);
        release(s);
        return;
    }
    feed(s);
}

int pv_session_follows(const pv_session_t *session)
{
    return session->follows;
}

void pv_session_follow(pv_session_t *s, uint64_t after)
{
    s->follows = 1;
    s->after = after;
    s->beat = pv_loop_now();
    s->taken = pv_event_bytes(s->engine->journal);
    pv_events_follow(s->engine->events, &s->follower, told, s);
    feed(s);
}

/* ---- requests ---- */

/* A peer that keeps sending what is none is not listening to the errors either. */
static void refuse_line(pv_session_t *s, uint64_t re, const pv_err_t *err)
{
    pv_session_error(s, re, err);
    if (!s->greeted || ++s->errors >= ERRORS_MAX || err->code == PV_TOO_LONG)
        s->ending = 1;
}

static void take_line(pv_session_t *s, const char *text, size_t len)
{
    const pv_request_t *request;
    uint64_t re = 0;
    pv_err_t err;
    apr_status_t rv = pv_request_decode(&request, &re, text, len, &err, s->tmp);
    if (rv == APR_SUCCESS && s->greeted != (request->msg != PV_MSG_hello))
        rv = pv_fail(&err, PV_SCHEMA, "op", s->greeted ? "hello comes once, and first" : "hello must come first");
    if (rv == APR_SUCCESS && request->msg == PV_MSG_hello && pv_request_arg(request, "v")->num != PV_PROTOCOL)
        rv = pv_fail(&err, PV_SCHEMA, "v", "this daemon speaks version %d", PV_PROTOCOL);
    if (rv != APR_SUCCESS) {
        refuse_line(s, re, &err);
    } else {
        s->greeted = 1;
        pv_request_run(s, request, s->tmp);
    }
    apr_pool_clear(s->tmp);
}

static void resume(void *ctx);

/* Takes the lines that have come, until its allowance is used up; the rest waits where it is. What several of them
 * change is written in one go, before any is answered. */
static void take_lines(pv_session_t *s)
{
    const char *text;
    size_t len;
    pv_err_t err;
    int grouped = 0;
    while (!s->ending && !s->pause && pv_line_waiting(s->line) <= WAITING_MAX) {
        apr_status_t rv = pv_line_next(&text, &len, s->line, &err);
        if (rv == APR_EAGAIN)
            break;
        if (!grouped && pv_line_has_next(s->line)) {
            pv_journal_group(s->engine->journal);
            grouped = 1;
        }
        if (rv == APR_SUCCESS)
            take_line(s, text, len);
        else
            refuse_line(s, 0, &err);
        int64_t wait = pv_usage_charge(s->usage);
        if (wait > 0)
            s->pause = pv_timer_start(s->engine->loop, wait, resume, s);
    }
    if (grouped)
        pv_journal_group_end(s->engine->journal);
}

/* Sends what can be sent; then either waits for more, or ends. */
static void settle(pv_session_t *s)
{
    pv_err_t err;
    size_t before = pv_line_waiting(s->line);
    apr_status_t rv = pv_line_flush(s->line, &err);
    size_t left = pv_line_waiting(s->line);
    if (left < before)
        s->taken = pv_event_bytes(s->engine->journal);
    if (rv == APR_SUCCESS && left == 0 && s->sinks == 0 && s->file >= 0)
        rv = stream(s);
    if (rv != APR_SUCCESS || (s->ending && left == 0 && s->sinks == 0 && s->file < 0)) {
        end(s);
        release(s);
    } else {
        watch(s);
    }
}

static void resume(void *ctx)
{
    pv_session_t *s = ctx;
    s->pause = NULL;
    take_lines(s);
    settle(s);
}

static void ready(void *ctx, int fd, short revents)
{
    pv_session_t *s = ctx;
    pv_err_t err;
    (void)fd;
    if (revents & POLLIN) {
        apr_status_t rv = pv_line_fill(s->line, pv_loop_now(), &err);
        take_lines(s);
        if (rv == APR_EGENERAL)
            refuse_line(s, 0, &err);
        s->ending |= rv != APR_SUCCESS;
    } else if (revents & (POLLHUP | POLLERR)) {
        end(s);
        release(s);
        return;
    }
    if (revents & POLLOUT)
        feed(s);
    settle(s);
}

/* ---- time ---- */

static void tick(void *ctx)
{
    pv_session_t *s = ctx;
    int64_t now = pv_loop_now(), since = pv_line_since(s->line);
    pv_err_t err;
    s->tick = pv_timer_start(s->engine->loop, TICK_USEC, tick, s);
    if (!s->ending &&
        ((since > 0 && !s->pause && now - since > LINE_USEC) || (!s->greeted && now - s->opened > LINE_USEC))) {
        pv_fail(&err, PV_DEADLINE, NULL, "no whole line came within %d s", LINE_USEC / 1000000);
        pv_session_error(s, 0, &err);
        s->ending = 1;
        settle(s);
    } else if (s->file >= 0 && now - s->beat >= STREAM_USEC) {
        end(s);
        release(s);
    } else if (s->follows && now - s->beat >= HEARTBEAT_USEC) {
        s->beat = now;
        pv_session_send(s, 0, json_pack("{si}", "ev", 0));
        settle(s);
    }
}

/* ---- the beginning ---- */

void pv_session_open(pv_engine_t *engine, const pv_role_t *role, pv_usage_t *usage, int fd)
{
    apr_pool_t *p;
    apr_pool_create(&p, engine->p);
    pv_session_t *s = apr_pcalloc(p, sizeof(*s));
    *s = (pv_session_t){
        .engine = engine, .role = role, .usage = usage, .p = p, .fd = fd, .file = -1, .opened = pv_loop_now()};
    apr_pool_create(&s->tmp, p);
    s->line = pv_line_make(fd, p);
    usage->connections++;
    s->tick = pv_timer_start(engine->loop, TICK_USEC, tick, s);
    watch(s);
}
