/*
 * One thread, one poll. A turn hands each ready descriptor to its watcher, reaps what has ended, and lets kids.c start
 * what is due; then the turn's pool is cleared. Nothing here waits for anything but the poll.
 */
#include "root/loop.h"
#include "root/config.h"
#include "root/evict.h"
#include "root/kids.h"
#include "root/spawn.h"
#include <apr_tables.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int fd;
    unsigned serial; /* tells a watch from a later one of the same number */
    pv_watch_fn *fn;
    void *ctx;
} watch_t;

struct pv_loop {
    apr_array_header_t *watches; /* of watch_t */
    apr_array_header_t *polled;  /* of struct pollfd: this turn's */
    unsigned serial;
};

static watch_t *find(const pv_root_t *root, int fd)
{
    apr_array_header_t *all = root->loop->watches;
    for (int i = 0; i < all->nelts; i++)
        if (APR_ARRAY_IDX(all, i, watch_t).fd == fd)
            return &APR_ARRAY_IDX(all, i, watch_t);
    return NULL;
}

void pv_root_watch(pv_root_t *root, int fd, pv_watch_fn *fn, void *ctx)
{
    APR_ARRAY_PUSH(root->loop->watches, watch_t) = (watch_t){fd, ++root->loop->serial, fn, ctx};
}

void pv_root_unwatch(pv_root_t *root, int fd)
{
    watch_t *w = find(root, fd);
    if (w)
        *w = *(watch_t *)apr_array_pop(root->loop->watches);
}

/* A pool's processes may orphan as many as they like, and become ours: those are nothing to tell. */
static void reap(pv_root_t *root)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        (void)(pv_kids_reaped(root, pid, status) || pv_spawn_reaped(root, pid, status) ||
               pv_config_reaped(root, pid, status) || pv_evict_reaped(root, pid));
}

static void on_signal(pv_root_t *root, int fd, void *ctx)
{
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        pv_root_log("stop", "signal=%u sender=%u", info.ssi_signo, info.ssi_pid);
        pv_kids_stop(root);
    }
    reap(root);
}

int pv_loop_open(pv_root_t *root)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int fd = sigprocmask(SIG_SETMASK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    if (fd < 0)
        return -1;
    root->loop = apr_pcalloc(root->p, sizeof(*root->loop));
    root->loop->watches = apr_array_make(root->p, 32, sizeof(watch_t));
    root->loop->polled = apr_array_make(root->p, 32, sizeof(struct pollfd));
    pv_root_watch(root, fd, on_signal, NULL);
    return 0;
}

/* The watch of FD as it was when the turn began: a watcher may have ended another, and its number may be in use again.
 */
static void call(pv_root_t *root, int fd, unsigned latest)
{
    watch_t *w = find(root, fd);
    if (w && w->serial <= latest)
        w->fn(root, fd, w->ctx);
}

static void turn(pv_root_t *root)
{
    struct pv_loop *loop = root->loop;
    unsigned latest = loop->serial;
    apr_array_clear(loop->polled);
    for (int i = 0; i < loop->watches->nelts; i++)
        APR_ARRAY_PUSH(loop->polled, struct pollfd) =
            (struct pollfd){.fd = APR_ARRAY_IDX(loop->watches, i, watch_t).fd, .events = POLLIN};
    if (poll((struct pollfd *)loop->polled->elts, (nfds_t)loop->polled->nelts, pv_kids_due(root)) < 0 && errno != EINTR)
        pv_root_log("poll.fail", "error=\"%s\"", strerror(errno));
    for (int i = 0; i < loop->polled->nelts; i++)
        if (APR_ARRAY_IDX(loop->polled, i, struct pollfd).revents)
            call(root, APR_ARRAY_IDX(loop->polled, i, struct pollfd).fd, latest);
    pv_kids_turn(root);
    apr_pool_clear(root->tmp);
}

void pv_loop_run(pv_root_t *root)
{
    while (!pv_kids_stopped(root))
        turn(root);
}
