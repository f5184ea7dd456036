/*
 * The sites httpd and the PHP-FPM masters are watched by pidfd and started again when they die, what they left behind
 * (orphans keep the listening sockets) being killed first. A start happens in the slot, one at a time; a unit that dies
 * again within a minute waits, up to a minute.
 */
#include "root/change.h"
#include "root/fpm.h"
#include "root/httpd.h"
#include "root/slot.h"
#include <apr_strings.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define QUICK     60 /* a death this many seconds after the start is a strike */
#define DELAY_MAX 60

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* "httpd", "fpm0" ... */
static const char *unit_name(const pv_root_t *root, const pv_unit_t *unit)
{
    long i = unit - root->config->unit;
    return i == 0 ? "httpd" : apr_psprintf(root->tmp, "fpm%ld", i - 1);
}

static void restart(pv_root_t *root, pv_report_t *report, void *ctx)
{
    pv_unit_t *unit = ctx;
    pv_rev_t rev;
    pv_err_t err;
    apr_status_t rv;
    memset(report, 0, sizeof(*report));
    if (unit != &root->config->unit[0])
        rv = pv_fpm_restart(root, (int)(unit - root->config->unit) - 1, &err, root->tmp);
    else if (pv_rev_read(root, &rev) != 0)
        rv = pv_fail(&err, PV_INTERNAL, NULL, "the configuration's number cannot be read: %s", strerror(errno));
    else
        rv = pv_httpd_start(root, rev.served, &err, root->tmp);
    report->reply.code = rv == APR_SUCCESS ? PV_OK : err.code;
    if (rv != APR_SUCCESS)
        memcpy(report->reply.detail, err.text, sizeof(err.text));
}

static void restarted(pv_root_t *root, const pv_report_t *report, void *ctx)
{
    pv_root_log("unit.restarted", "unit=%s code=%s text=\"%s\"", unit_name(root, ctx),
                pv_error_row(report ? report->reply.code : PV_RETRY_LATER)->name, report ? report->reply.detail : "");
    pv_supervise(root);
}

static void died(pv_root_t *root, int fd, void *ctx)
{
    pv_unit_t *unit = ctx;
    pv_root_unwatch(root, fd);
    unit->watched = -1;
    pv_root_log("unit.died", "unit=%s pid=%d", unit_name(root, unit), (int)unit->daemon.pid);
    if (!pv_slot_busy(root))
        pv_supervise(root);
}

static void wake_at(pv_root_t *root, int64_t due)
{
    struct itimerspec at = {.it_value = {.tv_sec = due}};
    timerfd_settime(root->config->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Starts a dead unit, now or when its time has come. */
static void revive(pv_root_t *root, pv_unit_t *unit)
{
    int64_t t = now();
    if (!unit->due) {
        unit->strikes = t - unit->started < QUICK ? unit->strikes + 1 : 0;
        int64_t delay = unit->strikes > 5 ? DELAY_MAX : unit->strikes ? 1 << unit->strikes : 0;
        unit->due = t + delay;
    }
    if (t < unit->due) {
        wake_at(root, unit->due);
    } else if (pv_slot_start(root, restart, restarted, unit) == 0) {
        unit->due = 0;
        unit->started = t;
    }
}

/* Looks a unit up anew; the descriptor that the loop polls is replaced. */
static void look(pv_root_t *root, pv_unit_t *unit)
{
    if (unit->watched >= 0)
        pv_root_unwatch(root, unit->watched);
    unit->watched = -1;
    if (unit->daemon.dir < 0 || !pv_daemon_find(&unit->daemon, root->config->proc))
        return;
    unit->want = 1;
    unit->due = 0;
    unit->watched = unit->daemon.pidfd;
    pv_root_watch(root, unit->watched, died, unit);
}

/* Each master is where the live configuration says; one that is nowhere there is not ours to start. */
static void attach_masters(pv_root_t *root)
{
    uint64_t standing[PV_MASTERS_MAX];
    if (pv_fpm_standing(root, standing, root->tmp) != 0)
        return;
    for (int k = 0; k < root->config->masters; k++) {
        pv_unit_t *unit = &root->config->unit[1 + k];
        if (unit->watched >= 0)
            pv_root_unwatch(root, unit->watched);
        unit->watched = -1;
        unit->want = pv_fpm_attach(root, unit, k, standing[k]) == 0 &&
                     faccessat(unit->daemon.dir, strrchr(unit->mark, '/') + 1, F_OK, 0) == 0;
    }
}

void pv_supervise(pv_root_t *root)
{
    struct pv_config *config = root->config;
    attach_masters(root);
    for (int i = 0; i <= config->masters; i++)
        look(root, &config->unit[i]);
    for (int i = 0; i <= config->masters && !pv_slot_busy(root); i++)
        if (config->unit[i].want && config->unit[i].watched < 0)
            revive(root, &config->unit[i]);
}

static void timer_fired(pv_root_t *root, int fd, void *ctx)
{
    uint64_t n;
    if (read(fd, &n, sizeof(n)) == sizeof(n) && !pv_slot_busy(root))
        pv_supervise(root);
}

int pv_supervise_open(pv_root_t *root)
{
    root->config->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (root->config->timer < 0)
        return -1;
    pv_root_watch(root, root->config->timer, timer_fired, NULL);
    return 0;
}
