/*
 * Datagrams over a real pair of sockets: what is sent arrives, and what a peer of ill will sends is refused without a
 * descriptor left open.
 */
#include "unit.h"

#include "proto/dgram.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int pair[2];
    pv_dgram_out_t out;
    pv_dgram_t in;
    char buf[PV_DGRAM_MAX];
} peers_t;

static int setup(void **state)
{
    peers_t *t = *state = calloc(1, sizeof(*t));
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, t->pair);
}

static int teardown(void **state)
{
    peers_t *t = *state;
    close(t->pair[0]);
    close(t->pair[1]);
    free(t);
    return 0;
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

static void test_arguments_arrive_as_they_were_put_in(void **state)
{
    peers_t *t = *state;
    uint64_t n = 0;
    pv_dgram_begin(&t->out, 7, 42, 99);
    pv_dgram_str(&t->out, "word");
    pv_dgram_bytes(&t->out, "a\0b", 3);
    pv_dgram_num(&t->out, UINT64_MAX);
    pv_dgram_str(&t->out, "");
    assert_int_equal(pv_dgram_send(t->pair[0], &t->out, NULL, 0), 0);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 1);
    assert_int_equal(t->in.head.op, 7);
    assert_int_equal(t->in.head.seq, 42);
    assert_int_equal(t->in.head.job, 99);
    assert_int_equal(t->in.head.argc, 4);
    assert_int_equal(t->in.arg[0].len, 4);
    assert_memory_equal(t->in.arg[0].s, "word", 4);
    assert_memory_equal(t->in.arg[1].s, "a\0b", 3);
    assert_int_equal(pv_dgram_arg_num(&t->in, 2, UINT64_MAX, &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(pv_dgram_arg_num(&t->in, 2, 5, &n), -1);
    assert_int_equal(pv_dgram_arg_num(&t->in, 0, 5, &n), -1);
    assert_int_equal(pv_dgram_arg_num(&t->in, 4, 5, &n), -1);
    assert_int_equal(t->in.arg[3].len, 0);
    assert_int_equal(t->in.nfds, 0);
}

static void test_descriptors_arrive_and_close_on_exec(void **state)
{
    peers_t *t = *state;
    int fds[PV_DGRAM_FDS];
    for (int i = 0; i < PV_DGRAM_FDS; i++)
        fds[i] = t->pair[0];
    pv_dgram_begin(&t->out, 1, 1, 0);
    assert_int_equal(pv_dgram_send(t->pair[0], &t->out, fds, PV_DGRAM_FDS), 0);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 1);
    assert_int_equal(t->in.nfds, PV_DGRAM_FDS);
    for (int i = 0; i < t->in.nfds; i++) {
        assert_true(fcntl(t->in.fd[i], F_GETFD) & FD_CLOEXEC);
        close(t->in.fd[i]);
    }
}

static void test_the_largest_message_passes_and_a_larger_one_does_not(void **state)
{
    peers_t *t = *state;
    static char big[PV_DGRAM_MAX];
    const size_t room = PV_DGRAM_MAX - sizeof(pv_dgram_head_t) - sizeof(uint32_t);
    pv_dgram_begin(&t->out, 1, 1, 0);
    pv_dgram_bytes(&t->out, big, room);
    assert_int_equal(pv_dgram_send(t->pair[0], &t->out, NULL, 0), 0);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 1);
    assert_int_equal(t->in.arg[0].len, room);

    pv_dgram_begin(&t->out, 1, 1, 0);
    pv_dgram_bytes(&t->out, big, room + 1);
    assert_int_equal(pv_dgram_send(t->pair[0], &t->out, NULL, 0), -1);
    assert_int_equal(errno, EMSGSIZE);

    pv_dgram_begin(&t->out, 1, 1, 0);
    for (int i = 0; i <= PV_DGRAM_ARGS; i++)
        pv_dgram_str(&t->out, "");
    assert_int_equal(pv_dgram_send(t->pair[0], &t->out, NULL, 0), -1);
}

static void test_replies(void **state)
{
    peers_t *t = *state;
    const pv_dgram_head_t to = {.op = 3, .seq = 17, .job = 5};
    const pv_reply_t reply = {PV_DB_DOWN, 3, UINT64_MAX, "refused\nby \xff"};
    pv_reply_t back;
    assert_int_equal(pv_dgram_reply_send(t->pair[0], &to, &reply, t->pair, 1), 0);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 1);
    close(t->in.fd[0]);
    assert_int_equal(t->in.head.seq, 17);
    assert_int_equal(pv_dgram_reply_parse(&t->in, &back), 0);
    assert_int_equal(back.code, PV_DB_DOWN);
    assert_int_equal(back.a, 3);
    assert_true(back.b == UINT64_MAX);
    assert_string_equal(back.detail, "refused by  ");
}

static void test_malformed_replies_are_refused(void **state)
{
    static const struct {
        uint16_t op;
        const char *arg[5];
    } rows[] = {
        {1, {"0", "0", "0", ""}},                 /* no reply at all */
        {PV_DGRAM_REPLY, {"0", "0", "0"}},        /* one argument short */
        {PV_DGRAM_REPLY, {"9999", "0", "0", ""}}, /* no code */
        {PV_DGRAM_REPLY, {"-1", "0", "0", ""}},
        {PV_DGRAM_REPLY, {"0", "x", "0", ""}},
        {PV_DGRAM_REPLY, {"0", "0", "", ""}},
    };
    peers_t *t = *state;
    pv_reply_t back;
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_dgram_begin(&t->out, rows[i].op, 1, 0);
        for (int k = 0; rows[i].arg[k]; k++)
            pv_dgram_str(&t->out, rows[i].arg[k]);
        assert_int_equal(pv_dgram_send(t->pair[0], &t->out, NULL, 0), 0);
        assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 1);
        assert_int_equal(pv_dgram_reply_parse(&t->in, &back), -1);
    }
}

/* Bytes as a peer could send them: a head that claims ARGC arguments, and after it LEN bytes of BODY. */
static void send_raw(int sock, uint16_t argc, const void *body, size_t len)
{
    static char raw[2 * PV_DGRAM_MAX];
    pv_dgram_head_t head = {.op = 1, .argc = argc};
    memcpy(raw, &head, sizeof(head));
    memcpy(raw + sizeof(head), body, len);
    assert_int_equal(send(sock, raw, sizeof(head) + len, 0), sizeof(head) + len);
}

static void test_lengths_that_do_not_add_up_are_refused(void **state)
{
    static const char zeros[PV_DGRAM_MAX];
    static const uint32_t huge = UINT32_MAX, two = 2;
    static const struct {
        uint16_t argc;
        const void *body;
        size_t len;
    } rows[] = {
        {1, "", 0},                 /* no argument where one is claimed */
        {1, "\1\0", 2},             /* half a length */
        {1, &huge, sizeof(huge)},   /* longer than anything (S2) */
        {1, &two, sizeof(two)},     /* longer than what came */
        {0, "x", 1},                /* bytes that belong to nothing */
        {UINT16_MAX, zeros, 70000}, /* more arguments than there may be */
        {PV_DGRAM_ARGS + 1, zeros, 4 * (PV_DGRAM_ARGS + 1)},
        {1, zeros, PV_DGRAM_MAX}, /* cut off by the kernel (S2: MSG_TRUNC) */
    };
    peers_t *t = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        send_raw(t->pair[0], rows[i].argc, rows[i].body, rows[i].len);
        assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), -1);
        assert_int_equal(errno, EBADMSG);
    }
    assert_int_equal(send(t->pair[0], "head", 4, 0), 4);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), -1);
}

static void test_too_many_descriptors_are_all_closed(void **state)
{
    peers_t *t = *state;
    enum { MANY = PV_DGRAM_FDS + 3 };
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(MANY * sizeof(int))];
    } control = {
        .align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(MANY * sizeof(int))}};
    pv_dgram_head_t head = {.op = 1};
    struct iovec iov = {&head, sizeof(head)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    for (int i = 0; i < MANY; i++)
        memcpy(control.buf + CMSG_LEN(i * sizeof(int)), t->pair, sizeof(int));
    int before = open_descriptors();
    assert_int_equal(sendmsg(t->pair[0], &msg, 0), sizeof(head));
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), -1);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(open_descriptors(), before);
}

static void test_a_peer_that_is_gone(void **state)
{
    peers_t *t = *state;
    shutdown(t->pair[0], SHUT_RDWR);
    assert_int_equal(pv_dgram_recv(t->pair[1], t->buf, &t->in), 0);
    pv_dgram_begin(&t->out, 1, 1, 0);
    assert_int_equal(pv_dgram_send(t->pair[1], &t->out, NULL, 0), -1); /* and no SIGPIPE */
    assert_int_equal(errno, EPIPE);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PAIR(test_arguments_arrive_as_they_were_put_in),
        PAIR(test_descriptors_arrive_and_close_on_exec),
        PAIR(test_the_largest_message_passes_and_a_larger_one_does_not),
        PAIR(test_replies),
        PAIR(test_malformed_replies_are_refused),
        PAIR(test_lengths_that_do_not_add_up_are_refused),
        PAIR(test_too_many_descriptors_are_all_closed),
        PAIR(test_a_peer_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
