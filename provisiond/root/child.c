/*
 * The steps down from root. Order matters: the group goes before the user, because the right to change it goes with the
 * user; what was asked for is read back, because a half-done change of identity is the one failure that must not go
 * unseen.
 */
#include "root/child.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASIDE 64 /* above any number that is given out */

int pv_child_begin(void)
{
    sigset_t none;
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL); /* SIGKILL, SIGSTOP and libc's own refuse: nothing to reset there */
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && setsid() >= 0 ? 0 : -1;
}

int pv_child_place(const int *fds, int n, int first)
{
    int aside[PV_CHILD_FDS];
    for (int i = 0; i < n; i++) /* first aside, so that none is overwritten before its turn */
        if ((aside[i] = fcntl(fds[i], F_DUPFD, ASIDE)) < 0)
            return -1;
    for (int i = 0; i < n; i++)
        if (dup2(aside[i], first + i) < 0)
            return -1;
    return close_range((unsigned)(first + n), ~0U, 0);
}

/* No capability in any set? */
static int powerless(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct set[2];
    return syscall(SYS_capget, &head, set) == 0 && !set[0].effective && !set[1].effective && !set[0].permitted &&
           !set[1].permitted;
}

int pv_child_become(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return -1;
    if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
        return -1;
    for (int i = 0; i < 3; i++)
        if (u[i] != uid || g[i] != gid)
            goto wrong;
    if (getgroups(0, NULL) != 0 || uid == 0 || setuid(0) == 0 || !powerless())
        goto wrong;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
wrong:
    errno = EPERM;
    return -1;
}

/* Nobody's, on any system: what was an error when uids had 16 bits. */
#define BYSTANDER 65535

int pv_child_signaller(uid_t uid)
{
    uid_t u[3];
    if (uid == 0 || uid == BYSTANDER || setgroups(0, NULL) != 0 || setresgid(BYSTANDER, BYSTANDER, BYSTANDER) != 0 ||
        setresuid(BYSTANDER, uid, BYSTANDER) != 0 || getresuid(&u[0], &u[1], &u[2]) != 0)
        return -1;
    return u[0] == BYSTANDER && u[1] == uid && u[2] == BYSTANDER && powerless() ? 0 : -1;
}
