/*
 * Flat properties and paths. Properties come from checked fields or from the journal, places were parsed before they
 * were stored: what is wrong here is a defect, and an assertion says so.
 */
#include "engine/props.h"
#include <apr_strings.h>
#include <assert.h>
#include <string.h>

const char *pv_props_str(const json_t *props, const char *name)
{
    const char *s = json_string_value(json_object_get(props, name));
    return s ? s : "";
}

int pv_props_flag(const json_t *props, const char *name)
{
    return json_is_true(json_object_get(props, name));
}

size_t pv_props_count(const json_t *props, const char *list)
{
    return json_array_size(json_object_get(props, list));
}

const char *pv_props_at(const json_t *props, const char *list, size_t i)
{
    return json_string_value(json_array_get(json_object_get(props, list), i));
}

void pv_props_set(json_t *props, const char *name, const char *value)
{
    if (*value)
        json_object_set_new(props, name, json_string(value));
    else
        json_object_del(props, name);
}

static const char *place_path(const pv_paths_t *roots, const char *text, int docroot, apr_pool_t *p)
{
    pv_place_t place;
    const char *path;
    unsigned i;
    apr_status_t rv = pv_place_parse(&place, text, strlen(text));

    assert(rv == APR_SUCCESS && place.root < (unsigned)roots->n);
    path = roots->path[place.root];
    for (i = 0; i < place.n; i++)
        path = apr_pstrcat(p, path, "/", place.comp[i].s, NULL);
    return docroot && place.docroot.s[0] ? apr_pstrcat(p, path, "/", place.docroot.s, NULL) : path;
}

const char *pv_path_place(const pv_paths_t *roots, const char *place, apr_pool_t *p)
{
    return place_path(roots, place, 0, p);
}

const char *pv_path_docroot(const pv_paths_t *roots, const char *place, apr_pool_t *p)
{
    return place_path(roots, place, 1, p);
}

const char *pv_path_site(const pv_conf_t *conf, const pv_id_t *site, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->SitesRoot, "/", site->s, "/", name, NULL);
}
