/*
 * Operation pool: a site's PHP-FPM pool, from TemplatesDir/php-fpm/pool.conf. A site that is switched off keeps no
 * pool.
 */
#include "root/args.h"
#include "root/place.h"
#include "root/render.h"
#include <string.h>

enum { ARG_SITE, ARG_VERB, ARG_STATE };

static apr_status_t render(const char **ret, const pv_root_t *root, const pv_id_t *id, apr_pool_t *p, pv_err_t *err)
{
    const pv_conf_t *conf = root->conf;
    pv_words_t *w = apr_palloc(p, sizeof(*w));
    uid_t uid = pv_registry_uid(root, id);
    if (uid == 0)
        return pv_fail(err, PV_NO_OBJECT, "site", "site %s has no uid on this machine", id->s);
    pv_words_init(w, PV_FPM_CONFIG, p);
    pv_word_id(w, "ID", id);
    pv_word_num(w, "UID", uid);
    pv_word_num(w, "SITES_UID", conf->SitesUser.uid);
    pv_word_num(w, "SITES_GID", conf->SitesUser.gid);
    pv_word_path(w, "SITE", conf->SitesRoot, "/", id->s, NULL);
    return pv_render(ret, w, root->templates, "php-fpm/pool.conf", err);
}

void pv_op_pool(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    const char *verb = pv_arg_str(m, ARG_VERB, root->tmp), *text = "";
    pv_id_t id = pv_arg_id(m, ARG_SITE);
    pv_err_t err;
    if (pv_arg_is(m, ARG_STATE, "ON") && render(&text, root, &id, root->tmp, &err) != APR_SUCCESS)
        pv_answer_fail(answer, err.code, "%s", err.text);
    else
        pv_tree_op(&root->config->tree[PV_TREE_FPM], &id, verb, text, answer, root->tmp);
}
