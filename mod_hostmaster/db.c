/*
 * The panel's database: connections from mod_dbd's pool, statements prepared at their first use and kept with the
 * connection, and transactions. Only this file and its two openers (db_httpd.c, setup/) call apr_dbd. What it must know
 * of the three drivers is measured: a statement that SQLite refuses after a schema change, or that a restarted server
 * has lost, is prepared once more and run again; only SQLite needs the writers' mutex; MariaDB counts rows from 1 and
 * wants them asked for by number.
 */
#include "db.h"
#include "db_run.h"
#include "db_wrap.h"
#include "proto/utf8.h"
#include <apr_dbd.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_TRIES 6

struct hm_db {
    apr_pool_t *p;
    ap_dbd_t *rec;
    apr_global_mutex_t *writers; /* held while `writing` */
    apr_dbd_transaction_t *trans;
    int writing, poisoned, unique, crossed, refused;
    json_t *results; /* every select's rows, released with the pool */
};

static apr_status_t results_free(void *data)
{
    json_decref(data);
    return APR_SUCCESS;
}

static int is_driver(const hm_db_t *db, const char *name)
{
    return strcmp(apr_dbd_name(db->rec->driver), name) == 0;
}

hm_db_t *hm_db_wrap(ap_dbd_t *rec, apr_global_mutex_t *writers, apr_pool_t *p)
{
    hm_db_t *db = apr_pcalloc(p, sizeof(*db));
    db->p = p;
    db->rec = rec;
    db->writers = is_driver(db, "sqlite3") ? writers : NULL;
    db->results = json_array();
    apr_pool_cleanup_register(p, db->results, results_free, apr_pool_cleanup_null);
    return db;
}

static void writers_lock(hm_db_t *db)
{
    if (db->writers && !db->writing)
        apr_global_mutex_lock(db->writers);
    db->writing = 1;
}

static void writers_unlock(hm_db_t *db)
{
    if (db->writers && db->writing)
        apr_global_mutex_unlock(db->writers);
    db->writing = 0;
}

static const char *last_error(const hm_db_t *db, int rv)
{
    const char *text = apr_dbd_error(db->rec->driver, db->rec->handle, rv);
    return text ? text : "no message";
}

/* A statement that SQLite refuses since the schema moved (a VACUUM does that) leaves its transaction as it was, so it
 * can be prepared anew inside it; the others give the transaction up. */
static int again_in_transaction(const hm_db_t *db)
{
    return is_driver(db, "sqlite3");
}

apr_status_t hm_db_begin(hm_db_t *db, pv_err_t *err)
{
    writers_lock(db);
    db->poisoned = 0;
    /* The driver waits 1.6 s for somebody else's lock; a VACUUM can take longer. */
    int rv = 1, tries = is_driver(db, "sqlite3") ? BEGIN_TRIES : 1;
    while (rv != 0 && tries-- > 0)
        rv = apr_dbd_transaction_start(db->rec->driver, db->p, db->rec->handle, &db->trans);
    if (rv == 0) {
        if (again_in_transaction(db))
            apr_dbd_transaction_mode_set(db->rec->driver, db->trans, APR_DBD_TRANSACTION_IGNORE_ERRORS);
        return APR_SUCCESS;
    }
    pv_fail(err, PV_DB_DOWN, NULL, "the panel's own database began no transaction: %s", last_error(db, rv));
    hm_db_rollback(db);
    return APR_EGENERAL;
}

static int transaction_end(hm_db_t *db, int mode)
{
    int rv = 0;
    if (db->trans) {
        apr_dbd_transaction_mode_set(db->rec->driver, db->trans, mode);
        rv = apr_dbd_transaction_end(db->rec->driver, db->p, db->trans);
    }
    db->trans = NULL;
    db->poisoned = 0;
    writers_unlock(db);
    return rv;
}

apr_status_t hm_db_commit(hm_db_t *db, pv_err_t *err)
{
    int poisoned = db->poisoned;
    int rv = transaction_end(db, poisoned ? APR_DBD_TRANSACTION_ROLLBACK : APR_DBD_TRANSACTION_COMMIT);
    if (rv == 0 && !poisoned)
        return APR_SUCCESS;
    return pv_fail(err, PV_DB_DOWN, NULL, "the panel's own database did not commit: %s", last_error(db, rv));
}

void hm_db_rollback(hm_db_t *db)
{
    transaction_end(db, APR_DBD_TRANSACTION_ROLLBACK);
}

ap_dbd_t *hm_db_unwrap(hm_db_t *db)
{
    if (db->trans)
        hm_db_rollback(db);
    return db->rec;
}

int hm_db_unique(const hm_db_t *db)
{
    return db->unique;
}

int hm_db_crossed(const hm_db_t *db)
{
    return db->crossed;
}

int hm_db_refused(const hm_db_t *db)
{
    return db->refused;
}

static int prepare(hm_db_t *db, hm_sql_t stmt, int anew, apr_dbd_prepared_t **ret)
{
    const hm_stmt_t *row = &hm_stmts[stmt];
    *ret = anew ? NULL : apr_hash_get(db->rec->prepared, row->name, APR_HASH_KEY_STRING);
    if (*ret)
        return 0;
    /* No label: PostgreSQL then keeps nothing on its side that a restart could lose. */
    int rv =
        apr_dbd_prepare(db->rec->driver, apr_hash_pool_get(db->rec->prepared), db->rec->handle, row->text, NULL, ret);
    if (rv == 0)
        apr_hash_set(db->rec->prepared, row->name, APR_HASH_KEY_STRING, *ret);
    return rv;
}

/* The rows of a result as objects; reads to the end, as the drivers demand. */
static int rows_read(hm_db_t *db, const hm_stmt_t *row, apr_dbd_results_t *res, json_t **rows)
{
    const apr_dbd_driver_t *driver = db->rec->driver;
    int by_number = is_driver(db, "mysql");
    apr_dbd_row_t *r = NULL;
    json_t *all = json_array();
    json_array_append_new(db->results, all);
    for (int n = 1; apr_dbd_get_row(driver, db->p, res, &r, by_number ? n : -1) == 0; n++) {
        json_t *object = json_object();
        const char *column = row->columns;
        for (int i = 0; *column; i++) {
            size_t len = strcspn(column, " ");
            char *name = apr_pstrmemdup(db->p, column + 1, len - 1);
            const char *value = NULL;
            if (apr_dbd_datum_get(driver, r, i, APR_DBD_TYPE_STRING, &value) != APR_SUCCESS || value == NULL)
                value = "";
            json_object_set_new_nocheck(object, name, *column == 'n' ? json_integer(atoll(value)) : json_string(value));
            column += len + 1;
        }
        json_array_append_new(all, object);
    }
    *rows = all;
    return 0;
}

static int run_once(hm_db_t *db, hm_sql_t stmt, int anew, json_t **rows, const void *const *args, int *changed)
{
    const hm_stmt_t *row = &hm_stmts[stmt];
    const apr_dbd_driver_t *driver = db->rec->driver;
    apr_dbd_prepared_t *prepared;
    apr_dbd_results_t *res = NULL;
    int rv = prepare(db, stmt, anew, &prepared);
    if (rv != 0)
        return rv;
    if (rows == NULL)
        return apr_dbd_pbquery(driver, db->p, db->rec->handle, changed, prepared, (const void **)args);
    rv = apr_dbd_pbselect(driver, db->p, db->rec->handle, &res, prepared, 1, (const void **)args);
    return rv != 0 ? rv : rows_read(db, row, res, rows);
}

/* Unique keys: SQLite says 1 for every error, so the message decides there. */
static int broke_unique(const hm_db_t *db, int rv)
{
    const char *text = last_error(db, rv);
    return rv == 1062 || strstr(text, "UNIQUE") != NULL || strstr(text, "duplicate key") != NULL ||
           strstr(text, "Duplicate entry") != NULL;
}

/* Two transactions that wait for each other: the server has ended this one. */
static int broke_crossed(const hm_db_t *db, int rv)
{
    return rv == 1213 || strstr(last_error(db, rv), "deadlock detected") != NULL;
}

/* A value, and not the moment. MariaDB has numbers for it, the others words. */
static int broke_value(const hm_db_t *db, int rv)
{
    static const int numbers[] = {1048, 1264, 1265, 1292, 1366, 1406, 1452, 3819};
    static const char *const words[] = {"out of range", "invalid byte sequence", "value too long", "violates",
                                        "constraint failed"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (rv == numbers[i])
            return 1;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strstr(last_error(db, rv), words[i]) != NULL)
            return 1;
    return 0;
}

apr_status_t hm_db_run(hm_db_t *db, hm_sql_t stmt, json_t **rows, const void *const *args, pv_err_t *err)
{
    const hm_stmt_t *row = &hm_stmts[stmt];
    int changed = 0, alone = rows == NULL && db->trans == NULL;
    if (db->poisoned)
        return pv_fail(err, PV_INTERNAL, NULL, "statement %s in a transaction that has failed", row->name);
    if (alone)
        writers_lock(db);
    int rv = run_once(db, stmt, 0, rows, args, &changed);
    db->unique = rv != 0 && broke_unique(db, rv);
    if (rv != 0 && !db->unique && (db->trans == NULL || again_in_transaction(db))) {
        apr_dbd_check_conn(db->rec->driver, db->p, db->rec->handle);
        rv = run_once(db, stmt, 1, rows, args, &changed);
        db->unique = rv != 0 && broke_unique(db, rv);
    }
    if (alone)
        writers_unlock(db);
    db->crossed = rv != 0 && broke_crossed(db, rv);
    db->refused = rv != 0 && (db->unique || broke_value(db, rv));
    db->poisoned = rv != 0 && db->trans != NULL;
    if (db->unique)
        return pv_fail(err, PV_NAME_IN_USE, NULL, "there is one of that name already");
    if (rv != 0)
        return pv_fail(err, PV_DB_DOWN, NULL, "statement %s: %s (%d)", row->name, last_error(db, rv), rv);
    if (row->rows >= 0 && changed != row->rows)
        return pv_fail(err, PV_STALE, NULL, "%s: %d rows, not %d", row->name, changed, row->rows);
    return APR_SUCCESS;
}

const char *hm_db_text(const char *text, size_t max, apr_pool_t *p)
{
    char *cut = apr_palloc(p, max + 1);
    pv_utf8_clean(cut, max + 1, text, strlen(text));
    return cut;
}

int64_t hm_db_now(void)
{
    return apr_time_now();
}

/* 41 bits of milliseconds since 2020. */
int64_t hm_db_id_at(int64_t time)
{
    return (time / 1000 - 1577836800000LL) * (1 << 22);
}

/* And 22 random ones: ids sort by time and two processes do not meet. */
int64_t hm_db_id(void)
{
    uint32_t noise;
    apr_generate_random_bytes((unsigned char *)&noise, sizeof(noise));
    return hm_db_id_at(apr_time_now()) | (noise & 0x3fffff);
}

const char *hm_row_s(const json_t *row, const char *column)
{
    const char *s = json_string_value(json_object_get(row, column));
    return s ? s : "";
}

int64_t hm_row_n(const json_t *row, const char *column)
{
    return json_integer_value(json_object_get(row, column));
}
