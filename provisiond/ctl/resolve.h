/*
 * From what a person writes to what the protocol takes: contexts to ids, absolute paths to places, the context's name
 * to the field `name`, and the fields of an object that is there already where a task needs them again.
 */
#ifndef PV_CTL_RESOLVE_H
#define PV_CTL_RESOLVE_H

#include "ctl/ctl.h"

typedef struct {
    pv_id_t id;
    uint64_t revision;   /* 0: a new object, whose id was made here */
    pv_fields_t *fields; /* checked by the task's rows */
} pv_target_t;

apr_status_t pv_target_resolve(pv_target_t *ret, pv_ctl_t *ctl, pv_err_t *err);

/*
 * An absolute path below one of ROOTS, "/srv/platforms/pages-10:web", as "0:pages-10:web"; the longest root wins.
 * ROOT_NOT_ALLOWED names the roots.
 */
apr_status_t pv_place_of_path(const char **ret, const pv_paths_t *roots, const char *directive, const char *path,
                              const char *field, pv_err_t *err, apr_pool_t *p);

#endif
