/*
 * Wakes followers and flushes the backlog, both by timers, so that neither happens inside somebody else's transaction.
 */
#include "engine/events.h"
#include "engine/log.h"

#define FLUSH_USEC 20000   /* how long a log line waits for company */
#define RETRY_USEC 1000000 /* when the journal could not be written */

struct pv_events {
    pv_loop_t *loop;
    pv_journal_t *journal;
    pv_follower_t *first;
    pv_timer_t *wake, *flush;
};

static void wake_all(void *ctx)
{
    pv_events_t *events = ctx;
    events->wake = NULL;
    pv_follower_t *next;
    for (pv_follower_t *f = events->first; f; f = next) {
        next = f->next; /* FN may unfollow itself, nobody else */
        f->fn(f->ctx);
    }
}

static void flush(void *ctx)
{
    pv_events_t *events = ctx;
    pv_err_t err;
    events->flush = NULL;
    if (pv_event_flush(events->journal, &err) != APR_SUCCESS)
        events->flush = pv_timer_start(events->loop, RETRY_USEC, flush, events);
}

static void committed(void *ctx)
{
    pv_events_t *events = ctx;
    if (!events->wake)
        events->wake = pv_timer_start(events->loop, 0, wake_all, events);
}

static void backlogged(void *ctx)
{
    pv_events_t *events = ctx;
    if (!events->flush)
        events->flush = pv_timer_start(events->loop, FLUSH_USEC, flush, events);
}

pv_events_t *pv_events_make(pv_loop_t *loop, pv_journal_t *journal, apr_pool_t *p)
{
    pv_events_t *events = apr_pcalloc(p, sizeof(*events));
    events->loop = loop;
    events->journal = journal;
    pv_event_on_commit(journal, committed, events);
    pv_event_on_backlog(journal, backlogged, events);
    return events;
}

void pv_events_follow(pv_events_t *events, pv_follower_t *follower, void (*fn)(void *ctx), void *ctx)
{
    *follower = (pv_follower_t){.next = events->first, .fn = fn, .ctx = ctx};
    events->first = follower;
}

void pv_events_unfollow(pv_events_t *events, pv_follower_t *follower)
{
    pv_follower_t **at = &events->first;
    while (*at != follower)
        at = &(*at)->next;
    *at = follower->next;
}
