/*
 * PHP-FPM masters. Master K holds the pools of shard K and stands in RunDir/fpm/REV, REV being the configuration's
 * number when it was started; the live 000-rev.conf says which (Define FPMk). A master is never reloaded: a change
 * starts a new one beside it.
 */
#ifndef PV_ROOT_FPM_H
#define PV_ROOT_FPM_H

#include "root/change.h"

/* Where each master stands, by the live configuration; 0: nowhere yet. */
int pv_fpm_standing(const pv_root_t *root, uint64_t rev[PV_MASTERS_MAX], apr_pool_t *p);

/* The text of the live 000-rev.conf for number REV with the masters at STANDING. */
apr_status_t pv_fpm_revision(const char **ret, const pv_root_t *root, uint64_t rev,
                             const uint64_t standing[PV_MASTERS_MAX], pv_err_t *err, apr_pool_t *p);

/* Lets PHP-FPM read the first N pools of SET: 'php-fpm -t'. */
apr_status_t pv_fpm_test(const pv_root_t *root, const pv_changes_t *set, int n, pv_err_t *err, apr_pool_t *p);

/* The pools that master K will have: those that are live, and SET's in their place. "" for none. */
const char *pv_fpm_pools(const pv_root_t *root, int k, const pv_changes_t *set, apr_pool_t *p);

/* Starts master K with POOLS in RunDir/fpm/REV; its unit is set to it. */
apr_status_t pv_fpm_start(pv_root_t *root, int k, uint64_t rev, const char *pools, pv_err_t *err, apr_pool_t *p);

/* Starts master K again as it was, in the folder that its unit names. */
apr_status_t pv_fpm_restart(pv_root_t *root, int k, pv_err_t *err, apr_pool_t *p);

/* Makes UNIT the master K in RunDir/fpm/REV (its folder is opened, the one before closed). 0, or -1: no such folder. */
int pv_fpm_attach(const pv_root_t *root, pv_unit_t *unit, int k, uint64_t rev);

/* Removes RunDir/fpm/REV and what is in it. */
int pv_fpm_forget(const struct pv_config *config, uint64_t rev, apr_pool_t *p);

#endif
