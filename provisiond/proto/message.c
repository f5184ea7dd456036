/*
 * JSON in and out, by the rows of messages.def. Bytes of a peer are measured before they are parsed: length, NUL, and
 * how deep they nest, so that the parser's work is bounded by one line. Only this file, client.c and those who make
 * replies know jansson.
 */
#include "proto/message.h"
#include "proto/line.h"
#include "proto/utf8.h"
#include <apr_strings.h>
#include <assert.h>
#include <string.h>

#define DEPTH   4           /* {"rows":[{"names":["a"]}]} */
#define NUM_MAX (1LL << 53) /* what every reader of JSON holds exactly */

enum { OPT, REQ };

/* FIRST_x is the index of a message's first argument, as in task.c. */
enum {
#define MSG(op, help)                       FIRST_##op, BEFORE_##op = FIRST_##op - 1,
#define ARG(op, name, kind, required, help) AT_##op##_##name,
#include "proto/messages.def"
#undef MSG
#undef ARG
    ARGS
};

static const pv_arg_row_t args[ARGS + 1] = {
#define MSG(op, help)
#define ARG(op, name, kind, required, help) {#name, PV_ARG_##kind, required, help},
#include "proto/messages.def"
#undef MSG
#undef ARG
};

/* Each row closes the one before it, as in task.c; row 0 is only the opening. */
/* clang-format off */
static const pv_msg_row_t msgs[] = {
    {.nargs = 0
#define MSG(o, h) + FIRST_##o}, {.op = #o, .help = h, .arg = args + FIRST_##o, .nargs = -FIRST_##o
#define ARG(op, name, kind, required, help)
#include "proto/messages.def"
#undef MSG
#undef ARG
    + ARGS}
};
/* clang-format on */

const pv_msg_row_t *pv_msg_row(pv_msg_t msg)
{
    assert((unsigned)msg < PV_MSGS);
    return &msgs[msg + 1];
}

pv_msg_t pv_msg_find(const char *op, size_t len)
{
    int msg = 0;
    while (msg < PV_MSGS && (strlen(msgs[msg + 1].op) != len || memcmp(msgs[msg + 1].op, op, len) != 0))
        msg++;
    return (pv_msg_t)msg;
}

static apr_status_t drop(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

json_t *pv_json_keep(json_t *json, apr_pool_t *p)
{
    apr_pool_cleanup_register(p, json, drop, apr_pool_cleanup_null);
    return json;
}

/* How deep brackets nest outside of strings, whatever else is wrong with the text. */
static int depth(const char *s, size_t len)
{
    int open = 0, most = 0, quoted = 0;
    for (size_t i = 0; i < len; i++) {
        if (quoted && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            quoted = !quoted;
        else if (!quoted && (s[i] == '[' || s[i] == '{'))
            most = ++open > most ? open : most;
        else if (!quoted && (s[i] == ']' || s[i] == '}'))
            open--;
    }
    return most;
}

static int has_float(const json_t *json)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_real(json))
        return 1;
    json_array_foreach(json, i, item) if (has_float(item)) return 1;
    json_object_foreach((json_t *)json, key, item) if (has_float(item)) return 1;
    return 0;
}

apr_status_t pv_json_parse(json_t **ret, const char *line, size_t len, pv_err_t *err)
{
    json_error_t why;
    if (len >= PV_LINE_MAX)
        return pv_fail(err, PV_TOO_LONG, NULL, "%zu bytes", len + 1);
    if (memchr(line, '\0', len))
        return pv_fail(err, PV_SCHEMA, NULL, "the line holds a NUL byte");
    if (depth(line, len) > DEPTH)
        return pv_fail(err, PV_SCHEMA, NULL, "the line nests deeper than %d levels", DEPTH);
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!json) /* jansson goes on with a piece of the input, which is not repeated */
        return pv_fail(err, PV_SCHEMA, NULL, "the line is no JSON object: %.*s (byte %d)",
                       (int)(strstr(why.text, " near ") ? strstr(why.text, " near ") - why.text : 100), why.text,
                       why.position);
    if (!json_is_object(json) || has_float(json)) {
        pv_fail(err, PV_SCHEMA, NULL, json_is_object(json) ? "numbers must be whole" : "the line is no JSON object");
        json_decref(json);
        return APR_EGENERAL;
    }
    *ret = json;
    return APR_SUCCESS;
}

apr_status_t pv_json_line(const char **ret, size_t *len, const json_t *json, pv_err_t *err, apr_pool_t *p)
{
    size_t n = json_dumpb(json, NULL, 0, JSON_COMPACT);
    if (n == 0)
        return pv_fail(err, PV_INTERNAL, NULL, "a message could not be written as JSON");
    if (n >= PV_LINE_MAX)
        return pv_fail(err, PV_TOO_LONG, NULL, "%zu bytes", n + 1);
    char *line = apr_palloc(p, n + 2);
    json_dumpb(json, line, n, JSON_COMPACT);
    memcpy(line + n, "\n", 2);
    *ret = line;
    *len = n + 1;
    return APR_SUCCESS;
}

static int read_key(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    ret->s = json_string_value(json);
    return ret->s && pv_key_parse(&ret->key, ret->s, json_string_length(json)) == APR_SUCCESS;
}

static int read_id(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    ret->s = json_string_value(json);
    return ret->s && pv_id_parse(&ret->id, ret->s, json_string_length(json)) == APR_SUCCESS;
}

static int read_value(pv_arg_t *ret, pv_value_t value, const json_t *json, apr_pool_t *p)
{
    pv_err_t unused; /* the row's own words are said instead */
    const char *s = json_string_value(json);
    return s && pv_value_check(&ret->s, value, s, json_string_length(json), &unused, p) == APR_SUCCESS;
}

static int read_word(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    return read_value(ret, PV_VALUE_WORD, json, p);
}

static int read_text(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    return read_value(ret, PV_VALUE_TEXT, json, p);
}

static int read_num(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    ret->num = (uint64_t)json_integer_value(json);
    return json_is_integer(json) && json_integer_value(json) >= 0 && json_integer_value(json) <= NUM_MAX;
}

static int read_flag(pv_arg_t *ret, const json_t *json, apr_pool_t *p)
{
    ret->num = json_is_true(json);
    return json_is_boolean(json);
}

static const struct {
    int (*read)(pv_arg_t *ret, const json_t *json, apr_pool_t *p); /* 0: it is not of this kind */
    const char *help;
} kinds[] = {
    [PV_ARG_KEY] = {read_key, "32 small hex digits, not all zero"},
    [PV_ARG_ID] = {read_id, "an id: s, p or v and 12 of a-z2-7"},
    [PV_ARG_WORD] = {read_word, "letters, digits and underscores, at most 64"},
    [PV_ARG_TEXT] = {read_text, "text of 1 to 255 bytes without control characters"},
    [PV_ARG_NUM] = {read_num, "a whole number from 0 to 2^53"},
    [PV_ARG_FLAG] = {read_flag, "true or false"},
};

/* The argument's place in its message's rows; -1 where there is none of that name. */
static int arg_index(const pv_msg_row_t *row, const char *name)
{
    int i = 0;
    while (i < row->nargs && strcmp(row->arg[i].name, name) != 0)
        i++;
    return i < row->nargs ? i : -1;
}

const pv_arg_t *pv_request_arg(const pv_request_t *request, const char *name)
{
    int i = arg_index(pv_msg_row(request->msg), name);
    return i < 0 ? NULL : request->arg[i];
}

static const pv_arg_t **read_args(const pv_msg_row_t *row, const json_t *json, pv_err_t *bad, apr_pool_t *p)
{
    const pv_arg_t **ret = apr_pcalloc(p, (size_t)(row->nargs + 1) * sizeof(*ret));
    for (int i = 0; i < row->nargs; i++) {
        const pv_arg_row_t *arg = &row->arg[i];
        const json_t *value = json_object_get(json, arg->name);
        pv_arg_t *to = apr_pcalloc(p, sizeof(*to));
        if (!value && arg->required)
            pv_fail_also(bad, arg->name, "required: %s", arg->help);
        else if (value && !kinds[arg->kind].read(to, value, p))
            pv_fail_also(bad, arg->name, "must be %s", kinds[arg->kind].help);
        else if (value)
            ret[i] = to;
    }
    return ret;
}

/* A member as a raw field. A list is an array of strings, everything else one string; what is neither, or is not what
 * the task's row says, is named in BAD, and 0 returned. */
static int read_field(pv_field_t *ret, const pv_task_row_t *task, const char *name, const json_t *json, pv_err_t *bad,
                      apr_pool_t *p)
{
    size_t i, n = json_is_array(json) ? json_array_size(json) : 1;
    json_t *item;
    int list = json_is_array(json);
    for (int k = 0; k < task->nfields; k++)
        if (strcmp(task->field[k].name, name) == 0)
            list = pv_value_row(task->field[k].value)->list > 0;
    *ret = (pv_field_t){name, (int)n, apr_pcalloc(p, (n + 1) * sizeof(*ret->s))};
    int good = list == json_is_array(json);
    json_array_foreach(json, i, item) good &= (ret->s[i] = json_string_value(item)) != NULL;
    if (!json_is_array(json))
        good &= (ret->s[0] = json_string_value(json)) != NULL;
    if (!good)
        pv_fail_also(bad, name, list ? "must be an array of strings" : "must be a string");
    return good;
}

static const pv_task_row_t *find_task(const pv_request_t *request, pv_err_t *bad)
{
    const pv_arg_t *type = pv_request_arg(request, "type"), *object = pv_request_arg(request, "object");
    if (!type || !object)
        return NULL;
    const pv_task_row_t *task = pv_task_find(type->s, pv_id_kind(&object->id));
    if (!task)
        pv_fail_also(bad, "type", "a %s has no task '%s'", pv_kind_name(pv_id_kind(&object->id)), type->s);
    return task;
}

/* All members that are no arguments: the fields of the task, or unknown. */
static void read_fields(pv_request_t *request, json_t *json, pv_err_t *bad, apr_pool_t *p)
{
    const pv_msg_row_t *row = pv_msg_row(request->msg);
    int carries = arg_index(row, "type") >= 0;
    pv_fields_t raw = {0, apr_pcalloc(p, json_object_size(json) * sizeof(*raw.field))};
    pv_fields_t *fields;
    pv_err_t more = {0};
    const char *name;
    json_t *value;
    request->task = find_task(request, bad);
    json_object_foreach(json, name, value)
    {
        if (strcmp(name, "op") == 0 || strcmp(name, "id") == 0 || arg_index(row, name) >= 0)
            continue;
        if (!carries)
            pv_fail_also(bad, name, "unknown; '%s' has no such argument", row->op);
        else if (request->task)
            raw.n += read_field(&raw.field[raw.n], request->task, name, value, bad, p);
    }
    if (!request->task)
        return;
    if (pv_fields_check(&fields, request->task, &raw, &more, p) != APR_SUCCESS)
        pv_fail_join(bad, &more);
    else
        request->fields = fields;
}

apr_status_t pv_request_decode(const pv_request_t **ret, uint64_t *id, const char *line, size_t len, pv_err_t *err,
                               apr_pool_t *p)
{
    pv_request_t *request = apr_pcalloc(p, sizeof(*request));
    pv_err_t bad = {0};
    pv_arg_t number = {0};
    json_t *json;
    *id = 0;
    if (pv_json_parse(&json, line, len, err) != APR_SUCCESS)
        return APR_EGENERAL;
    pv_json_keep(json, p);
    if (!read_num(&number, json_object_get(json, "id"), p))
        return pv_fail(err, PV_SCHEMA, "id", "id: must be %s", kinds[PV_ARG_NUM].help);
    *id = request->id = number.num;

    const json_t *op = json_object_get(json, "op");
    if (!json_is_string(op))
        return pv_fail(err, PV_SCHEMA, "op", "op: must be a string");
    request->msg = pv_msg_find(json_string_value(op), json_string_length(op));
    if (request->msg == PV_MSGS)
        return pv_fail(err, PV_UNKNOWN_OP, "op", "there is no operation '%.40s'", json_string_value(op));
    request->arg = read_args(pv_msg_row(request->msg), json, &bad, p);
    read_fields(request, json, &bad, p);
    if (bad.code != PV_OK) {
        *err = bad;
        return APR_EGENERAL;
    }
    *ret = request;
    return APR_SUCCESS;
}

json_t *pv_request_make(pv_msg_t msg, uint64_t id)
{
    return json_pack("{s:s, s:I}", "op", pv_msg_row(msg)->op, "id", (json_int_t)id);
}

void pv_request_put(json_t *request, const pv_task_row_t *task, const pv_fields_t *fields)
{
    for (int i = 0; i < task->nfields; i++) {
        const pv_field_t *field = pv_fields_get(fields, task->field[i].name);
        if (!field)
            continue;
        json_t *value = json_array();
        for (int k = 0; k < field->n; k++)
            json_array_append_new(value, json_string(field->s[k]));
        if (!pv_value_row(task->field[i].value)->list) {
            json_t *only = json_incref(json_array_get(value, 0));
            json_decref(value);
            value = only;
        }
        json_object_set_new(request, field->name, value);
    }
}

json_t *pv_reply_make(uint64_t re)
{
    return json_pack("{s:I, s:b}", "re", (json_int_t)re, "ok", 1);
}

json_t *pv_reply_error(uint64_t re, const pv_err_t *err)
{
    const pv_error_row_t *row = pv_error_row(err->code);
    return json_pack("{s:I, s:b, s:s, s:s, s:s, s:s}", "re", (json_int_t)re, "ok", 0, "code", row->name, "field",
                     err->field, "text", err->text[0] ? err->text : row->text, "fix", row->fix);
}

json_t *pv_event_make(uint64_t seq, int64_t at, const char *kind)
{
    return json_pack("{s:I, s:I, s:s}", "ev", (json_int_t)seq, "at", (json_int_t)at, "kind", kind);
}

apr_status_t pv_reply_check(const json_t *reply, uint64_t re, pv_err_t *err)
{
    const json_t *to = json_object_get(reply, "re");
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *field = json_string_value(json_object_get(reply, "field"));
    const char *text = json_string_value(json_object_get(reply, "text"));
    int refused = json_is_false(json_object_get(reply, "ok"));
    /* A connection that is refused as a whole, and a line that could not be read, are answered with number 0. */
    if (!json_is_integer(to) || ((uint64_t)json_integer_value(to) != re && !(refused && json_integer_value(to) == 0)))
        return pv_fail(err, PV_INTERNAL, NULL, "the daemon answered something that was not asked");
    if (!refused)
        return APR_SUCCESS;
    pv_code_t found = code ? pv_error_find(code, strlen(code)) : PV_CODES;
    if (found == PV_CODES || found == PV_OK)
        return pv_fail(err, PV_INTERNAL, field, "the daemon refused with the unknown code '%.40s': %s",
                       code ? code : "", text ? text : "");
    return pv_fail(err, found, field, "%s", text ? text : "");
}

const char *pv_text_show(const char *s, size_t len, size_t max, apr_pool_t *p)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;
    len = len < max ? len : max;
    char *ret = apr_palloc(p, 4 * len + 1);
    for (size_t at = 0; at < len;) {
        uint32_t c;
        size_t n = pv_utf8_next(&c, s + at, len - at);
        int plain = n > 0 && !pv_utf8_is_control(c);
        n = n ? n : 1;
        if (used + (plain ? n : 4 * n) > max)
            break;
        for (size_t end = at + n; at < end; at++) {
            if (plain) {
                ret[used++] = s[at];
            } else {
                ret[used++] = '\\';
                ret[used++] = 'x';
                ret[used++] = hex[(unsigned char)s[at] >> 4];
                ret[used++] = hex[s[at] & 15];
            }
        }
    }
    ret[used] = '\0';
    return ret;
}
