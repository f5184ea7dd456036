/*
 * What came with a request: the query, and a body that is a form or JSON, both made into the same flat json_t: strings
 * and arrays of strings. The field is named in every error; nothing is half read.
 */
#ifndef HM_BODY_H
#define HM_BODY_H

#include "request.h"

/* The pairs of "a=b&c=d" into an object. Twice the same name, a NUL, a bad escape or text that is no UTF-8 is SCHEMA.
 */
apr_status_t hm_pairs_parse(json_t **ret, const char *s, size_t len, pv_err_t *err);

/* A JSON object, flat: strings, whole numbers (taken as their digits) and arrays of strings. */
apr_status_t hm_json_parse(json_t **ret, const char *s, size_t len, pv_err_t *err);

/* Reads q->body, at most LIMIT bytes, as its Content-Type says; for the API only JSON, for a page only a form. */
apr_status_t hm_body_read(hm_req_t *q, size_t limit);

#endif
