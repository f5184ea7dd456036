/*
 * The engine's one poll loop: descriptors and timers, each a function and its context. All functions are called from
 * pv_loop_run, never from inside another function of the loop. Times are microseconds of CLOCK_MONOTONIC.
 */
#ifndef PV_ENGINE_LOOP_H
#define PV_ENGINE_LOOP_H

#include <apr_pools.h>
#include <stdint.h>

typedef struct pv_loop pv_loop_t;
typedef struct pv_timer pv_timer_t;
typedef void pv_watch_fn(void *ctx, int fd, short revents);
typedef void pv_timer_fn(void *ctx);

pv_loop_t *pv_loop_make(apr_pool_t *p);

/* Waits for EVENTS (POLLIN, POLLOUT) on FD; a second call for the same FD replaces the first. FN may watch and unwatch
 * any. */
void pv_loop_watch(pv_loop_t *loop, int fd, short events, pv_watch_fn *fn, void *ctx);
/* Before FD is closed. */
void pv_loop_unwatch(pv_loop_t *loop, int fd);

/* Calls FN once, USEC from now (0: at the next turn). The timer is gone when FN is called or after pv_timer_stop. */
pv_timer_t *pv_timer_start(pv_loop_t *loop, int64_t usec, pv_timer_fn *fn, void *ctx);
void pv_timer_stop(pv_timer_t *timer); /* NULL: nothing */

int64_t pv_loop_now(void);

/* Until pv_loop_stop; each turn takes what is ready, then runs the timers that are due. */
void pv_loop_run(pv_loop_t *loop);
void pv_loop_stop(pv_loop_t *loop);

#endif
