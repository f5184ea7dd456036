/*
 * The kinds of argument of argkinds.def, and the walk over a row's specification. The engine is not trusted: it may be
 * the first to fall, and this file is what it meets then.
 */
#include "root/args.h"
#include <apr_strings.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 32
#define MARK_MAX 64

typedef struct {
    const pv_root_t *root;
    const pv_dgram_t *m;
    unsigned at; /* the argument that comes next */
    int counted; /* a `count` came, and says how many the next `*` takes */
    unsigned count;
    char *why;
    size_t size;
} check_t;

static int only(const char *s, size_t len, size_t max, const char *set)
{
    size_t i = 0;
    while (i < len && s[i] && strchr(set, s[i]))
        i++;
    return len > 0 && len <= max && i == len;
}

static int num(const char *s, size_t len, uint64_t min, uint64_t max)
{
    uint64_t n;
    return pv_num_parse(&n, s, len, min, max) == APR_SUCCESS;
}

static int id(const char *s, size_t len, const char *kinds)
{
    pv_id_t id;
    return pv_id_parse(&id, s, len) == APR_SUCCESS && strchr(kinds, id.s[0]) != NULL;
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define KIND(name, condition)                                                                                          \
    static int kind_##name(const check_t *c, const char *s, size_t len)                                                \
    {                                                                                                                  \
        return condition;                                                                                              \
    }
#define PARSED(name, type)                                                                                             \
    static int kind_##name(const check_t *c, const char *s, size_t len)                                                \
    {                                                                                                                  \
        pv_##type##_t value;                                                                                           \
        return pv_##type##_parse(&value, s, len) == APR_SUCCESS;                                                       \
    }

KIND(site, id(s, len, "s"))
KIND(platform, id(s, len, "p"))
KIND(owner, id(s, len, "sp"))
PARSED(bid, bid)
PARSED(app, app)
PARSED(comp, comp)
PARSED(place, place)
PARSED(domain, domain)
PARSED(addr, addr)
KIND(uid, num(s, len, 0, 0) || num(s, len, c->root->conf->UidRange.first, c->root->conf->UidRange.last))
KIND(port, num(s, len, 1, 65535))
KIND(num, num(s, len, 0, UINT32_MAX))
KIND(count, num(s, len, 0, c->m->head.argc - c->at - 1))
KIND(word, only(s, len, WORD_MAX, LOWER DIGITS "_"))
KIND(flags, only(s, len, 5, "ndwtb"))
KIND(mark, only(s, len, MARK_MAX, LOWER UPPER DIGITS "-_"))

static const struct {
    const char *word, *help;
    int (*check)(const check_t *c, const char *s, size_t len);
} kinds[] = {
#define ARGKIND(word, help) {#word, help, kind_##word},
#include "root/argkinds.def"
#undef ARGKIND
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int fail(check_t *c, const char *kind, size_t len, const char *help)
{
    snprintf(c->why, c->size, "argument %u (%.*s): must be %s", c->at + 1, (int)len, kind, help);
    return -1;
}

/* One of the words of "A|B|C"? */
static int listed(const char *words, size_t len, const char *s, size_t slen)
{
    const char *end = words + len;
    while (words < end) {
        size_t n = strcspn(words, "|? ");
        if (n == slen && memcmp(words, s, n) == 0)
            return 1;
        words += n + 1;
    }
    return 0;
}

static int check_one(check_t *c, const char *kind, size_t len)
{
    if (c->at >= c->m->head.argc)
        return fail(c, kind, len, "given");
    const char *s = c->m->arg[c->at].s;
    size_t slen = c->m->arg[c->at].len, i = 0;
    if (memchr(kind, '|', len))
        return listed(kind, len, s, slen) ? 0 : fail(c, kind, len, "one of these words");
    while (i < KINDS && (strncmp(kinds[i].word, kind, len) != 0 || kinds[i].word[len] != '\0'))
        i++;
    assert(i < KINDS);
    if (!kinds[i].check(c, s, slen))
        return fail(c, kind, len, kinds[i].help);
    if (kinds[i].check == kind_count) {
        c->counted = 1;
        c->count = (unsigned)pv_arg_num(c->m, c->at);
    }
    return 0;
}

/* One word of the specification, which may take none, one or many arguments. */
static int check_word(check_t *c, const char *word, size_t len)
{
    unsigned left = c->m->head.argc - c->at, n = 1;
    if (word[len - 1] == '?') {
        len--;
        n = pv_arg_given(c->m, c->at);
        c->at += !n && left > 0;
    } else if (word[len - 1] == '*') {
        len--;
        n = c->counted ? c->count : left;
        c->counted = 0;
    }
    for (; n > 0; n--, c->at++)
        if (check_one(c, word, len) != 0)
            return -1;
    return 0;
}

int pv_args_check(const pv_root_t *root, const char *spec, const pv_dgram_t *m, char *why, size_t size)
{
    check_t c = {.root = root, .m = m, .why = why, .size = size};
    while (*spec) {
        size_t len = strcspn(spec, " ");
        if (check_word(&c, spec, len) != 0)
            return -1;
        spec += len + (spec[len] == ' ');
    }
    return c.at == m->head.argc ? 0 : fail(&c, "", 0, "absent");
}

int pv_arg_given(const pv_dgram_t *m, unsigned n)
{
    return n < m->head.argc && m->arg[n].len > 0;
}

int pv_arg_is(const pv_dgram_t *m, unsigned n, const char *word)
{
    return n < m->head.argc && m->arg[n].len == strlen(word) && memcmp(m->arg[n].s, word, m->arg[n].len) == 0;
}

#define TAKE(type, name)                                                                                               \
    type pv_arg_##name(const pv_dgram_t *m, unsigned n)                                                                \
    {                                                                                                                  \
        type value;                                                                                                    \
        apr_status_t rv = n < m->head.argc ? pv_##name##_parse(&value, m->arg[n].s, m->arg[n].len) : APR_EINVAL;       \
        assert(rv == APR_SUCCESS);                                                                                     \
        return value;                                                                                                  \
    }

TAKE(pv_id_t, id)
TAKE(pv_bid_t, bid)
TAKE(pv_comp_t, comp)
TAKE(pv_place_t, place)

uint64_t pv_arg_num(const pv_dgram_t *m, unsigned n)
{
    uint64_t value = 0;
    int bad = pv_arg_given(m, n) && pv_dgram_arg_num(m, n, UINT32_MAX, &value) != 0;
    assert(!bad);
    return value;
}

const char *pv_arg_str(const pv_dgram_t *m, unsigned n, apr_pool_t *p)
{
    return pv_arg_given(m, n) ? apr_pstrmemdup(p, m->arg[n].s, m->arg[n].len) : "";
}
