/*
 * See httpd.h. The running httpd is reached by its pidfd only; 'httpd -k' would start a server where it meant to signal
 * one, and succeeds without saying what came of it.
 */
#include "root/httpd.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#define TEST_SECONDS 60
#define SYSTEMCTL    "/usr/bin/systemctl"

/* Runs ARGV to its end; CODE with what it said, where that is not 0. */
static apr_status_t run_to_end(const pv_root_t *root, const char *const *argv, int seconds, pv_code_t code,
                               pv_err_t *err, apr_pool_t *p)
{
    const pv_run_how_t how = {.null = root->config->null};
    apr_status_t rv = APR_SUCCESS;
    pv_run_t run;
    if (pv_run_start(&run, argv, &how) != 0)
        return pv_fail(err, PV_INTERNAL, NULL, "%s cannot be run: %s", argv[0], strerror(errno));
    if (pv_run_wait(&run, seconds) != 0)
        rv = pv_fail(err, code, NULL, "%s", pv_run_message(&run, p));
    pv_run_close(&run);
    return rv;
}

apr_status_t pv_httpd_test(const pv_root_t *root, pv_err_t *err, apr_pool_t *p)
{
    const char *argv[] = {root->conf->HttpdProgram, "-t", "-f", root->conf->HttpdConfig, NULL};
    return run_to_end(root, argv, TEST_SECONDS, PV_HTTPD_CONFIG_FOREIGN, err, p);
}

/* By its unit: systemd holds the process, we find it by its pid file once it has sent a beacon. */
static apr_status_t start_unit(pv_root_t *root, uint64_t rev, pv_err_t *err, apr_pool_t *p)
{
    const char *argv[] = {SYSTEMCTL, "restart", root->conf->HttpdUnit, NULL};
    pv_daemon_t *d = &root->config->unit[0].daemon;
    struct pollfd beacon = {.fd = root->beacon, .events = POLLIN};
    apr_status_t rv = run_to_end(root, argv, PV_SERVE_SECONDS, PV_HTTPD_DEAD, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    poll(&beacon, 1, PV_SERVE_SECONDS * 1000);
    if (pv_daemon_find(d, root->config->proc) && pv_beacon_await(root, rev, d->pid, d->pidfd, PV_SERVE_SECONDS))
        return APR_SUCCESS;
    return pv_fail(err, PV_HTTPD_DEAD, NULL, "unit %s was started, but serves nothing; its log says why", argv[2]);
}

/* By ourselves: in the foreground of a session of its own, so that its pid and its end are known from the first moment.
 */
static apr_status_t start_own(pv_root_t *root, uint64_t rev, pv_err_t *err, apr_pool_t *p)
{
    const char *argv[] = {root->conf->HttpdProgram, "-f", root->conf->HttpdConfig, "-D", "FOREGROUND", NULL};
    const pv_run_how_t how = {.null = root->config->null, .outlive = 1};
    apr_status_t rv = APR_SUCCESS;
    pv_run_t run;
    if (pv_run_start(&run, argv, &how) != 0)
        return pv_fail(err, PV_HTTPD_DEAD, NULL, "%s cannot be run: %s", argv[0], strerror(errno));
    if (!pv_beacon_await(root, rev, run.pid, run.pidfd, PV_SERVE_SECONDS) ||
        !pv_daemon_find(&root->config->unit[0].daemon, root->config->proc))
        rv = pv_fail(err, PV_HTTPD_DEAD, NULL, "httpd was started, but serves nothing (see its error log): %s",
                     pv_run_message(&run, p));
    pv_run_close(&run);
    return rv;
}

apr_status_t pv_httpd_start(pv_root_t *root, uint64_t rev, pv_err_t *err, apr_pool_t *p)
{
    if (pv_daemon_clear(&root->config->unit[0].daemon, root->config->proc) != 0)
        return pv_fail(err, PV_HTTPD_DEAD, NULL, "processes of the httpd that died cannot be ended: %s",
                       strerror(errno));
    pv_beacon_drain(root);
    return *root->conf->HttpdUnit ? start_unit(root, rev, err, p) : start_own(root, rev, err, p);
}

apr_status_t pv_httpd_await(const pv_root_t *root, uint64_t rev, pv_err_t *err)
{
    const pv_daemon_t *d = &root->config->unit[0].daemon;
    if (pv_beacon_await(root, rev, d->pid, d->pidfd, PV_SERVE_SECONDS))
        return APR_SUCCESS;
    return pv_fail(err, PV_HTTPD_DEAD, NULL,
                   "httpd did not take over configuration %" PRIu64 "; its error log says why", rev);
}
