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
    VALUE_STATE,
    VALUE_ROLE
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

#define FORM(name, title, submit, lead) {#name, title, submit, lead, 0, NULL},
#define INPUT(form, field, label, value, need, widget, help)
static const hm_form_t forms[] = {
#include "forms.def"
};
#undef FORM
#undef INPUT

#define FORMS ((int)(sizeof(forms) / sizeof(*forms)))
#define ROWS  ((int)(sizeof(rows) / sizeof(*rows)))

const hm_form_t *hm_form_at(int i)
{
    return i < FORMS ? &forms[i] : NULL;
}

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

static json_t *view_field(const hm_req_t *q, const char *name)
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

void hm_form_option(hm_req_t *q, const char *name, const char *value, const char *label)
{
    json_t *field = view_field(q, name);
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
    json_t *field = view_field(q, name), *form = json_object_get(q->view, "form");
    if (field)
        json_object_set_new(field, "error", json_string(text));
    if (form)
        json_object_set_new(form, "error", json_string(pv_error_row(code)->text));
    if (q->err.code == PV_OK)
        return pv_fail(&q->err, code, name, "%s: %s", name, text);
    return pv_fail(&q->err, q->err.code, q->err.field, "%s; %s: %s", apr_pstrdup(q->p, q->err.text), name, text);
}

/* The panel's own kinds. NULL: wrong, and *why says what it must be. */
static const char *own_check(int value, const char *s, const char **why, apr_pool_t *p)
{
    size_t len = strlen(s);
    uint64_t n;
    switch (value) {
    case VALUE_NUMBER:
    case VALUE_CLIENT:
        *why = "a whole number";
        return pv_num_parse(&n, s, len, 0, INT64_MAX) == APR_SUCCESS ? s : NULL;
    case VALUE_PATH:
        *why = "an absolute path, at most 100 bytes";
        return s[0] == '/' && pv_text_check(s, len, 100) == APR_SUCCESS ? s : NULL;
    case VALUE_TEXT64:
        *why = "text, at most 64 bytes, without control characters";
        return pv_text_check(s, len, 64) == APR_SUCCESS ? s : NULL;
    case VALUE_STATE:
        *why = "enabled or disabled";
        return strcmp(s, "enabled") == 0 || strcmp(s, "disabled") == 0 ? s : NULL;
    default:
        *why = "administrator or client";
        return strcmp(s, "administrator") == 0 || strcmp(s, "client") == 0 ? s : NULL;
    }
}

static const char *one_check(hm_req_t *q, const hm_input_t *in, const char *s, const char **why)
{
    const char *ok = NULL;
    pv_err_t err = {0};
    if (in->value >= PV_VALUES)
        return own_check(in->value, s, why, q->p);
    *why = pv_value_row(in->value)->help;
    return pv_value_check(&ok, in->value, s, strlen(s), &err, q->p) == APR_SUCCESS ? ok : NULL;
}

/* A list: an array from JSON, words and lines from a form. */
static json_t *list_check(hm_req_t *q, const hm_input_t *in, const json_t *value, const char **why)
{
    json_t *all = hm_own(q, json_array());
    const char *text = shown(value, q->p), *ok;
    char *state = NULL;
    for (char *s = apr_strtok(apr_pstrdup(q->p, text), " ,\t\r\n", &state); s;
         s = apr_strtok(NULL, " ,\t\r\n", &state)) {
        if ((ok = one_check(q, in, s, why)) == NULL)
            return NULL;
        json_array_append_new(all, json_string(ok));
    }
    return json_incref(all);
}

static json_t *value_check(hm_req_t *q, const hm_input_t *in, const json_t *value, const char **why)
{
    if (in->widget == HM_LINES)
        return list_check(q, in, value, why);
    *why = "one value, not a list";
    if (!json_is_string(value))
        return NULL;
    const char *s = json_string_value(value);
    if (s[0] == '\0') {
        *why = "it is required";
        return in->required ? NULL : json_string("");
    }
    const char *ok = one_check(q, in, s, why);
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
            hm_form_wrong(q, PV_SCHEMA, name, "%s", why);
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
