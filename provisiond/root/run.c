/*
 * See run.h. A crash here leaves no program behind: it dies with its parent, and with it what it started, where it is
 * the first process of a pid namespace. Daemons leave that tie when they fork.
 */
#include "root/run.h"
#include "root/files.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX    (8 * 1024 * 1024)
#define MESSAGE_MAX 900

static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* Handlers and the mask of the daemon are not the program's. */
static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const char *const *argv, int out, const pv_run_how_t *how)
{
    if (!how->outlive)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    reset_signals();
    umask(022);
    if (how->setup && how->setup(how->ctx) != 0)
        dprintf(out, "its limits or namespaces: %s\n", strerror(errno));
    else if (dup2(how->null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 && close_range(3, ~0U, 0) == 0)
        execve(argv[0], (char *const *)argv, (char *const *)environment);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int pv_run_start(pv_run_t *run, const char *const *argv, const pv_run_how_t *how)
{
    run->out = memfd_create("output", MFD_CLOEXEC);
    if (run->out < 0)
        return -1;
    if (fcntl(run->out, F_SETFL, O_APPEND) != 0)
        return pv_close(run->out);
    /* Not clone3, which a service manager that restricts namespaces refuses: no filter can see its flags. */
    run->pid = (pid_t)syscall(SYS_clone, how->namespaces | CLONE_PIDFD | SIGCHLD, 0, &run->pidfd, 0, 0);
    if (run->pid == 0)
        become(argv, run->out, how);
    return run->pid < 0 ? pv_close(run->out) : 0;
}

int pv_run_wait(pv_run_t *run, int seconds)
{
    struct pollfd ended = {.fd = run->pidfd, .events = POLLIN};
    int n, status;
    do
        n = poll(&ended, 1, seconds * 1000);
    while (n < 0 && errno == EINTR);
    if (n != 1) {
        pv_run_kill(run);
        return -1;
    }
    while (waitpid(run->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    run->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void pv_run_kill(pv_run_t *run)
{
    if (run->pid <= 0)
        return;
    syscall(SYS_pidfd_send_signal, run->pidfd, SIGKILL, NULL, 0);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    run->pid = 0;
}

char *pv_run_text(const pv_run_t *run, apr_pool_t *p)
{
    struct stat st;
    size_t size = fstat(run->out, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
    char *text = apr_palloc(p, (size > TEXT_MAX ? TEXT_MAX : size) + 1);
    ssize_t n = pread(run->out, text, size > TEXT_MAX ? TEXT_MAX : size, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* Time, module and process in front of a log line say nothing here: "[..] [..] AH00072: ..." begins at its number. */
static const char *after_brackets(const char *line)
{
    while (*line == '[') {
        const char *end = strchr(line, ']');
        if (!end)
            break;
        line = end + 1 + strspn(end + 1, " ");
    }
    return line;
}

const char *pv_run_message(const pv_run_t *run, apr_pool_t *p)
{
    char *text = pv_run_text(run, p), *line;
    const char *out = "";
    while ((line = strsep(&text, "\n"))) {
        const char *said = strstr(line, "[pool ") ? strstr(line, "[pool ") : after_brackets(line);
        if (!*said || strncmp(said, "AH00558", 7) == 0 || strncmp(said, "AH00489", 7) == 0 ||
            strncmp(said, "AH00094", 7) == 0)
            continue;
        out = apr_pstrcat(p, out, *out ? "; " : "", said, NULL);
    }
    size_t len = strlen(out);
    return len ? out + (len > MESSAGE_MAX ? len - MESSAGE_MAX : 0) : "it said nothing";
}

void pv_run_close(pv_run_t *run)
{
    close(run->pidfd);
    close(run->out);
}
