/*
 * Packing, sending, receiving and unpacking of the datagrams of dgram.h. The peer is another process of ours that may
 * have been taken over: every length is checked against what came, and descriptors that nobody asked for are closed.
 */
#include "proto/dgram.h"
#include "proto/names.h"
#include "proto/utf8.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define DECIMAL 21 /* the largest uint64_t with its terminator */

typedef union {
    struct cmsghdr align;
    char buf[CMSG_SPACE(PV_DGRAM_FDS * sizeof(int))];
} control_t;

void pv_dgram_begin(pv_dgram_out_t *out, uint16_t op, uint32_t seq, uint64_t job)
{
    out->head = (pv_dgram_head_t){.op = op, .seq = seq, .job = job};
    out->used = sizeof(out->head);
    out->full = 0;
}

void pv_dgram_bytes(pv_dgram_out_t *out, const char *s, size_t len)
{
    uint32_t n = (uint32_t)len;
    if (out->head.argc == PV_DGRAM_ARGS || len > sizeof(out->buf) - out->used ||
        sizeof(n) > sizeof(out->buf) - out->used - len) {
        out->full = 1;
        return;
    }
    memcpy(out->buf + out->used, &n, sizeof(n));
    memcpy(out->buf + out->used + sizeof(n), s, len);
    out->used += (uint32_t)sizeof(n) + n;
    out->head.argc++;
}

void pv_dgram_str(pv_dgram_out_t *out, const char *s)
{
    pv_dgram_bytes(out, s, strlen(s));
}

void pv_dgram_num(pv_dgram_out_t *out, uint64_t n)
{
    char text[DECIMAL];
    pv_dgram_bytes(out, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)n));
}

/* Sends HEAD and BODY as one message, with descriptors beside it. */
static int send_parts(int sock, const pv_dgram_head_t *head, const char *body, size_t len, const int *fds, int nfds)
{
    control_t control;
    struct iovec iov[2] = {{(void *)head, sizeof(*head)}, {(void *)body, len}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    assert(nfds >= 0 && nfds <= PV_DGRAM_FDS);
    if (nfds > 0) {
        msg.msg_control = memset(&control, 0, sizeof(control));
        msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

int pv_dgram_send(int sock, const pv_dgram_out_t *out, const int *fds, int nfds)
{
    if (out->full) {
        errno = EMSGSIZE;
        return -1;
    }
    return send_parts(sock, &out->head, out->buf + sizeof(out->head), out->used - sizeof(out->head), fds, nfds);
}

/* Takes the descriptors out of the control data. */
static void take_fds(pv_dgram_t *ret, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        ret->nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret->fd, CMSG_DATA(c), (size_t)ret->nfds * sizeof(int));
    }
}

/* Points the arguments into the buffer. -1: the lengths do not add up to the message. */
static int parse(pv_dgram_t *ret, const char *buf, size_t len)
{
    size_t at = sizeof(ret->head);
    if (len < at)
        return -1;
    memcpy(&ret->head, buf, at);
    if (ret->head.argc > PV_DGRAM_ARGS)
        return -1;
    for (unsigned i = 0; i < ret->head.argc; i++) {
        uint32_t n;
        if (len - at < sizeof(n))
            return -1;
        memcpy(&n, buf + at, sizeof(n));
        at += sizeof(n);
        if (len - at < n)
            return -1;
        ret->arg[i].s = buf + at;
        ret->arg[i].len = n;
        at += n;
    }
    return at == len ? 0 : -1;
}

int pv_dgram_recv(int sock, char *buf, pv_dgram_t *ret)
{
    control_t control;
    struct iovec iov = {buf, PV_DGRAM_MAX};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    ret->nfds = 0;
    take_fds(ret, &msg);
    if (n == 0 && ret->nfds == 0)
        return 0;
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || parse(ret, buf, (size_t)n) != 0) {
        while (ret->nfds > 0)
            close(ret->fd[--ret->nfds]);
        errno = EBADMSG;
        return -1;
    }
    return 1;
}

int pv_dgram_arg_num(const pv_dgram_t *m, unsigned n, uint64_t max, uint64_t *ret)
{
    return n < m->head.argc && pv_num_parse(ret, m->arg[n].s, m->arg[n].len, 0, max) == APR_SUCCESS ? 0 : -1;
}

void pv_dgram_reply(pv_dgram_out_t *out, const pv_dgram_head_t *to, const pv_reply_t *reply)
{
    pv_dgram_begin(out, PV_DGRAM_REPLY, to->seq, to->job);
    pv_dgram_num(out, reply->code);
    pv_dgram_num(out, reply->a);
    pv_dgram_num(out, reply->b);
    pv_dgram_str(out, reply->detail);
}

int pv_dgram_reply_send(int sock, const pv_dgram_head_t *to, const pv_reply_t *reply, const int *fds, int nfds)
{
    pv_dgram_out_t out;
    pv_dgram_reply(&out, to, reply);
    return pv_dgram_send(sock, &out, fds, nfds);
}

int pv_dgram_reply_parse(const pv_dgram_t *m, pv_reply_t *ret)
{
    uint64_t code, a, b;
    if (m->head.op != PV_DGRAM_REPLY || m->head.argc < 4 || pv_dgram_arg_num(m, 0, PV_CODES - 1, &code) != 0 ||
        pv_dgram_arg_num(m, 1, UINT64_MAX, &a) != 0 || pv_dgram_arg_num(m, 2, UINT64_MAX, &b) != 0)
        return -1;
    ret->code = (pv_code_t)code;
    ret->a = a;
    ret->b = b;
    pv_utf8_clean(ret->detail, sizeof(ret->detail), m->arg[3].s, m->arg[3].len);
    return 0;
}
