/*
 * Connections inside httpd: from the pool of mod_dbd, held only around the work, never for as long as a slow client
 * reads.
 */
#include "db_wrap.h"
#include "migrations.h"
#include "panel.h"
#include "stmts.h"
#include <apr_optional.h>

/* A panel on another schema touches nothing. Asked each time, so that a migration is felt at once. */
static apr_status_t schema_check(hm_db_t *db, pv_err_t *err)
{
    json_t *rows;
    pv_err_t why = {0};
    if (hm_sql_schema_version(db, &rows, &why) != APR_SUCCESS)
        return pv_fail(err, PV_PANEL_SCHEMA, NULL, "it has none that this panel can read (%s); it needs %d", why.text,
                       HM_SCHEMA);
    int is = (int)hm_row_n(json_array_get(rows, 0), "version");
    if (is == HM_SCHEMA)
        return APR_SUCCESS;
    return pv_fail(err, PV_PANEL_SCHEMA, NULL, "it has %d, this panel needs %d", is, HM_SCHEMA);
}

apr_status_t hm_db_open(hm_db_t **ret, server_rec *s, apr_pool_t *p, pv_err_t *err)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    ap_dbd_t *rec = open ? open(p, s) : NULL;
    if (rec == NULL)
        return pv_fail(err, PV_DB_DOWN, NULL, "the panel's own database cannot be reached");
    hm_db_t *db = hm_db_wrap(rec, hm_panel_get(s)->writers, p);
    apr_status_t rv = schema_check(db, err);
    if (rv == APR_SUCCESS)
        *ret = db;
    else
        hm_db_close(db, s);
    return rv;
}

void hm_db_close(hm_db_t *db, server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *close_fn = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    close_fn(s, hm_db_unwrap(db));
}
