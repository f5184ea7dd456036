/*
 * The shortest edit from one text to another, line by line, by the table of longest common subsequences. Configuration
 * files of a site are some dozen lines; what is longer than LINES_MAX is shown as replaced as a whole, so that the
 * table stays small.
 */
#include "engine/diff.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#define LINES_MAX 1000
#define CONTEXT   3

typedef struct {
    int n;
    const char **s;
} lines_t;

/* A line of the result: ' ', '-' or '+', and its place in both texts. */
typedef struct {
    char sign;
    const char *text;
    int old, new;
} edit_t;

static lines_t split(const char *text, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, 64, sizeof(const char *));

    while (*text) {
        size_t len = strcspn(text, "\n");
        *(const char **)apr_array_push(list) = apr_pstrmemdup(p, text, len);
        text += len + (text[len] == '\n');
    }
    return (lines_t){list->nelts, (const char **)list->elts};
}

/* common[i * (b.n + 1) + j]: lines that the ends of A from i and of B from j have in common. */
static const unsigned short *common_ends(const lines_t *a, const lines_t *b, apr_pool_t *p)
{
    size_t width = (size_t)b->n + 1;
    unsigned short *common = apr_pcalloc(p, ((size_t)a->n + 1) * width * sizeof(*common));
    int i, j;

    for (i = a->n - 1; i >= 0; i--)
        for (j = b->n - 1; j >= 0; j--) {
            unsigned short *at = &common[(size_t)i * width + (size_t)j];
            if (!strcmp(a->s[i], b->s[j]))
                *at = (unsigned short)(at[width + 1] + 1);
            else
                *at = at[width] >= at[1] ? at[width] : at[1];
        }
    return common;
}

static void push(apr_array_header_t *edits, char sign, const char *text, int old, int new)
{
    *(edit_t *)apr_array_push(edits) = (edit_t){sign, text, old, new};
}

static apr_array_header_t *edits_of(const lines_t *a, const lines_t *b, apr_pool_t *p)
{
    apr_array_header_t *edits = apr_array_make(p, a->n + b->n + 1, sizeof(edit_t));
    int whole = a->n > LINES_MAX || b->n > LINES_MAX, i = 0, j = 0;
    const unsigned short *common = whole ? NULL : common_ends(a, b, p);
    size_t width = (size_t)b->n + 1;

    while (i < a->n || j < b->n) {
        const unsigned short *at = whole ? NULL : &common[(size_t)i * width + (size_t)j];
        if (!whole && i < a->n && j < b->n && !strcmp(a->s[i], b->s[j])) {
            push(edits, ' ', a->s[i], i, j);
            i++, j++;
        } else if (i < a->n && (whole || j == b->n || at[width] >= at[1])) {
            push(edits, '-', a->s[i], i, j);
            i++;
        } else {
            push(edits, '+', b->s[j], i, j);
            j++;
        }
    }
    return edits;
}

/* Where the hunk ends that begins at FROM: after CONTEXT lines beyond its last change. */
static int hunk_end(const edit_t *edit, int n, int from)
{
    int i, last = from;

    for (i = from; i < n && i <= last + 2 * CONTEXT; i++)
        if (edit[i].sign != ' ')
            last = i;
    return last + CONTEXT + 1 < n ? last + CONTEXT + 1 : n;
}

/* "-12,3": a range's begin counts from 1, that of an empty one is the line before it. */
static const char *range(char sign, int begin, int count, apr_pool_t *p)
{
    return apr_psprintf(p, "%c%d,%d", sign, count ? begin + 1 : begin, count);
}

static const char *hunk(const edit_t *edit, int from, int to, apr_pool_t *p)
{
    const char *text = "";
    int i, old = 0, new = 0;

    for (i = from; i < to; i++) {
        old += edit[i].sign != '+';
        new += edit[i].sign != '-';
        text = apr_psprintf(p, "%s%c%s\n", text, edit[i].sign, edit[i].text);
    }
    return apr_psprintf(p, "@@ %s %s @@\n%s", range('-', edit[from].old, old, p), range('+', edit[from].new, new, p),
                        text);
}

const char *pv_diff(const char *name, const char *old, const char *new, apr_pool_t *p)
{
    lines_t a = split(old, p), b = split(new, p);
    apr_array_header_t *edits = edits_of(&a, &b, p);
    const edit_t *edit = (const edit_t *)edits->elts;
    const char *text = "";
    int i = 0;

    while (i < edits->nelts) {
        if (edit[i].sign == ' ') {
            i++;
            continue;
        }
        int from = i > CONTEXT ? i - CONTEXT : 0, to = hunk_end(edit, edits->nelts, i);
        text = apr_pstrcat(p, text, hunk(edit, from, to, p), NULL);
        i = to;
    }
    return *text ? apr_psprintf(p, "--- %s\n+++ %s\n%s", *old ? name : "/dev/null", *new ? name : "/dev/null", text)
                 : "";
}
