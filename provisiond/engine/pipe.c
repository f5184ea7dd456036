/*
 * A buffer of one line's length over a non-blocking descriptor.
 */
#include "engine/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct pv_pipe {
    pv_loop_t *loop;
    int fd; /* -1: at its end */
    size_t used, max;
    pv_pipe_fn *fn;
    void *ctx;
    char *buf;
};

/* Cuts the buffer into lines; what has no newline yet stays, unless the buffer is full of it. */
static void cut(pv_pipe_t *pipe)
{
    char *at = pipe->buf, *end = pipe->buf + pipe->used, *nl;
    while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
        pipe->fn(pipe->ctx, at, (size_t)(nl - at));
        at = nl + 1;
    }
    pipe->used = (size_t)(end - at);
    if (pipe->used == pipe->max) {
        pipe->fn(pipe->ctx, at, pipe->used);
        pipe->used = 0;
    }
    memmove(pipe->buf, at, pipe->used);
}

static void end(pv_pipe_t *pipe)
{
    pv_loop_unwatch(pipe->loop, pipe->fd);
    close(pipe->fd);
    pipe->fd = -1;
    if (pipe->used > 0)
        pipe->fn(pipe->ctx, pipe->buf, pipe->used);
    pipe->used = 0;
}

/* One bufferful: how many bytes came. */
static int take(pv_pipe_t *pipe)
{
    ssize_t n = read(pipe->fd, pipe->buf + pipe->used, pipe->max - pipe->used);
    if (n > 0) {
        pipe->used += (size_t)n;
        cut(pipe);
        return (int)n;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        end(pipe);
    return 0;
}

static void ready(void *ctx, int fd, short revents)
{
    (void)fd, (void)revents;
    take(ctx);
}

pv_pipe_t *pv_pipe_make(pv_loop_t *loop, int fd, size_t max, pv_pipe_fn *fn, void *ctx, apr_pool_t *p)
{
    pv_pipe_t *pipe = apr_pcalloc(p, sizeof(*pipe));
    *pipe = (pv_pipe_t){.loop = loop, .fd = fd, .max = max, .fn = fn, .ctx = ctx, .buf = apr_palloc(p, max)};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    pv_loop_watch(loop, fd, POLLIN, ready, pipe);
    return pipe;
}

void pv_pipe_close(pv_pipe_t *pipe)
{
    if (!pipe || pipe->fd < 0)
        return;
    /* No more than is there now: whoever was handed the other end may write on for ever. */
    int left = 0, n = 1;
    if (ioctl(pipe->fd, FIONREAD, &left) != 0)
        left = 0;
    for (; left > 0 && n > 0; left -= n)
        n = take(pipe);
    if (pipe->fd >= 0)
        end(pipe);
}
