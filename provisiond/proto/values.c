/*
 * The checks of values.def: one function a kind of value, which gives its canonical form or nothing. What a value means
 * (does the server exist, is the driver installed, is the name free) is the engine's to say.
 */
#include "proto/task.h"
#include <apr_strings.h>
#include <assert.h>
#include <string.h>

typedef const char *check_fn(const char *s, size_t len, apr_pool_t *p);

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* A kind of value that is one of the types of names.h. */
#define PARSED(value, type)                                                                                            \
    static const char *check_##value(const char *s, size_t len, apr_pool_t *p)                                         \
    {                                                                                                                  \
        pv_##type##_t v;                                                                                               \
        return pv_##type##_parse(&v, s, len) == APR_SUCCESS ? apr_pstrdup(p, v.s) : NULL;                              \
    }
PARSED(LABEL, label)
PARSED(DOMAIN, domain)
PARSED(ADDRS, addr)
PARSED(APP, app)
PARSED(COMP, comp)
PARSED(BID, bid)
#define check_DOMAINS check_DOMAIN

/* S where it is one of the words, which a NULL ends. */
static const char *one_of(const char *const *words, const char *s, size_t len)
{
    while (*words && (strlen(*words) != len || memcmp(*words, s, len) != 0))
        words++;
    return *words;
}

#define WORDS(value, ...)                                                                                              \
    static const char *check_##value(const char *s, size_t len, apr_pool_t *p)                                         \
    {                                                                                                                  \
        static const char *const words[] = {__VA_ARGS__, NULL};                                                        \
        return one_of(words, s, len);                                                                                  \
    }
WORDS(HTTP, "apache")
WORDS(DB, "mariadb")
WORDS(DB_AUTH, "socket", "password")
WORDS(PART, "database", "files")
WORDS(YESNO, "yes", "no")
WORDS(ONOFF, "on", "off")
WORDS(none, "none")

/* S where it consists of the set and begins with a letter or digit. */
static const char *plain(const char *s, size_t len, const char *set, apr_pool_t *p)
{
    const char *copy = apr_pstrmemdup(p, s, len);
    return len > 0 && strchr(ALNUM, s[0]) && strspn(copy, set) == len ? copy : NULL;
}

static const char *check_DOMAIN_OR_NONE(const char *s, size_t len, apr_pool_t *p)
{
    const char *none = check_none(s, len, p);
    return none ? none : check_DOMAIN(s, len, p);
}

static const char *id_of(pv_kind_t kind, const char *s, size_t len, apr_pool_t *p)
{
    pv_id_t id;
    return pv_id_parse(&id, s, len) == APR_SUCCESS && pv_id_kind(&id) == kind ? apr_pstrdup(p, id.s) : NULL;
}

static const char *check_SERVER(const char *s, size_t len, apr_pool_t *p)
{
    return id_of(PV_SERVER, s, len, p);
}

static const char *check_PLATFORM(const char *s, size_t len, apr_pool_t *p)
{
    return id_of(PV_PLATFORM, s, len, p);
}

static const char *check_PLACE(const char *s, size_t len, apr_pool_t *p)
{
    pv_place_t place;
    if (pv_place_parse(&place, s, len) != APR_SUCCESS)
        return NULL;
    return pv_place_text(apr_palloc(p, PV_PLACE_TEXT), &place);
}
#define check_SOURCE check_PLACE

/* A host that we connect to, so one without a dot will do; digits alone would be read as an address. */
static const char *check_HOST(const char *s, size_t len, apr_pool_t *p)
{
    const char *host = check_ADDRS(s, len, p);
    if (!host)
        host = check_DOMAIN(s, len, p);
    return host ? host : len > 0 && s[0] > '9' ? check_LABEL(s, len, p) : NULL;
}

static const char *check_PORT(const char *s, size_t len, apr_pool_t *p)
{
    uint64_t n;
    return pv_num_parse(&n, s, len, 1, 65535) == APR_SUCCESS ? apr_pstrmemdup(p, s, len) : NULL;
}

static const char *check_TEXT(const char *s, size_t len, apr_pool_t *p)
{
    return len > 0 && pv_text_check(s, len, len) == APR_SUCCESS ? apr_pstrmemdup(p, s, len) : NULL;
}

static const char *check_WORD(const char *s, size_t len, apr_pool_t *p)
{
    return plain(s, len, ALNUM "_", p);
}

/* Subtags of two to eight letters or digits; the first, the language, of letters. */
static const char *check_LANG(const char *s, size_t len, apr_pool_t *p)
{
    const char *copy = plain(s, len, ALNUM "-", p);
    for (const char *at = copy; at;) {
        size_t n = strcspn(at, "-");
        if (n < 2 || n > 8 || (at == copy && strcspn(at, "0123456789") < n))
            return NULL;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    return copy;
}

static const char *check_LOGIN(const char *s, size_t len, apr_pool_t *p)
{
    return plain(s, len, ALNUM "._-@", p);
}

/* Only what every mail program takes for an address and no shell, header or option parser for anything else. */
static const char *check_MAIL(const char *s, size_t len, apr_pool_t *p)
{
    const char *at = memchr(s, '@', len);
    size_t n = at ? (size_t)(at - s) : 0;
    const char *local = n > 0 && n <= 64 ? plain(s, n, ALNUM "._%+-", p) : NULL;
    const char *host = at ? check_DOMAIN(at + 1, len - n - 1, p) : NULL;
    if (!local || !host || strstr(local, "..") || local[n - 1] == '.')
        return NULL;
    return apr_pstrcat(p, local, "@", host, NULL);
}

static const pv_value_row_t rows[] = {
#define VALUE(name, list, max, help) {#name, list, max, help},
#include "proto/values.def"
#undef VALUE
};

static check_fn *const checks[] = {
#define VALUE(name, list, max, help) check_##name,
#include "proto/values.def"
#undef VALUE
};

const pv_value_row_t *pv_value_row(pv_value_t value)
{
    assert((unsigned)value < PV_VALUES);
    return &rows[value];
}

apr_status_t pv_value_check(const char **ret, pv_value_t value, const char *s, size_t len, pv_err_t *err, apr_pool_t *p)
{
    const pv_value_row_t *row = pv_value_row(value);
    const char *good = len <= row->max && !memchr(s, '\0', len) ? checks[value](s, len, p) : NULL;
    if (!good)
        return pv_fail(err, PV_SCHEMA, NULL, "must be %s", row->help);
    *ret = good;
    return APR_SUCCESS;
}
