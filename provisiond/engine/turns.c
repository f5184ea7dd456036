/*
 * Who had a turn when: a number a client, which lives as long as the engine. There are as many as there are clients.
 */
#include "engine/turns.h"
#include <apr_hash.h>
#include <apr_strings.h>

struct pv_turns {
    apr_pool_t *p;
    apr_hash_t *last; /* client -> uint64_t * */
    uint64_t now;
};

pv_turns_t *pv_turns_make(apr_pool_t *p)
{
    pv_turns_t *turns = apr_pcalloc(p, sizeof(*turns));
    turns->p = p;
    turns->last = apr_hash_make(p);
    return turns;
}

uint64_t pv_turns_last(const pv_turns_t *turns, const char *client)
{
    const uint64_t *last = apr_hash_get(turns->last, client, APR_HASH_KEY_STRING);
    return last ? *last : 0;
}

void pv_turns_take(pv_turns_t *turns, const char *client)
{
    uint64_t *last = apr_hash_get(turns->last, client, APR_HASH_KEY_STRING);
    if (!last) {
        last = apr_palloc(turns->p, sizeof(*last));
        apr_hash_set(turns->last, apr_pstrdup(turns->p, client), APR_HASH_KEY_STRING, last);
    }
    *last = ++turns->now;
}
