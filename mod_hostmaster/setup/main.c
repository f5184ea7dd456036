/*
 * hostmaster-setup: makes and upgrades the panel's database, its first administrator, and one-time login links. Reads
 * the same file that the panel's httpd includes (DBDriver, DBDParams, HostmasterPanel), so that no password stands on a
 * command line.
 *
 *     hostmaster-setup FILE migrate              makes the tables, or applies what is missing
 *     hostmaster-setup FILE admin LOGIN MAIL     adds an administrator, prints a login link
 *     hostmaster-setup FILE link LOGIN           prints a login link
 *     hostmaster-setup FILE token LOGIN NAME     prints an API token that may read and change
 */
#include "db_wrap.h"
#include "login_link.h"
#include "migrations.h"
#include "proto/task.h"
#include "stmts.h"
#include <apr_dbd.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    apr_pool_t *p;
    const char *driver, *params, *url, *migrations;
    ap_dbd_t rec;
    hm_db_t *db;
    pv_err_t err;
} setup_t;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "hostmaster-setup: %s: %s\n", what, why);
    return 5;
}

/* A directive's argument, without its quotes. */
static const char *argument(const char *line, const char *name, apr_pool_t *p)
{
    size_t n = strlen(name);
    line += strspn(line, " \t");
    if (strncasecmp(line, name, n) != 0 || !strchr(" \t", line[n]))
        return NULL;
    line += n + strspn(line + n, " \t");
    size_t len = strcspn(line, "\r\n");
    if (len >= 2 && line[0] == '"' && line[len - 1] == '"')
        return apr_pstrmemdup(p, line + 1, len - 2);
    return apr_pstrmemdup(p, line, len);
}

static int configuration_read(setup_t *t, const char *path)
{
    char line[4096];
    const char *v;
    apr_file_t *f;
    if (apr_file_open(&f, path, APR_READ | APR_BUFFERED, 0, t->p) != APR_SUCCESS)
        return fail(path, "cannot be read");
    while (apr_file_gets(line, sizeof(line), f) == APR_SUCCESS) {
        if ((v = argument(line, "DBDriver", t->p)) != NULL)
            t->driver = v;
        else if ((v = argument(line, "DBDParams", t->p)) != NULL)
            t->params = v;
        else if ((v = argument(line, "HostmasterPanel", t->p)) != NULL)
            t->url = v;
    }
    apr_file_close(f);
    return t->driver && t->params && t->url ? 0 : fail(path, "needs DBDriver, DBDParams and HostmasterPanel");
}

/* SQLite's file belongs to the panel's user: whoever owns the folder is who makes it and writes in it. */
static int owner_become(setup_t *t)
{
    char *folder = apr_pstrdup(t->p, t->params), *slash = strrchr(folder, '/');
    struct stat st;
    if (strcmp(t->driver, "sqlite3") != 0 || geteuid() != 0)
        return 0;
    if (slash == NULL || slash == folder)
        return fail(t->params, "DBDParams of sqlite3 is the absolute path of a file in a folder of the panel's own");
    *slash = '\0';
    if (stat(folder, &st) != 0)
        return fail(folder, strerror(errno));
    umask(077);
    if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
        return fail(folder, "its owner cannot be taken on");
    return 0;
}

static int database_open(setup_t *t)
{
    const char *why = "";
    apr_dbd_init(t->p);
    if (apr_dbd_get_driver(t->p, t->driver, &t->rec.driver) != APR_SUCCESS)
        return fail(t->driver, "no such driver; install libaprutil1-dbd-sqlite3, -pgsql or -mysql");
    if (apr_dbd_open_ex(t->rec.driver, t->p, t->params, &t->rec.handle, &why) != APR_SUCCESS)
        return fail("database", why ? why : "cannot be opened");
    t->rec.prepared = apr_hash_make(t->p);
    t->rec.pool = t->p;
    t->db = hm_db_wrap(&t->rec, NULL, t->p);
    return 0;
}

static int64_t version_get(setup_t *t)
{
    json_t *rows;
    if (hm_sql_schema_version(t->db, &rows, &t->err) != APR_SUCCESS)
        return 0; /* no table yet */
    return hm_row_n(json_array_get(rows, 0), "version");
}

/* The statements of a file, each ended by ";" at a line's end, one by one. */
static int statements_run(setup_t *t, const char *path, char *text)
{
    char *state = NULL, *sql = NULL;
    int rows;
    for (char *line = apr_strtok(text, "\n", &state); line; line = apr_strtok(NULL, "\n", &state)) {
        if (strncmp(line, "--", 2) == 0)
            continue;
        sql = sql ? apr_pstrcat(t->p, sql, "\n", line, NULL) : line;
        if (line[strlen(line) - 1] != ';')
            continue;
        sql[strlen(sql) - 1] = '\0';
        int rv = apr_dbd_query(t->rec.driver, t->rec.handle, &rows, sql);
        if (rv != 0)
            return fail(path, apr_dbd_error(t->rec.driver, t->rec.handle, rv));
        sql = NULL;
    }
    return 0;
}

/* One migration, whole or not at all (MariaDB has no such thing for tables). -1: there is no such file. */
static int migration_run(setup_t *t, const char *path)
{
    apr_file_t *f;
    apr_finfo_t info;
    apr_status_t rv = apr_file_open(&f, path, APR_READ, 0, t->p);
    if (rv != APR_SUCCESS)
        return APR_STATUS_IS_ENOENT(rv) ? -1 : fail(path, "cannot be read");
    apr_file_info_get(&info, APR_FINFO_SIZE, f);
    char *text = apr_pcalloc(t->p, (apr_size_t)info.size + 1);
    rv = apr_file_read_full(f, text, (apr_size_t)info.size, NULL);
    apr_file_close(f);
    if (rv != APR_SUCCESS)
        return fail(path, "cannot be read");
    if (hm_db_begin(t->db, &t->err) != APR_SUCCESS)
        return fail("database", t->err.text);
    int rc = statements_run(t, path, text);
    if (rc != 0)
        hm_db_rollback(t->db);
    else if (hm_db_commit(t->db, &t->err) != APR_SUCCESS)
        rc = fail("database", t->err.text);
    return rc;
}

/* WAL stays with the file; it lets pages be read while a task is written. */
static void journal_mode_set(setup_t *t)
{
    apr_dbd_results_t *res = NULL;
    apr_dbd_row_t *row = NULL;
    if (apr_dbd_select(t->rec.driver, t->p, t->rec.handle, &res, "PRAGMA journal_mode = WAL", 0) != 0)
        return;
    while (apr_dbd_get_row(t->rec.driver, t->p, res, &row, -1) == 0)
        ; /* a result is read to its end */
}

static int migrate(setup_t *t, char **argv)
{
    int64_t at = version_get(t);
    if (strcmp(t->driver, "sqlite3") == 0)
        journal_mode_set(t);
    for (;; at++) {
        const char *path = apr_psprintf(t->p, "%s/%04d.sql", t->migrations, (int)at + 1);
        int rc = migration_run(t, path);
        if (rc > 0)
            return rc;
        if (rc < 0)
            break;
        printf("schema %d\n", (int)at + 1);
    }
    return at ? 0 : fail(t->migrations, "has no 0001.sql");
}

static int link_print(setup_t *t, int64_t account)
{
    const char *secret;
    if (hm_link_make(&secret, t->db, account, &t->err, t->p) != APR_SUCCESS)
        return fail("login link", t->err.text);
    printf("%s/link/%s\n", t->url, secret);
    return 0;
}

static const char *lower(setup_t *t, const char *s)
{
    char *copy = apr_pstrdup(t->p, s);
    for (char *c = copy; *c; c++)
        *c = (char)apr_tolower(*c);
    return copy;
}

static int admin(setup_t *t, char **argv)
{
    const char *login = lower(t, argv[0]), *mail = lower(t, argv[1]);
    const char *ok;
    int64_t id = hm_db_id();
    if (pv_value_check(&ok, PV_VALUE_LOGIN, login, strlen(login), &t->err, t->p) != APR_SUCCESS)
        return fail("LOGIN", t->err.text);
    if (pv_value_check(&ok, PV_VALUE_MAIL, mail, strlen(mail), &t->err, t->p) != APR_SUCCESS)
        return fail("MAIL", t->err.text);
    if (hm_sql_account_add(t->db, &t->err, id, login, mail, "administrator", 0, hm_db_now()) != APR_SUCCESS)
        return fail(login, t->err.text);
    return link_print(t, id);
}

static int account_find(setup_t *t, const char *login, int64_t *account)
{
    json_t *rows;
    login = lower(t, login);
    if (hm_sql_account_by_login(t->db, &rows, &t->err, login, login) != APR_SUCCESS)
        return fail("database", t->err.text);
    if (json_array_size(rows) == 0)
        return fail(login, "nobody of that name can log in");
    *account = hm_row_n(json_array_get(rows, 0), "id");
    return 0;
}

static int login_link(setup_t *t, char **argv)
{
    int64_t account;
    int rc = account_find(t, argv[0], &account);
    return rc ? rc : link_print(t, account);
}

static int token(setup_t *t, char **argv)
{
    int64_t account;
    const char *secret;
    int rc = account_find(t, argv[0], &account);
    if (rc)
        return rc;
    if (!*argv[1] || pv_text_check(argv[1], strlen(argv[1]), 64) != APR_SUCCESS)
        return fail("NAME", "text, at most 64 bytes, without control characters");
    if (hm_token_make(&secret, t->db, account, argv[1], "write", &t->err, t->p) != APR_SUCCESS)
        return fail("token", t->err.text);
    printf("%s\n", secret);
    return 0;
}

static const struct {
    const char *name, *args;
    int nargs;
    int (*fn)(setup_t *t, char **argv);
} commands[] = {{"migrate", "", 0, migrate},
                {"admin", " LOGIN MAIL", 2, admin},
                {"link", " LOGIN", 1, login_link},
                {"token", " LOGIN NAME", 2, token}};

static int usage(void)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        fprintf(stderr, "%s hostmaster-setup FILE %s%s\n", i ? "      " : "usage:", commands[i].name, commands[i].args);
    return 2;
}

int main(int argc, char **argv)
{
    setup_t t = {.migrations = HM_MIGRATIONS};
    int rc = argc < 3 ? usage() : 0;
    apr_initialize();
    apr_pool_create(&t.p, NULL);
    if (getenv("HOSTMASTER_MIGRATIONS"))
        t.migrations = getenv("HOSTMASTER_MIGRATIONS");
    for (size_t i = 0; rc == 0 && i < sizeof(commands) / sizeof(*commands); i++) {
        if (strcmp(commands[i].name, argv[2]) != 0)
            continue;
        if (argc - 3 != commands[i].nargs)
            return usage();
        if ((rc = configuration_read(&t, argv[1])) == 0 && (rc = owner_become(&t)) == 0 &&
            (rc = database_open(&t)) == 0)
            rc = commands[i].fn(&t, argv + 3);
        apr_pool_destroy(t.p);
        return rc;
    }
    return usage();
}
