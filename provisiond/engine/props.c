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

static pv_place_t stored_place(const pv_paths_t *roots, const char *text)
{
    pv_place_t place;
    apr_status_t rv = pv_place_parse(&place, text, strlen(text));

    assert(rv == APR_SUCCESS && place.root < (unsigned)roots->n);
    return place;
}

const char *pv_path_root(const pv_paths_t *roots, const char *place)
{
    return roots->path[stored_place(roots, place).root];
}

const char *pv_path_place(const pv_paths_t *roots, const char *place, apr_pool_t *p)
{
    pv_place_t parsed = stored_place(roots, place);
    const char *path = roots->path[parsed.root];
    unsigned i;

    for (i = 0; i < parsed.n; i++)
        path = apr_pstrcat(p, path, "/", parsed.comp[i].s, NULL);
    return path;
}

const char *pv_path_docroot(const pv_paths_t *roots, const char *place, apr_pool_t *p)
{
    pv_place_t parsed = stored_place(roots, place);
    const char *path = pv_path_place(roots, place, p);

    return parsed.docroot.s[0] ? apr_pstrcat(p, path, "/", parsed.docroot.s, NULL) : path;
}

const char *pv_path_site(const pv_conf_t *conf, const pv_id_t *site, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->SitesRoot, "/", site->s, "/", name, NULL);
}
