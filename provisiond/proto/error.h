/*
 * What went wrong, as a row of errors.def with the field and the words of this one case. A failure that a person will
 * see fills one pv_err_t; the row decides retry, HTTP status and exit code, and holds cause and remedy. libc only, no
 * allocation.
 */
#ifndef PV_ERROR_H
#define PV_ERROR_H

#include <apr_errno.h>
#include <stddef.h>

typedef enum {
#define ERROR(code, class, http, exit, text, fix) PV_##code,
#include "proto/errors.def"
#undef ERROR
    PV_CODES
} pv_code_t;

typedef enum { PV_CLASS_OK, PV_CLASS_TEMP, PV_CLASS_PERM } pv_class_t;

typedef struct {
    pv_code_t code;
    char field[64];  /* the request's field it is about, or "" */
    char text[1024]; /* this case in words: one line of UTF-8 without control characters, or "" */
} pv_err_t;

typedef struct {
    const char *name; /* "DB_DOWN" */
    pv_class_t class;
    int http;
    int exit;
    const char *text; /* what went wrong */
    const char *fix;  /* why it usually does, and how to fix it */
} pv_error_row_t;

const pv_error_row_t *pv_error_row(pv_code_t code);

/* The code of a name, PV_CODES where there is none. */
pv_code_t pv_error_find(const char *name, size_t len);

/* Fills *err (FIELD may be NULL); the text is cut at its size at a character's border and stripped of control bytes.
 * Returns APR_EGENERAL, so that a function can end with `return pv_fail(...)`. */
apr_status_t pv_fail(pv_err_t *err, pv_code_t code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Collects what is wrong with several fields in one SCHEMA error: ERR begins zeroed, its field becomes the first one's,
 * its text "field: why; field: why". */
void pv_fail_also(pv_err_t *err, const char *field, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with another collection. */
void pv_fail_join(pv_err_t *err, const pv_err_t *more);

#endif
