/*
 * A driver's manifest: AppsDir/APP/manifest.json, everything that C knows about a type of code base. It is read when it
 * is needed and kept nowhere, so a driver folder that is dropped in, changed or taken away counts from the next task
 * on. The keys and their meaning: provision-driver(7).
 */
#ifndef PV_ENGINE_MANIFEST_H
#define PV_ENGINE_MANIFEST_H

#include "engine/step.h"
#include "proto/error.h"
#include "proto/names.h"
#include <apr_pools.h>
#include <jansson.h>

typedef struct {
    int n;
    const char **s;
} pv_strings_t;

typedef struct {
    const char *name; /* "install" */
    int deadline;     /* seconds */
    int net;          /* the host's network in its jail */
    pv_step_kind_t kind;
    const char *label, *permission;
    const char *run;   /* the kind of object on which people can ask for it by itself; NULL: it serves other tasks */
    pv_strings_t args; /* fields of such a task that it takes */
} pv_verb_t;

typedef struct {
    pv_app_t app; /* its name, which is its folder's */
    const char *label;
    pv_strings_t databases; /* service types of which a site needs one; none: a site has no database */
    pv_strings_t marker;    /* files below a docroot, all of which tell this type from others */
    pv_strings_t data;      /* what of a site's folders its driver fills */
    pv_strings_t except;    /* names left out when a code base is copied */
    pv_strings_t fields;    /* fields of an install that it takes */
    pv_strings_t required;  /* ... and cannot do without */
    int link;               /* a platform gets DOCROOT/sites/ID -> the site's data */
    int php;                /* a site has a PHP-FPM pool */
    const char *path;       /* probe: what a new site is asked for, uncached */
    int title;              /* probe: the answer's <title> holds the site's title */
    int nverbs;
    const pv_verb_t *verb;
} pv_manifest_t;

/* SCHEMA with field "app" where there is no such driver, DRIVER_FAILED where its manifest is wrong; both name file and
 * key. */
apr_status_t pv_manifest_read(const pv_manifest_t **ret, const char *apps_dir, const char *app, pv_err_t *err,
                              apr_pool_t *p);

/* All installed drivers by name; one with a wrong manifest is left out, and the log says why. */
apr_status_t pv_manifest_list(const pv_manifest_t ***ret, int *n, const char *apps_dir, pv_err_t *err, apr_pool_t *p);

const pv_verb_t *pv_manifest_verb(const pv_manifest_t *m, const char *name); /* NULL: it does not have it */
int pv_strings_have(const pv_strings_t *strings, const char *s);
const char *pv_strings_join(const pv_strings_t *strings, const char *between, apr_pool_t *p); /* "a, b" */
json_t *pv_strings_json(const pv_strings_t *strings);                                         /* a new list */

#endif
