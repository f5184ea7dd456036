/*
 * The sink of all configuration text; see render.h. Templates are root's files in TemplatesDir and AppsDir, opened
 * beneath a held descriptor each time they are used, so that an administrator's change counts at once. Nothing here is
 * kept.
 */
#include "root/render.h"
#include "root/files.h"
#include <apr_strings.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_MAX (64 * 1024)
#define UPPER        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define PLAIN        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-:"

int pv_path_plain(const char *path)
{
    return path[strspn(path, PLAIN)] == '\0';
}

static void add(pv_words_t *words, const char *name, const char *value)
{
    if (words->n == PV_WORDS)
        abort(); /* a caller of ours has more words than it may */
    words->word[words->n].name = name;
    words->word[words->n++].value = value;
}

void pv_words_init(pv_words_t *words, pv_code_t code, apr_pool_t *p)
{
    words->p = p;
    words->code = code;
    words->n = 0;
}

void pv_word_none(pv_words_t *words, const char *name)
{
    add(words, name, "");
}

void pv_word_id(pv_words_t *words, const char *name, const pv_id_t *id)
{
    add(words, name, apr_pstrdup(words->p, id->s));
}

void pv_word_num(pv_words_t *words, const char *name, uint64_t n)
{
    add(words, name, apr_psprintf(words->p, "%" APR_UINT64_T_FMT, n));
}

void pv_word_domains(pv_words_t *words, const char *name, const pv_domain_t *const *d, int n)
{
    const char *list = "";
    for (int i = 0; i < n; i++)
        list = apr_pstrcat(words->p, list, i ? " " : "", d[i]->s, NULL);
    add(words, name, list);
}

void pv_word_authority(pv_words_t *words, const char *name, const pv_domain_t *host, unsigned port)
{
    add(words, name, port == 80 ? apr_pstrdup(words->p, host->s) : apr_psprintf(words->p, "%s:%u", host->s, port));
}

void pv_word_listen(pv_words_t *words, const char *name, const pv_addr_t *addr, int n, unsigned port)
{
    const char *list = n ? "" : apr_psprintf(words->p, "*:%u", port);
    for (int i = 0; i < n; i++) {
        int v6 = strchr(addr[i].s, ':') != NULL;
        list =
            apr_psprintf(words->p, "%s%s%s%s%s:%u", list, i ? " " : "", v6 ? "[" : "", addr[i].s, v6 ? "]" : "", port);
    }
    add(words, name, list);
}

void pv_word_path(pv_words_t *words, const char *name, ...)
{
    const char *path = "", *part;
    va_list ap;
    va_start(ap, name);
    while ((part = va_arg(ap, const char *)))
        path = apr_pstrcat(words->p, path, part, NULL);
    va_end(ap);
    add(words, name, path);
}

void pv_word_block(pv_words_t *words, const char *name, const char *block)
{
    size_t len = strlen(block);
    add(words, name, len && block[len - 1] == '\n' ? apr_pstrmemdup(words->p, block, len - 1) : block);
}

static const char *value_of(const pv_words_t *words, const char *name, size_t len)
{
    for (int i = 0; i < words->n; i++)
        if (strlen(words->word[i].name) == len && memcmp(words->word[i].name, name, len) == 0)
            return words->word[i].value;
    return NULL;
}

const char *pv_word_value(const pv_words_t *words, const char *name)
{
    return value_of(words, name, strlen(name));
}

/* The word at S, "@NAME@": its value, and its length in *LEN. NULL: none of that name. Not a word at all: *LEN is 0. */
static const char *word_at(const pv_words_t *words, const char *s, size_t *len)
{
    size_t n = strspn(s + 1, UPPER);
    *len = n && s[n + 1] == '@' ? n + 2 : 0;
    return *len ? value_of(words, s + 1, n) : NULL;
}

/* One line with its words replaced; "" if one of them is empty; NULL and *BAD at a word that is unknown. */
static const char *render_line(const pv_words_t *words, const char *line, const char **bad)
{
    const char *out = "", *at = line, *mark;
    while ((mark = strchr(at, '@'))) {
        size_t len;
        const char *value = word_at(words, mark, &len);
        if (len && !value) {
            *bad = apr_pstrmemdup(words->p, mark, len);
            return NULL;
        }
        if (len && !*value)
            return "";
        if (!len) {
            value = "@";
            len = 1;
        }
        out = apr_pstrcat(words->p, out, apr_pstrmemdup(words->p, at, (apr_size_t)(mark - at)), value, NULL);
        at = mark + len;
    }
    return apr_pstrcat(words->p, out, at, "\n", NULL);
}

apr_status_t pv_render(const char **ret, const pv_words_t *words, int dir, const char *name, pv_err_t *err)
{
    char *text, *line;
    size_t len;
    if (pv_file_read(&text, &len, dir, name, TEMPLATE_MAX, words->p) != 0)
        return pv_fail(err, words->code, "template", "template %s cannot be read: %s", name, strerror(errno));
    const char *out = "", *bad = NULL;
    for (int n = 1; (line = strsep(&text, "\n")); n++) {
        if (!text && !*line)
            break;
        const char *done = render_line(words, line, &bad);
        if (!done)
            return pv_fail(err, words->code, "template", "template %s, line %d: there is no word %s", name, n, bad);
        out = apr_pstrcat(words->p, out, done, NULL);
    }
    *ret = out;
    return APR_SUCCESS;
}
