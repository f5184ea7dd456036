/*
 * The rows of backups, and their archives from the daemon.
 */
#include "model/backup.h"
#include "db.h"
#include "proto/client.h"
#include "proto/utf8.h"
#include "secret.h"
#include "stmts.h"
#include <apr_atomic.h>
#include <apr_strings.h>
#include <string.h>

#define LIFE          (5 * 60 * APR_USEC_PER_SEC)
#define FETCH_SECONDS 60
#define COPIES        4 /* at a time in a process: each holds a thread, a connection to the database and a file */
#define TEMPORARY     "/var/tmp/hostmaster-XXXXXX" /* archives are large, and /tmp may be memory */

static apr_uint32_t copies; /* under way; atomic */

apr_status_t hm_backup_take(hm_db_t *db, const char *server, const json_t *item, int64_t scan, pv_err_t *err)
{
    const char *id = hm_row_s(item, "bid"), *site = hm_row_s(item, "site");
    char version[65];
    json_t *rows;
    int64_t client = 1;
    apr_status_t rv = hm_sql_backup_known(db, &rows, err, id);
    if (rv != APR_SUCCESS || json_array_size(rows) > 0)
        return rv == APR_SUCCESS ? hm_sql_backup_seen(db, err, scan, id) : rv;
    if ((rv = hm_sql_site_get(db, &rows, err, site, 1, 0)) != APR_SUCCESS)
        return rv;
    if (json_array_size(rows) > 0)
        client = hm_row_n(json_array_get(rows, 0), "client");
    pv_utf8_clean(version, sizeof(version), hm_row_s(item, "version"), strlen(hm_row_s(item, "version")));
    return hm_sql_backup_add(db, err, id, site, client, server, hm_row_s(item, "name"), hm_row_s(item, "description"),
                             hm_row_s(item, "app"), version, json_is_true(json_object_get(item, "database")),
                             hm_row_n(item, "size"), hm_row_s(item, "sha256"), hm_row_n(item, "made"), scan);
}

apr_status_t hm_backup_end(hm_db_t *db, const char *server, const char *site, int64_t scan, pv_err_t *err)
{
    apr_status_t rv = site ? hm_sql_backup_drop(db, err, site, scan) : hm_sql_backup_drop_all(db, err, server, scan);
    if (rv != APR_SUCCESS)
        return rv;
    return site ? hm_sql_backup_show(db, err, site, scan) : hm_sql_backup_show_all(db, err, server, scan);
}

apr_status_t hm_download_make(const char **secret, hm_db_t *db, const char *backup, int64_t account, pv_err_t *err,
                              apr_pool_t *p)
{
    const char *made = hm_secret_make(p);
    apr_status_t rv = hm_sql_download_prune(db, err, hm_db_now(), account);
    if (rv == APR_SUCCESS)
        rv = hm_sql_download_add(db, err, hm_secret_hash(made, p), backup, account, hm_db_now() + LIFE);
    if (rv == APR_SUCCESS)
        *secret = made;
    return rv;
}

static apr_status_t no_link(pv_err_t *err)
{
    return pv_fail(err, PV_NO_OBJECT, NULL, "this link was used already, or is older than five minutes");
}

apr_status_t hm_download_find(const char **backup, hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p)
{
    json_t *rows;
    apr_status_t rv = hm_sql_download_get(db, &rows, err, hm_secret_hash(secret, p), hm_db_now());
    if (rv != APR_SUCCESS)
        return rv;
    *backup = hm_row_s(json_array_get(rows, 0), "backup");
    return json_array_size(rows) == 1 ? APR_SUCCESS : no_link(err);
}

apr_status_t hm_download_use(hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = hm_sql_download_delete(db, err, hm_secret_hash(secret, p));
    return rv != APR_SUCCESS && err->code == PV_STALE ? no_link(err) : rv;
}

int hm_copy_begin(void)
{
    if (apr_atomic_inc32(&copies) < COPIES)
        return 1;
    hm_copy_end();
    return 0;
}

void hm_copy_end(void)
{
    apr_atomic_dec32(&copies);
}

static apr_status_t write_bytes(void *ctx, const char *bytes, size_t len, pv_err_t *err)
{
    if (apr_file_write_full(ctx, bytes, len, NULL) == APR_SUCCESS)
        return APR_SUCCESS;
    return pv_fail(err, PV_DISK_FULL, NULL, "the archive could not be copied to /var/tmp");
}

apr_status_t hm_backup_fetch(apr_file_t **ret, apr_off_t *size, const char *socket, const char *backup, pv_err_t *err,
                             apr_pool_t *p)
{
    pv_client_t *client;
    apr_file_t *file;
    json_t *answer;
    apr_status_t rv = pv_client_connect(&client, socket, "hostmaster", err, p);
    if (rv != APR_SUCCESS)
        return rv;
    json_t *request = pv_client_request(client, PV_MSG_fetch);
    json_object_set_new(request, "bid", json_string(backup));
    if ((rv = pv_client_ask(&answer, client, request, FETCH_SECONDS, NULL, NULL, err, p)) != APR_SUCCESS)
        return rv;
    char *path = apr_pstrdup(p, TEMPORARY);
    if (apr_file_mktemp(&file, path, APR_READ | APR_WRITE | APR_CREATE | APR_EXCL | APR_BINARY, p) != APR_SUCCESS ||
        apr_file_remove(path, p) != APR_SUCCESS)
        return pv_fail(err, PV_DISK_FULL, NULL, "no file can be made in /var/tmp");
    *size = (apr_off_t)hm_row_n(answer, "size");
    *ret = file;
    return pv_client_bytes(client, (uint64_t)*size, write_bytes, file, err);
}
