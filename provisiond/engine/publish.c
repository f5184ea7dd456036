/*
 * One publish at a time. At once after a quiet time; after a reload, not before max(ReloadGap, 10 x what it took), so
 * that reloads take at most a tenth of httpd's time. What comes meanwhile goes out together.
 *
 * Jobs that are under way together come out together: while others are at work and one has joined just now, the publish
 * waits for the next to join, though not for ever.
 *
 * Where a batch fails because of one site, root has parked that site and names it: its job gets the failure, the others
 * go again.
 */
#include "engine/publish.h"
#include "engine/job.h"
#include "engine/log.h"
#include "engine/parts.h"
#include "engine/transport.h"
#include <apr_strings.h>
#include <string.h>

#define GAP_FACTOR 10
#define LULL       500000  /* microseconds in which nobody joined */
#define PATIENCE   5000000 /* since the first one joined */

typedef struct member member_t;
struct member {
    member_t *next;
    pv_call_t *call;
};

struct pv_publisher {
    pv_engine_t *engine;
    int64_t least;            /* between two reloads, microseconds; 0: reloads are not spread at all */
    member_t *waiting, **end; /* for the next one */
    int n;                    /* jobs that wait */
    int64_t first, last;      /* when the first and the last of them joined, pv_loop_now's */
    member_t *batch;          /* that is under way; the first one's call carries it */
    pv_timer_t *timer;
    int64_t not_before; /* pv_loop_now's */
};

static void publish(void *ctx);

pv_publisher_t *pv_publisher_make(pv_engine_t *engine, apr_pool_t *p)
{
    pv_publisher_t *pub = apr_pcalloc(p, sizeof(*pub));
    pub->engine = engine;
    pub->least = (int64_t)engine->conf->ReloadGap * 1000000;
    pub->end = &pub->waiting;
    return pub;
}

/* When the next may begin. */
static int64_t due(const pv_publisher_t *pub)
{
    int64_t at = pub->last + LULL, end = pub->first + PATIENCE;
    if (pub->least == 0 || pub->n >= pv_sched_count(pub->engine->sched))
        return pub->not_before;
    at = at < end ? at : end;
    return at > pub->not_before ? at : pub->not_before;
}

static void schedule(pv_publisher_t *pub)
{
    if (pub->batch || !pub->waiting)
        return;
    int64_t left = due(pub) - pv_loop_now();
    pv_timer_stop(pub->timer);
    pub->timer = pv_timer_start(pub->engine->loop, left > 0 ? left : 0, publish, pub);
}

static void wait_for_next(pv_publisher_t *pub, member_t *m)
{
    pub->last = pv_loop_now();
    if (!pub->waiting)
        pub->first = pub->last;
    pub->n += m->call->job != NULL;
    m->next = NULL;
    *pub->end = m;
    pub->end = &m->next;
}

static int is_culprit(const pv_call_t *call, const char *culprit)
{
    return call->job && strcmp(call->job->object.s, culprit) == 0;
}

/* MORE is the culprit; the carrier's call ends with its answer, and its pool with the string. */
static void answer_batch(pv_publisher_t *pub, const pv_reply_t *reply, const char *more)
{
    char culprit[sizeof(pv_id_t)] = "";
    if (reply->code != PV_OK && more)
        apr_cpystrn(culprit, more, sizeof(culprit));
    member_t *m = pub->batch;
    int grouped = m->next != NULL;
    pub->batch = NULL;
    if (grouped)
        pv_journal_group(pub->engine->journal);
    while (m) {
        member_t *next = m->next;
        if (culprit[0] != '\0' && !is_culprit(m->call, culprit))
            wait_for_next(pub, m);
        else
            pv_call_answer(m->call, reply);
        m = next;
    }
    if (grouped)
        pv_journal_group_end(pub->engine->journal);
}

static void published(pv_call_t *call, const pv_reply_t *reply)
{
    pv_publisher_t *pub = call->travel;
    if (reply->code == PV_OK && reply->b > 0 && pub->least > 0) {
        int64_t gap = GAP_FACTOR * (int64_t)reply->b;
        pub->not_before = pv_loop_now() + (gap > pub->least ? gap : pub->least);
    }
    pv_log("publish", "code=%s rev=%lu culprit=%s", pv_error_row(reply->code)->name, (unsigned long)reply->a,
           call->more && reply->code != PV_OK ? call->more : "-");
    answer_batch(pub, reply, call->more);
    schedule(pub);
}

static void publish(void *ctx)
{
    pv_publisher_t *pub = ctx;
    pub->timer = NULL;
    pub->batch = pub->waiting;
    pub->waiting = NULL;
    pub->end = &pub->waiting;
    pub->n = 0;
    pub->batch->call->travel = pub;
    pv_peer_ask(pub->engine->root, pub->batch->call, published);
}

void pv_publisher_join(pv_publisher_t *pub, pv_call_t *call)
{
    member_t *m = apr_palloc(call->p, sizeof(*m));
    m->call = call;
    wait_for_next(pub, m);
    schedule(pub);
}
