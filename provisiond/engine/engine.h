/*
 * The engine as its parts see it: configuration, journal, loop, and the few things that one part asks of another. There
 * is one; it is passed around, never global.
 */
#ifndef PV_ENGINE_ENGINE_H
#define PV_ENGINE_ENGINE_H

#include "conf.h"
#include "engine/call.h"
#include "engine/journal.h"
#include "engine/loop.h"
#include "proto/task.h"

typedef enum { PV_ENGINE_RECOVERING, PV_ENGINE_READY, PV_ENGINE_READONLY } pv_engine_state_t;

const pv_conf_t *pv_engine_conf(const pv_engine_t *engine);
pv_journal_t *pv_engine_journal(const pv_engine_t *engine);
pv_loop_t *pv_engine_loop(const pv_engine_t *engine);
apr_pool_t *pv_engine_pool(const pv_engine_t *engine); /* the process's: for what lives as long */
pv_engine_state_t pv_engine_state(const pv_engine_t *engine);
const char *pv_engine_state_name(pv_engine_state_t state);

/* Is the peer there? A call to one that is not answers RETRY_LATER. */
int pv_engine_has_root(const pv_engine_t *engine);
int pv_engine_has_dba(const pv_engine_t *engine);

/*
 * Accepts a task that the engine itself wants (doctor's repair, purge): FIELDS may be NULL for none. Opens its own
 * transaction. *JOB is its number.
 */
apr_status_t pv_engine_submit(uint64_t *job, pv_engine_t *engine, const char *type, const pv_id_t *object,
                              const pv_fields_t *fields, const char *origin, pv_err_t *err);

/* Takes up the stuck jobs of OBJECT (NULL: of all) where they stopped. How many. */
int pv_engine_unstick(pv_engine_t *engine, const pv_id_t *object);

/* Tells the database process where SERVER's database is (properties db, db_auth, db_host, db_port, db_secret); nothing
 * where it has none. Calls that follow see it. Told by itself: for every recorded server when dba starts, and when a
 * server's job ends. */
void pv_dba_service(pv_engine_t *engine, const pv_id_t *server, const json_t *props);

#endif
