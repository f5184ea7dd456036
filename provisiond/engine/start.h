/*
 * Making an engine and starting it: main.c and the tests.
 */
#ifndef PV_ENGINE_START_H
#define PV_ENGINE_START_H

#include "engine/engine.h"

/* JOURNAL is open. Nothing happens before pv_engine_begin and pv_loop_run. */
pv_engine_t *pv_engine_make(const pv_conf_t *conf, pv_journal_t *journal, apr_pool_t *p);

/* ROOT and DBA are the ends of their pairs (dba -1: root will send one). Asks for the world mark, recovers, and is
 * ready. */
void pv_engine_begin(pv_engine_t *engine, int root, int dba);

#endif
