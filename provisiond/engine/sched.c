/*
 * Locks and turns. A pass walks all jobs in their order and claims for each what it locks; a job whose locks clash with
 * an earlier claim waits, so none is overtaken by a later one that wants the same.
 *
 * Locks are made from what is known of an object; a site's platform may not be recorded yet when the site is asked for.
 * They are made anew before a job gets them, when all that came before it and touches it has ended.
 */
#include "engine/sched.h"
#include "engine/accept.h"
#include "engine/job_run.h"
#include "engine/props.h"
#include "engine/turns.h"
#include "proto/message.h"
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#define RUNNING_MAX 128 /* at work: what they ask of root, dba and the workers at once; who waits asks nothing */
#define LOCKS       8

typedef struct {
    int n;
    pv_id_t id[LOCKS]; /* the first exclusive, the others shared */
} locks_t;

typedef struct entry entry_t;
struct entry {
    entry_t *next;
    apr_pool_t *p;
    uint64_t id;
    const char *type, *client;
    const json_t *args;
    locks_t locks;
    uint64_t blocker; /* the job it was said to wait for */
    pv_job_t *job;    /* NULL: accepted, without locks */
};

typedef struct {
    const entry_t *holder;
    int exclusive;
} claim_t;

struct pv_sched {
    pv_engine_t *engine;
    apr_pool_t *p;
    pv_turns_t *turns;
    entry_t *first; /* by number */
    pv_timer_t *timer;
};

static void pass(void *ctx);

pv_sched_t *pv_sched_make(pv_engine_t *engine, apr_pool_t *p)
{
    pv_sched_t *sched = apr_pcalloc(p, sizeof(*sched));
    sched->engine = engine;
    sched->p = p;
    sched->turns = pv_turns_make(p);
    return sched;
}

static void wake(pv_sched_t *sched)
{
    if (!sched->timer)
        sched->timer = pv_timer_start(sched->engine->loop, 0, pass, sched);
}

/* ---- what a job locks ---- */

static void add_lock(locks_t *locks, const char *id)
{
    for (int i = 0; i < locks->n; i++)
        if (strcmp(locks->id[i].s, id) == 0)
            return;
    if (*id != '\0' && locks->n < LOCKS)
        apr_cpystrn(locks->id[locks->n++].s, id, sizeof(pv_id_t));
}

static void add_relations(locks_t *locks, const json_t *props)
{
    static const char *const name[] = {"platform", "server", "db_server"};
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
        add_lock(locks, pv_props_str(props, name[i]));
}

static locks_t locks_of(pv_journal_t *j, const pv_id_t *object, const json_t *args)
{
    locks_t locks = {.n = 1, .id = {*object}};
    apr_pool_t *p;
    pv_object_t *known;
    apr_pool_create(&p, NULL);
    add_relations(&locks, args);
    if (pv_object_find(&known, j, object, p) == APR_SUCCESS)
        add_relations(&locks, known->props);
    for (int i = 1, n = locks.n; i < n; i++) /* a platform's server */
        if (pv_object_find(&known, j, &locks.id[i], p) == APR_SUCCESS)
            add_relations(&locks, known->props);
    apr_pool_destroy(p);
    return locks;
}

/* ---- claims of one pass ---- */

static const entry_t *clash(apr_hash_t *claims, const locks_t *locks)
{
    for (int i = 0; i < locks->n; i++) {
        const claim_t *c = apr_hash_get(claims, locks->id[i].s, APR_HASH_KEY_STRING);
        if (c && (c->exclusive || i == 0))
            return c->holder;
    }
    return NULL;
}

static void claim(apr_hash_t *claims, const entry_t *e, apr_pool_t *p)
{
    for (int i = 0; i < e->locks.n; i++) {
        claim_t *c = apr_hash_get(claims, e->locks.id[i].s, APR_HASH_KEY_STRING);
        if (c) {
            c->exclusive |= i == 0;
            continue;
        }
        c = apr_palloc(p, sizeof(*c));
        *c = (claim_t){.holder = e, .exclusive = i == 0};
        apr_hash_set(claims, e->locks.id[i].s, APR_HASH_KEY_STRING, c);
    }
}

static const char *waits_for(const entry_t *holder, apr_pool_t *p)
{
    return apr_psprintf(p, "waits for job %lu, %s of %s", (unsigned long)holder->id, holder->type,
                        holder->locks.id[0].s);
}

const char *pv_sched_blocker(pv_sched_t *sched, const pv_id_t *object, const json_t *args, apr_pool_t *p)
{
    apr_hash_t *claims = apr_hash_make(p);
    locks_t locks = locks_of(sched->engine->journal, object, args);
    for (const entry_t *e = sched->first; e; e = e->next)
        claim(claims, e, p);
    const entry_t *holder = clash(claims, &locks);
    return holder ? waits_for(holder, p) : NULL;
}

/* ---- entries ---- */

static entry_t *insert(pv_sched_t *sched, const pv_job_t *job)
{
    apr_pool_t *p;
    apr_pool_create(&p, sched->p);
    entry_t *e = apr_pcalloc(p, sizeof(*e)), **at = &sched->first;
    *e = (entry_t){.p = p, .id = job->id, .type = apr_pstrdup(p, job->type), .client = apr_pstrdup(p, job->client)};
    e->args = pv_json_keep(json_deep_copy(job->args), p);
    e->locks = locks_of(sched->engine->journal, &job->object, job->args);
    while (*at && (*at)->id < e->id)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
    wake(sched);
    return e;
}

void pv_sched_add(pv_sched_t *sched, const pv_job_t *job)
{
    insert(sched, job);
}

void pv_sched_resume(pv_sched_t *sched, pv_job_t *job)
{
    insert(sched, job)->job = job;
}

static entry_t *find(pv_sched_t *sched, uint64_t id)
{
    entry_t *e = sched->first;
    while (e && e->id != id)
        e = e->next;
    return e;
}

pv_job_t *pv_sched_running(pv_sched_t *sched, uint64_t job)
{
    entry_t *e = find(sched, job);
    return e ? e->job : NULL;
}

int pv_sched_count(const pv_sched_t *sched)
{
    int n = 0;
    for (const entry_t *e = sched->first; e; e = e->next)
        n += e->job && e->job->waiting == 0;
    return n;
}

void pv_sched_waits(pv_sched_t *sched)
{
    wake(sched);
}

static void drop(pv_sched_t *sched, entry_t *e)
{
    entry_t **at = &sched->first;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    apr_pool_destroy(e->p);
    wake(sched);
}

int pv_sched_remove(pv_sched_t *sched, uint64_t job)
{
    entry_t *e = find(sched, job);
    if (!e || e->job)
        return 0;
    drop(sched, e);
    return 1;
}

void pv_sched_ended(pv_sched_t *sched, pv_job_t *job)
{
    entry_t *e = find(sched, job->id);
    drop(sched, e);
    apr_pool_destroy(job->p);
}

/* ---- a pass ---- */

static void say_blocked(pv_sched_t *sched, entry_t *e, const entry_t *holder, apr_pool_t *p)
{
    if (e->blocker == holder->id)
        return;
    e->blocker = holder->id;
    pv_job_say_blocked(sched->engine, e->id, waits_for(holder, p), p);
}

/* The jobs that could start now, in their order. */
static apr_array_header_t *startable(pv_sched_t *sched, apr_pool_t *p)
{
    apr_array_header_t *ready = apr_array_make(p, 16, sizeof(entry_t *));
    apr_hash_t *claims = apr_hash_make(p);
    for (entry_t *e = sched->first; e; e = e->next)
        if (e->job)
            claim(claims, e, p);
    for (entry_t *e = sched->first; e; e = e->next) {
        if (e->job)
            continue;
        const entry_t *holder = clash(claims, &e->locks);
        if (!holder) {
            e->locks = locks_of(sched->engine->journal, &e->locks.id[0], e->args);
            holder = clash(claims, &e->locks);
        }
        if (holder)
            say_blocked(sched, e, holder, p);
        else
            APR_ARRAY_PUSH(ready, entry_t *) = e;
        claim(claims, e, p);
    }
    return ready;
}

/* Takes out the one whose client had its turn longest ago. */
static entry_t *next_in_turn(pv_sched_t *sched, apr_array_header_t *ready)
{
    entry_t **row = (entry_t **)(void *)ready->elts, *best;
    int at = -1;
    for (int i = 0; i < ready->nelts; i++)
        if (row[i] &&
            (at < 0 || pv_turns_last(sched->turns, row[i]->client) < pv_turns_last(sched->turns, row[at]->client)))
            at = i;
    if (at < 0)
        return NULL;
    best = row[at];
    row[at] = NULL;
    pv_turns_take(sched->turns, best->client);
    return best;
}

static void start(pv_sched_t *sched, entry_t *e)
{
    e->job = pv_job_load(sched->engine, e->id);
    pv_job_start(e->job);
}

static void pass(void *ctx)
{
    pv_sched_t *sched = ctx;
    apr_pool_t *p;
    int running = pv_sched_count(sched);
    sched->timer = NULL;
    if (running >= RUNNING_MAX)
        return;
    apr_pool_create(&p, sched->p);
    apr_array_header_t *ready = startable(sched, p);
    entry_t *e;
    int grouped = ready->nelts > 1;
    if (grouped)
        pv_journal_group(sched->engine->journal);
    for (; running < RUNNING_MAX && (e = next_in_turn(sched, ready)); running++)
        start(sched, e);
    if (grouped)
        pv_journal_group_end(sched->engine->journal);
    apr_pool_destroy(p);
}
