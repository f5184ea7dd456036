/*
 * Compares versions part by part; what stands between the parts only separates them.
 */
#include "versions.h"
#include <apr_lib.h>
#include <string.h>
#include <strings.h>

typedef enum { WORD, DEV, ALPHA, BETA, RC, END, PATCH, NUMBER } rank_t;

typedef struct {
    rank_t rank;
    const char *s;
    size_t len;
} part_t;

static rank_t rank_of(const char *s, size_t len)
{
    static const struct {
        const char *word;
        rank_t rank;
    } words[] = {{"dev", DEV}, {"alpha", ALPHA}, {"a", ALPHA},  {"beta", BETA},
                 {"b", BETA},  {"rc", RC},       {"pl", PATCH}, {"p", PATCH}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, s, len) == 0)
            return words[i].rank;
    return WORD;
}

static part_t part_next(const char **at)
{
    const char *s = *at;
    while (*s && !apr_isalnum(*s))
        s++;
    part_t part = {.rank = END, .s = s};
    int number = apr_isdigit(*s) != 0;
    while (apr_isalnum(*s) && (apr_isdigit(*s) != 0) == number)
        s++;
    *at = s;
    part.len = (size_t)(s - part.s);
    if (part.len > 0)
        part.rank = number ? NUMBER : rank_of(part.s, part.len);
    return part;
}

static int number_compare(part_t a, part_t b)
{
    for (; a.len > 1 && *a.s == '0'; a.s++)
        a.len--;
    for (; b.len > 1 && *b.s == '0'; b.s++)
        b.len--;
    return a.len != b.len ? (a.len < b.len ? -1 : 1) : strncmp(a.s, b.s, a.len);
}

static int part_compare(part_t a, part_t b)
{
    if (a.rank != b.rank)
        return a.rank < b.rank ? -1 : 1;
    if (a.rank == NUMBER)
        return number_compare(a, b);
    if (a.rank != WORD)
        return 0;
    int differ = strncasecmp(a.s, b.s, a.len < b.len ? a.len : b.len);
    return differ ? differ : (a.len > b.len) - (a.len < b.len);
}

/* Behind "v" and "N.x-". */
static const char *own_part(const char *version)
{
    size_t digits = strspn(version, "0123456789");
    if (digits > 0 && strncmp(version + digits, ".x-", 3) == 0)
        version += digits + 3;
    return (version[0] == 'v' || version[0] == 'V') && apr_isdigit(version[1]) ? version + 1 : version;
}

int hm_version_compare(const char *a, const char *b)
{
    const char *at = own_part(a), *bt = own_part(b);
    part_t ap, bp;
    do {
        ap = part_next(&at);
        bp = part_next(&bt);
        int differ = part_compare(ap, bp);
        if (differ)
            return differ;
    } while (ap.rank != END);
    return 0;
}

int hm_version_stable(const char *version)
{
    const char *at = own_part(version);
    part_t part;
    while ((part = part_next(&at)).rank != END)
        if (part.rank >= DEV && part.rank <= RC)
            return 0;
    return 1;
}
