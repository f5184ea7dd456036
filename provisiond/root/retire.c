/*
 * See retire.h. The list is made from the folders in RunDir/fpm, so a crash of ours loses nothing: the next success
 * finds again what is left. A timer ticks only while somebody is on the list.
 */
#include "root/retire.h"
#include "root/files.h"
#include "root/fpm.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define OLD_MAX      64
#define CHILDREN_MAX 64
#define IN_PEACE     4
#define GRACE        60
#define TICK_NSEC    100000000

/* The children that an httpd had at some time. */
typedef struct {
    pid_t parent;
    pid_t child[CHILDREN_MAX];
    int n;
} generation_t;

typedef struct {
    pv_unit_t unit;
    uint64_t rev;
    int k;
    int64_t since, quit;   /* monotonic seconds; quit 0: not asked yet */
    generation_t asked_by; /* who knows it */
} old_t;

struct pv_retire {
    int timer;
    int n;
    old_t *old[OLD_MAX]; /* oldest first */
    generation_t latest;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Often, since a site that is disabled or deleted waits for the end of the master that has its pool. */
static void tick(struct pv_retire *retire, int on)
{
    struct timespec t = {.tv_nsec = on ? TICK_NSEC : 0};
    timerfd_settime(retire->timer, 0, &(struct itimerspec){t, t}, NULL);
}

static int ended(const pv_daemon_t *d)
{
    struct pollfd p = {.fd = d->pidfd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* Is a child of the old generation still there? */
static int known(const pv_root_t *root, const old_t *old)
{
    const generation_t *g = &old->asked_by;
    for (int i = 0; i < g->n; i++)
        if (pv_proc_parent(root->config->proc, g->child[i]) == g->parent)
            return 1;
    return 0;
}

static void forget(pv_root_t *root, const old_t *old)
{
    uint64_t standing[PV_MASTERS_MAX];
    struct pv_retire *retire = root->config->retire;
    int used = pv_fpm_standing(root, standing, root->tmp) != 0;
    for (int k = 0; k < PV_MASTERS_MAX; k++)
        used |= standing[k] == old->rev;
    for (int i = 0; i < retire->n; i++)
        used |= retire->old[i]->rev == old->rev;
    if (!used && pv_fpm_forget(root->config, old->rev, root->tmp) != 0)
        pv_root_log("fpm.forget", "rev=%" PRIu64 " error=\"%s\"", old->rev, strerror(errno));
}

static void drop(pv_root_t *root, int i)
{
    struct pv_retire *retire = root->config->retire;
    old_t *old = retire->old[i];
    pv_daemon_clear(&old->unit.daemon, root->config->proc);
    memmove(&retire->old[i], &retire->old[i + 1], (size_t)(retire->n - i - 1) * sizeof(retire->old[0]));
    retire->n--;
    pv_root_log("fpm.retired", "rev=%" PRIu64 " master=%d", old->rev, old->k);
    forget(root, old);
    close(old->unit.daemon.dir);
    free(old);
}

static void look(pv_root_t *root)
{
    struct pv_retire *retire = root->config->retire;
    int64_t t = now();
    int in_peace = 0;
    for (int i = 0; i < retire->n; i++)
        in_peace += !retire->old[i]->quit;
    for (int i = 0; i < retire->n; i++) {
        old_t *old = retire->old[i];
        if (ended(&old->unit.daemon) || (old->quit && t - old->quit >= GRACE)) {
            drop(root, i--);
        } else if (!old->quit && (in_peace > IN_PEACE || t - old->since >= GRACE || !known(root, old))) {
            pv_daemon_signal(&old->unit.daemon, SIGQUIT);
            old->quit = t;
            in_peace--;
        }
    }
    tick(retire, retire->n > 0);
}

static void ticked(pv_root_t *root, int fd, void *ctx)
{
    uint64_t n;
    if (read(fd, &n, sizeof(n)) == sizeof(n))
        look(root);
}

int pv_retire_open(pv_root_t *root)
{
    struct pv_retire *retire = root->config->retire = apr_pcalloc(root->p, sizeof(*retire));
    retire->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (retire->timer >= 0)
        pv_root_watch(root, retire->timer, ticked, NULL);
    return retire->timer >= 0 ? 0 : -1;
}

void pv_retire_snapshot(pv_root_t *root)
{
    generation_t *g = &root->config->retire->latest;
    const pv_daemon_t *httpd = &root->config->unit[0].daemon;
    g->parent = httpd->pid;
    g->n = httpd->pidfd >= 0 ? pv_proc_children(root->config->proc, httpd->pid, g->child, CHILDREN_MAX) : 0;
}

static int listed(const struct pv_retire *retire, uint64_t rev, int k)
{
    for (int i = 0; i < retire->n; i++)
        if (retire->old[i]->rev == rev && retire->old[i]->k == k)
            return 1;
    return 0;
}

static void add(pv_root_t *root, uint64_t rev, int k)
{
    struct pv_retire *retire = root->config->retire;
    old_t *old = calloc(1, sizeof(*old));
    if (!old)
        return;
    old->unit = (pv_unit_t){.daemon = {.dir = -1, .pidfd = -1}, .watched = -1};
    if (pv_fpm_attach(root, &old->unit, k, rev) != 0 || !pv_daemon_find(&old->unit.daemon, root->config->proc)) {
        if (old->unit.daemon.dir >= 0)
            close(old->unit.daemon.dir);
        free(old);
        return;
    }
    old->rev = rev;
    old->k = k;
    old->since = now();
    old->asked_by = retire->latest;
    retire->old[retire->n++] = old;
}

void pv_retire_others(pv_root_t *root)
{
    struct pv_retire *retire = root->config->retire;
    uint64_t standing[PV_MASTERS_MAX];
    char **name;
    if (pv_fpm_standing(root, standing, root->tmp) != 0 || pv_dir_list(&name, root->config->run_fpm, root->tmp) != 0)
        return;
    for (; *name; name++) {
        uint64_t rev = strtoull(*name, NULL, 10);
        for (int k = 0; rev && k < PV_MASTERS_MAX && retire->n < OLD_MAX; k++)
            if (standing[k] != rev && !listed(retire, rev, k))
                add(root, rev, k);
    }
    look(root);
}
