/*
 * Is it safe to go live? The base configuration is tried with nothing but the changed files, in namespaces of its own:
 * read by 'httpd -t', the names it understood compared with those meant, started as a shadow until its first child
 * reports, and the addresses it listens on bound here. The running httpd and the live folders are not touched.
 */
#ifndef PV_ROOT_PREFLIGHT_H
#define PV_ROOT_PREFLIGHT_H

#include "root/change.h"

/*
 * Tries the first N changes of SET under number REV (REVISION: the text of its file). The error's code is HTTPD_CONFIG
 * or FPM_CONFIG; with N = 0 it is the base configuration that is wrong.
 */
apr_status_t pv_preflight(const pv_root_t *root, const pv_changes_t *set, int n, uint64_t rev, const char *revision,
                          pv_err_t *err, apr_pool_t *p);

#endif
