/*
 * One-time login links: a row that is deleted by whoever uses it. And API tokens.
 */
#include "login_link.h"
#include "secret.h"
#include "stmts.h"
#include <apr_time.h>

#define LIFE       (15 * 60 * APR_USEC_PER_SEC)
#define TOKEN_LIFE (365 * 86400 * APR_USEC_PER_SEC)

apr_status_t hm_link_make(const char **secret, hm_db_t *db, int64_t account, pv_err_t *err, apr_pool_t *p)
{
    const char *made = hm_secret_make(p);
    apr_status_t rv = hm_sql_link_add(db, err, hm_secret_hash(made, p), account, hm_db_now() + LIFE);
    if (rv == APR_SUCCESS)
        *secret = made;
    return rv;
}

apr_status_t hm_link_use(int64_t *account, hm_db_t *db, const char *secret, pv_err_t *err, apr_pool_t *p)
{
    json_t *rows;
    const char *hash = hm_secret_hash(secret, p);
    apr_status_t rv = hm_sql_link_get(db, &rows, err, hash, hm_db_now());
    if (rv != APR_SUCCESS)
        return rv;
    /* The delete decides: of two who use it at once, one finds the row. */
    if (json_array_size(rows) != 1 || hm_sql_link_delete(db, err, hash) != APR_SUCCESS)
        return pv_fail(err, PV_NO_OBJECT, NULL, "this login link was used already, or is older than 15 minutes");
    *account = hm_row_n(json_array_get(rows, 0), "account");
    return APR_SUCCESS;
}

apr_status_t hm_token_make(const char **secret, hm_db_t *db, int64_t account, const char *name, const char *scope,
                           pv_err_t *err, apr_pool_t *p)
{
    const char *made = hm_secret_make(p);
    int64_t now = hm_db_now();
    apr_status_t rv =
        hm_sql_token_add(db, err, hm_db_id(), hm_secret_hash(made, p), account, name, scope, now, now + TOKEN_LIFE);
    if (rv == APR_SUCCESS)
        *secret = made;
    return rv;
}
