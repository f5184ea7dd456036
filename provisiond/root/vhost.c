/*
 * Operation vhost: a site's virtual host, from the templates in TemplatesDir/httpd and the driver's httpd.conf in
 * AppsDir/APP. The file begins with two lines of ours, what it listens on and the names it is meant to have; the
 * preflight compares these with what httpd understood.
 */
#include "root/args.h"
#include "root/place.h"
#include "root/render.h"
#include <apr_strings.h>
#include <string.h>

enum { ARG_SITE, ARG_VERB, ARG_STATE, ARG_APP, ARG_PLACE, ARG_PORT, ARG_REDIRECT, ARG_ADDRS, ARG_LIST };

#define NAMES_MAX PV_DGRAM_ARGS
#define ADDRS_MAX 16

typedef struct {
    pv_id_t id;
    const char *state, *app;
    unsigned port;
    int naddr, nnames;
    pv_addr_t addr[ADDRS_MAX];
    const pv_domain_t *name[NAMES_MAX]; /* the one that ServerName is comes first */
    int redirect;                       /* all others redirect to the first */
} vhost_t;

static int take_lists(vhost_t *v, const pv_dgram_t *m, apr_pool_t *p)
{
    unsigned at = ARG_LIST;
    v->naddr = (int)pv_arg_num(m, ARG_ADDRS);
    if (v->naddr > ADDRS_MAX)
        return -1;
    for (int i = 0; i < v->naddr; i++, at++)
        if (pv_addr_parse(&v->addr[i], m->arg[at].s, m->arg[at].len) != APR_SUCCESS)
            return -1;
    for (; at < m->head.argc; at++) {
        pv_domain_t *d = apr_palloc(p, sizeof(*d));
        if (pv_domain_parse(d, m->arg[at].s, m->arg[at].len) != APR_SUCCESS)
            return -1;
        v->name[v->nnames++] = d;
    }
    return v->nnames > 0 && v->port > 0 ? 0 : -1;
}

/* The name that all others redirect to goes first. -1: it is none of the names. */
static int take_redirect(vhost_t *v, const pv_dgram_t *m)
{
    pv_domain_t to;
    if (!pv_arg_given(m, ARG_REDIRECT))
        return 0;
    if (pv_domain_parse(&to, m->arg[ARG_REDIRECT].s, m->arg[ARG_REDIRECT].len) != APR_SUCCESS)
        return -1;
    for (int i = 0; i < v->nnames; i++)
        if (strcmp(v->name[i]->s, to.s) == 0) {
            const pv_domain_t *first = v->name[0];
            v->name[0] = v->name[i];
            v->name[i] = first;
            v->redirect = v->nnames > 1;
            return 0;
        }
    return -1;
}

/* Words of where the site's code and files are. The docroot is empty for a site without a platform. */
static apr_status_t add_paths(pv_words_t *w, const pv_root_t *root, const vhost_t *v, const pv_dgram_t *m,
                              pv_err_t *err)
{
    const struct pv_config *config = root->config;
    pv_place_t place;
    pv_word_path(w, "DATA", root->conf->SitesRoot, "/", v->id.s, "/data", NULL);
    pv_word_path(w, "POOL", apr_psprintf(w->p, "${FPM%d}/", pv_shard(config, &v->id)), v->id.s, ".sock", NULL);
    if (!pv_arg_given(m, ARG_PLACE)) {
        pv_word_none(w, "DOCROOT");
        return APR_SUCCESS;
    }
    place = pv_arg_place(m, ARG_PLACE);
    if (place.root >= (unsigned)root->conf->PlatformRoot.n)
        return pv_fail(err, PV_ROOT_NOT_ALLOWED, "platform", "there is no PlatformRoot %u", place.root);
    const char *path = root->conf->PlatformRoot.path[place.root];
    for (unsigned i = 0; i < place.n; i++)
        path = apr_pstrcat(w->p, path, "/", place.comp[i].s, NULL);
    pv_word_path(w, "DOCROOT", path, place.docroot.s[0] ? "/" : "", place.docroot.s, NULL);
    return APR_SUCCESS;
}

/* What a site with PHP needs besides is left out of the others' virtual hosts: a third of what they cost httpd at each
 * reload. */
static apr_status_t add_blocks(pv_words_t *w, const pv_root_t *root, const vhost_t *v, pv_err_t *err)
{
    const char *app = "", *php = "", *redirection = "";
    apr_status_t rv = pv_render(&app, w, root->apps, apr_pstrcat(w->p, v->app, "/httpd.conf", NULL), err);
    if (rv == APR_SUCCESS && strstr(app, "|fcgi://"))
        rv = pv_render(&php, w, root->templates, "httpd/php.conf", err);
    if (rv == APR_SUCCESS && v->redirect)
        rv = pv_render(&redirection, w, root->templates, "httpd/redirect.conf", err);
    pv_word_block(w, "APP", app);
    pv_word_block(w, "PHP", php);
    pv_word_block(w, "REDIRECTION", redirection);
    return rv;
}

static void add_names(pv_words_t *w, const vhost_t *v)
{
    int own = v->redirect ? 1 : v->nnames; /* those the site itself answers to */
    pv_word_id(w, "ID", &v->id);
    pv_word_listen(w, "LISTEN", v->addr, v->naddr, v->port);
    pv_word_domains(w, "HOST", v->name, 1);
    pv_word_domains(w, "ALIASES", v->name + 1, own - 1);
    pv_word_domains(w, "OTHER", v->name + own, v->redirect);
    pv_word_domains(w, "OTHERS", v->name + own + 1, v->redirect ? v->nnames - 2 : 0);
    pv_word_domains(w, "NAMES", v->name, v->nnames);
    pv_word_authority(w, "AUTHORITY", v->name[0], v->port);
}

static apr_status_t render(const char **ret, const pv_root_t *root, vhost_t *v, const pv_dgram_t *m, apr_pool_t *p,
                           pv_err_t *err)
{
    int on = strcmp(v->state, "ON") == 0;
    pv_words_t *w = apr_palloc(p, sizeof(*w));
    pv_words_init(w, PV_HTTPD_CONFIG, p);
    if (!on)
        v->redirect = 0; /* a disabled site says so under each of its names */
    add_names(w, v);
    if (on) {
        apr_status_t rv = add_paths(w, root, v, m, err);
        if (rv == APR_SUCCESS)
            rv = add_blocks(w, root, v, err);
        if (rv != APR_SUCCESS)
            return rv;
    }
    const char *body;
    apr_status_t rv = pv_render(&body, w, root->templates, on ? "httpd/site.conf" : "httpd/disabled.conf", err);
    if (rv == APR_SUCCESS)
        *ret = apr_pstrcat(p, "#listen ", pv_word_value(w, "LISTEN"), "\n#names ", pv_word_value(w, "NAMES"), "\n",
                           body, NULL);
    return rv;
}

void pv_op_vhost(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    apr_pool_t *p = root->tmp;
    vhost_t *v = apr_pcalloc(p, sizeof(*v));
    const char *verb = pv_arg_str(m, ARG_VERB, p), *text = "";
    pv_err_t err;
    v->id = pv_arg_id(m, ARG_SITE);
    v->state = pv_arg_given(m, ARG_STATE) ? pv_arg_str(m, ARG_STATE, p) : "NONE";
    if (strcmp(v->state, "NONE") != 0) {
        v->port = (unsigned)pv_arg_num(m, ARG_PORT);
        v->app = pv_arg_given(m, ARG_APP) ? pv_arg_str(m, ARG_APP, p) : NULL;
        if (!v->app || take_lists(v, m, p) != 0 || take_redirect(v, m) != 0) {
            pv_answer_fail(answer, PV_SCHEMA,
                           "a virtual host needs app, port, at most 16 addresses, names, and redirects to a name");
            return;
        }
        if (render(&text, root, v, m, p, &err) != APR_SUCCESS) {
            pv_answer_fail(answer, err.code, "%s", err.text);
            return;
        }
    }
    pv_tree_op(&root->config->tree[PV_TREE_HTTPD], &v->id, verb, text, answer, p);
}
