/*
 * One asynchronous call: what a step asks of somebody else, and the one answer it gets. A step's functions fill a
 * pv_call_t and nothing more; pv_call_run sends it, and the answer comes later from the loop, exactly once, never from
 * inside pv_call_run. A lost peer is an answer too: RETRY_LATER, outcome unknown, which is why every step has a probe.
 */
#ifndef PV_ENGINE_CALL_H
#define PV_ENGINE_CALL_H

#include "proto/dgram.h"
#include "proto/names.h"
#include <apr_pools.h>
#include <jansson.h>

typedef struct pv_engine pv_engine_t;
typedef struct pv_job pv_job_t;
typedef struct pv_call pv_call_t;

typedef enum {
    PV_CALL_NONE,   /* nothing to ask: the answer is `answer` */
    PV_CALL_ROOT,   /* an operation of root/ops.def */
    PV_CALL_DBA,    /* an operation of dba/dbops.def */
    PV_CALL_WORKER, /* root's worker operation, its request, log and report, and how it ended */
    PV_CALL_HTTP,   /* a GET of the site through the sites httpd, as a visitor would */
    PV_CALL_LOCAL   /* a function in the engine, run inside a journal transaction */
} pv_call_kind_t;

/* Whether a site that answers 503 is one that its owner has closed. */
typedef enum {
    PV_NOT_CLOSED,
    PV_MAYBE_CLOSED, /* it is where its own code answers, and not httpd for want of it */
    PV_IS_CLOSED     /* its driver said so */
} pv_closed_t;

typedef void pv_call_done_fn(pv_call_t *call, const pv_reply_t *reply);

struct pv_call {
    pv_engine_t *engine;
    pv_job_t *job; /* NULL for a call that belongs to no job */
    apr_pool_t *p; /* lives from the call's building to its answer */
    pv_call_kind_t kind;
    pv_call_done_fn *done;
    void *ctx;
    void *travel; /* the transport's own, while the call is under way */

    pv_dgram_out_t *out;     /* ROOT, DBA, WORKER: the message, its seq set by pv_call_run */
    json_t *request;         /* WORKER: written to its descriptor 0; owned by the call */
    int deadline;            /* WORKER: seconds; 0: 600 */
    int scans;               /* WORKER: lists all packages; the end of the set is told even if there are none */
    const char *host, *path; /* HTTP: Host header and path, a random query is added */
    const char *title;       /* HTTP: text the answer must hold, or NULL */
    const char *addr;        /* HTTP: address to connect to */
    int port, status;        /* HTTP: the status that is asked for; the answer's is b */
    int others;              /* HTTP: a redirect elsewhere, 401 and 403 will do too */
    pv_closed_t closed;      /* HTTP: whether 503 will */
    pv_reply_t answer;       /* NONE */
    apr_status_t (*local)(pv_call_t *call, pv_err_t *err); /* LOCAL */
    /* Optional: makes of the peer's answer what the loop expects (of a probe: a = pv_state_t, detail = each
     * difference). A worker's fact `state` (ABSENT, DRIFT, CURRENT) and `detail` become a and detail without it. */
    void (*read)(pv_call_t *call, pv_reply_t *reply);

    /* Filled with the answer, valid inside `done`: */
    int told;         /* WORKER: the failure is what its report says, the word of a tenant's code */
    char field[64];   /* of a failure: the request's field that it is about, or "" */
    json_t *facts;    /* WORKER: object of the facts it reported, {} if none */
    const char *more; /* ROOT: a further argument of the answer (publish: the culprit's id), or NULL */
    int nfds,
        fd[PV_DGRAM_FDS]; /* ROOT, DBA: descriptors of the answer; `done` takes those it keeps by setting them to -1 */
};

/* A call of the job (or NULL) with a pool of its own. */
pv_call_t *pv_call_make(pv_engine_t *engine, pv_job_t *job);

/* Sends it; DONE is called later, exactly once, and the call and its pool are gone after it. */
void pv_call_run(pv_call_t *call, pv_call_done_fn *done, void *ctx);

/* Begins the message of a ROOT or DBA call; arguments are then added to call->out. */
void pv_call_root(pv_call_t *call, int op);
void pv_call_dba(pv_call_t *call, int op);

/* Kills the workers of a job (cancel, deadline); their calls still answer. */
void pv_call_kill(pv_engine_t *engine, const pv_job_t *job);

#endif
