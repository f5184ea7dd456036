/*
 * Reads what an answer says, and by whom. Pure functions over bytes that a tenant chose: whatever they are, the result
 * is a number or a yes or no.
 */
#include "engine/page.h"
#include <apr_strings.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int pv_page_status(const char *answer, size_t len)
{
    if (len < 12 || strncmp(answer, "HTTP/1.", 7) || answer[8] != ' ' || !isdigit((unsigned char)answer[9]) ||
        !isdigit((unsigned char)answer[10]) || !isdigit((unsigned char)answer[11]))
        return 0;
    return atoi(answer + 9);
}

const char *pv_page_header(const char *answer, const char *name, apr_pool_t *p)
{
    const char *end = strstr(answer, "\r\n\r\n"), *line = strstr(answer, "\r\n");

    for (; line && line < end; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, strlen(name))) {
            line += 2 + strlen(name);
            line += strspn(line, " \t");
            return apr_pstrndup(p, line, strcspn(line, "\r\n"));
        }
    return "";
}

int pv_page_is_at(const char *location, const char *host, const char *target)
{
    const char *at = location;

    if (!strncasecmp(at, "http://", 7) || !strncmp(at, "//", 2)) {
        at += *at == '/' ? 2 : 7;
        if (strncasecmp(at, host, strlen(host)))
            return 0;
        at += strlen(host);
        at += !strchr(host, ':') && !strncmp(at, ":80", 3) && !isdigit((unsigned char)at[3]) ? 3 : 0;
        if (!strchr("/?#", *at))
            return 0;
        target += *at != '/'; /* a host alone, or one with a query, is its first page */
    }
    return !strncmp(at, target, strlen(target)) && strchr("#", at[strlen(target)]);
}

int pv_page_is_httpds(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");

    return body && strstr(body, "<html><head>\n<title>503 Service Unavailable</title>\n</head><body>\n<h1>");
}

/* The code point at *S, which is moved on; a character reference counts as what it stands for. */
static unsigned long next_char(const char **s)
{
    static const struct {
        const char *name;
        unsigned long c;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", 0xa0}};
    const unsigned char *u = (const unsigned char *)*s;
    unsigned long c = *u;
    size_t i;

    for (i = 0; c == '&' && i < sizeof(named) / sizeof(named[0]); i++)
        if (!strncmp(*s, named[i].name, strlen(named[i].name))) {
            *s += strlen(named[i].name);
            return named[i].c;
        }
    if (c == '&' && u[1] == '#') {
        int hex = (u[2] | 0x20) == 'x';
        char *end;
        c = strtoul(*s + 2 + hex, &end, hex ? 16 : 10);
        if (*end == ';') {
            *s = end + 1;
            return c;
        }
        c = '&';
    }
    i = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    c = i == 0 ? c : c & (0x3fUL >> i);
    for (++*s; i > 0 && (**s & 0xc0) == 0x80; i--, ++*s)
        c = c << 6 | ((unsigned char)**s & 0x3f);
    return c;
}

/* Punctuation and spaces, ASCII or General Punctuation, are what a CMS may change. */
static int counts(unsigned long c)
{
    return c < 0x80 ? isalnum((int)c) != 0 : c > 0xbf && (c < 0x2000 || c > 0x206f);
}

/* The letters and digits of the N bytes at S, as an array of code points that 0 ends. */
static unsigned long *letters(const char *s, size_t n, apr_pool_t *p)
{
    const char *text = apr_pstrmemdup(p, s, n);
    unsigned long *list = apr_pcalloc(p, (n + 1) * sizeof(*list));
    size_t i = 0;

    while (*text) {
        unsigned long c = next_char(&text);
        if (counts(c))
            list[i++] = c;
    }
    return list;
}

static int holds(const unsigned long *list, const unsigned long *part)
{
    size_t i;

    for (;; list++) {
        for (i = 0; part[i] && part[i] == list[i]; i++)
            ;
        if (!part[i])
            return 1;
        if (!*list)
            return 0;
    }
}

int pv_page_has_title(const char *page, const char *text, apr_pool_t *p)
{
    const char *from = strcasestr(page, "<title"), *to;

    from = from ? strchr(from, '>') : NULL;
    to = from ? strcasestr(from, "</title") : NULL;
    return to && holds(letters(from + 1, (size_t)(to - from - 1), p), letters(text, strlen(text), p));
}
