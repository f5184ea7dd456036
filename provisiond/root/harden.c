/*
 * What root gives up at its start. No-new-privileges is not among it: the sites httpd and PHP-FPM inherit from here,
 * and a site's mail() needs a set-group-id program of the mail system. Engine, dba and workers get it (child.c).
 */
#include "root/open.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Files and identities of others, signals, mounts and namespaces, the low ports and the loopback of a preflight, and
 * the /proc entries of an httpd that the service manager started. */
static const unsigned char kept[] = {
    CAP_CHOWN,     CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,    CAP_FSETID,
    CAP_KILL,      CAP_SETGID,       CAP_SETUID,          CAP_SETPCAP,   CAP_NET_BIND_SERVICE,
    CAP_NET_ADMIN, CAP_SYS_CHROOT,   CAP_SYS_PTRACE,      CAP_SYS_ADMIN, CAP_SYS_RESOURCE,
};

static int is_kept(unsigned cap)
{
    for (size_t i = 0; i < sizeof(kept); i++)
        if (kept[i] == cap)
            return 1;
    return 0;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct set[2];
    if (syscall(SYS_capget, &head, set) != 0)
        return -1;
    for (unsigned cap = 0; cap < 64; cap++) {
        if (is_kept(cap))
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 &&
            errno != EINVAL) /* EINVAL: the kernel has none of that number */
            return -1;
        unsigned mask = ~(1U << (cap % 32));
        set[cap / 32].effective &= mask;
        set[cap / 32].permitted &= mask;
        set[cap / 32].inheritable &= mask;
    }
    return (int)syscall(SYS_capset, &head, set);
}

static int own_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd < 0 ? -1 : close_range(STDERR_FILENO + 1, ~0U, 0);
}

static int own_environment(void)
{
    return clearenv() == 0 && setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) == 0 &&
                   setenv("LANG", "C.UTF-8", 1) == 0 && setenv("TZ", "UTC", 1) == 0
               ? 0
               : -1;
}

static int own_limits(void)
{
    umask(077);
    return setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static int own_process(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -1;
}

static int is_root(void)
{
    errno = EPERM;
    return getuid() == 0 && geteuid() == 0 && !getauxval(AT_SECURE) ? 0 : -1;
}

static const struct {
    const char *what;
    int (*fn)(void);
} measures[] = {
    {"descriptors", own_descriptors},    {"must be started as root, not set-uid", is_root},
    {"environment", own_environment},    {"limits", own_limits},
    {"process attributes", own_process}, {"capabilities", drop_capabilities},
};

int pv_root_harden(const char **what)
{
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
        *what = measures[i].what;
        if (measures[i].fn() != 0)
            return -1;
    }
    return 0;
}
