/*
 * The receiving end of the beacon: "live 1 REV GENERATION", a datagram from each new child of httpd. What it says
 * counts only if the sender, by the credentials that the kernel attached, is a child of the httpd that is meant.
 */
#include "root/httpd.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BEACON    "live 1 " /* and the revision, and the generation */
#define DRAIN_MAX 4096      /* more than the kernel keeps for us: one that sends without end stops nobody */

/* One datagram: its sender's pid and the revision. 1, 0 for one that is no beacon, -1: there is none. */
static int receive(int sock, pid_t *pid, uint64_t *rev)
{
    char text[128], control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR ? 0 : -1;
    text[n] = '\0';
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
        return 0;
    struct ucred cred;
    memcpy(&cred, CMSG_DATA(c), sizeof(cred));
    *pid = cred.pid;
    *rev = strncmp(text, BEACON, strlen(BEACON)) == 0 ? strtoull(text + strlen(BEACON), NULL, 10) : 0;
    return *rev != 0;
}

void pv_beacon_drain(const pv_root_t *root)
{
    pid_t pid;
    uint64_t rev;
    int n = 0;
    while (n < DRAIN_MAX && receive(root->beacon, &pid, &rev) >= 0)
        n++;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int pv_beacon_await(const pv_root_t *root, uint64_t rev, pid_t parent, int parentfd, int seconds)
{
    struct pollfd fds[] = {{.fd = root->beacon, .events = POLLIN}, {.fd = parentfd, .events = POLLIN}};
    int64_t end = now_ms() + seconds * 1000, left;
    while ((left = end - now_ms()) > 0) {
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return 0;
        pid_t pid;
        uint64_t is;
        int got = receive(root->beacon, &pid, &is);
        if (got > 0 && is == rev && pv_proc_parent(root->config->proc, pid) == parent)
            return 1;
        if (got < 0 && fds[1].revents)
            return 0;
    }
    return 0;
}
