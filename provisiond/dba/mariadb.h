/*
 * MariaDB: a connection lives as long as one call, so there is no stale one to heal, a changed password counts at once,
 * and a server that is away is found out at the connect. Statements are the rows of mariadb_sql.def; what goes into
 * them are values of checked types. libmariadb is included by mariadb.c alone.
 *
 * Whose a database is: one we make carries the comment "provision ID" from its first instant on, is made before its
 * login and dropped after it. The site's own code may change that comment later, so from the grant on a second mark
 * counts: a login named ID whose every database right is on databases named IDd<number>; no site can grant such a
 * thing. Database and login are ours if either mark is there; anything else of these names is foreign, is never
 * touched, and is named in the answer.
 */
#ifndef PV_DBA_MARIADB_H
#define PV_DBA_MARIADB_H

#include "dba/dba.h"

typedef struct pv_mariadb pv_mariadb_t;

typedef enum {
#define SQL(name, text) PV_SQL_##name,
#include "dba/mariadb_sql.def"
#undef SQL
} pv_sql_t;

/* What may stand in a statement besides the call's site and database. */
typedef struct {
    const char *host; /* of pv_mariadb_hosts, or one that the server listed (login_find) */
    const pv_dbhash_t *hash;
} pv_sql_args_t;

/* The answer's rows, in the call's pool: two columns, "" for NULL and for a second that is not there. */
typedef struct {
    int n;
    const char *(*row)[2];
} pv_rows_t;

/* Before the first connection, once, while the process has one thread. */
int pv_mariadb_init(void);

/* Runs a call on its server: connect, operation, close. */
apr_status_t pv_mariadb_run(pv_dbrun_t *run);

/* Runs one statement; ROWS may be NULL for one without an answer, ARGS for one that needs none. An error goes to the
 * call, in words, with the name of the statement. */
apr_status_t pv_mariadb_sql(pv_rows_t *rows, pv_mariadb_t *m, pv_sql_t sql, const pv_sql_args_t *args);

/* The hosts a site logs in from, as the server sees them: a list ended by NULL. */
const char *const *pv_mariadb_hosts(const pv_mariadb_t *m);

/* The operations of dbops.def but `service`, on an open connection. */
typedef apr_status_t pv_mariadb_op_fn(pv_mariadb_t *m, pv_dbrun_t *run);
pv_mariadb_op_fn pv_mariadb_ping, pv_mariadb_create, pv_mariadb_grant, pv_mariadb_drop, pv_mariadb_probe,
    pv_mariadb_ids;

/* The rights of a site's login. compare: how they differ from what they must be, run->state and each difference in
 * run->detail. make: repairs what differs and compares again; DB_FAILED names what still does. */
pv_mariadb_op_fn pv_mariadb_grants_compare, pv_mariadb_grants_make;

/* Adds one more difference to run->detail. */
void pv_dbrun_differs(pv_dbrun_t *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
