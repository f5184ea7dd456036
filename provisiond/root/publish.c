/*
 * See publish.h. Order: preflight, new masters, swap, 'httpd -t' of the whole, signal, proof. Up to the signal a
 * failure changes nothing that is served; after it, the old files come back and httpd is started with them.
 */
#include "root/publish.h"
#include "fault.h"
#include "root/change.h"
#include "root/fpm.h"
#include "root/httpd.h"
#include "root/listen.h"
#include "root/preflight.h"
#include <apr_strings.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHILDREN_MAX 256
#define CLOSE_TRIES  1000
#define CLOSE_MS     5

typedef struct {
    pv_root_t *root;
    struct pv_config *config;
    apr_pool_t *p;
    pv_changes_t set;
    pv_rev_t rev;
    uint64_t standing[PV_MASTERS_MAX]; /* where each master will stand */
    const char *pools[PV_MASTERS_MAX]; /* of a master to be started; NULL: none is */
    const char *revision;
    pv_err_t err;
    int culprit;     /* index of the change that is to blame, or -1 */
    uint64_t reload; /* microseconds from the swap to the proof, 0: httpd serves the same as before */
} publish_t;

static apr_status_t io_error(publish_t *u, const char *what)
{
    pv_code_t code = errno == ENOSPC || errno == EDQUOT ? PV_DISK_FULL : PV_INTERNAL;
    return pv_fail(&u->err, code, NULL, "%s: %s", what, strerror(errno));
}

static int shard_changed(const publish_t *u, int k)
{
    for (int i = 0; i < u->set.n; i++)
        if (u->set.row[i].text[PV_TREE_FPM] && pv_shard(u->config, &u->set.row[i].id) == k)
            return 1;
    return 0;
}

/* Which masters have to be started: those whose pools change, and those that ought to run and don't. */
static apr_status_t plan_masters(publish_t *u)
{
    if (pv_fpm_standing(u->root, u->standing, u->p) != 0)
        return io_error(u, "reading the live configuration");
    for (int k = 0; k < u->config->masters; k++) {
        pv_unit_t *unit = &u->config->unit[1 + k];
        int runs = u->standing[k] && pv_fpm_attach(u->root, unit, k, u->standing[k]) == 0 &&
                   pv_daemon_find(&unit->daemon, u->config->proc);
        u->pools[k] = NULL;
        if (runs && !shard_changed(u, k))
            continue;
        const char *pools = pv_fpm_pools(u->root, k, &u->set, u->p);
        if (!pools)
            return io_error(u, "reading the live pools");
        u->standing[k] = u->rev.last;
        if (*pools)
            u->pools[k] = pools;
    }
    return APR_SUCCESS;
}

static int new_masters(const publish_t *u)
{
    int n = 0;
    for (int k = 0; k < u->config->masters; k++)
        n += u->pools[k] != NULL;
    return n;
}

static apr_status_t preflight(publish_t *u, int n, pv_err_t *err)
{
    return pv_preflight(u->root, &u->set, n, u->rev.last, u->revision, err, u->p);
}

/* Nothing wrong with none of the changes, something with all of them: the first whose addition breaks it is to blame.
 */
static apr_status_t preflight_all(publish_t *u)
{
    pv_err_t base, part;
    if (preflight(u, u->set.n, &u->err) == APR_SUCCESS)
        return APR_SUCCESS;
    if (u->set.n == 0 || preflight(u, 0, &base) != APR_SUCCESS)
        return pv_fail(&u->err, PV_HTTPD_CONFIG_FOREIGN, NULL, "%s",
                       u->set.n ? base.text : apr_pstrdup(u->p, u->err.text));
    int good = 0, bad = u->set.n;
    while (bad - good > 1) {
        int half = good + (bad - good) / 2;
        if (preflight(u, half, &part) == APR_SUCCESS) {
            good = half;
        } else {
            bad = half;
            u->err = part;
        }
    }
    u->culprit = bad - 1;
    return APR_EGENERAL;
}

/* A message of httpd or PHP-FPM about everything together is a change's if it names it; else somebody else broke it. */
static apr_status_t blame(publish_t *u, pv_code_t ours, pv_code_t foreign)
{
    for (int i = 0; u->culprit < 0 && i < u->set.n; i++)
        if (strstr(u->err.text, u->set.row[i].id.s))
            u->culprit = i;
    u->err.code = u->culprit >= 0 ? ours : foreign;
    return APR_EGENERAL;
}

static void stop_masters(publish_t *u)
{
    for (int k = 0; k < u->config->masters; k++)
        if (u->pools[k] && u->standing[k] == u->rev.last)
            pv_daemon_clear(&u->config->unit[1 + k].daemon, u->config->proc);
    pv_fpm_forget(u->config, u->rev.last, u->p);
}

static apr_status_t start_masters(publish_t *u)
{
    for (int k = 0; k < u->config->masters; k++)
        if (u->pools[k] && pv_fpm_start(u->root, k, u->rev.last, u->pools[k], &u->err, u->p) != APR_SUCCESS)
            return u->err.code == PV_FPM_CONFIG ? blame(u, PV_FPM_CONFIG, PV_FPM_CONFIG) : APR_EGENERAL;
    return APR_SUCCESS;
}

/* The files are in place: does httpd take the whole of them? Log folders and what others changed meanwhile are seen
 * here. */
static apr_status_t swap(publish_t *u)
{
    PV_FAULT("config.preflight", NULL);
    if (pv_changes_swap(u->config, &u->set, u->rev.last, u->revision, u->p) != 0)
        return io_error(u, "writing the live configuration");
    PV_FAULT("config.swapped", NULL);
    if (pv_httpd_test(u->root, &u->err, u->p) != APR_SUCCESS)
        return u->err.code == PV_HTTPD_CONFIG_FOREIGN ? blame(u, PV_HTTPD_CONFIG, PV_HTTPD_CONFIG_FOREIGN)
                                                      : APR_EGENERAL;
    return APR_SUCCESS;
}

/* The old children are told to stop before the new ones begin, but take a moment to close their sockets; until then one
 * of them may still take a visitor's connection. */
static void await_old_children(publish_t *u, const pid_t *child, int n)
{
    pv_listen_t listens[PV_LISTENS_MAX];
    for (int tries = 0; n > 0 && tries < CLOSE_TRIES; tries++) {
        while (n > 0 && pv_listens(u->config->proc, child[n - 1], listens) <= 0)
            n--;
        if (n > 0)
            poll(NULL, 0, CLOSE_MS);
    }
}

static apr_status_t serve(publish_t *u, int *signalled)
{
    pid_t child[CHILDREN_MAX];
    pv_daemon_t *httpd = &u->config->unit[0].daemon;
    if (!pv_daemon_find(httpd, u->config->proc)) {
        *signalled = 1;
        return pv_httpd_start(u->root, u->rev.last, &u->err, u->p);
    }
    pv_beacon_drain(u->root);
    int n = pv_proc_children(u->config->proc, httpd->pid, child, CHILDREN_MAX);
    if (pv_daemon_signal(httpd, SIGUSR1) == 0)
        *signalled = 1;
    PV_FAULT("config.signalled", NULL);
    apr_status_t rv = pv_httpd_await(u->root, u->rev.last, &u->err);
    if (rv == APR_SUCCESS)
        await_old_children(u, child, n);
    return rv;
}

static void put_back(publish_t *u, int signalled)
{
    uint64_t old = u->rev.served;
    pv_err_t err;
    if (pv_changes_put_back(u->config, u->rev.last, u->p) != 0)
        pv_root_log("config.put_back", "rev=%" PRIu64 " error=\"%s\"", u->rev.last, strerror(errno));
    else if (signalled && old && pv_httpd_start(u->root, old, &err, u->p) != APR_SUCCESS)
        pv_root_log("config.put_back", "rev=%" PRIu64 " code=%s text=\"%s\"", old, pv_error_row(err.code)->name,
                    err.text);
}

static uint64_t usec_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static apr_status_t go_live(publish_t *u)
{
    int signalled = 0;
    if (start_masters(u) != APR_SUCCESS) {
        stop_masters(u);
        return APR_EGENERAL;
    }
    uint64_t began = usec_now();
    if (swap(u) != APR_SUCCESS || serve(u, &signalled) != APR_SUCCESS) {
        pv_err_t why = u->err;
        put_back(u, signalled);
        stop_masters(u);
        u->err = why;
        return APR_EGENERAL;
    }
    u->reload = usec_now() - began + 1;
    u->rev.served = u->rev.last;
    if (pv_rev_write(u->root, &u->rev) != 0)
        return io_error(u, "writing the configuration's number");
    PV_FAULT("config.served", NULL);
    pv_changes_prune(u->config, u->rev.served, u->p);
    return APR_SUCCESS;
}

/* Nothing to do: nothing staged, and what is live was proven since we started and still runs. */
static int is_served(publish_t *u)
{
    return u->set.n == 0 && u->config->served && new_masters(u) == 0 &&
           pv_daemon_find(&u->config->unit[0].daemon, u->config->proc);
}

static apr_status_t run(publish_t *u)
{
    if (pv_changes_recover(u->root, u->p) != 0 || pv_rev_read(u->root, &u->rev) != 0)
        return io_error(u, "reading the configuration's number");
    if (pv_changes_load(u->config, &u->set, u->p) != 0)
        return io_error(u, "reading what is staged");
    u->rev.last++;
    if (plan_masters(u) != APR_SUCCESS)
        return APR_EGENERAL;
    if (is_served(u))
        return APR_SUCCESS;
    if (pv_rev_write(u->root, &u->rev) != 0)
        return io_error(u, "writing the configuration's number");
    if (pv_fpm_revision(&u->revision, u->root, u->rev.last, u->standing, &u->err, u->p) != APR_SUCCESS ||
        preflight_all(u) != APR_SUCCESS)
        return APR_EGENERAL;
    return go_live(u);
}

void pv_publish(pv_root_t *root, pv_report_t *report)
{
    publish_t u = {.root = root, .config = root->config, .p = root->tmp, .culprit = -1};
    memset(report, 0, sizeof(*report));
    /* Children that outlived their parent hold the addresses, and nobody reloads them any more. */
    if (!pv_daemon_find(&u.config->unit[0].daemon, u.config->proc))
        pv_daemon_clear(&u.config->unit[0].daemon, u.config->proc);
    if (run(&u) == APR_SUCCESS) {
        report->reply.code = PV_OK;
        report->reply.a = u.rev.served;
        report->reply.b = u.reload;
        return;
    }
    report->reply.code = u.err.code;
    snprintf(report->reply.detail, sizeof(report->reply.detail), "%s", u.err.text);
    if (u.culprit < 0)
        return;
    const pv_id_t *id = &u.set.row[u.culprit].id;
    memcpy(report->culprit, id->s, sizeof(report->culprit));
    for (int t = 0; t < PV_TREES; t++)
        if (pv_tree_park(&u.config->tree[t], id) != 0)
            pv_root_log("config.park", "site=%s error=\"%s\"", id->s, strerror(errno));
}
