/*
 * Text from the outside as flat JSON: strings and arrays of strings. The field is named in every error; nothing is half
 * read.
 */
#ifndef HM_PARSE_H
#define HM_PARSE_H

#include "proto/error.h"
#include <jansson.h>

/* The pairs of "a=b&c=d" into an object. Twice the same name, a NUL, a bad escape or text that is no UTF-8 is SCHEMA.
 */
apr_status_t hm_pairs_parse(json_t **ret, const char *s, size_t len, pv_err_t *err);

/* A JSON object, flat: strings, whole numbers (taken as their digits) and arrays of strings. SCHEMA: with a field where
 * it is JSON but not of that form, without one where it is no JSON object. */
apr_status_t hm_json_parse(json_t **ret, const char *s, size_t len, pv_err_t *err);

/* Is WORD one of WORDS, which stand apart by spaces? */
int hm_words_have(const char *words, const char *word);

#endif
