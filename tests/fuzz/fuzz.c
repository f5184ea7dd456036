/*
 * The targets of fuzz.h. Promises that are checked: a value that was taken is taken again and is the same; an error has
 * a text that a message can carry; a line is within its limits; a descriptor is not left open.
 */
#include "fuzz.h"

#include "conf.h"
#include "proto/dgram.h"
#include "proto/line.h"
#include "proto/message.h"
#include "proto/names.h"
#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROMISE(what)                                                                                                  \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what);                                         \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static apr_pool_t *make_pool(void)
{
    static int begun;
    apr_pool_t *p;
    if (!begun++)
        apr_initialize();
    apr_pool_create(&p, NULL);
    return p;
}

static void check_error(const pv_err_t *err)
{
    PROMISE(err->code > PV_OK && err->code < PV_CODES);
    PROMISE(pv_text_check(err->text, strlen(err->text), sizeof(err->text) - 1) == APR_SUCCESS);
    PROMISE(pv_text_check(err->field, strlen(err->field), sizeof(err->field) - 1) == APR_SUCCESS);
}

/* A value that was taken is taken again, and is the same. */
#define AGAIN(type)                                                                                                    \
    do {                                                                                                               \
        pv_##type##_t one, two;                                                                                        \
        if (pv_##type##_parse(&one, s, size) == APR_SUCCESS) {                                                         \
            PROMISE(pv_##type##_parse(&two, one.s, strlen(one.s)) == APR_SUCCESS);                                     \
            PROMISE(strcmp(one.s, two.s) == 0);                                                                        \
        }                                                                                                              \
    } while (0)

int fuzz_names(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    pv_place_t place;
    char text[PV_PLACE_TEXT];
    uint64_t n;
    apr_pool_t *p = make_pool();
    AGAIN(id);
    AGAIN(bid);
    AGAIN(key);
    AGAIN(app);
    AGAIN(comp);
    AGAIN(domain);
    AGAIN(addr);
    AGAIN(label);
    AGAIN(context);
    if (pv_place_parse(&place, s, size) == APR_SUCCESS) {
        pv_place_text(text, &place);
        PROMISE(strlen(text) == size && memcmp(text, s, size) == 0);
    }
    if (pv_num_parse(&n, s, size, 0, UINT64_MAX) == APR_SUCCESS)
        PROMISE(snprintf(text, sizeof(text), "%llu", (unsigned long long)n) == (int)size);
    for (int v = 0; v < PV_VALUES; v++) {
        const char *canonical, *again;
        pv_err_t err;
        if (pv_value_check(&canonical, (pv_value_t)v, s, size, &err, p) != APR_SUCCESS)
            continue;
        PROMISE(pv_value_check(&again, (pv_value_t)v, canonical, strlen(canonical), &err, p) == APR_SUCCESS);
        PROMISE(strcmp(canonical, again) == 0);
    }
    const char *shown = pv_text_show(s, size, 8192, p);
    PROMISE(pv_text_check(shown, strlen(shown), 8192) == APR_SUCCESS);
    apr_pool_destroy(p);
    return 0;
}

int fuzz_conf(const uint8_t *data, size_t size)
{
    char path[32];
    const pv_conf_t *conf;
    pv_err_t err = {0};
    apr_pool_t *p = make_pool();
    int fd = memfd_create("conf", MFD_CLOEXEC);
    PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (pv_conf_read(&conf, path, 0, &err, p) != APR_SUCCESS)
        check_error(&err);
    else
        PROMISE(conf->RunDir[0] == '/' && conf->PlatformRoot.n >= 1 && conf->PlatformRoot.n <= PV_CONF_PATHS);
    close(fd);
    apr_pool_destroy(p);
    return 0;
}

int fuzz_dgram(const uint8_t *data, size_t size)
{
    static char buf[PV_DGRAM_MAX];
    static pv_dgram_t m;
    pv_reply_t reply;
    int pair[2];
    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    PROMISE(send(pair[0], data, size, 0) == (ssize_t)size);
    close(pair[0]);
    if (pv_dgram_recv(pair[1], buf, &m) == 1) {
        uint64_t n, sum = sizeof(m.head);
        for (unsigned i = 0; i < m.head.argc; i++) {
            sum += sizeof(uint32_t) + m.arg[i].len;
            pv_dgram_arg_num(&m, i, UINT64_MAX, &n);
        }
        PROMISE(sum == size && m.nfds == 0);
        if (pv_dgram_reply_parse(&m, &reply) == 0)
            PROMISE(pv_text_check(reply.detail, strlen(reply.detail), sizeof(reply.detail)) == APR_SUCCESS);
    }
    close(pair[1]);
    return 0;
}

/* Takes in all that waits in the socket; counts the lines. */
static apr_status_t drain(pv_line_t *line, int64_t now, size_t *lines, pv_err_t *err)
{
    apr_status_t rv = APR_EAGAIN;
    int waiting = 1;
    while (rv != APR_EGENERAL && waiting > 0) {
        const char *s;
        size_t len;
        PROMISE(pv_line_fill(line, now, err) == APR_SUCCESS);
        while ((rv = pv_line_next(&s, &len, line, err)) == APR_SUCCESS) {
            PROMISE(len < PV_LINE_MAX && !memchr(s, '\n', len));
            ++*lines;
        }
        PROMISE(ioctl(pv_line_fd(line), FIONREAD, &waiting) == 0);
    }
    return rv;
}

/* The first byte says in what portions the rest comes. */
int fuzz_line(const uint8_t *data, size_t size)
{
    int pair[2];
    size_t lines = 0, newlines = 0, portion = size > 0 ? (size_t)data[0] * 64 + 1 : 1;
    apr_pool_t *p = make_pool();
    pv_err_t err = {0};
    apr_status_t rv = APR_EAGAIN;
    PROMISE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pv_line_t *line = pv_line_make(pair[1], p);
    for (size_t at = 1; at < size && rv != APR_EGENERAL; at += portion) {
        size_t n = size - at < portion ? size - at : portion;
        PROMISE(send(pair[0], data + at, n, 0) == (ssize_t)n);
        rv = drain(line, 1 + (int64_t)at, &lines, &err);
        for (size_t i = at; i < at + n; i++)
            newlines += data[i] == '\n';
        PROMISE(rv == APR_EGENERAL || (pv_line_since(line) == 0) == (data[at + n - 1] == '\n'));
    }
    if (rv == APR_EGENERAL)
        check_error(&err);
    else
        PROMISE(lines == newlines);
    close(pair[0]);
    close(pair[1]);
    apr_pool_destroy(p);
    return 0;
}

int fuzz_message(const uint8_t *data, size_t size)
{
    const pv_request_t *q, *again;
    pv_err_t err = {0};
    uint64_t id, same;
    const char *line;
    size_t len;
    json_t *json;
    apr_pool_t *p = make_pool();
    if (pv_request_decode(&q, &id, (const char *)data, size, &err, p) != APR_SUCCESS) {
        check_error(&err);
        PROMISE(pv_json_line(&line, &len, pv_json_keep(pv_reply_error(id, &err), p), &err, p) == APR_SUCCESS);
    } else if (q->fields) {
        /* What was taken is a request again when its fields are put into one. */
        PROMISE(pv_json_parse(&json, (const char *)data, size, &err) == APR_SUCCESS);
        pv_json_keep(json, p);
        for (int i = 0; i < q->fields->n; i++)
            json_object_del(json, q->fields->field[i].name);
        pv_request_put(json, q->task, q->fields);
        if (pv_json_line(&line, &len, json, &err, p) == APR_SUCCESS) {
            PROMISE(pv_request_decode(&again, &same, line, len - 1, &err, p) == APR_SUCCESS);
            PROMISE(same == id && again->fields->n == q->fields->n && again->task == q->task);
        }
    }
    apr_pool_destroy(p);
    return 0;
}
