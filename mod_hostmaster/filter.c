/*
 * Values as people read them. A filter takes any value whatever and always gives text; times are microseconds since
 * 1970.
 */
#include "template_node.h"
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

static const char *stamp(const json_t *value, const char *format, apr_pool_t *p)
{
    apr_time_exp_t t;
    apr_size_t n;
    char *buf = apr_palloc(p, 64);
    if (json_integer_value(value) == 0)
        return "";
    apr_time_exp_gmt(&t, json_integer_value(value));
    apr_strftime(buf, &n, 64, format, &t);
    return buf;
}

static const char *filter_time(const json_t *value, apr_pool_t *p)
{
    return stamp(value, "%Y-%m-%d %H:%M:%S", p);
}

static const char *filter_clock(const json_t *value, apr_pool_t *p)
{
    return stamp(value, "%H:%M:%S", p);
}

static const char *filter_date(const json_t *value, apr_pool_t *p)
{
    return stamp(value, "%Y-%m-%d", p);
}

static const char *filter_iso(const json_t *value, apr_pool_t *p)
{
    return stamp(value, "%Y-%m-%dT%H:%M:%SZ", p);
}

/* A length of time in its largest unit, and tenths for seconds. */
static const char *filter_duration(const json_t *value, apr_pool_t *p)
{
    apr_int64_t us = json_integer_value(value), s = us / 1000000;
    if (us <= 0)
        return "";
    if (s < 60)
        return apr_psprintf(p, "%d.%d s", (int)s, (int)(us / 100000 % 10));
    if (s < 3600)
        return apr_psprintf(p, "%d min %d s", (int)(s / 60), (int)(s % 60));
    if (s < 86400)
        return apr_psprintf(p, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
    return apr_psprintf(p, "%d d", (int)(s / 86400));
}

static const char *filter_ago(const json_t *value, apr_pool_t *p)
{
    static const struct {
        apr_int64_t seconds;
        const char *one, *many;
    } units[] = {{86400, "day", "days"}, {3600, "hour", "hours"}, {60, "minute", "minutes"}};
    apr_int64_t then = json_integer_value(value);
    if (then <= 0)
        return "never";
    apr_int64_t s = (apr_time_now() - then) / 1000000;
    if (s >= 30 * 86400)
        return filter_date(value, p);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        apr_int64_t n = s / units[i].seconds;
        if (n > 0)
            return apr_psprintf(p, "%d %s ago", (int)n, n == 1 ? units[i].one : units[i].many);
    }
    return s < 10 ? "just now" : apr_psprintf(p, "%d seconds ago", (int)s);
}

static const char *filter_number(const json_t *value, apr_pool_t *p)
{
    const char *digits = apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    char *out = apr_pcalloc(p, 2 * strlen(digits) + 1), *o = out;
    for (size_t i = 0, n = strlen(digits); i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
            *o++ = ',';
        *o++ = digits[i];
    }
    return out;
}

static const char *filter_bytes(const json_t *value, apr_pool_t *p)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    apr_int64_t n = json_integer_value(value);
    size_t unit = 0;
    if (n < 1024)
        return apr_psprintf(p, "%d B", n < 0 ? 0 : (int)n);
    for (; n >= 1024 * 1024 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        n /= 1024;
    return apr_psprintf(p, "%d.%d %s", (int)(n / 1024), (int)(n % 1024 * 10 / 1024), units[unit]);
}

/* The first letter, for a round badge. */
static const char *filter_first(const json_t *value, apr_pool_t *p)
{
    const char *s = json_is_string(value) ? json_string_value(value) : "";
    size_t n = s[0] ? 1 : 0;
    while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return apr_pstrndup(p, s, n);
}

hm_filter_fn *hm_filter_find(const char *name)
{
    static const struct {
        const char *name;
        hm_filter_fn *fn;
    } filters[] = {
        {"time", filter_time},     {"clock", filter_clock},       {"date", filter_date},
        {"iso", filter_iso},       {"duration", filter_duration}, {"ago", filter_ago},
        {"number", filter_number}, {"bytes", filter_bytes},       {"first", filter_first},
    };
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        if (strcmp(filters[i].name, name) == 0)
            return filters[i].fn;
    return NULL;
}

/* What a byte becomes; NULL: itself. */
static const char *const escaped[256] = {
    ['<'] = "&lt;",  ['>'] = "&gt;",  ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;", [0x7f] = "\xef\xbf\xbd",
#define NOT_SHOWN(c) [c] = "\xef\xbf\xbd"
    NOT_SHOWN(0x01), NOT_SHOWN(0x02), NOT_SHOWN(0x03), NOT_SHOWN(0x04),  NOT_SHOWN(0x05),  NOT_SHOWN(0x06),
    NOT_SHOWN(0x07), NOT_SHOWN(0x08), NOT_SHOWN(0x0b), NOT_SHOWN(0x0c),  NOT_SHOWN(0x0d),  NOT_SHOWN(0x0e),
    NOT_SHOWN(0x0f), NOT_SHOWN(0x10), NOT_SHOWN(0x11), NOT_SHOWN(0x12),  NOT_SHOWN(0x13),  NOT_SHOWN(0x14),
    NOT_SHOWN(0x15), NOT_SHOWN(0x16), NOT_SHOWN(0x17), NOT_SHOWN(0x18),  NOT_SHOWN(0x19),  NOT_SHOWN(0x1a),
    NOT_SHOWN(0x1b), NOT_SHOWN(0x1c), NOT_SHOWN(0x1d), NOT_SHOWN(0x1e),  NOT_SHOWN(0x1f)};

size_t hm_escape_to(char *out, const char *s, size_t len)
{
    char *o = out;
    for (size_t i = 0; i < len; i++) {
        const char *as = escaped[(unsigned char)s[i]];
        if (as == NULL) {
            *o++ = s[i];
            continue;
        }
        while (*as)
            *o++ = *as++;
    }
    return (size_t)(o - out);
}

const char *hm_escape(const char *s, apr_pool_t *p)
{
    size_t len = strlen(s);
    char *out = apr_palloc(p, len * HM_ESCAPED_MAX + 1);
    out[hm_escape_to(out, s, len)] = '\0';
    return out;
}
