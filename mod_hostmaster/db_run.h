/*
 * What the generated statement functions call; nobody else does.
 */
#ifndef HM_DB_RUN_H
#define HM_DB_RUN_H

#include "stmts.h"

/* Runs a statement: ARGS are strings and pointers to int64_t in the order of its marks. ROWS: NULL for a change. */
apr_status_t hm_db_run(hm_db_t *db, hm_sql_t stmt, json_t **rows, const void *const *args, pv_err_t *err);

#endif
