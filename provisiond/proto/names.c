/*
 * The parsers of names.h. They are the first thing that untrusted bytes meet in every program, so they read exactly
 * what they are given, allocate nothing and write a result only when all of it is good.
 */
#include "proto/names.h"
#include "proto/punycode.h"
#include "proto/utf8.h"
#include <apr_errno.h>
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define BASE32 LOWER "234567"

static const struct {
    pv_kind_t kind;
    const char *name;
} kinds[] = {{PV_SERVER, "server"}, {PV_PLATFORM, "platform"}, {PV_SITE, "site"}};

/* Are all LEN bytes of the set, a NUL not among them? */
static int all_of(const char *s, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\0' || !strchr(set, s[i]))
            return 0;
    return 1;
}

/* Stores S with its terminator in a value's buffer, where the check and the size allow it. */
static apr_status_t store(char *ret, size_t size, const char *s, size_t len, int good)
{
    if (!good || len == 0 || len >= size)
        return APR_EINVAL;
    memcpy(ret, s, len);
    ret[len] = '\0';
    return APR_SUCCESS;
}

static apr_status_t id_parse(char ret[14], const char *letters, const char *s, size_t len)
{
    return store(ret, 14, s, len, len == 13 && all_of(s, 1, letters) && all_of(s + 1, 12, BASE32));
}

apr_status_t pv_id_parse(pv_id_t *ret, const char *s, size_t len)
{
    return id_parse(ret->s, "spv", s, len);
}

apr_status_t pv_bid_parse(pv_bid_t *ret, const char *s, size_t len)
{
    return id_parse(ret->s, "b", s, len);
}

apr_status_t pv_key_parse(pv_key_t *ret, const char *s, size_t len)
{
    return store(ret->s, sizeof(ret->s), s, len, len == 32 && all_of(s, len, DIGITS "abcdef") && !all_of(s, len, "0"));
}

apr_status_t pv_app_parse(pv_app_t *ret, const char *s, size_t len)
{
    return store(ret->s, sizeof(ret->s), s, len, all_of(s, len, LOWER DIGITS));
}

apr_status_t pv_comp_parse(pv_comp_t *ret, const char *s, size_t len)
{
    return store(ret->s, sizeof(ret->s), s, len,
                 len > 0 && all_of(s, 1, LOWER UPPER DIGITS) && all_of(s, len, LOWER UPPER DIGITS "._-"));
}

/* A label as host names and our own names have it: no hyphen at its ends. */
static int label_good(const char *s, size_t len, size_t max)
{
    return len > 0 && len <= max && s[0] != '-' && s[len - 1] != '-' && all_of(s, len, LOWER DIGITS "-");
}

apr_status_t pv_label_parse(pv_label_t *ret, const char *s, size_t len)
{
    return store(ret->s, sizeof(ret->s), s, len, label_good(s, len, 32));
}

/* An internationalised label: what it decodes to must be more than ASCII, and hold nothing invisible. IDNA's own tables
 * are the registries' business; what matters here is that no two spellings stand for one name. */
static int alabel_good(const char *s, size_t len)
{
    uint32_t c[64];
    int n = pv_punycode_decode(c, 64, s, len), wide = 0;
    for (int i = 0; i < n; i++) {
        if (c[i] < 0x80)
            continue;
        if (c[i] <= 0xa0 || (c[i] >= 0x2000 && c[i] <= 0x206f && c[i] != 0x200c && c[i] != 0x200d) ||
            (c[i] >= 0xd800 && c[i] <= 0xf8ff) || c[i] == 0xfeff || c[i] >= 0xe0000 || (c[i] & 0xfffe) == 0xfffe)
            return 0;
        wide = 1;
    }
    return n > 0 && wide;
}

static int host_label_good(const char *s, size_t len)
{
    return label_good(s, len, 63) && (len < 4 || memcmp(s, "xn--", 4) != 0 || alabel_good(s + 4, len - 4));
}

apr_status_t pv_domain_parse(pv_domain_t *ret, const char *s, size_t len)
{
    pv_domain_t d;
    if (len == 0 || len >= sizeof(d.s))
        return APR_EINVAL;
    for (size_t i = 0; i < len; i++)
        d.s[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
    d.s[len] = '\0';

    int labels = 0;
    const char *top = d.s, *end = d.s + len;
    for (const char *at = d.s; at <= end; labels++) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        size_t n = (size_t)((dot ? dot : end) - at);
        if (!host_label_good(at, n))
            return APR_EINVAL;
        top = at;
        at += n + 1;
    }
    if (labels < 2 || !all_of(top, 1, LOWER)) /* a top label that begins with a digit would make it an address */
        return APR_EINVAL;
    *ret = d;
    return APR_SUCCESS;
}

apr_status_t pv_addr_parse(pv_addr_t *ret, const char *s, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bin[sizeof(struct in6_addr)];
    if (store(text, sizeof(text), s, len, !memchr(s, '\0', len)) != APR_SUCCESS)
        return APR_EINVAL;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bin) != 1)
        return APR_EINVAL;
    inet_ntop(family, bin, ret->s, sizeof(ret->s));
    return APR_SUCCESS;
}

/* The components between slashes; -1 where there are none, too many or a bad one. */
static int comps_parse(pv_place_t *place, const char *s, const char *end)
{
    for (place->n = 0; s <= end; place->n++) {
        const char *slash = memchr(s, '/', (size_t)(end - s));
        const char *stop = slash ? slash : end;
        if (place->n == PV_PLACE_COMPS || pv_comp_parse(&place->comp[place->n], s, (size_t)(stop - s)) != APR_SUCCESS)
            return -1;
        s = stop + 1;
    }
    return 0;
}

apr_status_t pv_place_parse(pv_place_t *ret, const char *s, size_t len)
{
    pv_place_t place = {0};
    const char *end = s + len, *colon = memchr(s, ':', len);
    uint64_t root;
    if (!colon || pv_num_parse(&root, s, (size_t)(colon - s), 0, 15) != APR_SUCCESS)
        return APR_EINVAL;
    place.root = (unsigned)root;
    s = colon + 1;
    colon = memchr(s, ':', (size_t)(end - s));
    if (colon && pv_comp_parse(&place.docroot, colon + 1, (size_t)(end - colon - 1)) != APR_SUCCESS)
        return APR_EINVAL;
    if (comps_parse(&place, s, colon ? colon : end) != 0)
        return APR_EINVAL;
    *ret = place;
    return APR_SUCCESS;
}

const char *pv_place_text(char *buf, const pv_place_t *place)
{
    size_t used = (size_t)snprintf(buf, PV_PLACE_TEXT, "%u", place->root);
    for (unsigned i = 0; i < place->n; i++)
        used += (size_t)snprintf(buf + used, PV_PLACE_TEXT - used, "%c%s", i ? '/' : ':', place->comp[i].s);
    if (place->docroot.s[0])
        snprintf(buf + used, PV_PLACE_TEXT - used, ":%s", place->docroot.s);
    return buf;
}

apr_status_t pv_context_parse(pv_context_t *ret, const char *s, size_t len)
{
    static const struct {
        pv_kind_t kind;
        const char *prefix;
    } prefixes[] = {{PV_SERVER, "@server_"}, {PV_PLATFORM, "@platform_"}};
    pv_domain_t domain;
    pv_label_t label;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (len < n || memcmp(s, prefixes[i].prefix, n) != 0)
            continue;
        if (pv_label_parse(&label, s + n, len - n) != APR_SUCCESS)
            return APR_EINVAL;
        ret->kind = prefixes[i].kind;
        return store(ret->s, sizeof(ret->s), s, len, 1);
    }
    if (len < 2 || s[0] != '@' || pv_domain_parse(&domain, s + 1, len - 1) != APR_SUCCESS)
        return APR_EINVAL;
    ret->kind = PV_SITE;
    snprintf(ret->s, sizeof(ret->s), "@%s", domain.s);
    return APR_SUCCESS;
}

apr_status_t pv_num_parse(uint64_t *ret, const char *s, size_t len, uint64_t min, uint64_t max)
{
    uint64_t n = 0;
    if (len == 0 || !all_of(s, len, DIGITS) || (s[0] == '0' && len > 1))
        return APR_EINVAL;
    for (size_t i = 0; i < len; i++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(s[i] - '0'), &n))
            return APR_EINVAL;
    if (n < min || n > max)
        return APR_EINVAL;
    *ret = n;
    return APR_SUCCESS;
}

apr_status_t pv_text_check(const char *s, size_t len, size_t max)
{
    if (len > max)
        return APR_EINVAL;
    for (size_t at = 0; at < len;) {
        uint32_t c;
        size_t n = pv_utf8_next(&c, s + at, len - at);
        if (n == 0 || pv_utf8_is_control(c))
            return APR_EINVAL;
        at += n;
    }
    return APR_SUCCESS;
}

int pv_domain_is_localhost(const pv_domain_t *d)
{
    static const char name[] = ".localhost";
    size_t len = strlen(d->s), n = sizeof(name) - 1;
    return strcmp(d->s, name + 1) == 0 || (len > n && strcmp(d->s + len - n, name) == 0);
}

pv_kind_t pv_id_kind(const pv_id_t *id)
{
    return (pv_kind_t)id->s[0];
}

const char *pv_kind_name(pv_kind_t kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    assert(!"a kind that is none");
    return "";
}

int pv_id_eq(const pv_id_t *a, const pv_id_t *b)
{
    return strcmp(a->s, b->s) == 0;
}

/* LEN random characters of an alphabet whose size is a power of two. */
static apr_status_t random_text(char *ret, size_t len, const char *alphabet)
{
    unsigned char bytes[32];
    size_t mask = strlen(alphabet) - 1;
    ssize_t got;
    assert(len <= sizeof(bytes) && (mask & (mask + 1)) == 0);
    while ((got = getrandom(bytes, len, 0)) < 0 && errno == EINTR)
        ;
    if (got != (ssize_t)len)
        return APR_EGENERAL;
    for (size_t i = 0; i < len; i++)
        ret[i] = alphabet[bytes[i] & mask];
    ret[len] = '\0';
    return APR_SUCCESS;
}

apr_status_t pv_id_make(pv_id_t *ret, pv_kind_t kind)
{
    ret->s[0] = (char)kind;
    return random_text(ret->s + 1, sizeof(ret->s) - 2, BASE32);
}

apr_status_t pv_bid_make(pv_bid_t *ret)
{
    ret->s[0] = 'b';
    return random_text(ret->s + 1, sizeof(ret->s) - 2, BASE32);
}

apr_status_t pv_key_make(pv_key_t *ret)
{
    return random_text(ret->s, sizeof(ret->s) - 1, DIGITS "abcdef");
}
