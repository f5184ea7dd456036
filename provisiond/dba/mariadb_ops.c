/*
 * The operations on a MariaDB server. Each looks first and does only what is missing, so that each can be asked again
 * after a crash at any place, and so that a site that runs notices nothing of a repair it does not need.
 */
#include "dba/mariadb.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const rights[] = {
#define RIGHT(name) name,
#include "dba/rights.def"
};

/* What is there of a site's names on the server. */
typedef struct {
    int database, marked; /* is there; carries our comment */
    pv_rows_t logins;     /* their hosts */
    int ours;
} found_t;

static apr_status_t look(found_t *ret, pv_mariadb_t *m, pv_dbrun_t *run)
{
    pv_rows_t rows;
    char mark[32];
    *ret = (found_t){0};
    snprintf(mark, sizeof(mark), "provision %s", run->call->site.s);
    apr_status_t rv = pv_mariadb_sql(&rows, m, PV_SQL_database_find, NULL);
    if (rv != APR_SUCCESS)
        return rv;
    ret->database = rows.n > 0;
    ret->marked = rows.n > 0 && strcmp(rows.row[0][1], mark) == 0;
    rv = pv_mariadb_sql(&ret->logins, m, PV_SQL_login_find, NULL);
    if (rv == APR_SUCCESS)
        rv = pv_mariadb_sql(&rows, m, PV_SQL_login_paired, NULL);
    if (rv == APR_SUCCESS)
        ret->ours = ret->marked || rows.n > 0;
    return rv;
}

/* Names what is there and foreign, in run->detail. */
static void tell_foreign(pv_dbrun_t *run, const found_t *found)
{
    if (found->database)
        pv_dbrun_differs(run, "database %s is there and is not ours: its comment is not 'provision %s'",
                         run->call->db.s, run->call->site.s);
    for (int i = 0; i < found->logins.n; i++)
        pv_dbrun_differs(run, "login '%s'@'%s' is there and is not ours", run->call->site.s, found->logins.row[i][0]);
}

static int foreign(const found_t *found)
{
    return !found->ours && (found->database || found->logins.n > 0);
}

/* Looks, and fails with DB_EXISTS where something foreign has our names. */
static apr_status_t look_ours(found_t *ret, pv_mariadb_t *m, pv_dbrun_t *run)
{
    apr_status_t rv = look(ret, m, run);
    if (rv != APR_SUCCESS || !foreign(ret))
        return rv;
    tell_foreign(run, ret);
    return pv_fail(&run->err, PV_DB_EXISTS, NULL, "%s", run->detail);
}

static int listed(const char *const *list, const char *host)
{
    for (; *list; list++)
        if (strcmp(*list, host) == 0)
            return 1;
    return 0;
}

static int has_row(const pv_rows_t *rows, const char *host)
{
    for (int i = 0; i < rows->n; i++)
        if (strcmp(rows->row[i][0], host) == 0)
            return 1;
    return 0;
}

apr_status_t pv_mariadb_ping(pv_mariadb_t *m, pv_dbrun_t *run)
{
    pv_rows_t have;
    apr_status_t rv = pv_mariadb_sql(&have, m, PV_SQL_rights, NULL);
    if (rv != APR_SUCCESS)
        return rv;
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
        if (!has_row(&have, rights[i]))
            pv_dbrun_differs(run, "%s", rights[i]);
    if (have.n > 0 && strcmp(have.row[0][1], "YES") != 0)
        pv_dbrun_differs(run, "GRANT OPTION");
    if (!run->detail)
        return APR_SUCCESS;
    return pv_fail(&run->err, PV_DB_DENIED, NULL,
                   "the account that provisiond uses on server %s lacks rights on *.*: %s", run->call->server.s,
                   run->detail);
}

/* A login for each host we come from, with the site's password, and none for another host. */
static apr_status_t make_logins(pv_mariadb_t *m, pv_dbrun_t *run, const found_t *found)
{
    pv_dbhash_t hash;
    const char *const *hosts = pv_mariadb_hosts(m);
    apr_status_t rv = pv_secret_hash(&hash, run->dba->secrets, &run->call->site, &run->err);
    for (int i = 0; rv == APR_SUCCESS && hosts[i]; i++) {
        const pv_sql_args_t args = {.host = hosts[i], .hash = &hash};
        rv = pv_mariadb_sql(NULL, m, PV_SQL_login_make, &args);
        if (rv == APR_SUCCESS)
            rv = pv_mariadb_sql(NULL, m, PV_SQL_login_set, &args);
    }
    for (int i = 0; rv == APR_SUCCESS && i < found->logins.n; i++) {
        const pv_sql_args_t args = {.host = found->logins.row[i][0]};
        if (!listed(hosts, args.host))
            rv = pv_mariadb_sql(NULL, m, PV_SQL_login_drop, &args);
    }
    return rv;
}

apr_status_t pv_mariadb_create(pv_mariadb_t *m, pv_dbrun_t *run)
{
    found_t found;
    apr_status_t rv = look_ours(&found, m, run);
    if (rv != APR_SUCCESS)
        return rv;
    if (!found.database)
        rv = pv_mariadb_sql(NULL, m, PV_SQL_database_make, NULL);
    else if (!found.marked)
        rv = pv_mariadb_sql(NULL, m, PV_SQL_database_mark, NULL);
    return rv == APR_SUCCESS ? make_logins(m, run, &found) : rv;
}

apr_status_t pv_mariadb_grant(pv_mariadb_t *m, pv_dbrun_t *run)
{
    found_t found;
    apr_status_t rv = look_ours(&found, m, run);
    return rv == APR_SUCCESS ? pv_mariadb_grants_make(m, run) : rv;
}

static apr_status_t each_host(pv_mariadb_t *m, const pv_rows_t *hosts, pv_sql_t sql)
{
    apr_status_t rv = APR_SUCCESS;
    for (int i = 0; rv == APR_SUCCESS && i < hosts->n; i++)
        rv = pv_mariadb_sql(NULL, m, sql, &(pv_sql_args_t){.host = hosts->row[i][0]});
    return rv;
}

/* The login goes with the site's last database; with any other, its rights on that one. */
static apr_status_t drop_logins(pv_mariadb_t *m, const pv_rows_t *logins)
{
    pv_rows_t more, granted;
    apr_status_t rv = pv_mariadb_sql(&more, m, PV_SQL_database_more, NULL);
    if (rv != APR_SUCCESS || more.n == 0)
        return rv == APR_SUCCESS ? each_host(m, logins, PV_SQL_login_drop) : rv;
    rv = pv_mariadb_sql(&granted, m, PV_SQL_grants_find, NULL);
    return rv == APR_SUCCESS ? each_host(m, &granted, PV_SQL_grants_end) : rv;
}

/* The database goes last: while it is there, its mark says whose the login is. */
apr_status_t pv_mariadb_drop(pv_mariadb_t *m, pv_dbrun_t *run)
{
    found_t found;
    apr_status_t rv = look(&found, m, run);
    if (rv != APR_SUCCESS)
        return rv;
    if (foreign(&found)) {
        tell_foreign(run, &found);
        return APR_SUCCESS;
    }
    rv = drop_logins(m, &found.logins);
    return rv == APR_SUCCESS ? pv_mariadb_sql(NULL, m, PV_SQL_database_drop, NULL) : rv;
}

static apr_status_t compare_logins(pv_mariadb_t *m, pv_dbrun_t *run, const found_t *found)
{
    pv_rows_t bad;
    pv_dbhash_t hash;
    const char *const *hosts = pv_mariadb_hosts(m);
    apr_status_t rv = pv_secret_hash(&hash, run->dba->secrets, &run->call->site, &run->err);
    if (rv == APR_SUCCESS)
        rv = pv_mariadb_sql(&bad, m, PV_SQL_login_bad, &(pv_sql_args_t){.hash = &hash});
    if (rv != APR_SUCCESS)
        return rv;
    for (int i = 0; hosts[i]; i++)
        if (!has_row(&found->logins, hosts[i]))
            pv_dbrun_differs(run, "login '%s'@'%s' is missing", run->call->site.s, hosts[i]);
    for (int i = 0; i < found->logins.n; i++)
        if (!listed(hosts, found->logins.row[i][0]))
            pv_dbrun_differs(run, "login '%s'@'%s' is too much", run->call->site.s, found->logins.row[i][0]);
    for (int i = 0; i < bad.n; i++)
        pv_dbrun_differs(run, "login '%s'@'%s' is locked or has another password", run->call->site.s, bad.row[i][0]);
    return APR_SUCCESS;
}

static apr_status_t probe_database(pv_mariadb_t *m, pv_dbrun_t *run)
{
    found_t found;
    apr_status_t rv = look(&found, m, run);
    if (rv != APR_SUCCESS)
        return rv;
    run->state = PV_ABSENT;
    if (!found.database && found.logins.n == 0)
        return APR_SUCCESS;
    if (foreign(&found)) {
        tell_foreign(run, &found);
    } else {
        if (!found.database)
            pv_dbrun_differs(run, "database %s is missing", run->call->db.s);
        else if (!found.marked)
            pv_dbrun_differs(run, "database %s has lost its comment 'provision %s'", run->call->db.s,
                             run->call->site.s);
        rv = compare_logins(m, run, &found);
    }
    run->state = run->detail ? PV_DRIFT : PV_CURRENT;
    return rv;
}

apr_status_t pv_mariadb_probe(pv_mariadb_t *m, pv_dbrun_t *run)
{
    return run->call->part == PV_DBPART_GRANT ? pv_mariadb_grants_compare(m, run) : probe_database(m, run);
}

apr_status_t pv_mariadb_ids(pv_mariadb_t *m, pv_dbrun_t *run)
{
    pv_rows_t ids;
    apr_status_t rv = pv_mariadb_sql(&ids, m, PV_SQL_ids, NULL);
    if (rv != APR_SUCCESS)
        return rv;
    run->fd = memfd_create("ids", MFD_CLOEXEC);
    int ok = run->fd >= 0;
    for (int i = 0; ok && i < ids.n; i++)
        ok = dprintf(run->fd, "%s\n", ids.row[i][0]) > 0;
    if (!ok || lseek(run->fd, 0, SEEK_SET) != 0)
        return pv_fail(&run->err, PV_INTERNAL, NULL, "a list of ids cannot be written: %s", strerror(errno));
    return APR_SUCCESS;
}
