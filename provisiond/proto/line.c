/*
 * Lines over a stream socket: see line.h. Input is a fixed buffer of one longest line, so a peer cannot make it grow;
 * output grows as the caller lets it. A crash here leaves nothing behind.
 */
#include "proto/line.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct pv_line {
    int fd;
    size_t start, end; /* of the input that was not taken out yet */
    size_t seen;       /* up to here there is no newline after start */
    int64_t since;
    char *out;
    size_t sent, used, size; /* of out */
    char in[PV_LINE_MAX];
};

static apr_status_t free_out(void *data)
{
    free(((pv_line_t *)data)->out);
    return APR_SUCCESS;
}

pv_line_t *pv_line_make(int fd, apr_pool_t *p)
{
    pv_line_t *line =
        apr_palloc(p, sizeof(*line)); /* not cleared: a quiet connection's buffer stays untouched memory */
    memset(line, 0, offsetof(pv_line_t, in));
    line->fd = fd;
    apr_pool_cleanup_register(p, line, free_out, apr_pool_cleanup_null);
    return line;
}

int pv_line_fd(const pv_line_t *line)
{
    return line->fd;
}

/* Moves what is left to the front. */
static void make_room(pv_line_t *line)
{
    memmove(line->in, line->in + line->start, line->end - line->start);
    line->end -= line->start;
    line->seen -= line->start;
    line->start = 0;
}

/* Notes at what time the line that is not whole yet began. */
static void note_time(pv_line_t *line, size_t came, int64_t now)
{
    const char *last = memrchr(line->in + line->end - came, '\n', came);
    if (last)
        line->since = last + 1 < line->in + line->end ? now : 0;
    else if (line->since == 0)
        line->since = now;
}

apr_status_t pv_line_fill(pv_line_t *line, int64_t now, pv_err_t *err)
{
    make_room(line);
    struct iovec iov = {line->in + line->end, sizeof(line->in) - line->end};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1}; /* no room for control data: the kernel closes descriptors */
    ssize_t n;
    if (iov.iov_len == 0)
        return APR_SUCCESS;
    do
        n = recvmsg(line->fd, &msg, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? APR_SUCCESS : pv_fail(err, PV_UNREACHABLE, NULL, "connection: %s", strerror(errno));
    if (msg.msg_flags & MSG_CTRUNC)
        return pv_fail(err, PV_SCHEMA, NULL, "descriptors came with the request; there is no operation that takes any");
    if (n == 0)
        return APR_EOF;
    line->end += (size_t)n;
    note_time(line, (size_t)n, now);
    return APR_SUCCESS;
}

apr_status_t pv_line_next(const char **ret, size_t *len, pv_line_t *line, pv_err_t *err)
{
    const char *newline = memchr(line->in + line->seen, '\n', line->end - line->seen);
    line->seen = line->end;
    if (!newline && line->end - line->start == sizeof(line->in))
        return pv_fail(err, PV_TOO_LONG, NULL, "%d bytes came without a newline", PV_LINE_MAX);
    if (!newline)
        return APR_EAGAIN;
    *ret = line->in + line->start;
    *len = (size_t)(newline - *ret);
    line->start += *len + 1;
    line->seen = line->start;
    return APR_SUCCESS;
}

int pv_line_has_next(const pv_line_t *line)
{
    return memchr(line->in + line->start, '\n', line->end - line->start) != NULL;
}

size_t pv_line_rest(const char **ret, pv_line_t *line)
{
    size_t len = line->end - line->start;
    *ret = line->in + line->start;
    line->start = line->seen = line->end;
    return len;
}

int64_t pv_line_since(const pv_line_t *line)
{
    return line->since;
}

void pv_line_put(pv_line_t *line, const char *s, size_t len)
{
    if (line->sent > 0 && line->used + len > line->size) {
        memmove(line->out, line->out + line->sent, line->used - line->sent);
        line->used -= line->sent;
        line->sent = 0;
    }
    if (line->used + len > line->size) {
        size_t size = line->size * 2 > line->used + len ? line->size * 2 : line->used + len;
        char *grown = realloc(line->out, size);
        if (!grown)
            abort(); /* as APR's pools do: no caller could go on */
        line->out = grown;
        line->size = size;
    }
    memcpy(line->out + line->used, s, len);
    line->used += len;
}

size_t pv_line_waiting(const pv_line_t *line)
{
    return line->used - line->sent;
}

apr_status_t pv_line_flush(pv_line_t *line, pv_err_t *err)
{
    while (line->sent < line->used) {
        ssize_t n = send(line->fd, line->out + line->sent, line->used - line->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return APR_SUCCESS;
        if (n < 0 && errno != EINTR)
            return pv_fail(err, PV_UNREACHABLE, NULL, "connection: %s", strerror(errno));
        line->sent += n > 0 ? (size_t)n : 0;
    }
    free(line->out);
    line->out = NULL;
    line->sent = line->used = line->size = 0;
    return APR_SUCCESS;
}
