/*
 * The journal's file: opening, the epoch, transactions, statements. The folder is the engine's alone (0700). A crash at
 * any point leaves either the whole transaction or nothing of it; which of the two it was is found out by reading, in
 * the next life.
 *
 * A failed commit is never guessed about: a full disk (SQLITE_FULL) is known not to have committed; every other
 * failure, and a journal that cannot be read, ends the process.
 */
#include "engine/journal_stmt.h"
#include "engine/log.h"
#include "fault.h"
#include <apr_hash.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define FORMAT        "1"
#define BALLAST_BYTES (8 * 1024 * 1024)
#define BUSY_MS       5000

static const char SCHEMA[] =
#include "journal_sql.h"
    ;

static const char SQL_EPOCH[] = "SELECT v FROM meta WHERE k = 'epoch'";
static const char SQL_META_GET[] = "SELECT v FROM meta WHERE k = ?1";
static const char SQL_META_SET[] = "INSERT OR REPLACE INTO meta (k, v) VALUES (?1, ?2)";
static const char SQL_EMPTY[] = "SELECT 1 FROM context UNION ALL SELECT 1 FROM job LIMIT 1";

struct pv_journal {
    apr_pool_t *p;
    sqlite3 *db;
    apr_hash_t *stmt; /* by SQL text */
    pv_backlog_t *backlog;
    const char *id, *world;
    uint64_t epoch;
    int clean, open, ballast; /* ballast: descriptor */
    int room;                 /* the ballast is whole */
    int groups;               /* begun and not ended, one in the other */
    int grouped;              /* their transaction is open */
};

int64_t pv_journal_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const char *pv_journal_id(const pv_journal_t *j)
{
    return j->id;
}

const char *pv_journal_world(const pv_journal_t *j)
{
    return j->world;
}

uint64_t pv_journal_epoch(const pv_journal_t *j)
{
    return j->epoch;
}

int pv_journal_clean(const pv_journal_t *j)
{
    return j->clean;
}

pv_backlog_t *pv_journal_backlog(pv_journal_t *j)
{
    return j->backlog;
}

int pv_journal_in_transaction(const pv_journal_t *j)
{
    return j->open;
}

/* The ballast is given up where the disk is full: what was accepted can then still be ended. */
static apr_status_t unavailable(pv_journal_t *j, pv_err_t *err)
{
    int full = sqlite3_errcode(j->db) == SQLITE_FULL;
    pv_log("journal.unavailable", "code=%d why=\"%s\"", sqlite3_extended_errcode(j->db), sqlite3_errmsg(j->db));
    if (full && j->room) {
        j->room = 0;
        if (ftruncate(j->ballast, 0) == 0)
            pv_log("journal.ballast", "state=given-up");
    }
    return pv_fail(err, PV_JOURNAL_UNAVAILABLE, NULL, "%s", sqlite3_errmsg(j->db));
}

static void make_ballast(pv_journal_t *j)
{
    j->room = posix_fallocate(j->ballast, 0, BALLAST_BYTES) == 0;
    if (!j->room && ftruncate(j->ballast, 0) != 0)
        pv_log("journal.ballast", "state=broken");
}

apr_status_t pv_journal_admit(pv_journal_t *j, pv_err_t *err)
{
    if (j->room)
        return APR_SUCCESS;
    make_ballast(j);
    if (j->room) {
        pv_log("journal.ballast", "state=made");
        return APR_SUCCESS;
    }
    return pv_fail(err, PV_JOURNAL_UNAVAILABLE, NULL, "the file system of StateDir has no %d MiB left",
                   BALLAST_BYTES / (1024 * 1024));
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(pv_journal_t *j, const char *sql)
{
    sqlite3_stmt *stmt = apr_hash_get(j->stmt, sql, APR_HASH_KEY_STRING);
    if (!stmt) {
        if (sqlite3_prepare_v3(j->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
            return NULL;
        apr_hash_set(j->stmt, apr_pstrdup(j->p, sql), APR_HASH_KEY_STRING, stmt);
    }
    return stmt;
}

static void bind_json(sqlite3_stmt *stmt, int at, const json_t *json)
{
    if (json)
        sqlite3_bind_text(stmt, at, json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS), -1, free);
    else
        sqlite3_bind_null(stmt, at);
}

static void bind_all(sqlite3_stmt *stmt, const char *fmt, va_list ap)
{
    for (int i = 1; *fmt != '\0'; fmt++, i++) {
        if (*fmt == 'l')
            sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
        else if (*fmt == 'j')
            bind_json(stmt, i, va_arg(ap, const json_t *));
        else
            sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
    }
}

apr_status_t pv_sql_run(pv_journal_t *j, int64_t *changed, pv_err_t *err, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *stmt = prepare(j, sql);
    if (!stmt)
        return unavailable(j, err);
    va_list ap;
    va_start(ap, fmt);
    bind_all(stmt, fmt, ap);
    va_end(ap);
    int rc = sqlite3_step(stmt);
    apr_status_t rv = rc == SQLITE_DONE || rc == SQLITE_ROW ? APR_SUCCESS : unavailable(j, err);
    pv_sql_end(stmt);
    if (rv == APR_SUCCESS && changed)
        *changed = sqlite3_changes64(j->db);
    return rv;
}

int64_t pv_sql_last_id(pv_journal_t *j)
{
    return sqlite3_last_insert_rowid(j->db);
}

sqlite3_stmt *pv_sql_query(pv_journal_t *j, const char *sql, const char *fmt, ...)
{
    sqlite3_stmt *stmt = prepare(j, sql);
    if (!stmt)
        return NULL;
    va_list ap;
    va_start(ap, fmt);
    bind_all(stmt, fmt, ap);
    va_end(ap);
    return stmt;
}

/* A journal that cannot be read is no answer: "not found" would be a lie with consequences. */
int pv_sql_row(sqlite3_stmt *stmt)
{
    int rc = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE) {
        pv_log("journal.unreadable", "code=%d", rc);
        _exit(70);
    }
    pv_sql_end(stmt);
    return 0;
}

void pv_sql_end(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

const char *pv_sql_text(sqlite3_stmt *stmt, int column, apr_pool_t *p)
{
    return apr_pstrdup(p, (const char *)sqlite3_column_text(stmt, column));
}

static apr_status_t drop_json(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

json_t *pv_sql_json(sqlite3_stmt *stmt, int column, apr_pool_t *p)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    if (json)
        apr_pool_cleanup_register(p, json, drop_json, apr_pool_cleanup_null);
    return json;
}

/* ---- meta ---- */

const char *pv_meta_get(pv_journal_t *j, const char *k, apr_pool_t *p)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_META_GET, "t", k);
    const char *v = NULL;
    if (pv_sql_row(q)) {
        v = pv_sql_text(q, 0, p);
        pv_sql_end(q);
    }
    return v;
}

apr_status_t pv_meta_set(pv_journal_t *j, const char *k, const char *v, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_META_SET, "tt", k, v);
}

int pv_journal_empty(pv_journal_t *j)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_EMPTY, "");
    int found = pv_sql_row(q);
    pv_sql_end(q);
    return !found;
}

/* ---- transactions ---- */

static apr_status_t exec(pv_journal_t *j, const char *sql, pv_err_t *err)
{
    return sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK ? APR_SUCCESS : unavailable(j, err);
}

static uint64_t stored_epoch(pv_journal_t *j)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_EPOCH, "");
    uint64_t epoch = pv_sql_row(q) ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    pv_sql_end(q);
    return epoch;
}

static void end_life(const char *what)
{
    pv_log("journal.unknown", "what=%s", what);
    _exit(70);
}

static apr_status_t begin_on_disk(pv_journal_t *j, pv_err_t *err)
{
    apr_status_t rv = exec(j, "BEGIN IMMEDIATE", err);
    if (rv != APR_SUCCESS || stored_epoch(j) == j->epoch)
        return rv;
    sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
    return pv_fail(err, PV_JOURNAL_UNAVAILABLE, NULL, "a later life of the engine has begun");
}

/* A site may fill the disk: each transaction is then one by itself, whose failure can be taken back. */
static int has_room(const pv_journal_t *j)
{
    struct statvfs disk;
    return j->room && fstatvfs(j->ballast, &disk) == 0 && disk.f_bavail * disk.f_frsize >= BALLAST_BYTES;
}

apr_status_t pv_journal_begin(pv_journal_t *j, pv_err_t *err)
{
    if (j->open)
        abort(); /* our own invariant: one transaction at a time */
    apr_status_t rv = j->grouped ? APR_SUCCESS : begin_on_disk(j, err);
    if (rv == APR_SUCCESS && (j->grouped || (j->groups > 0 && has_room(j)))) {
        j->grouped = 1;
        rv = exec(j, "SAVEPOINT one", err);
    }
    if (rv != APR_SUCCESS)
        return rv;
    j->open = 1;
    rv = pv_backlog_write(j->backlog, err);
    if (rv != APR_SUCCESS)
        pv_journal_rollback(j);
    return rv;
}

apr_status_t pv_journal_commit(pv_journal_t *j, pv_err_t *err)
{
    int rc = sqlite3_exec(j->db, j->grouped ? "RELEASE one" : "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        if (!j->grouped)
            PV_FAULT("event.commit", NULL);
        j->open = 0;
        pv_backlog_written(j->backlog);
        return APR_SUCCESS;
    }
    apr_status_t rv = unavailable(j, err);
    if (rc != SQLITE_FULL)
        end_life("commit");
    pv_journal_rollback(j);
    return rv;
}

/* A failure can take the transactions of the group with it that came before: they count as committed. */
void pv_journal_rollback(pv_journal_t *j)
{
    int gone = sqlite3_get_autocommit(j->db);
    if (gone && j->grouped)
        end_life("group");
    if (!gone)
        sqlite3_exec(j->db, j->grouped ? "ROLLBACK TO one; RELEASE one" : "ROLLBACK", NULL, NULL, NULL);
    j->open = 0;
}

void pv_journal_group(pv_journal_t *j)
{
    j->groups++;
}

void pv_journal_group_end(pv_journal_t *j)
{
    pv_err_t err;
    if (--j->groups > 0 || !j->grouped)
        return;
    j->grouped = 0;
    if (exec(j, "COMMIT", &err) != APR_SUCCESS)
        end_life("group");
    PV_FAULT("event.commit", NULL);
}

/* ---- opening ---- */

static apr_status_t cleanup(void *data)
{
    pv_journal_t *j = data;
    for (apr_hash_index_t *i = apr_hash_first(NULL, j->stmt); i; i = apr_hash_next(i)) {
        void *stmt;
        apr_hash_this(i, NULL, NULL, &stmt);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(j->db);
    close(j->ballast);
    return APR_SUCCESS;
}

static const char *random_name(apr_pool_t *p)
{
    pv_key_t key;
    return pv_key_make(&key) == APR_SUCCESS ? apr_pstrdup(p, key.s) : NULL;
}

/* The first life makes the journal's id and world mark; each life takes the next epoch. */
static apr_status_t begin_life(pv_journal_t *j, pv_err_t *err)
{
    const char *format = pv_meta_get(j, "format", j->p), *clean = pv_meta_get(j, "clean", j->p);
    if (format && strcmp(format, FORMAT) != 0)
        return pv_fail(err, PV_JOURNAL_UNAVAILABLE, NULL, "the journal has format %s, this program writes %s", format,
                       FORMAT);
    j->epoch = stored_epoch(j);
    j->clean = clean && j->epoch == strtoull(clean, NULL, 10);
    j->epoch++;
    j->id = pv_meta_get(j, "id", j->p);
    j->world = pv_meta_get(j, "world", j->p);
    if (!j->id && (!(j->id = random_name(j->p)) || !(j->world = random_name(j->p))))
        return pv_fail(err, PV_INTERNAL, NULL, "the kernel has no randomness to give");
    const char *epoch = apr_psprintf(j->p, "%lu", (unsigned long)j->epoch);
    apr_status_t rv = pv_meta_set(j, "format", FORMAT, err);
    if (rv == APR_SUCCESS)
        rv = pv_meta_set(j, "id", j->id, err);
    if (rv == APR_SUCCESS)
        rv = pv_meta_set(j, "world", j->world, err);
    if (rv == APR_SUCCESS)
        rv = pv_meta_set(j, "epoch", epoch, err);
    return rv;
}

static apr_status_t set_up(pv_journal_t *j, pv_err_t *err)
{
    apr_status_t rv = exec(j, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", err);
    if (rv == APR_SUCCESS)
        rv = exec(j, "BEGIN IMMEDIATE", err);
    if (rv == APR_SUCCESS)
        rv = exec(j, SCHEMA, err);
    if (rv == APR_SUCCESS)
        rv = begin_life(j, err);
    if (rv == APR_SUCCESS)
        rv = exec(j, "COMMIT", err);
    if (rv != APR_SUCCESS)
        pv_journal_rollback(j);
    return rv;
}

apr_status_t pv_journal_open(pv_journal_t **ret, const char *path, pv_err_t *err, apr_pool_t *p)
{
    pv_journal_t *j = apr_pcalloc(p, sizeof(*j));
    j->p = p;
    j->stmt = apr_hash_make(p);
    struct stat st;
    j->ballast = open(apr_pstrcat(p, path, "-ballast", NULL), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    j->room = j->ballast >= 0 && fstat(j->ballast, &st) == 0 && st.st_size == BALLAST_BYTES;
    int rc = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    apr_pool_cleanup_register(p, j, cleanup, apr_pool_cleanup_null);
    j->backlog = pv_backlog_make(j, p);
    if (j->ballast < 0 || rc != SQLITE_OK)
        return pv_fail(err, PV_JOURNAL_UNAVAILABLE, NULL, "%s cannot be opened: %s", path, sqlite3_errmsg(j->db));
    sqlite3_busy_timeout(j->db, BUSY_MS);
    /* On a full disk a life begins in the ballast's room, which the last one may have given up already. */
    apr_status_t rv = set_up(j, err);
    if (rv != APR_SUCCESS && !j->room)
        rv = set_up(j, err);
    if (rv != APR_SUCCESS)
        return rv;
    if (!j->room)
        make_ballast(j);
    *ret = j;
    return APR_SUCCESS;
}

void pv_journal_close(pv_journal_t *j)
{
    pv_err_t err;
    if (pv_journal_begin(j, &err) != APR_SUCCESS)
        return;
    if (pv_meta_set(j, "clean", apr_psprintf(j->p, "%lu", (unsigned long)j->epoch), &err) != APR_SUCCESS) {
        pv_journal_rollback(j);
        return;
    }
    if (pv_journal_commit(j, &err) == APR_SUCCESS)
        sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
