/*
 * The protocol from the asking side. The daemon is trusted no further than its lines: each is measured and parsed like
 * any peer's. Nothing here logs or prints.
 */
#include "proto/client.h"
#include "proto/line.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HELLO_SECONDS 10

struct pv_client {
    int fd;
    pv_line_t *line;
    uint64_t last; /* the number of the request that was made last */
    json_t *hello;
    apr_pool_t *p;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static apr_status_t await(pv_client_t *c, short events, int64_t deadline, pv_err_t *err)
{
    struct pollfd fd = {.fd = c->fd, .events = events};
    for (;;) {
        int64_t left = deadline - now_ms();
        int n = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (n > 0)
            return APR_SUCCESS;
        if (n == 0)
            return pv_fail(err, PV_UNREACHABLE, NULL, "no answer came in time");
        if (errno != EINTR)
            return pv_fail(err, PV_UNREACHABLE, NULL, "connection: %s", strerror(errno));
    }
}

/* The next line of the daemon; the caller drops it. */
static apr_status_t receive(json_t **ret, pv_client_t *c, int64_t deadline, pv_err_t *err)
{
    const char *s;
    size_t len;
    apr_status_t rv;
    while ((rv = pv_line_next(&s, &len, c->line, err)) == APR_EAGAIN) {
        rv = await(c, POLLIN, deadline, err);
        if (rv == APR_SUCCESS)
            rv = pv_line_fill(c->line, now_ms(), err);
        if (rv == APR_EOF)
            return pv_fail(err, PV_UNREACHABLE, NULL, "the daemon closed the connection");
        if (rv != APR_SUCCESS)
            return rv;
    }
    return rv == APR_SUCCESS ? pv_json_parse(ret, s, len, err) : rv;
}

/* A connection that breaks while we send may have its reason waiting to be read, so receive tells what happened. */
static apr_status_t transmit(pv_client_t *c, json_t *request, int64_t deadline, pv_err_t *err)
{
    apr_pool_t *tmp;
    const char *s;
    size_t len;
    apr_pool_create(&tmp, c->p);
    apr_status_t rv = pv_json_line(&s, &len, request, err, tmp);
    if (rv == APR_SUCCESS)
        pv_line_put(c->line, s, len);
    apr_pool_destroy(tmp);
    json_decref(request);
    while (rv == APR_SUCCESS && pv_line_waiting(c->line) > 0) {
        if (pv_line_flush(c->line, err) != APR_SUCCESS)
            break;
        if (pv_line_waiting(c->line) > 0)
            rv = await(c, POLLOUT, deadline, err);
    }
    return rv;
}

json_t *pv_client_request(pv_client_t *c, pv_msg_t msg)
{
    return pv_request_make(msg, ++c->last);
}

apr_status_t pv_client_send(uint64_t *re, pv_client_t *c, json_t *request, int seconds, pv_err_t *err)
{
    *re = (uint64_t)json_integer_value(json_object_get(request, "id"));
    return transmit(c, request, now_ms() + (int64_t)seconds * 1000, err);
}

apr_status_t pv_client_answer(json_t **ret, pv_client_t *c, uint64_t re, int seconds, pv_client_row_fn *row, void *ctx,
                              pv_err_t *err, apr_pool_t *p)
{
    int64_t deadline = now_ms() + (int64_t)seconds * 1000;
    apr_status_t rv = APR_SUCCESS;
    while (rv == APR_SUCCESS) {
        json_t *reply;
        if ((rv = receive(&reply, c, deadline, err)) != APR_SUCCESS)
            break;
        rv = pv_reply_check(reply, re, err);
        if (rv == APR_SUCCESS && (!row || json_is_true(json_object_get(reply, "end")))) {
            *ret = pv_json_keep(reply, p);
            return APR_SUCCESS;
        }
        if (rv == APR_SUCCESS)
            rv = row(ctx, reply, err);
        json_decref(reply);
    }
    return rv;
}

apr_status_t pv_client_ask(json_t **ret, pv_client_t *c, json_t *request, int seconds, pv_client_row_fn *row, void *ctx,
                           pv_err_t *err, apr_pool_t *p)
{
    uint64_t re;
    apr_status_t rv = pv_client_send(&re, c, request, seconds, err);
    return rv == APR_SUCCESS ? pv_client_answer(ret, c, re, seconds, row, ctx, err, p) : rv;
}

apr_status_t pv_client_follow(pv_client_t *c, json_t *request, pv_client_row_fn *event, void *ctx, pv_err_t *err)
{
    json_t *reply;
    apr_status_t rv = pv_client_ask(&reply, c, request, PV_CLIENT_SILENCE, NULL, NULL, err, c->p);
    if (rv == APR_SUCCESS)
        rv = event(ctx, reply, err);
    while (rv == APR_SUCCESS) {
        json_t *line;
        if ((rv = receive(&line, c, now_ms() + PV_CLIENT_SILENCE * 1000, err)) != APR_SUCCESS)
            break;
        if (json_integer_value(json_object_get(line, "ev")) != 0)
            rv = event(ctx, line, err);
        json_decref(line);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t pv_client_bytes(pv_client_t *c, uint64_t size, pv_client_bytes_fn *fn, void *ctx, pv_err_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    while (size > 0 && rv == APR_SUCCESS) {
        const char *bytes;
        size_t len = pv_line_rest(&bytes, c->line);
        if (len > size)
            len = (size_t)size;
        size -= len;
        if (len > 0)
            rv = fn(ctx, bytes, len, err);
        else if ((rv = await(c, POLLIN, now_ms() + PV_CLIENT_SILENCE * 1000, err)) == APR_SUCCESS)
            rv = pv_line_fill(c->line, now_ms(), err);
        if (rv == APR_EOF)
            rv = pv_fail(err, PV_UNREACHABLE, NULL, "the connection ended %lu bytes too early", (unsigned long)size);
    }
    return rv;
}

const json_t *pv_client_hello(const pv_client_t *c)
{
    return c->hello;
}

static apr_status_t close_fd(void *data)
{
    close(((pv_client_t *)data)->fd);
    return APR_SUCCESS;
}

apr_status_t pv_client_open(pv_client_t **ret, int fd, const char *name, pv_err_t *err, apr_pool_t *p)
{
    pv_client_t *c = apr_pcalloc(p, sizeof(*c));
    c->fd = fd;
    c->p = p;
    c->line = pv_line_make(fd, p);
    apr_pool_cleanup_register(p, c, close_fd, apr_pool_cleanup_null);
    json_t *request = pv_client_request(c, PV_MSG_hello);
    json_object_set_new(request, "v", json_integer(PV_PROTOCOL));
    json_object_set_new(request, "client", json_string(name));
    apr_status_t rv = pv_client_ask(&c->hello, c, request, HELLO_SECONDS, NULL, NULL, err, p);
    if (rv == APR_SUCCESS)
        *ret = c;
    return rv;
}

apr_status_t pv_client_connect(pv_client_t **ret, const char *path, const char *name, pv_err_t *err, apr_pool_t *p)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = HELLO_SECONDS}; /* a daemon that does not accept keeps connect waiting */
    if (strlen(path) >= sizeof(to.sun_path))
        return pv_fail(err, PV_UNREACHABLE, NULL, "%s: longer than %zu bytes", path, sizeof(to.sun_path) - 1);
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return pv_fail(err, PV_UNREACHABLE, NULL, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        int failed = errno;
        close(fd);
        return pv_fail(err, failed == EACCES || failed == EPERM ? PV_DENIED : PV_UNREACHABLE, NULL, "%s: %s", path,
                       strerror(failed));
    }
    return pv_client_open(ret, fd, name, err, p);
}
