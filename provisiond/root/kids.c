/*
 * Engine and dba as children. The pairs of sockets between the three are made here, so each has exactly the peers that
 * it should have, and the pair itself is the credential. An answer that belongs to an earlier engine is dropped: a
 * later one counts its requests anew. Root trusts neither: one that sends what is no message, or does not take its
 * answers, is killed and replaced.
 */
#include "root/kids.h"
#include "root/child.h"
#include "root/ops.h"
#include "root/spawn.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUICK_LIFE   2000 /* ms: a life shorter than this is a quick death */
#define QUICK_DEATHS 5
#define WAIT_FIRST   1000
#define WAIT_MOST    60000
#define STOP_TIME    5000
#define QUEUE        (1024 * 1024) /* bytes of answers that a peer may leave unread */

typedef struct {
    const char *name, *program;
    pv_caller_t caller;
    pv_user_t user;
    pid_t pid; /* 0: does not run */
    int sock;  /* root's end, -1 */
    int quick;
    int64_t started, due; /* due: when it is to be started, 0: not now */
} kid_t;

typedef struct {
    pv_dgram_head_t head;
    int64_t life; /* when the engine that asked was started */
} later_t;

struct pv_kids {
    kid_t engine, dba;
    apr_array_header_t *later; /* of later_t: operations that answer later, in the order they came */
    int64_t stop;              /* when those that still run are killed; 0: not stopping */
    char buf[PV_DGRAM_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void drop_sock(pv_root_t *root, kid_t *kid)
{
    if (kid->sock < 0)
        return;
    pv_root_unwatch(root, kid->sock);
    close(kid->sock);
    kid->sock = -1;
}

static void finish(pv_root_t *root, kid_t *kid, const char *why)
{
    pv_root_log("kid.kill", "name=%s pid=%d why=\"%s\"", kid->name, (int)kid->pid, why);
    drop_sock(root, kid);
    if (kid->pid > 0)
        kill(kid->pid, SIGKILL);
}

static void on_message(pv_root_t *root, int fd, void *ctx)
{
    kid_t *kid = ctx;
    pv_dgram_t m;
    int rc = pv_dgram_recv(fd, root->kids->buf, &m);
    if (rc < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (rc == 0 && root->kids->stop) {
        drop_sock(root, kid); /* it ends, as it was told to */
        return;
    }
    if (rc <= 0) {
        finish(root, kid, rc == 0 ? "it closed its socket" : strerror(errno));
        return;
    }
    while (m.nfds > 0)
        close(m.fd[--m.nfds]); /* no operation takes one */
    rc = pv_ops_run(root, kid->caller, fd, &m);
    if (rc < 0)
        finish(root, kid, "it does not take its answers");
    else if (rc > 0)
        APR_ARRAY_PUSH(root->kids->later, later_t) = (later_t){m.head, kid->started};
}

/* Takes the request from those that are answered later. 1: the engine that asked is still there. */
static int take_later(struct pv_kids *kids, const pv_dgram_head_t *to)
{
    apr_array_header_t *all = kids->later;
    for (int i = 0; i < all->nelts; i++) {
        later_t *l = &APR_ARRAY_IDX(all, i, later_t);
        if (l->head.op != to->op || l->head.seq != to->seq)
            continue;
        int current = kids->engine.sock >= 0 && l->life == kids->engine.started;
        memmove(l, l + 1, (size_t)(all->nelts - i - 1) * sizeof(*l));
        all->nelts--;
        return current;
    }
    return 0;
}

void pv_root_answer(pv_root_t *root, const pv_dgram_head_t *to, pv_answer_t *answer)
{
    pv_ops_audit_later(to, answer);
    int sock = take_later(root->kids, to) ? root->kids->engine.sock : -1;
    if (pv_ops_send(sock, to, answer) != 0 && sock >= 0)
        finish(root, &root->kids->engine, "it does not take its answers");
}

void pv_kids_tell(pv_root_t *root, const pv_dgram_out_t *out, const int *fds, int nfds)
{
    kid_t *engine = &root->kids->engine;
    if (engine->sock >= 0 && pv_dgram_send(engine->sock, out, fds, nfds) != 0)
        finish(root, engine, "it does not take its messages");
}

/* In the child: FDS become 3, 4 ... of the program. */
static void exec_kid(const pv_root_t *root, const kid_t *kid, pid_t parent, const int *fds, int n)
{
    const char *path = apr_pstrcat(root->tmp, root->conf->ProgramDir, "/", kid->program, NULL);
    char *argv[] = {(char *)kid->program, (char *)root->conf->file, NULL};
    if (pv_child_begin() == 0 && pv_child_place(fds, n, 3) == 0 && pv_child_become(kid->user.uid, kid->user.gid) == 0 &&
        prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
        execve(path, argv, environ);
    pv_root_log("kid.fail", "name=%s program=\"%s\" error=\"%s\"", kid->name, path, strerror(errno));
    _exit(127);
}

/* FDS are closed; SOCK becomes root's end. */
static void start(pv_root_t *root, kid_t *kid, int sock, int *fds, int n)
{
    pid_t parent = getpid();
    kid->started = now_ms();
    kid->due = 0;
    kid->pid = fork();
    if (kid->pid == 0)
        exec_kid(root, kid, parent, fds, n);
    if (kid->pid < 0) {
        pv_root_log("kid.fail", "name=%s error=\"%s\"", kid->name, strerror(errno));
        close(sock);
        kid->pid = 0;
        kid->due = kid->started + WAIT_FIRST;
        return;
    }
    kid->sock = sock;
    fcntl(sock, F_SETFL, O_NONBLOCK);
    setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &(int){QUEUE}, sizeof(int));
    pv_root_watch(root, sock, on_message, kid);
    pv_root_log("kid.start", "name=%s pid=%d", kid->name, (int)kid->pid);
}

static void pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        pv_root_log("fatal", "what=socketpair error=\"%s\"", strerror(errno));
        _exit(1); /* all children go with root; the service manager starts it again */
    }
}

static void close_both(int a, int b)
{
    close(a);
    close(b);
}

/* Starts dba; the return value is the engine's end of its pair with it. */
static int start_dba(pv_root_t *root)
{
    int mine[2], between[2];
    pair(mine);
    pair(between);
    start(root, &root->kids->dba, mine[0], (int[]){between[1], mine[1]}, 2);
    close_both(mine[1], between[1]);
    return between[0];
}

static void start_engine(pv_root_t *root)
{
    int mine[2], to_dba = start_dba(root);
    pair(mine);
    start(root, &root->kids->engine, mine[0], (int[]){mine[1], to_dba, root->panel, root->admin}, 4);
    close_both(mine[1], to_dba);
}

static void replace_dba(pv_root_t *root)
{
    pv_dgram_out_t out;
    int to_dba = start_dba(root);
    pv_dgram_begin(&out, PV_DGRAM_DBA, 0, 0);
    pv_kids_tell(root, &out, &to_dba, 1);
    close(to_dba);
}

void pv_kids_open(pv_root_t *root)
{
    struct pv_kids *kids = root->kids = apr_pcalloc(root->p, sizeof(*kids));
    kids->engine = (kid_t){"engine", "provisiond-engine", PV_CALLER_ENGINE, root->conf->EngineUser, 0, -1, 0, 0, 1};
    kids->dba = (kid_t){"dba", "provisiond-dba", PV_CALLER_DBA, root->conf->DbaUser, 0, -1, 0, 0, 0};
    kids->later = apr_array_make(root->p, 8, sizeof(later_t));
}

/* When it may be started again. */
static int64_t next_start(kid_t *kid)
{
    int64_t now = now_ms(), wait = 0;
    kid->quick = now - kid->started < QUICK_LIFE ? kid->quick + 1 : 0;
    if (kid->quick > QUICK_DEATHS) {
        int doublings = kid->quick - QUICK_DEATHS - 1;
        wait = doublings < 6 ? WAIT_FIRST << doublings : WAIT_MOST;
    }
    return now + (wait < WAIT_MOST ? wait : WAIT_MOST);
}

int pv_kids_reaped(pv_root_t *root, pid_t pid, int status)
{
    struct pv_kids *kids = root->kids;
    kid_t *kid = pid == kids->engine.pid ? &kids->engine : pid == kids->dba.pid ? &kids->dba : NULL;
    if (!kid)
        return 0;
    pv_root_log("kid.end", "name=%s pid=%d status=%d", kid->name, (int)pid, status);
    drop_sock(root, kid);
    kid->pid = 0;
    kid->due = next_start(kid);
    if (kid == &kids->engine) {
        pv_spawn_killall(root);
        if (kids->dba.pid > 0)
            finish(root, &kids->dba, "its engine has ended");
    }
    return 1;
}

int pv_kids_due(const pv_root_t *root)
{
    const struct pv_kids *kids = root->kids;
    int64_t due = kids->stop                                    ? kids->stop
                  : kids->engine.pid == 0 && kids->dba.pid == 0 ? kids->engine.due
                  : kids->engine.pid != 0                       ? kids->dba.due
                                                                : 0; /* dba is still ending */
    int64_t left = due - now_ms();
    return due == 0 ? -1 : left < 0 ? 0 : (int)left;
}

void pv_kids_turn(pv_root_t *root)
{
    struct pv_kids *kids = root->kids;
    int64_t now = now_ms();
    if (kids->stop) {
        if (now >= kids->stop && kids->engine.pid > 0)
            finish(root, &kids->engine, "it does not stop");
        if (now >= kids->stop && kids->dba.pid > 0)
            finish(root, &kids->dba, "it does not stop");
    } else if (kids->engine.pid == 0 && kids->dba.pid == 0 && now >= kids->engine.due) {
        start_engine(root);
    } else if (kids->engine.pid > 0 && kids->dba.pid == 0 && now >= kids->dba.due) {
        replace_dba(root);
    }
}

void pv_kids_stop(pv_root_t *root)
{
    struct pv_kids *kids = root->kids;
    if (kids->stop)
        return;
    kids->stop = now_ms() + STOP_TIME;
    if (kids->engine.pid > 0)
        kill(kids->engine.pid, SIGTERM);
    if (kids->dba.pid > 0)
        kill(kids->dba.pid, SIGTERM);
    pv_spawn_killall(root);
}

int pv_kids_stopped(const pv_root_t *root)
{
    return root->kids->stop && root->kids->engine.pid == 0 && root->kids->dba.pid == 0;
}
