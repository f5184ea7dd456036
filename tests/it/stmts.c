/*
 * Runs every statement of sql/stmts/ on a real database, twice, each time in a transaction that is rolled back: stmts
 * DRIVER PARAMS [SQL to begin with]. Says which ones the database refuses; how many rows they hit is not asked. Links
 * the module's own db.c.
 */
#include "db_run.h"
#include "db_wrap.h"
#include <apr_general.h>
#include <apr_hash.h>
#include <stdio.h>
#include <string.h>

static int run(hm_db_t *db, int i, int round)
{
    const hm_stmt_t *stmt = &hm_stmts[i];
    const void *args[32] = {NULL};
    int64_t number = 7;
    pv_err_t err = {0};
    json_t *rows = NULL;
    for (size_t k = 0; stmt->kinds[k]; k++)
        args[k] = stmt->kinds[k] == 's' ? (const void *)"seven" : &number;
    if (hm_db_begin(db, &err) == APR_SUCCESS)
        hm_db_run(db, (hm_sql_t)i, stmt->columns[0] ? &rows : NULL, args, &err);
    hm_db_rollback(db);
    if (err.code == PV_OK || err.code == PV_STALE)
        return 0;
    printf("%s, round %d: %s\n", stmt->name, round, err.text);
    return 1;
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    ap_dbd_t rec = {0};
    const char *why = "";
    int failed = 0, rows;
    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_dbd_init(p);
    if (argc < 3 || apr_dbd_get_driver(p, argv[1], &rec.driver) != APR_SUCCESS ||
        apr_dbd_open_ex(rec.driver, p, argv[2], &rec.handle, &why) != APR_SUCCESS) {
        printf("no database: %s\n", why);
        return 2;
    }
    if (argc > 3 && apr_dbd_query(rec.driver, rec.handle, &rows, argv[3]) != 0)
        return 2;
    rec.prepared = apr_hash_make(p);
    rec.pool = p;
    hm_db_t *db = hm_db_wrap(&rec, NULL, p);
    for (int round = 1; round <= 2; round++)
        for (int i = 0; i < HM_SQL_COUNT; i++)
            failed += run(db, i, round);
    printf("%d statements\n", HM_SQL_COUNT);
    return failed != 0;
}
