/*
 * A thread and a queue for each service, so that a server that is down or slow delays its own calls and no others.
 * Calls of one service run one after the other, in the order they came.
 */
#ifndef PV_DBA_SERVICE_H
#define PV_DBA_SERVICE_H

#include "dba/dba.h"

#define PV_SERVICES 256 /* database servers */
#define PV_QUEUE    512 /* calls waiting for one of them */

typedef struct pv_services pv_services_t;

/* One for the process; main's thread only. */
pv_services_t *pv_services_open(const pv_dba_t *dba, apr_pool_t *p);

/* Hands CALL to its service's thread, which answers and frees it. Fails (and leaves CALL the caller's) with NO_OBJECT
 * for a server that no `service` call named before, BUSY where a table or queue is full. */
apr_status_t pv_service_submit(pv_services_t *services, pv_dbcall_t *call, pv_err_t *err);

#endif
