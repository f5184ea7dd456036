/*
 * The poll loop. Watches stand in an array that only grows; one that is given up is marked and compacted between turns,
 * so that a function may unwatch any descriptor while the array is walked. Timers are a sorted list: there are few of
 * them at a time.
 */
#include "engine/loop.h"
#include <apr_tables.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    int fd; /* -1: given up */
    short events;
    pv_watch_fn *fn;
    void *ctx;
} watch_t;

struct pv_timer {
    pv_timer_t *next;
    pv_loop_t *loop;
    int64_t at;
    pv_timer_fn *fn;
    void *ctx;
};

struct pv_loop {
    apr_array_header_t *watches, *polled;
    pv_timer_t *timers; /* by time; those of one time in the order they came */
    int stop;
};

int64_t pv_loop_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static apr_status_t drop_timers(void *data)
{
    pv_loop_t *loop = data;
    while (loop->timers)
        pv_timer_stop(loop->timers);
    return APR_SUCCESS;
}

pv_loop_t *pv_loop_make(apr_pool_t *p)
{
    pv_loop_t *loop = apr_pcalloc(p, sizeof(*loop));
    apr_pool_cleanup_register(p, loop, drop_timers, apr_pool_cleanup_null);
    loop->watches = apr_array_make(p, 64, sizeof(watch_t));
    loop->polled = apr_array_make(p, 64, sizeof(struct pollfd));
    return loop;
}

static watch_t *find(pv_loop_t *loop, int fd)
{
    for (int i = 0; i < loop->watches->nelts; i++) {
        watch_t *w = &APR_ARRAY_IDX(loop->watches, i, watch_t);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

void pv_loop_watch(pv_loop_t *loop, int fd, short events, pv_watch_fn *fn, void *ctx)
{
    watch_t *w = find(loop, fd);
    if (!w)
        w = apr_array_push(loop->watches);
    *w = (watch_t){.fd = fd, .events = events, .fn = fn, .ctx = ctx};
}

void pv_loop_unwatch(pv_loop_t *loop, int fd)
{
    watch_t *w = find(loop, fd);
    if (w)
        w->fd = -1;
}

pv_timer_t *pv_timer_start(pv_loop_t *loop, int64_t usec, pv_timer_fn *fn, void *ctx)
{
    pv_timer_t *t = malloc(sizeof(*t));
    if (!t)
        abort(); /* as apr's pools do */
    *t = (pv_timer_t){.loop = loop, .at = pv_loop_now() + usec, .fn = fn, .ctx = ctx};
    pv_timer_t **at = &loop->timers;
    while (*at && (*at)->at <= t->at)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
    return t;
}

void pv_timer_stop(pv_timer_t *timer)
{
    if (!timer)
        return;
    pv_timer_t **at = &timer->loop->timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    free(timer);
}

static int timeout_ms(const pv_loop_t *loop)
{
    if (!loop->timers)
        return -1;
    int64_t left = loop->timers->at - pv_loop_now();
    return left <= 0 ? 0 : left > 3600 * 1000000LL ? 3600 * 1000 : (int)((left + 999) / 1000);
}

/* Drops the watches that were given up and lists the rest for poll. */
static void gather(pv_loop_t *loop)
{
    int kept = 0;
    apr_array_clear(loop->polled);
    for (int i = 0; i < loop->watches->nelts; i++) {
        watch_t w = APR_ARRAY_IDX(loop->watches, i, watch_t);
        if (w.fd < 0)
            continue;
        APR_ARRAY_IDX(loop->watches, kept++, watch_t) = w;
        APR_ARRAY_PUSH(loop->polled, struct pollfd) = (struct pollfd){.fd = w.fd, .events = w.events};
    }
    loop->watches->nelts = kept;
}

static void take_ready(pv_loop_t *loop)
{
    for (int i = 0; i < loop->polled->nelts; i++) {
        struct pollfd ready = APR_ARRAY_IDX(loop->polled, i, struct pollfd);
        watch_t w = APR_ARRAY_IDX(loop->watches, i, watch_t); /* a copy: FN may let the array grow */
        /* A descriptor given up in this turn may be another one by now: then its watch stands elsewhere. */
        if (ready.revents != 0 && w.fd == ready.fd)
            w.fn(w.ctx, w.fd, ready.revents);
    }
}

static void run_timers(pv_loop_t *loop)
{
    int64_t now = pv_loop_now();
    while (loop->timers && loop->timers->at <= now && !loop->stop) {
        pv_timer_t due = *loop->timers;
        pv_timer_stop(loop->timers);
        due.fn(due.ctx);
    }
}

void pv_loop_run(pv_loop_t *loop)
{
    loop->stop = 0;
    while (!loop->stop) {
        gather(loop);
        int n = poll((struct pollfd *)(void *)loop->polled->elts, (nfds_t)loop->polled->nelts, timeout_ms(loop));
        if (n < 0 && errno != EINTR)
            abort(); /* EFAULT, EINVAL, ENOMEM: nothing can go on */
        if (n > 0)
            take_ready(loop);
        run_timers(loop);
    }
}

void pv_loop_stop(pv_loop_t *loop)
{
    loop->stop = 1;
}
