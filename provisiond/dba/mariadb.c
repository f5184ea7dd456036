/*
 * The connection, the one way a statement is made and run, and what an error means. The server is not trusted with our
 * files (LOCAL INFILE is off) nor with a password in clear (only challenge methods are spoken).
 */
#include "dba/mariadb.h"
#include "fault.h"
#include <apr_strings.h>
#include <arpa/inet.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_WAIT   5 /* seconds */
#define STATEMENT_SIZE 1024
#define MARIADB_PORT   3306
#define VERSION_LEAST  100500 /* the first with comments on databases */

struct pv_mariadb {
    MYSQL my;
    pv_dbrun_t *run;
    const char *name; /* for people: where it is, as whom we log in */
    const char *const *hosts;
};

static const struct {
    const char *name, *text;
} statements[] = {
#define SQL(name, text) {#name, text},
#include "dba/mariadb_sql.def"
#undef SQL
};

static const struct {
    unsigned number;
    pv_code_t code;
} errors[] = {
#define DBERROR(name, code) {name, PV_##code},
#include "dba/mariadb_errors.def"
#undef DBERROR
};

static const char *const hosts_socket[] = {"localhost", NULL};
static const char *const hosts_loopback[] = {"localhost", "127.0.0.1", "::1", NULL};
static const char *const hosts_any[] = {"%", NULL};

int pv_mariadb_init(void)
{
    return mysql_library_init(0, NULL, NULL);
}

static pv_code_t code_of(unsigned number, const char *text)
{
    /* The server reports its full disk under many numbers, always with the system's errno 28 (ENOSPC). */
    if (strstr(text, "No space left on device"))
        return PV_DISK_FULL;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].number == number)
            return errors[i].code;
    return PV_DB_FAILED;
}

static apr_status_t fail(pv_mariadb_t *m, const char *what)
{
    const char *text = mysql_error(&m->my);
    unsigned number = mysql_errno(&m->my);
    return pv_fail(&m->run->err, code_of(number, text), NULL, "%s: %s: %s (%u)", m->name, what, text, number);
}

static void set_options(MYSQL *my, int silence, int tcp)
{
    unsigned wait = CONNECT_WAIT, quiet = (unsigned)silence, off = 0;
    unsigned protocol = tcp ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
    mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &wait);
    mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &quiet);
    mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &quiet);
    mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_options(my, MARIADB_OPT_RESTRICTED_AUTH, "mysql_native_password,client_ed25519");
    mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(my, MYSQL_INIT_COMMAND, "SET SESSION sql_mode = '', lock_wait_timeout = 20");
}

/* Asks the connection itself, so that a name for this machine counts as what it is. */
static const char *const *hosts_of(MYSQL *my)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);
    getpeername(mysql_get_socket(my), (struct sockaddr *)&peer, &len);
    const struct in6_addr *six = &((struct sockaddr_in6 *)&peer)->sin6_addr;
    const struct in_addr *four = &((struct sockaddr_in *)&peer)->sin_addr;
    if (peer.ss_family == AF_UNIX)
        return hosts_socket;
    if (peer.ss_family == AF_INET && ntohl(four->s_addr) >> 24 == IN_LOOPBACKNET)
        return hosts_loopback;
    if (peer.ss_family == AF_INET6 &&
        (IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127)))
        return hosts_loopback;
    return hosts_any;
}

static apr_status_t login(pv_mariadb_t *m)
{
    pv_dbrun_t *run = m->run;
    const pv_where_t *where = run->where;
    pv_account_t account = {0};
    if (where->password) {
        apr_status_t rv = pv_secret_account(&account, run->dba->secrets, &where->secret, &run->err);
        if (rv != APR_SUCCESS)
            return rv;
    } else if (!*run->dba->user) {
        return pv_fail(&run->err, PV_DB_DENIED, "db_auth",
                       "auth=socket logs in by user name, and the uid that DbaUser gives has none; name a user there");
    }
    const char *user = where->password ? account.user : run->dba->user;
    unsigned port = where->port ? where->port : MARIADB_PORT;
    const char *at = *where->host ? apr_psprintf(run->p, "%s port %u", where->host, port) : run->dba->socket;
    m->name = apr_pstrcat(run->p, "MariaDB at ", at, " as ", user, where->password ? " (password file " : "",
                          where->password ? where->secret.s : "", where->password ? ")" : "", NULL);
    MYSQL *ok =
        mysql_real_connect(&m->my, *where->host ? where->host : NULL, user, where->password ? account.password : NULL,
                           NULL, port, *where->host ? NULL : run->dba->socket, 0);
    pv_account_wipe(&account);
    return ok ? APR_SUCCESS : fail(m, "login");
}

static apr_status_t check_version(pv_mariadb_t *m)
{
    if (strstr(mysql_get_server_info(&m->my), "MariaDB") && mysql_get_server_version(&m->my) >= VERSION_LEAST)
        return APR_SUCCESS;
    return pv_fail(&m->run->err, PV_DB_FAILED, NULL, "%s: its version is %s; MariaDB 10.5 or later is needed", m->name,
                   mysql_get_server_info(&m->my));
}

apr_status_t pv_mariadb_run(pv_dbrun_t *run)
{
    static pv_mariadb_op_fn *const ops[] = {
        [PV_DBOP_ping] = pv_mariadb_ping, [PV_DBOP_create] = pv_mariadb_create, [PV_DBOP_grant] = pv_mariadb_grant,
        [PV_DBOP_drop] = pv_mariadb_drop, [PV_DBOP_probe] = pv_mariadb_probe,   [PV_DBOP_ids] = pv_mariadb_ids,
    };
    pv_mariadb_t *m = apr_pcalloc(run->p, sizeof(*m));
    m->run = run;
    mysql_init(&m->my);
    set_options(&m->my, run->call->row->silence, *run->where->host != '\0');
    apr_status_t rv = login(m);
    if (rv == APR_SUCCESS)
        rv = check_version(m);
    if (rv == APR_SUCCESS) {
        m->hosts = hosts_of(&m->my);
        rv = ops[run->call->row->number](m, run);
    }
    mysql_close(&m->my);
    return rv;
}

/* The value of the word at TEXT, such as "{db}", and its length in *LEN; NULL where TEXT is just text. */
static const char *value_at(const char *text, size_t *len, const pv_dbcall_t *call, const pv_sql_args_t *args)
{
    const struct {
        const char *word, *value;
    } values[] = {
        {"{db}", call->db.s},
        {"{also}", call->also.s},
        {"{id}", call->site.s},
        {"{host}", args ? args->host : NULL},
        {"{hash}", args && args->hash ? args->hash->s : NULL},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        *len = strlen(values[i].word);
        if (strncmp(text, values[i].word, *len) == 0)
            return values[i].value;
    }
    return NULL;
}

static size_t fill(char *buf, size_t size, const char *text, const pv_dbcall_t *call, const pv_sql_args_t *args)
{
    size_t used = 0;
    while (*text && used < size - 1) {
        size_t len;
        const char *value = *text == '{' ? value_at(text, &len, call, args) : NULL;
        if (value) {
            used += (size_t)snprintf(buf + used, size - used, "%s", value);
            text += len;
        } else {
            buf[used++] = *text++;
        }
    }
    return used;
}

static void rows_read(pv_rows_t *ret, MYSQL_RES *res, apr_pool_t *p)
{
    MYSQL_ROW row;
    unsigned columns = mysql_num_fields(res);
    ret->n = 0;
    ret->row = apr_palloc(p, sizeof(*ret->row) * ((size_t)mysql_num_rows(res) + 1));
    for (; (row = mysql_fetch_row(res)); ret->n++)
        for (unsigned i = 0; i < 2; i++)
            ret->row[ret->n][i] = i < columns && row[i] ? apr_pstrdup(p, row[i]) : "";
}

apr_status_t pv_mariadb_sql(pv_rows_t *rows, pv_mariadb_t *m, pv_sql_t sql, const pv_sql_args_t *args)
{
    char text[STATEMENT_SIZE];
    size_t len = fill(text, sizeof(text), statements[sql].text, m->run->call, args);
    if (len >= sizeof(text) - 1)
        return pv_fail(&m->run->err, PV_INTERNAL, NULL, "statement %s is too long", statements[sql].name);
    PV_FAULT("sql.intent", statements[sql].name);
    if (mysql_real_query(&m->my, text, len) != 0)
        return fail(m, statements[sql].name);
    PV_FAULT("sql.effect", statements[sql].name);
    MYSQL_RES *res = mysql_store_result(&m->my);
    if (mysql_errno(&m->my))
        return fail(m, statements[sql].name);
    if (rows)
        rows_read(rows, res, m->run->p);
    mysql_free_result(res);
    return APR_SUCCESS;
}

const char *const *pv_mariadb_hosts(const pv_mariadb_t *m)
{
    return m->hosts;
}

void pv_dbrun_differs(pv_dbrun_t *run, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *one = apr_pvsprintf(run->p, fmt, ap);
    va_end(ap);
    run->detail = run->detail ? apr_pstrcat(run->p, run->detail, "; ", one, NULL) : one;
}
