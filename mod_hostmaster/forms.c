/*
 * Makes, shows and checks forms out of the rows of forms.def. Pure but for the request it works on: no SQL, no markup.
 */
#include "forms.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* proto's kinds of value under their own numbers, then the panel's. */
enum {
#define VALUE(name, list, max, help) VALUE_##name = PV_VALUE_##name,
#include "proto/values.def"
#undef VALUE
    VALUE_NUMBER = PV_VALUES,
    VALUE_CLIENT,
    VALUE_PATH,
    VALUE_TEXT64,
    VALUE_SECRET,
    VALUE_STATE,
    VALUE_ROLE,
    VALUE_SCOPE
};

#define NEED_REQ 1
#define NEED_OPT 0

#define FORM(name, title, submit, lead)
#define INPUT(form, field, label, value, need, widget, help)                                                           \
    {#form, {#field, label, VALUE_##value, NEED_##need, HM_##widget, help}},
static const struct {
    const char *form;
    hm_input_t input;
} rows[] = {
#include "forms.def"
};
#undef FORM
#undef INPUT

#define FORM(name, title, submit, lead) {#name, title, submit, lead},
#define INPUT(form, field, label, value, need, widget, help)
static const hm_form_t forms[] = {
#include "forms.def"
};
#undef FORM
#undef INPUT

#define FORMS ((int)(sizeof(forms) / sizeof(*forms)))
#define ROWS  ((int)(sizeof(rows) / sizeof(*rows)))

const hm_form_t *hm_form_find(const char *name)
{
    for (int i = 0; i < FORMS; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    abort();
}

static const hm_input_t *input_find(const hm_form_t *form, const char *field)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].form, form->name) == 0 && strcmp(rows[i].input.name, field) == 0)
            return &rows[i].input;
    return NULL;
}

const hm_input_t *hm_form_input(const hm_form_t *form, int i)
{
    for (int k = 0; k < ROWS; k++)
        if (strcmp(rows[k].form, form->name) == 0 && i-- == 0)
            return &rows[k].input;
    return NULL;
}

/* A value as a field shows it: lists one a line. */
static const char *shown(const json_t *value, apr_pool_t *p)
{
    const char *all = "";
    size_t i;
    json_t *entry;
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        return apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    json_array_foreach(value, i, entry) all = apr_pstrcat(p, all, i ? "\n" : "", json_string_value(entry), NULL);
    return all;
}

void hm_form_show(hm_req_t *q, const hm_form_t *form, const json_t *values, const char *action, const char *back)
{
    static const char *const types[] = {
        [HM_LINE] = "text", [HM_LINES] = "textarea", [HM_CHOICE] = "select", [HM_HIDDEN] = "hidden"};
    json_t *fields = json_array();
    for (int i = 0; i < ROWS; i++) {
        const hm_input_t *in = &rows[i].input;
        if (strcmp(rows[i].form, form->name) != 0)
            continue;
        json_t *body = json_object_get(q->body, in->name); /* what was typed comes back, right or wrong */
        json_array_append_new(fields,
                              json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:[]}", "name", in->name, "label", in->label,
                                        "type", types[in->widget], "help", in->help, "required", in->required, "value",
                                        shown(body ? body : json_object_get(values, in->name), q->p), "options"));
    }
    json_object_set_new(q->view, "form",
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "title", form->title, "submit", form->submit,
                                  "lead", form->lead, "action", action, "back", back, "fields", fields));
    q->page = "form";
}

json_t *hm_form_field(const hm_req_t *q, const char *name)
{
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(json_object_get(q->view, "form"), "fields"), i, field)
    {
        if (strcmp(json_string_value(json_object_get(field, "name")), name) == 0)
            return field;
    }
    return NULL;
}

void hm_form_drop(hm_req_t *q, const char *name)
{
    json_t *fields = json_object_get(json_object_get(q->view, "form"), "fields"), *field;
    size_t i;
    if (hm_form_given(q, name))
        return;
    json_array_foreach(fields, i, field)
    {
        if (strcmp(json_string_value(json_object_get(field, "name")), name) != 0)
            continue;
        json_array_remove(fields, i);
        return;
    }
}

int hm_form_given(const hm_req_t *q, const char *name)
{
    const json_t *value = json_object_get(q->body, name);
    return json_is_string(value) ? json_string_length(value) > 0 : value != NULL;
}

void hm_form_option(hm_req_t *q, const char *name, const char *value, const char *label)
{
    json_t *field = hm_form_field(q, name);
    if (field == NULL)
        return;
    int selected = strcmp(json_string_value(json_object_get(field, "value")), value) == 0;
    json_array_append_new(json_object_get(field, "options"),
                          json_pack("{s:s, s:s, s:b}", "value", value, "label", label, "selected", selected));
}

apr_status_t hm_form_wrong(hm_req_t *q, pv_code_t code, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = apr_pvsprintf(q->p, fmt, ap);
    va_end(ap);
    json_t *field = hm_form_field(q, name);
    if (field)
        json_object_set_new(field, "error", json_string(text));
    if (q->err.code == PV_OK)
        return pv_fail(&q->err, code, name, "%s: %s", name, text);
    return pv_fail(&q->err, q->err.code, q->err.field, "%s; %s: %s", apr_pstrdup(q->p, q->err.text), name, text);
}

/* The panel's own kinds: what one must be, and is it that? */
static int number_ok(const char *s, size_t len)
{
    uint64_t n;
    return pv_num_parse(&n, s, len, 0, INT64_MAX) == APR_SUCCESS;
}

static int path_ok(const char *s, size_t len)
{
    return s[0] == '/' && pv_text_check(s, len, 100) == APR_SUCCESS;
}

static int text64_ok(const char *s, size_t len)
{
    return pv_text_check(s, len, 64) == APR_SUCCESS;
}

static int secret_ok(const char *s, size_t len)
{
    return len <= 1024;
}

static int state_ok(const char *s, size_t len)
{
    return strcmp(s, "enabled") == 0 || strcmp(s, "disabled") == 0;
}

static int role_ok(const char *s, size_t len)
{
    return strcmp(s, "administrator") == 0 || strcmp(s, "client") == 0;
}

static int scope_ok(const char *s, size_t len)
{
    return strcmp(s, "read") == 0 || strcmp(s, "write") == 0;
}

static const struct {
    int (*ok)(const char *s, size_t len);
    const char *help;
} own[] = {
    [VALUE_NUMBER - PV_VALUES] = {number_ok, "a whole number"},
    [VALUE_CLIENT - PV_VALUES] = {number_ok, "the number of a client"},
    [VALUE_PATH - PV_VALUES] = {path_ok, "an absolute path, at most 100 bytes"},
    [VALUE_TEXT64 - PV_VALUES] = {text64_ok, "text, at most 64 bytes, without control characters"},
    [VALUE_SECRET - PV_VALUES] = {secret_ok, "at most 1024 bytes"},
    [VALUE_STATE - PV_VALUES] = {state_ok, "enabled or disabled"},
    [VALUE_ROLE - PV_VALUES] = {role_ok, "administrator or client"},
    [VALUE_SCOPE - PV_VALUES] = {scope_ok, "read or write"},
};

const char *hm_input_help(const hm_input_t *in)
{
    return in->value >= PV_VALUES ? own[in->value - PV_VALUES].help : pv_value_row(in->value)->help;
}

/* The value in its canonical form; NULL: it is wrong. */
static const char *one_check(hm_req_t *q, const hm_input_t *in, const char *s)
{
    const char *ok = NULL;
    pv_err_t err = {0};
    if (in->value >= PV_VALUES)
        return own[in->value - PV_VALUES].ok(s, strlen(s)) ? s : NULL;
    return pv_value_check(&ok, in->value, s, strlen(s), &err, q->p) == APR_SUCCESS ? ok : NULL;
}

/* A list: an array from JSON, words and lines from a form. */
static json_t *list_split(const json_t *value, apr_pool_t *p)
{
    json_t *all = json_array();
    char *state = NULL, *text = apr_pstrdup(p, shown(value, p));
    if (json_is_array(value))
        json_array_extend(all, (json_t *)value);
    else
        for (char *s = apr_strtok(text, " ,\t\r\n", &state); s; s = apr_strtok(NULL, " ,\t\r\n", &state))
            json_array_append_new(all, json_string(s));
    return all;
}

static json_t *list_check(hm_req_t *q, const hm_input_t *in, const json_t *value)
{
    json_t *all = hm_own(q, json_array()), *split = hm_own(q, list_split(value, q->p)), *entry;
    size_t i;
    if (json_array_size(split) > (size_t)pv_value_row(in->value)->list)
        return NULL;
    json_array_foreach(split, i, entry)
    {
        const char *ok = one_check(q, in, json_string_value(entry));
        if (ok == NULL)
            return NULL;
        json_array_append_new(all, json_string(ok));
    }
    return json_incref(all);
}

/* An id that is none is like one of nothing: the answer must not tell them apart. */
static int is_id(const hm_input_t *in)
{
    return in->value == VALUE_CLIENT || in->value == VALUE_PLATFORM || in->value == VALUE_SERVER;
}

static json_t *value_check(hm_req_t *q, const hm_input_t *in, const json_t *value, const char **why)
{
    *why = is_id(in) ? HM_NO_SUCH : hm_input_help(in);
    if (in->widget == HM_LINES)
        return list_check(q, in, value);
    if (!json_is_string(value)) {
        *why = "one value, not a list";
        return NULL;
    }
    const char *s = json_string_value(value);
    if (s[0] == '\0') {
        *why = "it is required";
        return in->required ? NULL : json_string("");
    }
    const char *ok = one_check(q, in, s);
    return ok ? json_string(ok) : NULL;
}

apr_status_t hm_form_check(json_t **ret, hm_req_t *q, const hm_form_t *form)
{
    json_t *values = hm_own(q, json_object()), *value;
    const char *name, *why;
    json_object_foreach(q->body, name, value)
    {
        const hm_input_t *in = input_find(form, name);
        if (in == NULL) {
            q->status = 400;
            return pv_fail(&q->err, PV_SCHEMA, name, "there is no such field");
        }
        json_t *ok = value_check(q, in, value, &why);
        if (ok)
            json_object_set_new(values, name, ok);
        else
            hm_form_wrong(q, strcmp(why, HM_NO_SUCH) == 0 ? PV_NO_OBJECT : PV_SCHEMA, name, "%s", why);
    }
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].form, form->name) == 0 && rows[i].input.required &&
            json_object_get(q->body, rows[i].input.name) == NULL)
            hm_form_wrong(q, PV_SCHEMA, rows[i].input.name, "it is required");
    if (q->err.code != PV_OK)
        return APR_EGENERAL;
    *ret = values;
    return APR_SUCCESS;
}
