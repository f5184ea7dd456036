/*
 * Workers, seen from root: what the engine may ask for as rows, the clone into namespaces, and who runs. Killing a
 * worker is killing the first process of its pid namespace, which nothing in there survives; it is root's own child and
 * not reaped before the loop says so, so its number cannot be somebody else's.
 */
#include "root/spawn.h"
#include "root/args.h"
#include "root/backups.h"
#include "root/jail.h"
#include "root/kids.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    pid_t pid;
    int status; /* the read end of its status pipe */
    int orphan; /* the engine that asked for it is gone */
    pv_dgram_head_t head;
} worker_t;

struct pv_spawn {
    apr_array_header_t *workers; /* of worker_t */
};

static const struct {
    char letter;
    pv_see_t see;
} flags[] = {{'n', PV_SEE_NET}, {'d', PV_SEE_DB}, {'w', PV_SEE_WRITABLE}, {'t', PV_SEE_TRASH}, {'b', PV_SEE_BESIDE}};

int pv_spawn_open(pv_root_t *root)
{
    root->spawn = apr_pcalloc(root->p, sizeof(*root->spawn));
    root->spawn->workers = apr_array_make(root->p, 16, sizeof(worker_t));
    return 0;
}

static int see(const char *letters)
{
    int all = 0;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strchr(letters, flags[i].letter))
            all |= flags[i].see;
    return all;
}

/* Takes a place argument, if there is one, whose root must be one of N. -1: answered. */
static int take_place(const pv_place_t **ret, pv_place_t *store, const pv_dgram_t *m, unsigned arg, int n,
                      const char *name, pv_answer_t *answer)
{
    *ret = NULL;
    if (!pv_arg_given(m, arg))
        return 0;
    *store = pv_arg_place(m, arg);
    if (store->root >= (unsigned)n) {
        pv_answer_fail(answer, PV_ROOT_NOT_ALLOWED, "%s: there is no root of index %u", name, store->root);
        return -1;
    }
    *ret = store;
    return 0;
}

/* The program and its arguments. A driver is PHP with the driver's own php.ini; all else is provision-worker. */
static char **make_argv(const pv_root_t *root, const pv_dgram_t *m)
{
    const pv_conf_t *conf = root->conf;
    apr_pool_t *p = root->tmp;
    char **argv = apr_pcalloc(p, 6 * sizeof(*argv));
    if (pv_arg_is(m, 2, "driver")) {
        const char *app = apr_pstrcat(p, conf->AppsDir, "/", pv_arg_str(m, 3, p), NULL);
        argv[0] = (char *)conf->PhpProgram;
        argv[1] = "-c";
        argv[2] = apr_pstrcat(p, app, "/php.ini", NULL);
        argv[3] = apr_pstrcat(p, app, "/driver.php", NULL);
        argv[4] = (char *)pv_arg_str(m, 4, p);
    } else {
        argv[0] = apr_pstrcat(p, conf->ProgramDir, "/provision-worker", NULL);
        argv[1] = (char *)pv_arg_str(m, 2, p);
    }
    return argv;
}

static const char *home_of(const pv_root_t *root, const pv_viewer_t *who)
{
    return pv_id_kind(&who->id) == PV_SITE && !(who->see & PV_SEE_TRASH)
               ? apr_pstrcat(root->tmp, root->conf->SitesRoot, "/", who->id.s, "/tmp", NULL)
               : "/tmp";
}

/* Two pipes for the parent and the child each way, and one for the status. All or nothing. */
static int open_pipes(int (*pipes)[2], int n)
{
    for (int i = 0; i < n; i++)
        if (pipe2(pipes[i], O_CLOEXEC) != 0) {
            while (i-- > 0) {
                close(pipes[i][0]);
                close(pipes[i][1]);
            }
            return -1;
        }
    return 0;
}

enum { REQUEST, LOG, REPORT, STATUS, PIPES };

/* Clones the worker. Its pid, with root's ends in the answer and in *status; -1 with errno. */
static pid_t launch(pv_root_t *root, const pv_viewer_t *who, const pv_view_t *view, char **argv, int archive,
                    int *status, pv_answer_t *answer)
{
    int pipes[PIPES][2];
    const char *home = home_of(root, who);
    char *envp[] = {"PATH=/usr/bin:/bin",
                    apr_pstrcat(root->tmp, "HOME=", home, NULL),
                    "TMPDIR=/tmp",
                    "LANG=C.UTF-8",
                    "TZ=UTC",
                    "PHP_INI_SCAN_DIR=",
                    NULL};
    if (open_pipes(pipes, PIPES) != 0)
        return -1;
    pv_jail_t jail = {
        view,     who->id.s,
        who->uid, home,
        argv[0],  argv,
        envp,     {pipes[REQUEST][0], pipes[LOG][1], pipes[LOG][1], pipes[REPORT][1], pipes[STATUS][1], archive}};
    long ns = PV_JAIL_CLONE | (who->see & PV_SEE_NET ? 0 : CLONE_NEWNET);
    pid_t pid = (pid_t)syscall(SYS_clone, ns | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        pv_jail_enter(&jail);
    int e = errno;
    close(pipes[REQUEST][0]);
    close(pipes[LOG][1]);
    close(pipes[REPORT][1]);
    close(pipes[STATUS][1]);
    fcntl(pipes[STATUS][0], F_SETFL, O_NONBLOCK);
    *status = pipes[STATUS][0];
    answer->fd[answer->nfds++] = pipes[REQUEST][1];
    answer->fd[answer->nfds++] = pipes[LOG][0];
    answer->fd[answer->nfds++] = pipes[REPORT][0];
    errno = e;
    return pid;
}

/* The archive that the worker is for: 0 with its descriptor, -1 in *FD where there is none; -1: answered. */
static int take_archive(int *fd, const pv_root_t *root, const pv_viewer_t *who, const pv_dgram_t *m,
                        pv_answer_t *answer)
{
    *fd = -1;
    if (!pv_arg_given(m, 7))
        return 0;
    pv_bid_t bid = pv_arg_bid(m, 7);
    *fd = pv_backup_open(root, &who->id, &bid, pv_arg_is(m, 2, "pack"));
    if (*fd < 0)
        pv_answer_fail(answer, PV_NO_OBJECT, "backup %s of %s: %s", bid.s, who->id.s, strerror(errno));
    return *fd < 0 ? -1 : 0;
}

static void start(pv_root_t *root, const pv_viewer_t *who, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_view_t view;
    int archive;
    if (take_archive(&archive, root, who, m, answer) != 0)
        return;
    if (pv_view_open(&view, root, who, answer) == 0) {
        worker_t w = {.status = -1, .head = m->head};
        w.pid = launch(root, who, &view, make_argv(root, m), archive, &w.status, answer);
        if (w.pid > 0) {
            APR_ARRAY_PUSH(root->spawn->workers, worker_t) = w;
        } else {
            pv_answer_errno(answer, "starting a worker");
            if (w.status >= 0)
                close(w.status);
        }
    }
    pv_view_close(&view);
    if (archive >= 0)
        close(archive);
}

void pv_op_worker(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_place_t place, source;
    pv_viewer_t who = {.id = pv_arg_id(m, 0), .see = see(pv_arg_str(m, 5, root->tmp))};
    who.uid = pv_registry_uid(root, &who.id);
    if (take_place(&who.place, &place, m, 1, root->conf->PlatformRoot.n, "platform", answer) != 0 ||
        take_place(&who.source, &source, m, 6, root->conf->SourceRoot.n, "source", answer) != 0)
        return;
    if (pv_arg_is(m, 2, "driver") && (!pv_arg_given(m, 3) || !pv_arg_given(m, 4)))
        pv_answer_fail(answer, PV_SCHEMA, "app, verb: a driver needs both");
    else if (who.uid == 0)
        pv_answer_fail(answer, PV_NO_OBJECT, "%s has no uid: its folders come first", who.id.s);
    else if (root->spawn->workers->nelts >= root->conf->Workers)
        pv_answer_fail(answer, PV_BUSY, "%d workers run already (Workers)", root->spawn->workers->nelts);
    else
        start(root, &who, m, answer);
}

void pv_op_kill(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    apr_array_header_t *all = root->spawn->workers;
    uint64_t seq = pv_arg_num(m, 0);
    for (int i = 0; i < all->nelts; i++) {
        const worker_t *w = &APR_ARRAY_IDX(all, i, worker_t);
        if (!w->orphan && w->head.seq == seq)
            answer->reply.a = kill(w->pid, SIGKILL) == 0;
    }
}

/* The program's own wait status; where the jail's first process was killed or failed before it, that one's. */
static int program_status(const worker_t *w, int status)
{
    int program;
    return read(w->status, &program, sizeof(program)) == (ssize_t)sizeof(program) ? program : status;
}

int pv_spawn_reaped(pv_root_t *root, pid_t pid, int status)
{
    apr_array_header_t *all = root->spawn->workers;
    pv_dgram_out_t out;
    int i = 0;
    while (i < all->nelts && APR_ARRAY_IDX(all, i, worker_t).pid != pid)
        i++;
    if (i == all->nelts)
        return 0;
    worker_t w = APR_ARRAY_IDX(all, i, worker_t);
    APR_ARRAY_IDX(all, i, worker_t) = *(worker_t *)apr_array_pop(all);
    status = program_status(&w, status);
    close(w.status);
    pv_root_log("worker.end", "job=%llu seq=%u pid=%d status=%d", (unsigned long long)w.head.job, w.head.seq, (int)pid,
                status);
    if (!w.orphan) {
        pv_dgram_begin(&out, PV_DGRAM_EXIT, w.head.seq, w.head.job);
        pv_dgram_num(&out, (uint64_t)status);
        pv_kids_tell(root, &out, NULL, 0);
    }
    return 1;
}

void pv_spawn_killall(pv_root_t *root)
{
    apr_array_header_t *all = root->spawn->workers;
    for (int i = 0; i < all->nelts; i++) {
        worker_t *w = &APR_ARRAY_IDX(all, i, worker_t);
        w->orphan = 1;
        kill(w->pid, SIGKILL);
    }
}
