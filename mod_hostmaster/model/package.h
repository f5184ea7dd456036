/*
 * What the drivers tell of packages, made into rows: package, release, instance. A set of an object's (a scan) is
 * written as it comes and shown from its end on. Facts come from tenants: every text is bounded, and is only words;
 * what a site calls a package is seen by who sees the site.
 */
#ifndef HM_MODEL_PACKAGE_H
#define HM_MODEL_PACKAGE_H

#include "db.h"

#define HM_PACKAGES_MAX 5000 /* instances of one object; what comes after them is not kept */

/* Events `facts` and `facts-end` of a platform's or a site's packages. A set is shown from its end on, when the former
 * one goes; if some of it did not come, nothing changes. In the caller's transaction, as all here. */
apr_status_t hm_packages_take(hm_db_t *db, const json_t *event, pv_err_t *err, apr_pool_t *p);
apr_status_t hm_packages_end(hm_db_t *db, const json_t *event, pv_err_t *err);

/* OBJECT is gone, and what it had. */
apr_status_t hm_packages_forget(hm_db_t *db, const char *object, pv_err_t *err);

#endif
