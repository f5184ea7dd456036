/*
 * Text from the outside as flat JSON: pairs of a form or a query, and JSON bodies. Pure, so that it can be tested and
 * fuzzed by itself; what the bytes came in is body.c's.
 */
#include "parse.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 64
#define DEPTH_MAX  4

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes in place into OUT; -1 for a bad escape or a NUL. */
static int decode(char *out, const char *s, size_t len)
{
    size_t o = 0;
    for (size_t i = 0; i < len; i++, o++) {
        out[o] = s[i] == '+' ? ' ' : s[i];
        if (s[i] == '%') {
            if (i + 2 >= len || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
                return -1;
            out[o] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
            i += 2;
        }
        if (out[o] == '\0')
            return -1;
    }
    out[o] = '\0';
    return (int)o;
}

static apr_status_t pair_add(json_t *object, char *name, char *value, pv_err_t *err)
{
    if (json_object_size(object) >= FIELDS_MAX)
        return pv_fail(err, PV_SCHEMA, NULL, "more than %d fields", FIELDS_MAX);
    if (json_object_get(object, name))
        return pv_fail(err, PV_SCHEMA, name, "stands twice");
    json_t *string = json_string(value);
    if (string == NULL || json_object_set_new(object, name, string) != 0)
        return pv_fail(err, PV_SCHEMA, NULL, "a field is no valid UTF-8");
    return APR_SUCCESS;
}

apr_status_t hm_pairs_parse(json_t **ret, const char *s, size_t len, pv_err_t *err)
{
    json_t *object = json_object();
    char *name = malloc(2 * len + 2), *value = name + len + 1;
    apr_status_t rv = APR_SUCCESS;
    while (len > 0 && rv == APR_SUCCESS) {
        const char *amp = memchr(s, '&', len);
        size_t n = amp ? (size_t)(amp - s) : len;
        const char *eq = memchr(s, '=', n);
        size_t k = eq ? (size_t)(eq - s) : n;
        if (n > 0 && (decode(name, s, k) < 1 || decode(value, eq ? eq + 1 : s, eq ? n - k - 1 : 0) < 0))
            rv = pv_fail(err, PV_SCHEMA, NULL, "a field has no name, a bad escape or a zero byte");
        else if (n > 0)
            rv = pair_add(object, name, value, err);
        s += n + (amp != NULL);
        len -= n + (amp != NULL);
    }
    free(name);
    if (rv == APR_SUCCESS)
        *ret = object;
    else
        json_decref(object);
    return rv;
}

/* Brackets nest at most DEPTH_MAX deep, so that the parser's stack is ours to say. */
static int too_deep(const char *s, size_t len)
{
    int depth = 0, quoted = 0;
    for (size_t i = 0; i < len; i++) {
        if (quoted)
            i += s[i] == '\\', quoted = i < len && s[i] != '"';
        else if (s[i] == '"')
            quoted = 1;
        else if (s[i] == '{' || s[i] == '[')
            depth++;
        else if (s[i] == '}' || s[i] == ']')
            depth--;
        if (depth > DEPTH_MAX)
            return 1;
    }
    return 0;
}

static apr_status_t flat_check(json_t *object, pv_err_t *err)
{
    const char *name;
    json_t *value;
    void *tmp;
    char digits[32];
    if (json_object_size(object) > FIELDS_MAX)
        return pv_fail(err, PV_SCHEMA, NULL, "more than %d fields", FIELDS_MAX);
    json_object_foreach_safe(object, tmp, name, value)
    {
        size_t i, wrong = 0;
        json_t *entry;
        json_array_foreach(value, i, entry) wrong += !json_is_string(entry);
        if (json_is_integer(value)) {
            apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
            json_object_set_new(object, name, json_string(digits));
        } else if (wrong || !(json_is_string(value) || json_is_array(value))) {
            return pv_fail(err, PV_SCHEMA, name, "must be a string, a whole number or an array of strings");
        }
    }
    return APR_SUCCESS;
}

apr_status_t hm_json_parse(json_t **ret, const char *s, size_t len, pv_err_t *err)
{
    json_error_t why;
    if (too_deep(s, len))
        return pv_fail(err, PV_SCHEMA, NULL, "nested too deep");
    json_t *object = json_loadb(s, len, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL)
        return pv_fail(err, PV_SCHEMA, NULL, "not JSON at byte %d: %s", why.position, why.text);
    if (!json_is_object(object)) {
        json_decref(object);
        return pv_fail(err, PV_SCHEMA, NULL, "the body must be one JSON object");
    }
    apr_status_t rv = flat_check(object, err);
    if (rv == APR_SUCCESS)
        *ret = object;
    else
        json_decref(object);
    return rv;
}

int hm_words_have(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = words; *s; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");
        if (len == n && memcmp(s, word, n) == 0)
            return 1;
        s += len;
    }
    return 0;
}
