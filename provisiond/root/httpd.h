/*
 * The sites httpd: testing its whole configuration, starting it, signalling it, and the proof of what it serves.
 */
#ifndef PV_ROOT_HTTPD_H
#define PV_ROOT_HTTPD_H

#include "root/place.h"
#include "root/run.h"

#define PV_SERVE_SECONDS 30

/* 'httpd -t' of what is live. The error is httpd's message, with file and line. */
apr_status_t pv_httpd_test(const pv_root_t *root, pv_err_t *err, apr_pool_t *p);

/* Starts it where it does not run (leftovers are killed, a stale pid file goes), and waits until REV is served. */
apr_status_t pv_httpd_start(pv_root_t *root, uint64_t rev, pv_err_t *err, apr_pool_t *p);

/* After the signal: waits until the running one serves REV; fails at once when it dies. */
apr_status_t pv_httpd_await(const pv_root_t *root, uint64_t rev, pv_err_t *err);

/* Throws away beacons that came before. */
void pv_beacon_drain(const pv_root_t *root);

/* Waits at most SECONDS for a beacon of REV from a child of PARENT; PARENTFD ends the wait when the parent dies. 1, or
 * 0. */
int pv_beacon_await(const pv_root_t *root, uint64_t rev, pid_t parent, int parentfd, int seconds);

#endif
