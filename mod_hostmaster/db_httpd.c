/*
 * Connections inside httpd: from the pool of mod_dbd, held only around the work, never for as long as a slow client
 * reads.
 */
#include "db_wrap.h"
#include "panel.h"
#include <apr_optional.h>

apr_status_t hm_db_open(hm_db_t **ret, server_rec *s, apr_pool_t *p, pv_err_t *err)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    ap_dbd_t *rec = open ? open(p, s) : NULL;
    if (rec == NULL)
        return pv_fail(err, PV_DB_DOWN, NULL, "the panel's own database cannot be reached");
    *ret = hm_db_wrap(rec, hm_panel_get(s)->writers, p);
    return APR_SUCCESS;
}

void hm_db_close(hm_db_t *db, server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *close_fn = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    close_fn(s, hm_db_unwrap(db));
}
