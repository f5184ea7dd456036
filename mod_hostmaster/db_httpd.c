/*
 * Connections inside httpd: from the pool of mod_dbd, held only around the work, never for as long as a slow client
 * reads.
 */
#include "db_wrap.h"
#include "migrations.h"
#include "panel.h"
#include "stmts.h"
#include <apr_atomic.h>
#include <apr_optional.h>

#define CONNECTIONS 40 /* that mod_dbd keeps at most, in the shipped configuration */

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

/* mod_dbd finds out that a connection is dead when it is taken, and gives none then: after a restart of the database
 * server that would be a failure for each that it kept. Where none could be had the last time, once is enough. */
static ap_dbd_t *connection_take(hm_panel_t *panel, server_rec *s, apr_pool_t *p)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    int tries = open == NULL ? 0 : apr_atomic_read32(&panel->database_away) ? 1 : CONNECTIONS;
    ap_dbd_t *rec = NULL;
    while (rec == NULL && tries-- > 0)
        rec = open(p, s);
    apr_atomic_set32(&panel->database_away, rec == NULL);
    return rec;
}

apr_status_t hm_db_open(hm_db_t **ret, server_rec *s, apr_pool_t *p, pv_err_t *err)
{
    hm_panel_t *panel = hm_panel_get(s);
    ap_dbd_t *rec = connection_take(panel, s, p);
    if (rec == NULL)
        return pv_fail(err, PV_DB_DOWN, NULL, "the panel's own database cannot be reached");
    hm_db_t *db = hm_db_wrap(rec, panel->writers, p);
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
