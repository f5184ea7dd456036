/*
 * Rights of a site's login: exactly everything on exactly its database (on two while one is built beside the other),
 * and a limit on connections. What the server
 * says it granted (SHOW GRANTS) is compared, not what was asked for; each row too many or too few is named. No row is
 * shown with the stored password in it.
 */
#include "dba/mariadb.h"
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#define WANTED 3

typedef struct {
    int n;
    const char *row[WANTED];
} wanted_t;

static wanted_t wanted(const pv_dbrun_t *run, const char *host)
{
    const char *id = run->call->site.s;
    const pv_dbname_t *also = &run->call->also;
    return (wanted_t){
        also->s[0] ? 3 : 2,
        {
            apr_psprintf(run->p, "GRANT USAGE ON *.* TO `%s`@`%s` WITH MAX_USER_CONNECTIONS 50", id, host),
            apr_psprintf(run->p, "GRANT ALL PRIVILEGES ON `%s`.* TO `%s`@`%s`", run->call->db.s, id, host),
            apr_psprintf(run->p, "GRANT ALL PRIVILEGES ON `%s`.* TO `%s`@`%s`", also->s, id, host),
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

/* What is there beyond the login itself: some of the rights, others than it should have. */
typedef struct {
    int some, extra;
} compared_t;

static void compare_rows(compared_t *c, pv_dbrun_t *run, const pv_rows_t *rows, const char *host)
{
    const wanted_t want = wanted(run, host);
    int have[WANTED] = {0};
    for (int i = 0; i < rows->n; i++) {
        const char *row = without_password(rows->row[i][0], run->p);
        int known = 0;
        for (int k = 0; k < want.n; k++)
            if (strcmp(row, want.row[k]) == 0)
                known = have[k] = 1;
        if (!known) {
            pv_dbrun_differs(run, "too much: %s", row);
            c->extra = 1;
        }
    }
    for (int k = 0; k < want.n; k++)
        if (!have[k])
            pv_dbrun_differs(run, "missing: %s", want.row[k]);
    c->some |= c->extra || have[1] || have[2];
}

static apr_status_t compare(compared_t *c, pv_mariadb_t *m, pv_dbrun_t *run)
{
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
            compare_rows(c, run, &rows, hosts[i]);
    }
    run->state = !run->detail ? PV_CURRENT : c->some ? PV_DRIFT : PV_ABSENT;
    return rv;
}

apr_status_t pv_mariadb_grants_compare(pv_mariadb_t *m, pv_dbrun_t *run)
{
    return compare(&(compared_t){0}, m, run);
}

/* A site that runs keeps the rights it has: all are taken only where there are some that it must not have. */
static apr_status_t make(pv_mariadb_t *m, const pv_dbrun_t *run, const char *host, int revoke)
{
    const struct {
        pv_sql_t sql;
        int when;
    } steps[] = {{PV_SQL_grants_revoke, revoke},
                 {PV_SQL_login_limit, 1},
                 {PV_SQL_grants_make, 1},
                 {PV_SQL_grants_also, run->call->also.s[0] != '\0'}};
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; rv == APR_SUCCESS && i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].when)
            rv = pv_mariadb_sql(NULL, m, steps[i].sql, &(pv_sql_args_t){.host = host});
    return rv;
}

apr_status_t pv_mariadb_grants_make(pv_mariadb_t *m, pv_dbrun_t *run)
{
    const char *const *hosts = pv_mariadb_hosts(m);
    compared_t c = {0};
    apr_status_t rv = compare(&c, m, run);
    if (rv != APR_SUCCESS || run->state == PV_CURRENT)
        return rv;
    for (int i = 0; rv == APR_SUCCESS && hosts[i]; i++)
        rv = make(m, run, hosts[i], c.extra);
    if (rv == APR_SUCCESS)
        rv = pv_mariadb_grants_compare(m, run);
    if (rv == APR_SUCCESS && run->state != PV_CURRENT)
        rv = pv_fail(&run->err, PV_DB_FAILED, NULL, "the rights of login %s are not as granted: %s", run->call->site.s,
                     run->detail);
    return rv;
}
