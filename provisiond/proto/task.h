/*
 * What a task may carry: the rows of tasks.def and values.def as data, and the one check of a request against them. A
 * checked request is a pv_fields_t: every value parsed by its kind's checker, lists sorted as they came, nothing
 * unknown. No JSON here; message.h makes one from a line, the command line from words, the panel from a form.
 */
#ifndef PV_TASK_H
#define PV_TASK_H

#include "proto/error.h"
#include "proto/names.h"
#include <apr_pools.h>

typedef enum {
#define VALUE(name, list, max, help) PV_VALUE_##name,
#include "proto/values.def"
#undef VALUE
    PV_VALUES
} pv_value_t;

typedef struct {
    const char *name;
    int list;   /* most values it may have; 0: it is no list */
    size_t max; /* bytes of one value */
    const char *help;
} pv_value_row_t;

typedef struct {
    const char *name;
    pv_value_t value;
    int required;
    const char *help;
} pv_field_row_t;

typedef struct {
    const char *type; /* "install" */
    pv_kind_t kind;   /* of the object it is on */
    const char *label, *help;
    int nfields;
    const pv_field_row_t *field;
} pv_task_row_t;

typedef struct {
    const char *name;
    int n;          /* values; 1 for what is no list, 0 for an empty list */
    const char **s; /* each terminated, canonical (host names folded, addresses as inet_ntop) */
} pv_field_t;

typedef struct {
    int n;
    pv_field_t *field; /* in the order of the task's rows */
} pv_fields_t;

const pv_value_row_t *pv_value_row(pv_value_t value);
int pv_task_count(void);
const pv_task_row_t *pv_task_at(int i);
const pv_task_row_t *pv_task_find(const char *type, pv_kind_t kind); /* NULL where there is none */

/* Checks one value and gives its canonical form in P. */
apr_status_t pv_value_check(const char **ret, pv_value_t value, const char *s, size_t len, pv_err_t *err,
                            apr_pool_t *p);

/* Checks RAW against the rows of TASK. All wrong fields are named at once: err->field is the first, err->text lists
 * each as "field: why", joined by "; ". Rules over several fields (http_port with http, at least one service ...) are
 * checked too. */
apr_status_t pv_fields_check(pv_fields_t **ret, const pv_task_row_t *task, const pv_fields_t *raw, pv_err_t *err,
                             apr_pool_t *p);

const pv_field_t *pv_fields_get(const pv_fields_t *fields, const char *name); /* NULL where absent */
const char *pv_fields_str(const pv_fields_t *fields, const char *name, const char *otherwise);

#endif
