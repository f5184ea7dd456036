/*
 * Lines over a real socket, the way a peer of any will can send them.
 */
#include "unit.h"

#include "proto/line.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    apr_pool_t *p;
    int pair[2]; /* 0 the peer's end, 1 ours */
    pv_line_t *line;
    pv_err_t err;
} peers_t;

static int setup(void **state)
{
    peers_t *t = *state = calloc(1, sizeof(*t));
    pool_make((void **)&t->p);
    int rv = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->pair);
    t->line = pv_line_make(t->pair[1], t->p);
    return rv;
}

static int teardown(void **state)
{
    peers_t *t = *state;
    void *p = t->p;
    pool_end(&p);
    close(t->pair[0]);
    close(t->pair[1]);
    free(t);
    return 0;
}

static void peer_sends(peers_t *t, const char *s, size_t len)
{
    assert_int_equal(send(t->pair[0], s, len, 0), len);
}

static void expect_line(peers_t *t, const char *want)
{
    const char *s;
    size_t len;
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_SUCCESS);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(s, want, len);
}

static void expect_none(peers_t *t)
{
    const char *s;
    size_t len;
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_EAGAIN);
}

static void test_several_lines_and_half_a_one(void **state)
{
    peers_t *t = *state;
    peer_sends(t, "one\n\nthree\nhal", 14);
    assert_int_equal(pv_line_fill(t->line, 5, &t->err), APR_SUCCESS);
    expect_line(t, "one");
    expect_line(t, "");
    expect_line(t, "three");
    expect_none(t);
    peer_sends(t, "f\n", 2);
    assert_int_equal(pv_line_fill(t->line, 6, &t->err), APR_SUCCESS);
    expect_line(t, "half");
    expect_none(t);
}

static void test_byte_by_byte(void **state) /* S8 */
{
    peers_t *t = *state;
    static const char text[] = "slow\n";
    for (size_t i = 0; text[i]; i++) {
        expect_none(t);
        peer_sends(t, text + i, 1);
        assert_int_equal(pv_line_fill(t->line, 1 + (int64_t)i, &t->err), APR_SUCCESS);
    }
    expect_line(t, "slow");
}

static void test_since_when_half_a_line_waits(void **state)
{
    peers_t *t = *state;
    static const struct {
        const char *sent;
        int64_t now, since;
    } rows[] = {
        {"a", 10, 10},  {"b", 20, 10}, /* not the last byte's time */
        {"c\n", 30, 0}, {"d\ne", 40, 40}, {"f\n\ng", 50, 50}, {"\n", 60, 0},
    };
    assert_int_equal(pv_line_since(t->line), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        peer_sends(t, rows[i].sent, strlen(rows[i].sent));
        assert_int_equal(pv_line_fill(t->line, rows[i].now, &t->err), APR_SUCCESS);
        assert_int_equal(pv_line_since(t->line), rows[i].since);
    }
}

/* Sends LEN bytes of 'x' while reading them, as much as the buffer takes. */
static void pour(peers_t *t, size_t len)
{
    static char much[4096];
    memset(much, 'x', sizeof(much));
    for (; len > 0; len -= len < sizeof(much) ? len : sizeof(much)) {
        peer_sends(t, much, len < sizeof(much) ? len : sizeof(much));
        assert_int_equal(pv_line_fill(t->line, 1, &t->err), APR_SUCCESS);
    }
}

static void test_the_longest_line_passes(void **state)
{
    peers_t *t = *state;
    const char *s;
    size_t len;
    pour(t, PV_LINE_MAX - 1);
    expect_none(t);
    peer_sends(t, "\nnext\n", 6);
    assert_int_equal(pv_line_fill(t->line, 2, &t->err), APR_SUCCESS);
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_SUCCESS);
    assert_int_equal(len, PV_LINE_MAX - 1);
    assert_int_equal(pv_line_fill(t->line, 3, &t->err), APR_SUCCESS);
    expect_line(t, "next");
}

static void test_one_byte_more_is_too_long(void **state) /* S2 */
{
    peers_t *t = *state;
    const char *s;
    size_t len;
    pour(t, PV_LINE_MAX);
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_EGENERAL);
    assert_int_equal(t->err.code, PV_TOO_LONG);
    peer_sends(t, "\n", 1);
    assert_int_equal(pv_line_fill(t->line, 1, &t->err), APR_SUCCESS); /* it stays so, whatever follows */
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_EGENERAL);
}

static void test_any_bytes_may_be_in_a_line(void **state)
{
    peers_t *t = *state;
    const char *s;
    size_t len;
    peer_sends(t, "a\0\xff\r\n", 5);
    assert_int_equal(pv_line_fill(t->line, 1, &t->err), APR_SUCCESS);
    assert_int_equal(pv_line_next(&s, &len, t->line, &t->err), APR_SUCCESS);
    assert_int_equal(len, 4);
    assert_memory_equal(s, "a\0\xff\r", 4);
}

static void test_a_peer_that_ends_in_the_middle_of_a_line(void **state) /* S8 */
{
    peers_t *t = *state;
    peer_sends(t, "whole\nhal", 9);
    shutdown(t->pair[0], SHUT_WR);
    assert_int_equal(pv_line_fill(t->line, 1, &t->err), APR_SUCCESS);
    assert_int_equal(pv_line_fill(t->line, 2, &t->err), APR_EOF);
    expect_line(t, "whole");
    expect_none(t);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void test_descriptors_of_a_peer_are_closed_and_refused(void **state) /* S9 */
{
    peers_t *t = *state;
    enum { MANY = 253 };
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(MANY * sizeof(int))];
    } control = {
        .align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(MANY * sizeof(int))}};
    struct iovec iov = {"{}\n", 3};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    for (int i = 0; i < MANY; i++)
        memcpy(control.buf + CMSG_LEN(i * sizeof(int)), t->pair, sizeof(int));
    int before = open_descriptors();
    assert_int_equal(sendmsg(t->pair[0], &msg, 0), 3);
    assert_int_equal(pv_line_fill(t->line, 1, &t->err), APR_EGENERAL);
    assert_int_equal(t->err.code, PV_SCHEMA);
    assert_int_equal(open_descriptors(), before);
}

static void test_output_waits_until_the_peer_reads(void **state)
{
    peers_t *t = *state;
    enum { LINES = 60000 };
    static char got[65536];
    size_t total = 0, came = 0;
    for (int i = 0; i < LINES; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "line %d\n", i);
        pv_line_put(t->line, text, (size_t)n);
        total += (size_t)n;
    }
    assert_int_equal(pv_line_waiting(t->line), total);
    assert_int_equal(pv_line_flush(t->line, &t->err), APR_SUCCESS);
    assert_in_range(pv_line_waiting(t->line), 1, total - 1);
    pv_line_put(t->line, "end\n", 4); /* in the middle of it */
    while (came < total + 4) {
        ssize_t n = recv(t->pair[0], got, sizeof(got), 0);
        assert_true(n > 0);
        came += (size_t)n;
        assert_int_equal(pv_line_flush(t->line, &t->err), APR_SUCCESS);
        if (came == total + 4)
            assert_memory_equal(got + n - 4, "end\n", 4);
    }
    assert_int_equal(pv_line_waiting(t->line), 0);
}

static void test_a_peer_that_is_gone_is_told_by_flush(void **state)
{
    peers_t *t = *state;
    shutdown(t->pair[0], SHUT_RDWR);
    pv_line_put(t->line, "x\n", 2);
    assert_int_equal(pv_line_flush(t->line, &t->err), APR_EGENERAL); /* and no SIGPIPE */
    assert_int_equal(t->err.code, PV_UNREACHABLE);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PAIR(test_several_lines_and_half_a_one),
        PAIR(test_byte_by_byte),
        PAIR(test_since_when_half_a_line_waits),
        PAIR(test_the_longest_line_passes),
        PAIR(test_one_byte_more_is_too_long),
        PAIR(test_any_bytes_may_be_in_a_line),
        PAIR(test_a_peer_that_ends_in_the_middle_of_a_line),
        PAIR(test_descriptors_of_a_peer_are_closed_and_refused),
        PAIR(test_output_waits_until_the_peer_reads),
        PAIR(test_a_peer_that_is_gone_is_told_by_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
