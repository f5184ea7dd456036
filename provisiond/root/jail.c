/*
 * Becoming the tenant. Mounts first, while the right to make them is there; then limits, descriptors, identity, and
 * last what can only be undone by ending: no new privileges, death with the parent, the filter of system calls. Any
 * failure ends the process before a byte of the tenant's code has run.
 */
#include "root/jail.h"
#include "root/child.h"
#include "root/filter.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB       (1024UL * 1024)
#define GIB       (1024 * MIB)
#define NO_SETID  (MS_NOSUID | MS_NODEV)
#define CANNOT    127
#define ETC_LINES 512

static const struct {
    int what;
    rlim_t most;
} limits[] = {
    {RLIMIT_CORE, 0},        {RLIMIT_NOFILE, 1024}, {RLIMIT_NPROC, 256},
    {RLIMIT_FSIZE, 8 * GIB}, {RLIMIT_CPU, 7200},    {RLIMIT_AS, 4 * GIB},
};

static void fail(int log, const char *what, const char *arg)
{
    dprintf(log, "jail: %s %s: %s\n", what, arg, strerror(errno));
    _exit(CANNOT);
}

static int write_file(const char *path, const char *text)
{
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, len);
    close(fd);
    return n == (ssize_t)len ? 0 : -1;
}

/* Makes the folders of a relative path, and at its end a folder or an empty file to mount upon. */
static int make_target(const char *path, int file)
{
    char part[PATH_MAX];
    for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return -1;
    }
    if (!file)
        return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EROFS ? 0 : -1; /* EROFS: it is there, in a folder that is read-only */
}

static int fill_etc(const pv_jail_t *jail)
{
    char passwd[ETC_LINES], group[ETC_LINES];
    snprintf(passwd, sizeof(passwd), "root:x:0:0:root:/:/usr/sbin/nologin\n%s:x:%u:%u::%s:/usr/sbin/nologin\n",
             jail->id, jail->uid, jail->uid, jail->home);
    snprintf(group, sizeof(group), "root:x:0:\n%s:x:%u:\n", jail->id, jail->uid);
    return mkdir("etc", 0755) == 0 && write_file("etc/passwd", passwd) == 0 && write_file("etc/group", group) == 0 &&
                   write_file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n") == 0
               ? 0
               : -1;
}

static int make_skeleton(const pv_jail_t *jail)
{
    static const char *const links[][2] = {
        {"usr/bin", "bin"},     {"usr/sbin", "sbin"},        {"usr/lib", "lib"},
        {"usr/lib64", "lib64"}, {"/proc/self/fd", "dev/fd"},
    };
    if (mkdir("dev", 0755) != 0 || mkdir("proc", 0555) != 0 || mkdir("tmp", 01777) != 0 || fill_etc(jail) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (symlink(links[i][0], links[i][1]) != 0)
            return -1;
    return mount("tmpfs", "tmp", "tmpfs", NO_SETID | MS_NOEXEC, "size=256m,nr_inodes=65536,mode=1777") == 0 &&
                   mount("proc", "proc", "proc", NO_SETID | MS_NOEXEC, "hidepid=2") == 0
               ? 0
               : -1;
}

static void build_view(const pv_jail_t *jail)
{
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
    int log = jail->fd[PV_JAIL_LOG];
    umask(022);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/tmp", "tmpfs", NO_SETID, "size=1m,nr_inodes=1024,mode=0755") != 0 || chdir("/tmp") != 0 ||
        make_skeleton(jail) != 0)
        fail(log, "making", "the view");
    for (int i = 0; i < jail->view->n; i++) {
        const pv_bind_t *b = &jail->view->bind[i];
        if (make_target(b->target + 1, b->file) != 0 ||
            move_mount(b->tree, "", AT_FDCWD, b->target + 1, MOVE_MOUNT_F_EMPTY_PATH) != 0)
            fail(log, "mounting", b->target);
    }
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ||
        mount_setattr(AT_FDCWD, "/", 0, &readonly, sizeof(readonly)) != 0)
        fail(log, "entering", "the view");
}

/* An archiver is no tenant's code, and an archive or a file in it may be as large as the site has made it. */
static int is_limited(const pv_jail_t *jail, int what)
{
    return what != RLIMIT_FSIZE || jail->fd[PV_JAIL_ARCHIVE] < 0;
}

static int set_limits(const pv_jail_t *jail)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit now;
        if (!is_limited(jail, limits[i].what))
            continue;
        if (getrlimit((__rlimit_resource_t)limits[i].what, &now) != 0)
            return -1;
        rlim_t most = limits[i].most < now.rlim_max ? limits[i].most : now.rlim_max;
        if (setrlimit((__rlimit_resource_t)limits[i].what, &(struct rlimit){most, most}) != 0)
            return -1;
    }
    return 0;
}

/* Dies with root from here on; the other end of STATUS tells whether root was gone before. */
static int leash(void)
{
    struct pollfd status = {.fd = PV_JAIL_STATUS};
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && poll(&status, 1, 0) == 0 ? 0 : -1;
}

static void run_program(const pv_jail_t *jail)
{
    if (jail->fd[PV_JAIL_ARCHIVE] >= 0 && (dup2(PV_JAIL_ARCHIVE, PV_JAIL_STATUS) < 0 || close(PV_JAIL_ARCHIVE) != 0))
        fail(STDERR_FILENO, "placing", "the archive");
    execve(jail->path, jail->argv, jail->envp);
    fail(STDERR_FILENO, "starting", jail->path);
}

/* Waits for the program, and for whatever else becomes ours meanwhile; passes its status on. */
static void reap(pid_t program)
{
    int status;
    pid_t pid;
    close_range(STDIN_FILENO, PV_JAIL_REPORT, 0); /* or the engine would never see their end */
    close_range(PV_JAIL_ARCHIVE, PV_JAIL_ARCHIVE, 0);
    do
        pid = wait(&status);
    while (pid != program && (pid > 0 || errno == EINTR));
    _exit(pid == program && write(PV_JAIL_STATUS, &status, sizeof(status)) == sizeof(status) ? 0 : CANNOT);
}

void pv_jail_enter(const pv_jail_t *jail)
{
    int log = jail->fd[PV_JAIL_LOG];
    if (pv_child_begin() != 0 || sethostname(jail->id, strlen(jail->id)) != 0)
        fail(log, "beginning", jail->id);
    build_view(jail);
    if (set_limits(jail) != 0 ||
        pv_child_place(jail->fd, jail->fd[PV_JAIL_ARCHIVE] < 0 ? PV_JAIL_ARCHIVE : PV_JAIL_FDS, 0) != 0 ||
        fcntl(PV_JAIL_STATUS, F_SETFD, FD_CLOEXEC) != 0)
        fail(log, "limiting", jail->id);
    /* Undumpable, so that the program, which has the same uid, can neither trace this process nor reach its
     * descriptors. */
    if (pv_child_become(jail->uid, jail->uid) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || leash() != 0 ||
        pv_filter_install() != 0)
        fail(STDERR_FILENO, "becoming", jail->id);
    pid_t program = fork();
    if (program < 0)
        fail(STDERR_FILENO, "forking", jail->id);
    if (program == 0)
        run_program(jail);
    reap(program);
    _exit(CANNOT);
}
