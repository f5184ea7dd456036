/*
 * Round robin over clients: whoever had a turn longest ago is next.
 */
#ifndef PV_ENGINE_TURNS_H
#define PV_ENGINE_TURNS_H

#include <apr_pools.h>
#include <stdint.h>

typedef struct pv_turns pv_turns_t;

pv_turns_t *pv_turns_make(apr_pool_t *p);
uint64_t pv_turns_last(const pv_turns_t *turns, const char *client); /* grows with each turn; 0: never had one */
void pv_turns_take(pv_turns_t *turns, const char *client);

#endif
