/*
 * A deny-list as a classic BPF program: another architecture's numbers and a clone into a user namespace are refused
 * too. clone3, whose flags a filter cannot see, is answered ENOSYS, upon which the C library falls back to clone.
 */
#include "root/filter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE      AUDIT_ARCH_X86_64
#define FIRST_ALIEN 0x40000000 /* numbers of the x32 ABI */
#elif defined(__aarch64__)
#define NATIVE      AUDIT_ARCH_AARCH64
#define FIRST_ALIEN 0xffffffff
#else
#error "filter.c needs the audit architecture of this machine"
#endif

#define LOAD(member)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ANSWER(value)      BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(error)      ANSWER(SECCOMP_RET_ERRNO | (error))
#define UNLESS(test, k, n) BPF_JUMP(BPF_JMP | (test) | BPF_K, k, 0, n) /* skips N where it does not hold */

static const struct sock_filter program[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
    REFUSE(EPERM),
    LOAD(nr),
    UNLESS(BPF_JGE, FIRST_ALIEN, 1),
    REFUSE(EPERM),
    UNLESS(BPF_JEQ, __NR_clone3, 1),
    REFUSE(ENOSYS),
#define DENY(name) UNLESS(BPF_JEQ, __NR_##name, 1), REFUSE(EPERM),
#include "root/filter.def"
#undef DENY
    UNLESS(BPF_JEQ, __NR_clone, 3),
    LOAD(args[0]), /* the low half, where the flags are */
    UNLESS(BPF_JSET, CLONE_NEWUSER, 1),
    REFUSE(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
};

int pv_filter_install(void)
{
    struct sock_fprog fprog = {.len = sizeof(program) / sizeof(program[0]), .filter = (struct sock_filter *)program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog, 0, 0);
}
