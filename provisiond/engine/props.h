/*
 * Reading flat properties (an object's, a plan's) and making the paths that a place or a site's id stands for. What is
 * absent reads as "" or an empty list, which no property may hold otherwise.
 */
#ifndef PV_ENGINE_PROPS_H
#define PV_ENGINE_PROPS_H

#include "conf.h"
#include "proto/names.h"
#include <apr_pools.h>
#include <jansson.h>

const char *pv_props_str(const json_t *props, const char *name);
int pv_props_flag(const json_t *props, const char *name);
size_t pv_props_count(const json_t *props, const char *list);
const char *pv_props_at(const json_t *props, const char *list, size_t i);

/* Sets a text; "" takes the property away. */
void pv_props_set(json_t *props, const char *name, const char *value);

/* The folder of a checked place text below ROOTS: the whole code base, and what of it is served. */
const char *pv_path_place(const pv_paths_t *roots, const char *place, apr_pool_t *p);
const char *pv_path_root(const pv_paths_t *roots, const char *place); /* the one of ROOTS that it is below */
const char *pv_path_docroot(const pv_paths_t *roots, const char *place, apr_pool_t *p);

/* A site's folder NAME: data, private, tmp, etc. */
const char *pv_path_site(const pv_conf_t *conf, const pv_id_t *site, const char *name, apr_pool_t *p);

#endif
