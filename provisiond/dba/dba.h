/*
 * The database process: what a request of the engine becomes once it is checked, and what the parts share. It alone
 * holds the administration of the database servers. A request is an operation of dbops.def with ids and checked words;
 * the names of databases and logins are made here from ids, so nothing that came from outside is ever text in a
 * statement.
 */
#ifndef PV_DBA_H
#define PV_DBA_H

#include "dba/secret.h"
#include "proto/dgram.h"
#include "proto/names.h"
#include <apr_pools.h>

typedef enum {
#define DBOP(name, number, args, silence, help) PV_DBOP_##name = number,
#include "dba/dbops.def"
#undef DBOP
} pv_dbop_t;

typedef struct {
    const char *name;
    pv_dbop_t number;
    const char *args;
    int silence; /* seconds without a byte from the server, after which it counts as down */
} pv_dbop_row_t;

/* A database's name: site id, "d", generation. */
typedef struct {
    char s[sizeof(pv_id_t) + 12];
} pv_dbname_t;

typedef enum { PV_DBPART_DATABASE, PV_DBPART_GRANT } pv_dbpart_t;

typedef struct pv_dbrun pv_dbrun_t;

/* Where a service is and how to log in there. */
typedef struct {
    apr_status_t (*run)(pv_dbrun_t *run); /* runs any operation but `service` on a server of this type */
    int password;                         /* log in by a password file, not by the socket's credentials */
    char host[254];                       /* "": the local socket */
    unsigned port;                        /* 0: the type's default */
    pv_comp_t secret;                     /* the password file */
} pv_where_t;

/* A checked request. */
typedef struct pv_dbcall pv_dbcall_t;
struct pv_dbcall {
    pv_dgram_head_t head;
    const pv_dbop_row_t *row;
    pv_id_t server, site;
    pv_dbname_t db, also; /* also: "" where there is none */
    pv_dbpart_t part;
    pv_where_t where;
    pv_dbcall_t *next; /* in its service's queue */
};

/* What every call may use, constant after start-up. */
typedef struct {
    int engine;            /* fd to the engine */
    pv_secrets_t *secrets; /* asks root */
    const char *socket;    /* DbSocket */
    const char *user;      /* this process's user name, "" where its uid has none */
} pv_dba_t;

/* A call in the hands of its service's thread. */
struct pv_dbrun {
    const pv_dba_t *dba;
    const pv_dbcall_t *call;
    const pv_where_t *where;
    apr_pool_t *p;
    pv_err_t err;
    pv_state_t state;   /* probe */
    const char *detail; /* for people, or NULL */
    int fd;             /* to be sent and closed, or -1 */
};

/* Makes a call of a message; SCHEMA names the first argument that is not as dbops.def says. The caller frees it with
 * free(). */
apr_status_t pv_dbcall_parse(pv_dbcall_t **ret, const pv_dgram_t *m, pv_err_t *err, apr_pool_t *tmp);

/* Answers a call: what `run` holds if RV is APR_SUCCESS, else its error, which is also logged. */
void pv_dba_answer(const pv_dba_t *dba, const pv_dgram_head_t *to, pv_dbrun_t *run, apr_status_t rv);

#endif
