/*
 * The rows of results. A link is emptied in the database by the dispatcher's sweep; until that comes, it is left out
 * here.
 */
#include "model/result.h"
#include "db.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

#define SUFFIX "_url"

int hm_result_is_link(const char *name, const char *value)
{
    size_t n = strlen(name), k = strlen(SUFFIX);
    return n > k && strcmp(name + n - k, SUFFIX) == 0 &&
           (strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0);
}

apr_status_t hm_result_list(json_t **ret, hm_db_t *db, int64_t attempt, pv_err_t *err)
{
    size_t i;
    json_t *row;
    apr_status_t rv = hm_sql_result_list(db, ret, err, attempt);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(*ret, i, row)
    {
        int64_t expires = hm_row_n(row, "expires");
        int expired = expires && expires < hm_db_now();
        json_object_set_new(row, "link", json_boolean(expires && !expired));
        json_object_set_new(row, "expired", json_boolean(expired));
        json_object_del(row, "expires");
        if (expired)
            json_object_set_new(row, "value", json_string(""));
    }
    return APR_SUCCESS;
}

apr_status_t hm_result_last(const char **ret, hm_db_t *db, const char *object, const char *name, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_result_last(db, &rows, err, object, name);
    if (rv == APR_SUCCESS)
        *ret = hm_row_s(json_array_get(rows, 0), "value");
    return rv;
}

const char *hm_result_label(const json_t *result, apr_pool_t *p)
{
    char *label = apr_pstrdup(p, hm_row_s(result, "name"));
    if (json_is_true(json_object_get(result, "link")) || json_is_true(json_object_get(result, "expired")))
        label[strlen(label) - strlen(SUFFIX)] = '\0';
    for (char *c = label; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return label;
}

void hm_results_expire(hm_db_t *db)
{
    json_t *rows;
    pv_err_t err = {0};
    int64_t now = hm_db_now();
    if (hm_sql_result_stale_count(db, &rows, &err, now) == APR_SUCCESS && hm_row_n(json_array_get(rows, 0), "n") > 0)
        hm_sql_result_expire(db, &err, now);
}
