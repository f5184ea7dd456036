/*
 * Runs a compiled template over a view, into a brigade. The only place of the panel that writes data into markup: every
 * value goes through `text` or `attribute`, whatever it holds, so a page cannot forget to escape.
 */
#include "template_node.h"
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

typedef struct frame {
    const char *name;
    const json_t *value;
    const struct frame *up;
} frame_t;

typedef struct {
    const hm_templates_t *t;
    const json_t *view, *globals;
    const hm_page_t *page;
    const frame_t *frame;
    char *out; /* the page as far as it is written, on the heap: it becomes one bucket */
    size_t len, size;
    apr_pool_t *p;
    int depth;
} run_t;

#define DEPTH_MAX 32

/* Makes room for LEN more bytes and returns where they go. */
static char *room(run_t *run, size_t len)
{
    if (run->len + len > run->size) {
        run->size = (run->len + len) * 2;
        run->out = realloc(run->out, run->size);
        if (run->out == NULL)
            abort(); /* as APR's pools do */
    }
    return run->out + run->len;
}

static void put(run_t *run, const char *s, size_t len)
{
    memcpy(room(run, len), s, len);
    run->len += len;
}

static const json_t *lookup(const run_t *run, const hm_path_t *path)
{
    const json_t *value = NULL;
    int i = 0;
    if (!path->global) {
        for (const frame_t *f = run->frame; f; f = f->up)
            if (strcmp(f->name, path->name[0]) == 0) {
                value = f->value;
                i = 1;
                break;
            }
    }
    if (i == 0)
        value = path->global ? run->globals : run->view;
    for (; i < path->n && value; i++)
        value = json_object_get(value, path->name[i]);
    return value;
}

/* A value as text, escaped nowhere yet. */
static const char *plain(const run_t *run, const hm_path_t *path)
{
    const json_t *value = lookup(run, path);
    if (path->filter)
        return hm_filter_find(path->filter)(value, run->p);
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        return apr_psprintf(run->p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    return json_is_true(value) ? "true" : "";
}

static int truth(const run_t *run, const hm_path_t *path)
{
    if (path->is)
        return strcmp(plain(run, path), path->is) == 0;
    const json_t *value = lookup(run, path);
    switch (json_typeof(value ? value : json_null())) {
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_OBJECT:
        return json_object_size(value) > 0;
    default:
        return json_is_true(value);
    }
}

/* Text as markup: every value that a page shows goes through here. */
static void text(run_t *run, const char *s)
{
    size_t len = strlen(s);
    char *to = room(run, len * HM_ESCAPED_MAX);
    run->len += hm_escape_to(to, s, len);
}

/* Data inside a link: only what means nothing in any part of a URL stays as it is. */
static const char *percent(const char *s, apr_pool_t *p)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, 3 * strlen(s) + 1), *o = out;
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (apr_isalnum(c) || strchr("-._~", c)) {
            *o++ = *s;
            continue;
        }
        *o++ = '%';
        *o++ = digits[c >> 4];
        *o++ = digits[c & 15];
    }
    *o = '\0';
    return out;
}

/* A link that is data as a whole leads to the web or into the panel, nowhere else. */
static int leads_well(const char *s)
{
    if (s[0] == '/')
        return s[1] != '/' && s[1] != '\\';
    return strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0;
}

static const char *parts(const run_t *run, const hm_part_t *part, int url)
{
    const char *all = "";
    int whole = url && part && part->lit == NULL && part->next == NULL;
    for (; part; part = part->next) {
        const char *s = part->lit ? part->lit : plain(run, &part->path);
        all = apr_pstrcat(run->p, all, part->lit || !url || whole ? s : percent(s, run->p), NULL);
    }
    return whole && !leads_well(all) ? "#" : all;
}

static void attribute(run_t *run, const hm_node_t *node)
{
    put(run, " ", 1);
    put(run, node->s, strlen(node->s));
    put(run, "=\"", 2);
    text(run, parts(run, node->part, node->op == HM_URL_ATTR));
    put(run, "\"", 1);
}

static void nodes(run_t *run, const hm_node_t *node);

static void each(run_t *run, const hm_node_t *node)
{
    const json_t *list = lookup(run, &node->path);
    frame_t frame = {.name = node->s, .up = run->frame};
    for (size_t i = 0; i < json_array_size(list); i++) {
        frame.value = json_array_get(list, i);
        run->frame = &frame;
        nodes(run, node->kids);
    }
    run->frame = frame.up;
}

static void include(run_t *run, const hm_page_t *page)
{
    if (page == NULL || run->depth >= DEPTH_MAX)
        return;
    run->depth++;
    nodes(run, page->nodes);
    run->depth--;
}

static void node_run(run_t *run, const hm_node_t *node)
{
    switch (node->op) {
    case HM_LITERAL:
        put(run, node->s, node->len);
        break;
    case HM_TEXT:
        text(run, plain(run, &node->path));
        break;
    case HM_ATTR:
    case HM_URL_ATTR:
        attribute(run, node);
        break;
    case HM_FLAG_ATTR:
        if (truth(run, &node->path)) {
            put(run, " ", 1);
            put(run, node->s, strlen(node->s));
        }
        break;
    case HM_IF:
    case HM_UNLESS:
        if (truth(run, &node->path) == (node->op == HM_IF))
            nodes(run, node->kids);
        break;
    case HM_EACH:
        each(run, node);
        break;
    case HM_INCLUDE:
        include(run, apr_hash_get(run->t->page, node->s, APR_HASH_KEY_STRING));
        break;
    case HM_CONTENT:
        include(run, run->page);
        break;
    }
}

static void nodes(run_t *run, const hm_node_t *node)
{
    for (; node; node = node->next)
        node_run(run, node);
}

apr_status_t hm_template_run(const hm_templates_t *t, const char *name, const json_t *view, const json_t *globals,
                             apr_bucket_brigade *bb, pv_err_t *err, apr_pool_t *p)
{
    run_t run = {.t = t, .view = view, .globals = globals, .p = p, .size = 16 * 1024};
    run.page = apr_hash_get(t->page, name, APR_HASH_KEY_STRING);
    if (run.page == NULL)
        return pv_fail(err, PV_INTERNAL, "template", "there is no template %s", name);
    frame_t title = {.name = "page_title", .value = json_string(parts(&run, run.page->title, 0))};
    run.frame = &title;
    run.out = malloc(run.size);
    if (run.out == NULL)
        abort();
    put(&run, "<!DOCTYPE html>\n", 16);
    nodes(&run, t->layout->nodes);
    json_decref((json_t *)title.value);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_heap_create(run.out, run.len, free, bb->bucket_alloc));
    return APR_SUCCESS;
}
