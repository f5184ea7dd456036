/*
 * A compiled template: what template.c makes of the XML and render.c runs. Literals are finished markup, escaped when
 * the template was read; everything else is a place where data goes. Read-only after hm_templates_load.
 */
#ifndef HM_TEMPLATE_NODE_H
#define HM_TEMPLATE_NODE_H

#include "template.h"
#include <apr_hash.h>

/* "#" is the globals' object, else the first name is looked for in the loops' variables, then in the view. */
typedef struct {
    int global, n;
    const char *name[6];
    const char *is; /* after '=': compared instead of tested for truth */
    const char *filter;
} hm_path_t;

/* An attribute's value: literals and paths in turn. */
typedef struct hm_part {
    const char *lit; /* raw text, or NULL: a path */
    hm_path_t path;
    struct hm_part *next;
} hm_part_t;

typedef enum {
    HM_LITERAL,
    HM_TEXT,
    HM_ATTR,
    HM_URL_ATTR,
    HM_FLAG_ATTR,
    HM_IF,
    HM_UNLESS,
    HM_EACH,
    HM_INCLUDE,
    HM_CONTENT
} hm_op_t;

typedef struct hm_node {
    hm_op_t op;
    const char *s; /* LITERAL: markup; ATTR: name; EACH: the variable; INCLUDE: the template */
    size_t len;
    hm_path_t path;  /* TEXT, IF, UNLESS, EACH, FLAG_ATTR */
    hm_part_t *part; /* ATTR, URL_ATTR */
    struct hm_node *kids, *next;
} hm_node_t;

typedef struct {
    const char *name;
    hm_part_t *title; /* of a page; NULL for a part */
    hm_node_t *nodes;
} hm_page_t;

struct hm_templates {
    apr_hash_t *page; /* name -> hm_page_t */
    const hm_page_t *layout;
};

/* A value through a filter as text, in P; NULL where there is no such filter (checked when templates are read). */
typedef const char *hm_filter_fn(const json_t *value, apr_pool_t *p);
hm_filter_fn *hm_filter_find(const char *name);

#define HM_ESCAPED_MAX 6 /* bytes that one byte of text can become */

/* Text as markup: the one place that knows what must be escaped. Control characters other than tab and newline become
 * U+FFFD. Writes at most LEN * HM_ESCAPED_MAX bytes and says how many. */
size_t hm_escape_to(char *out, const char *s, size_t len);

/* The same, terminated, in P. */
const char *hm_escape(const char *s, apr_pool_t *p);

#endif
