/*
 * One thread a service. It owns what it knows of the service (where it is), so nothing but the queue is shared. A crash
 * here leaves at most one operation half done; every operation can be asked again and has a probe.
 */
#include "dba/service.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct {
    const pv_dba_t *dba;
    pv_id_t server;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    pv_dbcall_t *first, **last;
    int waiting;
} service_t;

struct pv_services {
    const pv_dba_t *dba;
    apr_pool_t *p;
    int n;
    service_t *service[PV_SERVICES];
};

static pv_dbcall_t *take(service_t *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->first)
        pthread_cond_wait(&s->wake, &s->lock);
    pv_dbcall_t *call = s->first;
    s->first = call->next;
    if (!s->first)
        s->last = &s->first;
    s->waiting--;
    pthread_mutex_unlock(&s->lock);
    return call;
}

static int put(service_t *s, pv_dbcall_t *call)
{
    pthread_mutex_lock(&s->lock);
    int room = s->waiting < PV_QUEUE;
    if (room) {
        call->next = NULL;
        *s->last = call;
        s->last = &call->next;
        s->waiting++;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

static void run(const service_t *s, pv_where_t *where, pv_dbcall_t *call)
{
    pv_dbrun_t run = {.dba = s->dba, .call = call, .where = where, .fd = -1};
    apr_status_t rv = APR_SUCCESS;
    apr_pool_create(&run.p, NULL);
    if (call->row->number == PV_DBOP_service)
        *where = call->where;
    else
        rv = where->run(&run);
    pv_dba_answer(s->dba, &call->head, &run, rv);
    apr_pool_destroy(run.p);
    free(call);
}

static void *serve(void *ctx)
{
    service_t *s = ctx;
    pv_where_t where = {0}; /* set by the call that made the service: it is the first in the queue */
    for (;;)
        run(s, &where, take(s));
    return NULL;
}

static service_t *find(const pv_services_t *services, const pv_id_t *server)
{
    for (int i = 0; i < services->n; i++)
        if (pv_id_eq(&services->service[i]->server, server))
            return services->service[i];
    return NULL;
}

static apr_status_t start(service_t **ret, pv_services_t *services, const pv_id_t *server, pv_err_t *err)
{
    pthread_t thread;
    if (services->n == PV_SERVICES)
        return pv_fail(err, PV_BUSY, "server", "more than %d database servers", PV_SERVICES);
    service_t *s = apr_pcalloc(services->p, sizeof(*s));
    *s = (service_t){.dba = services->dba,
                     .server = *server,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .wake = PTHREAD_COND_INITIALIZER,
                     .last = &s->first};
    int e = pthread_create(&thread, NULL, serve, s);
    if (e)
        return pv_fail(err, PV_BUSY, "server", "no thread for one more database server");
    pthread_detach(thread);
    services->service[services->n++] = s;
    *ret = s;
    return APR_SUCCESS;
}

pv_services_t *pv_services_open(const pv_dba_t *dba, apr_pool_t *p)
{
    pv_services_t *services = apr_pcalloc(p, sizeof(*services));
    services->dba = dba;
    services->p = p;
    return services;
}

apr_status_t pv_service_submit(pv_services_t *services, pv_dbcall_t *call, pv_err_t *err)
{
    service_t *s = find(services, &call->server);
    apr_status_t rv = APR_SUCCESS;
    if (!s && call->row->number != PV_DBOP_service)
        return pv_fail(err, PV_NO_OBJECT, "server", "no database service is known of server %s", call->server.s);
    if (!s)
        rv = start(&s, services, &call->server, err);
    if (rv == APR_SUCCESS && !put(s, call))
        rv = pv_fail(err, PV_BUSY, "server", "%d calls wait for the database of server %s", PV_QUEUE, call->server.s);
    return rv;
}
