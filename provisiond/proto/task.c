/*
 * The rows of tasks.def and rules.def as data, and the check of a request's fields against them. The raw fields come
 * from anybody; what leaves here is canonical and complete as far as it can be told without knowing the machine.
 */
#include "proto/task.h"
#include <apr_strings.h>
#include <assert.h>
#include <string.h>

enum { server = PV_SERVER, platform = PV_PLATFORM, site = PV_SITE }; /* the rows' words */
enum { OPT, REQ, EITHER_OF };

/* FIRST_x is the index of a task's first field: the second name sets the count back, so that only FIELD rows count. */
enum {
#define TASK(t, k, label, help)                  FIRST_##t##_##k, BEFORE_##t##_##k = FIRST_##t##_##k - 1,
#define FIELD(t, k, name, value, required, help) AT_##t##_##k##_##name,
#include "proto/tasks.def"
#undef TASK
#undef FIELD
    FIELDS
};

static const pv_field_row_t fields[FIELDS + 1] = {
#define TASK(type, kind, label, help)
#define FIELD(type, kind, name, value, required, help) {#name, PV_VALUE_##value, required, help},
#include "proto/tasks.def"
#undef TASK
#undef FIELD
};

/* A row counts its fields from its own first one to that of the row that follows, which therefore closes it; row 0 is
 * only the opening that the first one closes. */
/* clang-format off */
static const pv_task_row_t tasks[] = {
    {.nfields = 0
#define TASK(t, k, l, h) \
    + FIRST_##t##_##k}, \
    {.type = #t, .kind = (pv_kind_t)k, .label = l, .help = h, \
     .field = fields + FIRST_##t##_##k, .nfields = -FIRST_##t##_##k
#define FIELD(type, kind, name, value, required, help)
#include "proto/tasks.def"
#undef TASK
#undef FIELD
    + FIELDS}
};
/* clang-format on */

typedef struct {
    const char *type;
    pv_kind_t kind;
    const char *field;
    int required; /* OPT, REQ, EITHER_OF */
    const char *with, *value;
} rule_t;

static const rule_t rules[] = {
#define RULE(type, kind, field, required, with, value) {#type, (pv_kind_t)kind, #field, required, #with, value},
#define EITHER(type, kind, a, b)                       {#type, (pv_kind_t)kind, #a, EITHER_OF, #b, ""},
#include "proto/rules.def"
#undef RULE
#undef EITHER
};

int pv_task_count(void)
{
    return (int)(sizeof(tasks) / sizeof(tasks[0])) - 1;
}

const pv_task_row_t *pv_task_at(int i)
{
    assert(i >= 0 && i < pv_task_count());
    return &tasks[i + 1];
}

const pv_task_row_t *pv_task_find(const char *type, pv_kind_t kind)
{
    for (int i = 0; i < pv_task_count(); i++)
        if (pv_task_at(i)->kind == kind && strcmp(pv_task_at(i)->type, type) == 0)
            return pv_task_at(i);
    return NULL;
}

const pv_field_t *pv_fields_get(const pv_fields_t *f, const char *name)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->field[i].name, name) == 0)
            return &f->field[i];
    return NULL;
}

const char *pv_fields_str(const pv_fields_t *f, const char *name, const char *otherwise)
{
    const pv_field_t *field = pv_fields_get(f, name);
    return field && field->n > 0 ? field->s[0] : otherwise;
}

static int holds(const pv_field_t *field, const char *value)
{
    for (int i = 0; field && i < field->n; i++)
        if (strcmp(field->s[i], value) == 0)
            return 1;
    return 0;
}

/* Checks the values of one field into TO; 0 where one is wrong, which BAD then names. */
static int check_values(pv_field_t *to, const pv_field_row_t *row, const pv_field_t *raw, pv_err_t *bad, apr_pool_t *p)
{
    const pv_value_row_t *value = pv_value_row(row->value);
    pv_err_t why;
    *to = (pv_field_t){row->name, 0, apr_palloc(p, (size_t)(raw->n + 1) * sizeof(*to->s))};
    if (value->list ? raw->n > value->list : raw->n != 1) {
        pv_fail_also(bad, row->name, value->list ? "must be %s" : "takes one value: %s", value->help);
        return 0;
    }
    for (int i = 0; i < raw->n; i++) {
        if (pv_value_check(&to->s[i], row->value, raw->s[i], strlen(raw->s[i]), &why, p) != APR_SUCCESS) {
            if (value->list)
                pv_fail_also(bad, row->name, "value %d is wrong; %s", i + 1, why.text);
            else
                pv_fail_also(bad, row->name, "%s", why.text);
            return 0;
        }
        if (holds(to, to->s[i])) {
            pv_fail_also(bad, row->name, "value %d stands there twice", i + 1);
            return 0;
        }
        to->n++;
    }
    return 1;
}

/* Fields that the task does not have, or that came twice. */
static void check_names(const pv_task_row_t *task, const pv_fields_t *raw, pv_err_t *bad)
{
    for (int i = 0; i < raw->n; i++) {
        const char *name = raw->field[i].name;
        int known = 0;
        for (int k = 0; k < task->nfields; k++)
            known |= strcmp(task->field[k].name, name) == 0;
        if (!known)
            pv_fail_also(bad, name, "unknown; '%s %s' has no such field", task->type, pv_kind_name(task->kind));
        else if (pv_fields_get(raw, name) != &raw->field[i])
            pv_fail_also(bad, name, "given twice");
    }
}

/* Looks at what was given, right or wrong, so that a wrong value is not named a second time as a missing one. */
static void check_rules(const pv_task_row_t *task, const pv_fields_t *raw, pv_err_t *bad)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const rule_t *r = &rules[i];
        if (r->kind != task->kind || strcmp(r->type, task->type) != 0)
            continue;
        const pv_field_t *with = pv_fields_get(raw, r->with);
        int here = pv_fields_get(raw, r->field) != NULL, beside = with && (!*r->value || holds(with, r->value));
        const char *is = *r->value ? "=" : "";
        if (r->required == EITHER_OF) {
            if (!here && !with)
                pv_fail_also(bad, r->field, "%s or %s is required", r->field, r->with);
        } else if (here && !beside) {
            pv_fail_also(bad, r->field, "only allowed with %s%s%s", r->with, is, r->value);
        } else if (!here && beside && r->required) {
            pv_fail_also(bad, r->field, "required with %s%s%s", r->with, is, r->value);
        }
    }
}

/* A site's names among each other. Where the request does not carry the site's own name, the engine, which knows it,
 * looks. */
static void check_hosts(const pv_task_row_t *task, const pv_fields_t *f, const pv_fields_t *raw, pv_err_t *bad)
{
    const char *name = pv_fields_str(f, "name", NULL), *redirect = pv_fields_str(f, "redirect", "none");
    const pv_field_t *aliases = pv_fields_get(f, "aliases");
    if (task->kind != PV_SITE || !name || (!aliases && pv_fields_get(raw, "aliases")))
        return;
    if (holds(aliases, name))
        pv_fail_also(bad, "aliases", "must not hold the site's own name");
    if (strcmp(redirect, "none") != 0 && strcmp(redirect, name) != 0 && !holds(aliases, redirect))
        pv_fail_also(bad, "redirect", "must be the site's name or one of its aliases");
}

apr_status_t pv_fields_check(pv_fields_t **ret, const pv_task_row_t *task, const pv_fields_t *raw, pv_err_t *err,
                             apr_pool_t *p)
{
    pv_fields_t *f = apr_pcalloc(p, sizeof(*f));
    pv_err_t bad = {0};
    f->field = apr_pcalloc(p, (size_t)(task->nfields + 1) * sizeof(*f->field));
    check_names(task, raw, &bad);
    for (int i = 0; i < task->nfields; i++) {
        const pv_field_row_t *row = &task->field[i];
        const pv_field_t *given = pv_fields_get(raw, row->name);
        if (given)
            f->n += check_values(&f->field[f->n], row, given, &bad, p);
        else if (row->required)
            pv_fail_also(&bad, row->name, "required: %s", row->help);
    }
    check_rules(task, raw, &bad);
    check_hosts(task, f, raw, &bad);
    if (bad.code != PV_OK) {
        *err = bad;
        return APR_EGENERAL;
    }
    *ret = f;
    return APR_SUCCESS;
}
