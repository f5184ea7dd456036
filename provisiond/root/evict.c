/*
 * What a site's pool started may have left its parents, its session and every group behind; its uid it cannot change. A
 * process that may signal that uid and nothing else kills all of it at once: the kernel holds off every fork meanwhile,
 * so nothing is born into the gap, as it is where pids are looked up first. A child of root waits for their end, so
 * that root does not; a crash of either leaves processes, and the same operation again ends them.
 */
#include "root/evict.h"
#include "root/args.h"
#include "root/child.h"
#include "root/files.h"
#include "root/fpm.h"
#include <apr_tables.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIT_MS  1000 /* in which PHP ends a request that runs */
#define GRACE_MS 5000 /* in which an old master ends by itself */
#define LIMIT_MS 10000
#define TRIES    10
#define LOOK_MS  20

typedef struct {
    pid_t pid;
    int pipe;
    pv_dgram_head_t head;
} evict_t;

struct pv_evict {
    apr_array_header_t *running; /* of evict_t */
};

typedef struct {
    pv_root_t *root;
    pv_id_t id;
    uid_t uid;
    pid_t left; /* what has not ended */
} site_t;

/* Signals each process of the uid: from one that cannot signal any other, and that none of them can signal. */
static int strike(const site_t *s, int sig)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(pv_child_signaller(s->uid) == 0 && (kill(-1, sig) == 0 || errno == ESRCH) ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid > 0 && status == 0 ? 0 : -1;
}

/* Waits until LOOK finds nothing any more. 0, or -1 when the time is over. */
static int await_none(site_t *s, pid_t (*look)(const site_t *s, uint64_t born), uint64_t born, int ms)
{
    for (; (s->left = look(s, born)) != 0; ms -= LOOK_MS) {
        if (ms <= 0)
            return -1;
        poll(NULL, 0, LOOK_MS);
    }
    return 0;
}

static pid_t look_process(const site_t *s, uint64_t born)
{
    return pv_proc_of_uid(s->root->config->proc, s->uid, born);
}

/* Is this a live master with a pool of the site? */
static pid_t look_one_master(const site_t *s, uint64_t rev, int k)
{
    pv_unit_t unit = {.daemon = {.dir = -1, .pidfd = -1}, .watched = -1};
    char file[24], head[32];
    pid_t pid = 0;
    snprintf(file, sizeof(file), "master%d.conf", k);
    snprintf(head, sizeof(head), "\n[%s]\n", s->id.s);
    if (pv_fpm_attach(s->root, &unit, k, rev) == 0 && pv_daemon_find(&unit.daemon, s->root->config->proc)) {
        const char *text = pv_tree_read(unit.daemon.dir, file, s->root->tmp);
        pid = text && strstr(text, head) ? unit.daemon.pid : 0;
    }
    pv_close(unit.daemon.pidfd);
    pv_close(unit.daemon.dir);
    return pid;
}

/* A master that finishes its last requests has the site's pool still, and starts a process for each that waits. */
static pid_t look_master(const site_t *s, uint64_t born)
{
    char **rev;
    pid_t pid = 0;
    if (pv_dir_list(&rev, s->root->config->run_fpm, s->root->tmp) != 0)
        return 0;
    for (; !pid && *rev; rev++)
        for (int k = 0; !pid && k < PV_MASTERS_MAX; k++)
            pid = look_one_master(s, strtoull(*rev, NULL, 10), k);
    return pid;
}

/* Nobody new is let in to those masters. */
static void close_doors(const site_t *s)
{
    char path[64], **rev;
    if (pv_dir_list(&rev, s->root->config->run_fpm, s->root->tmp) != 0)
        return;
    for (; *rev; rev++) {
        snprintf(path, sizeof(path), "%s/%s.sock", *rev, s->id.s);
        unlinkat(s->root->config->run_fpm, path, 0);
    }
}

static int has_pool(const site_t *s)
{
    char file[PV_TREE_FILE];
    return faccessat(s->root->config->tree[PV_TREE_FPM].live, pv_tree_file(file, &s->id), F_OK, 0) == 0;
}

/* Those that are there now, of a site that goes on. Only older ones are waited for: the pool starts new ones while we
 * strike, and the clock of processes has ticks of 10 ms. */
static int end_present(site_t *s)
{
    uint64_t before = pv_proc_now() - 1;
    if (strike(s, SIGQUIT) != 0)
        return -1;
    await_none(s, look_process, before, QUIT_MS);
    return strike(s, SIGKILL) == 0 ? await_none(s, look_process, before, LIMIT_MS) : -1;
}

/* All, of a site that has no pool any more. */
static int end_all(site_t *s)
{
    int tries = 0;
    close_doors(s);
    if (await_none(s, look_master, 0, GRACE_MS) != 0 &&
        (strike(s, SIGKILL) != 0 || await_none(s, look_master, 0, LIMIT_MS) != 0))
        return -1;
    while (strike(s, SIGKILL) == 0)
        if (await_none(s, look_process, UINT64_MAX, LIMIT_MS / TRIES) == 0)
            return 0;
        else if (++tries == TRIES)
            break;
    return -1;
}

static void report(site_t *s, pv_reply_t *reply)
{
    if ((has_pool(s) ? end_present(s) : end_all(s)) == 0)
        return;
    reply->code = s->left ? PV_NOT_ENDED : PV_INTERNAL;
    snprintf(reply->detail, sizeof(reply->detail),
             s->left ? "process %d of uid %u does not end" : "process %d: signalling uid %u failed", (int)s->left,
             s->uid);
}

static void evict(site_t *s, int out, pid_t parent)
{
    pv_reply_t reply = {.code = PV_OK};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    report(s, &reply);
    _exit(write(out, &reply, sizeof(reply)) == sizeof(reply) ? 0 : 1);
}

static void start(site_t *s, const pv_dgram_head_t *head, pv_answer_t *answer)
{
    evict_t e = {.head = *head};
    pid_t self = getpid();
    int pipe[2];
    if (pipe2(pipe, O_CLOEXEC) != 0) {
        pv_answer_errno(answer, "a pipe");
        return;
    }
    e.pid = fork();
    if (e.pid == 0)
        evict(s, pipe[1], self);
    pv_close(pipe[1]);
    e.pipe = pipe[0];
    if (e.pid > 0) {
        APR_ARRAY_PUSH(s->root->evict->running, evict_t) = e;
        answer->later = 1;
        return;
    }
    pv_answer_errno(answer, "starting the process that ends others");
    close(e.pipe);
}

void pv_op_evict(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    site_t s = {.root = root, .id = pv_arg_id(m, 0)};
    s.uid = pv_registry_uid(root, &s.id);
    if (s.uid == 0)
        return; /* it never had one, or was purged: nothing can run as it */
    if (root->evict->running->nelts >= root->conf->Workers)
        pv_answer_fail(answer, PV_BUSY, "%d sites are being evicted already (Workers)", root->evict->running->nelts);
    else
        start(&s, &m->head, answer);
}

int pv_evict_open(pv_root_t *root)
{
    root->evict = apr_pcalloc(root->p, sizeof(*root->evict));
    root->evict->running = apr_array_make(root->p, 4, sizeof(evict_t));
    return 0;
}

int pv_evict_reaped(pv_root_t *root, pid_t pid)
{
    apr_array_header_t *all = root->evict->running;
    pv_answer_t answer = {.later = 0};
    int i = 0;
    while (i < all->nelts && APR_ARRAY_IDX(all, i, evict_t).pid != pid)
        i++;
    if (i == all->nelts)
        return 0;
    evict_t e = APR_ARRAY_IDX(all, i, evict_t);
    APR_ARRAY_IDX(all, i, evict_t) = *(evict_t *)apr_array_pop(all);
    if (read(e.pipe, &answer.reply, sizeof(answer.reply)) != (ssize_t)sizeof(answer.reply))
        pv_answer_fail(&answer, PV_RETRY_LATER, "the process that ends others was killed");
    close(e.pipe);
    pv_root_answer(root, &e.head, &answer);
    return 1;
}
