/*
 * Reads the templates: XML by libxml2, compiled into lists of nodes (template_node.h) so that a page costs a walk over
 * finished markup. Trusts the files (they are installed with the module) but checks every word of them, since a page
 * that fails at three in the morning is worse than a server that does not start. Called in post_config only.
 */
#include "template_node.h"
#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <libxml/parser.h>
#include <string.h>

#define HM_NS "urn:hostmaster"

/* The state of reading one file. */
typedef struct {
    apr_pool_t *p;
    pv_err_t *err;
    const char *file;
    hm_node_t **tail;
    apr_hash_t *includes; /* name -> file that wants it */
    int failed;
} reader_t;

static void complain(reader_t *rd, const xmlNode *at, const char *what)
{
    if (!rd->failed)
        pv_fail(rd->err, PV_INTERNAL, "template", "%s:%ld: %s", rd->file, at ? xmlGetLineNo(at) : 0L, what);
    rd->failed = 1;
}

static hm_node_t *add(reader_t *rd, hm_op_t op)
{
    hm_node_t *node = apr_pcalloc(rd->p, sizeof(*node));
    node->op = op;
    *rd->tail = node;
    rd->tail = &node->next;
    return node;
}

static void literal(reader_t *rd, const char *s)
{
    hm_node_t *node = add(rd, HM_LITERAL);
    node->s = s;
    node->len = strlen(s);
}

static int word(const char *s, size_t len)
{
    return len > 0 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") >= len;
}

/* "a.b", "#a.b", "a.b=value", "a.b|filter". */
static void path_read(reader_t *rd, const xmlNode *at, hm_path_t *path, const char *text)
{
    char *s = apr_pstrdup(rd->p, text), *end;
    if ((end = strchr(s, '=')) != NULL) {
        *end = '\0';
        path->is = end + 1;
    }
    if ((end = strchr(s, '|')) != NULL) {
        *end = '\0';
        path->filter = end + 1;
        if (hm_filter_find(path->filter) == NULL)
            complain(rd, at, apr_pstrcat(rd->p, "no such filter: ", path->filter, NULL));
    }
    path->global = s[0] == '#';
    for (s += path->global; s; s = end) {
        if ((end = strchr(s, '.')) != NULL)
            *end++ = '\0';
        if (!word(s, strlen(s)) || path->n == (int)(sizeof(path->name) / sizeof(*path->name))) {
            complain(rd, at, apr_pstrcat(rd->p, "not a path: ", text, NULL));
            return;
        }
        path->name[path->n++] = s;
    }
}

static hm_part_t *parts_read(reader_t *rd, const xmlNode *at, const char *text)
{
    hm_part_t *first = NULL, **tail = &first;
    while (*text) {
        hm_part_t *part = apr_pcalloc(rd->p, sizeof(*part));
        size_t n = strcspn(text, "{");
        if (n > 0) {
            part->lit = apr_pstrndup(rd->p, text, n);
        } else {
            n = strcspn(text, "}");
            if (text[n] == '\0')
                complain(rd, at, "'{' without '}'");
            path_read(rd, at, &part->path, apr_pstrndup(rd->p, text + 1, n ? n - 1 : 0));
            n += text[n] != '\0';
        }
        *tail = part;
        tail = &part->next;
        text += n;
    }
    return first;
}

static int one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return 1;
    return 0;
}

static int is_hm(const xmlAttr *a)
{
    return a->ns != NULL && strcmp((const char *)a->ns->href, HM_NS) == 0;
}

static const char *hm_attr(const xmlNode *el, const char *name, apr_pool_t *p)
{
    xmlChar *value = xmlGetNsProp((xmlNode *)el, (const xmlChar *)name, (const xmlChar *)HM_NS);
    const char *copy = value ? apr_pstrdup(p, (const char *)value) : NULL;
    xmlFree(value);
    return copy;
}

/* The start tag: plain attributes are literal, hm: ones are places. */
static void attributes(reader_t *rd, const xmlNode *el)
{
    static const char *const control[] = {"text", "if", "unless", "each", "include", NULL};
    static const char *const flags[] = {"checked", "selected", "disabled", "open", "hidden", "required", NULL};
    static const char *const urls[] = {"href", "src", "action", "formaction", NULL};
    for (const xmlAttr *a = el->properties; a; a = a->next) {
        const char *name = apr_pstrdup(rd->p, (const char *)a->name);
        xmlChar *raw = xmlNodeListGetString(el->doc, a->children, 1);
        const char *value = apr_pstrdup(rd->p, raw ? (const char *)raw : "");
        xmlFree(raw);
        if (strncmp(name, "on", 2) == 0 || strcmp(name, "style") == 0)
            complain(rd, el, apr_pstrcat(rd->p, "scripts and styles stand in files, not in ", name, "=", NULL));
        if (!is_hm(a)) {
            literal(rd, apr_pstrcat(rd->p, " ", name, "=\"", hm_escape(value, rd->p), "\"", NULL));
        } else if (one_of(name, flags)) {
            hm_node_t *node = add(rd, HM_FLAG_ATTR);
            node->s = name;
            path_read(rd, el, &node->path, value);
        } else if (!one_of(name, control)) {
            hm_node_t *node = add(rd, one_of(name, urls) ? HM_URL_ATTR : HM_ATTR);
            node->s = name;
            node->part = parts_read(rd, el, value);
        }
    }
}

static void children(reader_t *rd, const xmlNode *el);
static void own_element(reader_t *rd, const xmlNode *el);

static void element(reader_t *rd, const xmlNode *el)
{
    static const char *const empty[] = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr", NULL};
    const char *name = (const char *)el->name;
    literal(rd, apr_pstrcat(rd->p, "<", name, NULL));
    attributes(rd, el);
    literal(rd, ">");
    if (one_of(name, empty))
        return;
    const char *text = hm_attr(el, "text", rd->p);
    if (text)
        path_read(rd, el, &add(rd, HM_TEXT)->path, text);
    else
        children(rd, el);
    literal(rd, apr_pstrcat(rd->p, "</", name, ">", NULL));
}

/* Opens a node whose kids are what follows; returns the tail to go back to. */
static hm_node_t **wrap(reader_t *rd, const xmlNode *el, hm_op_t op, const char *expr)
{
    hm_node_t *node = add(rd, op);
    if (op == HM_EACH) {
        const char *in = strstr(expr, " in ");
        if (in == NULL || !word(expr, (size_t)(in - expr))) {
            complain(rd, el, "hm:each wants \"NAME in PATH\"");
            in = "    ";
        }
        node->s = apr_pstrndup(rd->p, expr, (size_t)(in - expr > 0 ? in - expr : 0));
        expr = in + 4;
    }
    path_read(rd, el, &node->path, expr);
    hm_node_t **back = rd->tail;
    rd->tail = &node->kids;
    return back;
}

static void guarded(reader_t *rd, const xmlNode *el)
{
    static const struct {
        const char *attr;
        hm_op_t op;
    } wraps[] = {{"each", HM_EACH}, {"if", HM_IF}, {"unless", HM_UNLESS}};
    hm_node_t **back = NULL;
    for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++) {
        const char *expr = hm_attr(el, wraps[i].attr, rd->p);
        if (expr) {
            hm_node_t **tail = wrap(rd, el, wraps[i].op, expr);
            back = back ? back : tail;
        }
    }
    const char *include = hm_attr(el, "include", rd->p);
    if (include) {
        add(rd, HM_INCLUDE)->s = include;
        apr_hash_set(rd->includes, include, APR_HASH_KEY_STRING, rd->file);
    } else if (el->ns && strcmp((const char *)el->ns->href, HM_NS) == 0) {
        own_element(rd, el);
    } else {
        element(rd, el);
    }
    if (back)
        rd->tail = back;
}

static void children(reader_t *rd, const xmlNode *el)
{
    for (const xmlNode *n = el->children; n; n = n->next) {
        if (n->type == XML_ELEMENT_NODE)
            guarded(rd, n);
        else if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
            literal(rd, hm_escape((const char *)n->content, rd->p));
    }
}

/* <hm:group> has no element of its own, <hm:content/> is where the layout's page goes. */
static void own_element(reader_t *rd, const xmlNode *el)
{
    if (strcmp((const char *)el->name, "content") == 0)
        add(rd, HM_CONTENT);
    else if (strcmp((const char *)el->name, "group") == 0)
        children(rd, el);
    else
        complain(rd, el, apr_pstrcat(rd->p, "no such element: hm:", (const char *)el->name, NULL));
}

static hm_page_t *page_read(reader_t *rd, const char *path, const char *name)
{
    hm_page_t *page = apr_pcalloc(rd->p, sizeof(*page));
    xmlDoc *doc = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NODICT | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (doc == NULL) {
        const xmlError *e = xmlGetLastError();
        rd->failed = 1;
        pv_fail(rd->err, PV_INTERNAL, "template", "%s:%d: %s", path, e ? e->line : 0, e ? e->message : "not readable");
        return NULL;
    }
    const xmlNode *root = xmlDocGetRootElement(doc);
    page->name = name;
    rd->tail = &page->nodes;
    if (root->ns && strcmp((const char *)root->ns->href, HM_NS) == 0) { /* <hm:page title=".."> or <hm:part> */
        xmlChar *title = xmlGetNoNsProp((xmlNode *)root, (const xmlChar *)"title");
        if (title)
            page->title = parts_read(rd, root, (const char *)title);
        xmlFree(title);
        children(rd, root);
    } else {
        guarded(rd, root);
    }
    xmlFreeDoc(doc);
    return page;
}

apr_status_t hm_templates_load(hm_templates_t **ret, const char *folder, pv_err_t *err, apr_pool_t *p)
{
    hm_templates_t *t = apr_pcalloc(p, sizeof(*t));
    reader_t rd = {.p = p, .err = err, .includes = apr_hash_make(p)};
    apr_dir_t *dir;
    apr_finfo_t info;
    t->page = apr_hash_make(p);
    apr_status_t rv = apr_dir_open(&dir, folder, p);
    if (rv != APR_SUCCESS)
        return pv_fail(err, PV_INTERNAL, "template", "%s cannot be opened; HostmasterTemplates names it", folder);
    while (!rd.failed && apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        size_t n = strlen(info.name);
        if (n < 5 || strcmp(info.name + n - 4, ".xml") != 0)
            continue;
        const char *name = apr_pstrndup(p, info.name, n - 4);
        rd.file = apr_pstrdup(p, info.name);
        apr_hash_set(t->page, name, APR_HASH_KEY_STRING,
                     page_read(&rd, apr_pstrcat(p, folder, "/", info.name, NULL), name));
    }
    apr_dir_close(dir);
    for (apr_hash_index_t *i = apr_hash_first(p, rd.includes); i && !rd.failed; i = apr_hash_next(i)) {
        const char *name = apr_hash_this_key(i);
        rd.file = apr_hash_this_val(i);
        if (apr_hash_get(t->page, name, APR_HASH_KEY_STRING) == NULL)
            complain(&rd, NULL, apr_pstrcat(p, "hm:include of a template that is not there: ", name, NULL));
    }
    t->layout = apr_hash_get(t->page, "layout", APR_HASH_KEY_STRING);
    if (!rd.failed && t->layout == NULL)
        complain(&rd, NULL, "layout.xml is missing");
    if (rd.failed)
        return APR_EGENERAL;
    *ret = t;
    return APR_SUCCESS;
}
