/*
 * Rights of a site's login: exactly everything on exactly its database, and a limit on connections. What the server
 * says it granted (SHOW GRANTS) is compared, not what was asked for; each row too many or too few is named. No row is
 * shown with the stored password in it.
 */
#include "dba/mariadb.h"
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#define WANTED 2

typedef struct {
    const char *row[WANTED];
} wanted_t;

static wanted_t wanted(const pv_dbrun_t *run, const char *host)
{
    const char *id = run->call->site.s;
    return (wanted_t){{
        apr_psprintf(run->p, "GRANT USAGE ON *.* TO `%s`@`%s` WITH MAX_USER_CONNECTIONS 50", id, host),
        apr_psprintf(run->p, "GRANT ALL PRIVILEGES ON `%s`.* TO `%s`@`%s`", run->call->db.s, id, host),
    }};
}

/* A row as SHOW GRANTS gave it, without how the login proves who it is: that is compared elsewhere (login_bad). */
static const char *without_password(const char *row, apr_pool_t *p)
{
    const char *from = strstr(row, " IDENTIFIED ");
    if (!from)
        return row;
    const char *to = from + strlen(from);
    const char *const ends[] = {" REQUIRE ", " WITH "};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const char *end = strstr(from, ends[i]);
        if (end && end < to)
            to = end;
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, row, (apr_size_t)(from - row)), to, NULL);
}

/* Compares the rows of one host. Returns 1 if there is something beyond the login itself. */
static int compare_rows(pv_dbrun_t *run, const pv_rows_t *rows, const char *host)
{
    const wanted_t want = wanted(run, host);
    int have[WANTED] = {0}, extra = 0;
    for (int i = 0; i < rows->n; i++) {
        const char *row = without_password(rows->row[i][0], run->p);
        int known = 0;
        for (int k = 0; k < WANTED; k++)
            if (strcmp(row, want.row[k]) == 0)
                known = have[k] = 1;
        if (!known) {
            pv_dbrun_differs(run, "too much: %s", row);
            extra = 1;
        }
    }
    for (int k = 0; k < WANTED; k++)
        if (!have[k])
            pv_dbrun_differs(run, "missing: %s", want.row[k]);
    return extra || have[WANTED - 1];
}

apr_status_t pv_mariadb_grants_compare(pv_mariadb_t *m, pv_dbrun_t *run)
{
    int some = 0;
    pv_rows_t logins;
    const char *const *hosts = pv_mariadb_hosts(m);
    run->detail = NULL;
    apr_status_t rv = pv_mariadb_sql(&logins, m, PV_SQL_login_find, NULL);
    for (int i = 0; rv == APR_SUCCESS && hosts[i]; i++) {
        pv_rows_t rows = {0};
        for (int k = 0; k < logins.n; k++)
            if (strcmp(logins.row[k][0], hosts[i]) == 0)
                rv = pv_mariadb_sql(&rows, m, PV_SQL_grants_show, &(pv_sql_args_t){.host = hosts[i]});
        if (rv == APR_SUCCESS)
            some |= compare_rows(run, &rows, hosts[i]);
    }
    run->state = !run->detail ? PV_CURRENT : some ? PV_DRIFT : PV_ABSENT;
    return rv;
}

static apr_status_t make(pv_mariadb_t *m, const char *host)
{
    static const pv_sql_t steps[] = {PV_SQL_grants_revoke, PV_SQL_login_limit, PV_SQL_grants_make};
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; rv == APR_SUCCESS && i < sizeof(steps) / sizeof(steps[0]); i++)
        rv = pv_mariadb_sql(NULL, m, steps[i], &(pv_sql_args_t){.host = host});
    return rv;
}

apr_status_t pv_mariadb_grants_make(pv_mariadb_t *m, pv_dbrun_t *run)
{
    const char *const *hosts = pv_mariadb_hosts(m);
    apr_status_t rv = pv_mariadb_grants_compare(m, run);
    if (rv != APR_SUCCESS || run->state == PV_CURRENT)
        return rv;
    for (int i = 0; rv == APR_SUCCESS && hosts[i]; i++)
        rv = make(m, hosts[i]);
    if (rv == APR_SUCCESS)
        rv = pv_mariadb_grants_compare(m, run);
    if (rv == APR_SUCCESS && run->state != PV_CURRENT)
        rv = pv_fail(&run->err, PV_DB_FAILED, NULL, "the rights of login %s are not as granted: %s", run->call->site.s,
                     run->detail);
    return rv;
}
