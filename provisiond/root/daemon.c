/*
 * /proc as a table of processes, and daemons found in it. A pid is only a hint: what it means is looked at again after
 * a pidfd holds it, and signals go to the pidfd.
 */
#include "root/daemon.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEFTOVERS 1024
#define KILL_MS   5000
#define DELETED   " (deleted)" /* the kernel's word for an executable that was upgraded */

static ssize_t read_proc(int proc, pid_t pid, const char *file, char *buf, size_t size)
{
    char name[64];
    snprintf(name, sizeof(name), "%d/%s", (int)pid, file);
    int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n;
}

/* Fields of /proc/PID/stat, as proc(5) numbers them. */
enum { STAT_PARENT = 4, STAT_SESSION = 6, STAT_THREADS = 20, STAT_BORN = 22 };

typedef struct {
    char state;
    pid_t parent, session;
    long threads;
    uint64_t born;
} stat_t;

static int read_stat(int proc, pid_t pid, stat_t *ret)
{
    char buf[1024], *at;
    if (read_proc(proc, pid, "stat", buf, sizeof(buf)) <= 0)
        return -1;
    at = strrchr(buf, ')'); /* the name before it may hold anything; then the state, and numbers from field 4 on */
    if (!at || strlen(at) < 4)
        return -1;
    ret->state = at[2];
    at += 3;
    for (int field = 4; field <= STAT_BORN; field++) {
        uint64_t n = strtoull(at, &at, 10);
        if (field == STAT_PARENT)
            ret->parent = (pid_t)n;
        else if (field == STAT_SESSION)
            ret->session = (pid_t)n;
        else if (field == STAT_THREADS)
            ret->threads = (long)n;
        ret->born = n;
    }
    return 0;
}

static int runs_program(int proc, pid_t pid, const char *program)
{
    char name[64], exe[4096];
    snprintf(name, sizeof(name), "%d/exe", (int)pid);
    ssize_t n = readlinkat(proc, name, exe, sizeof(exe) - 1);
    if (n < 0)
        return 0;
    exe[n] = '\0';
    size_t len = strlen(program);
    return strncmp(exe, program, len) == 0 && (exe[len] == '\0' || strcmp(exe + len, DELETED) == 0);
}

static int is_daemon(const pv_daemon_t *d, int proc, pid_t pid)
{
    char line[4096];
    ssize_t n = read_proc(proc, pid, "cmdline", line, sizeof(line));
    return n > 0 && memmem(line, (size_t)n, d->mark, strlen(d->mark)) && runs_program(proc, pid, d->program);
}

static pid_t read_pid_file(const pv_daemon_t *d)
{
    char buf[32];
    int fd = openat(d->dir, d->pid_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    long pid = strtol(buf, NULL, 10);
    return pid > 1 && pid <= 0x7fffffff ? (pid_t)pid : 0;
}

static int pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int pv_daemon_find(pv_daemon_t *d, int proc)
{
    if (d->pidfd >= 0)
        close(d->pidfd);
    d->pidfd = -1;
    pid_t pid = read_pid_file(d);
    if (pid)
        d->pid = pid;
    int fd = pid ? pidfd_open(pid) : -1;
    if (fd < 0)
        return 0;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    if (!is_daemon(d, proc, pid) || poll(&ended, 1, 0) != 0) {
        close(fd);
        return 0;
    }
    d->pidfd = fd;
    return 1;
}

int pv_daemon_signal(const pv_daemon_t *d, int sig)
{
    return d->pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, d->pidfd, sig, NULL, 0);
}

/* The processes for which TEST holds, at most MAX. */
static int scan(int proc, int (*test)(int proc, pid_t pid, const void *ctx), const void *ctx, pid_t *ret, int max)
{
    int n = 0, fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    while (dir && n < max && (e = readdir(dir))) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 1 && test(proc, pid, ctx))
            ret[n++] = pid;
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return n;
}

static int in_session(int proc, pid_t pid, const void *ctx)
{
    const pv_daemon_t *d = ctx;
    stat_t st;
    return read_stat(proc, pid, &st) == 0 && st.session == d->pid && runs_program(proc, pid, d->program);
}

static int is_child(int proc, pid_t pid, const void *ctx)
{
    stat_t st;
    return read_stat(proc, pid, &st) == 0 && st.parent == *(const pid_t *)ctx;
}

typedef struct {
    uid_t uid;
    uint64_t born;
} who_t;

/* A zombie is none, but for one whose other threads go on. */
static int lives_as(int proc, pid_t pid, const void *ctx)
{
    const who_t *who = ctx;
    char buf[4096], *at;
    unsigned real, saved;
    stat_t st;
    if (read_proc(proc, pid, "status", buf, sizeof(buf)) <= 0 || !(at = strstr(buf, "\nUid:")) ||
        sscanf(at, "\nUid: %u %*u %u", &real, &saved) != 2 || (real != who->uid && saved != who->uid))
        return 0;
    return read_stat(proc, pid, &st) == 0 && st.born <= who->born && (st.state != 'Z' || st.threads > 1);
}

pid_t pv_proc_of_uid(int proc, uid_t uid, uint64_t born)
{
    pid_t pid;
    return scan(proc, lives_as, &(who_t){uid, born}, &pid, 1) == 1 ? pid : 0;
}

uint64_t pv_proc_now(void)
{
    struct timespec t;
    uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * hz + (uint64_t)t.tv_nsec * hz / 1000000000;
}

pid_t pv_proc_parent(int proc, pid_t pid)
{
    stat_t st;
    return read_stat(proc, pid, &st) == 0 ? st.parent : 0;
}

int pv_proc_children(int proc, pid_t parent, pid_t *ret, int max)
{
    return scan(proc, is_child, &parent, ret, max);
}

static int kill_one(const pv_daemon_t *d, int proc, pid_t pid)
{
    int fd = pidfd_open(pid);
    if (fd < 0)
        return errno == ESRCH ? 0 : -1;
    int rv = 0;
    if (in_session(proc, pid, d)) {
        struct pollfd ended = {.fd = fd, .events = POLLIN};
        rv = (int)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        if (rv == 0)
            rv = poll(&ended, 1, KILL_MS) == 1 ? 0 : -1;
    }
    close(fd);
    return rv;
}

int pv_daemon_clear(pv_daemon_t *d, int proc)
{
    pid_t pid[LEFTOVERS];
    int n, rv = 0;
    /* The parent first: it makes no more children then. Two rounds, as one may just have been born. */
    if (d->pid && in_session(proc, d->pid, d))
        rv = kill_one(d, proc, d->pid);
    for (int round = 0; d->pid && round < 2; round++) {
        n = scan(proc, in_session, d, pid, LEFTOVERS);
        while (n > 0)
            rv |= kill_one(d, proc, pid[--n]);
    }
    if (d->pidfd >= 0)
        close(d->pidfd);
    d->pidfd = -1;
    return unlinkat(d->dir, d->pid_file, 0) == 0 || errno == ENOENT ? rv : -1;
}
