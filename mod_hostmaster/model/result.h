/*
 * What a driver's verb reported: facts of an attempt, told to who may see its task. One whose name ends in _url and
 * which is an address of the web opens a door (a login link): it is shown as such, and kept only for a quarter of an
 * hour.
 */
#ifndef HM_MODEL_RESULT_H
#define HM_MODEL_RESULT_H

#include "request.h"

#define HM_RESULT_NAME_MAX 64
#define HM_RESULT_LINK     ((int64_t)15 * 60 * 1000000)

int hm_result_is_link(const char *name, const char *value);

/* The results of an attempt: {name, value, link, expired} each. An expired one has no value, whether it was emptied
 * already or not. */
apr_status_t hm_result_list(json_t **ret, hm_db_t *db, int64_t attempt, pv_err_t *err);

/* What the latest run on an object that told of NAME told; "": none did, or that is long ago. */
apr_status_t hm_result_last(const char **ret, hm_db_t *db, const char *object, const char *name, pv_err_t *err);

/* What such a row is called: a link by what it opens. */
const char *hm_result_label(const json_t *result, apr_pool_t *p);

/* Empties those that have expired. */
void hm_results_expire(hm_db_t *db);

#endif
