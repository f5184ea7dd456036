/*
 * The rows of errors.def as data, and the one way to fill an error. Texts may come from foreign programs, so what goes
 * into err->text is made harmless here: valid UTF-8, no control characters, cut at a character's border.
 */
#include "proto/error.h"
#include "proto/utf8.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const pv_error_row_t rows[] = {
#define ERROR(code, class, http, exit, text, fix) {#code, PV_CLASS_##class, http, exit, text, fix},
#include "proto/errors.def"
#undef ERROR
};

const pv_error_row_t *pv_error_row(pv_code_t code)
{
    assert((unsigned)code < PV_CODES);
    return &rows[code];
}

pv_code_t pv_error_find(const char *name, size_t len)
{
    int code = 0;
    while (code < PV_CODES && (strlen(rows[code].name) != len || memcmp(rows[code].name, name, len) != 0))
        code++;
    return (pv_code_t)code;
}

apr_status_t pv_fail(pv_err_t *err, pv_code_t code, const char *field, const char *fmt, ...)
{
    char text[2 * sizeof(err->text)]; /* its own buffer: the arguments may point into *err */
    char name[sizeof(err->field)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pv_utf8_clean(name, sizeof(name), field ? field : "", field ? strlen(field) : 0);
    err->code = code;
    memcpy(err->field, name, sizeof(name));
    pv_utf8_clean(err->text, sizeof(err->text), text, strlen(text));
    return APR_EGENERAL;
}

void pv_fail_join(pv_err_t *err, const pv_err_t *more)
{
    if (err->code == PV_OK)
        *err = *more;
    else if (more->code != PV_OK)
        pv_fail(err, err->code, err->field, "%s; %s", err->text, more->text);
}

void pv_fail_also(pv_err_t *err, const char *field, const char *fmt, ...)
{
    char why[sizeof(err->text)];
    pv_err_t more;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    pv_fail(&more, PV_SCHEMA, field, "%s: %s", field, why);
    pv_fail_join(err, &more);
}
