/*
 * Takes events in as the panel's follower does: apply DRIVER PARAMS FOLLOWER, a batch (a JSON array of events) a line.
 * Says "ok MICROSECONDS" or what was wrong, a line each. FOLLOWER is a name of its own, whose cursor is made where it
 * is not there. Links the module's own dispatch/apply.c.
 */
#include "dispatch/apply.h"
#include "db_wrap.h"
#include "proto/message.h"
#include "stmts.h"
#include <apr_general.h>
#include <apr_hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER "vaaaaaaaaaaaa"

static int open_database(ap_dbd_t *rec, const char *driver, const char *params, apr_pool_t *p)
{
    const char *why = "no such driver";
    apr_dbd_init(p);
    if (apr_dbd_get_driver(p, driver, &rec->driver) == APR_SUCCESS &&
        apr_dbd_open_ex(rec->driver, p, params, &rec->handle, &why) == APR_SUCCESS) {
        rec->prepared = apr_hash_make(p);
        rec->pool = p;
        return 1;
    }
    printf("no database: %s\n", why);
    return 0;
}

static apr_status_t follower_make(hm_db_t *db, const char *follower, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_follower_get(db, &rows, err, follower);
    return rv != APR_SUCCESS || json_array_size(rows) > 0 ? rv : hm_sql_follower_add(db, err, follower);
}

static void batch_take(hm_db_t *db, const char *follower, const char *line, size_t len, apr_pool_t *p)
{
    pv_err_t err = {0};
    json_t *events = json_loadb(line, len, 0, NULL);
    apr_time_t began = apr_time_now();
    if (events == NULL)
        printf("not JSON\n");
    else if (hm_apply_events(db, SERVER, follower, events, &err, p) != APR_SUCCESS)
        printf("%s %s\n", pv_error_row(err.code)->name, err.text);
    else
        printf("ok %ld\n", (long)(apr_time_now() - began));
    fflush(stdout);
    json_decref(events);
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    ap_dbd_t rec = {0};
    pv_err_t err = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    apr_initialize();
    apr_pool_create(&p, NULL);
    if (argc != 4 || !open_database(&rec, argv[1], argv[2], p))
        return 2;
    hm_db_t *db = hm_db_wrap(&rec, NULL, p);
    if (follower_make(db, argv[3], &err) != APR_SUCCESS) {
        printf("no cursor: %s\n", err.text);
        return 2;
    }
    while ((len = getline(&line, &size, stdin)) > 0)
        batch_take(db, argv[3], line, (size_t)len, p);
    free(line);
    return 0;
}
