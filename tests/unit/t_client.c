/*
 * The client against a thread that plays the daemon's end of a real socket: it answers line by line what the row says.
 */
#include "unit.h"

#include "proto/client.h"
#include "proto/line.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HELLO "{\"re\":1,\"ok\":true,\"v\":1,\"journal\":\"j\"}\n"

/* The daemon's end: reads a line, says the next text, and closes when there is none left. */
typedef struct {
    int fd;
    const char *const *says;
    char heard[4][512];
    pthread_t thread;
} daemon_t;

static void *serve(void *data)
{
    daemon_t *d = data;
    for (int i = 0; d->says[i]; i++) {
        FILE *f = fdopen(dup(d->fd), "r");
        setvbuf(f, NULL, _IONBF, 0);
        if (!fgets(d->heard[i], sizeof(d->heard[i]), f))
            d->heard[i][0] = '\0';
        fclose(f);
        send(d->fd, d->says[i], strlen(d->says[i]), MSG_NOSIGNAL);
    }
    close(d->fd);
    return NULL;
}

static int start(daemon_t *d, const char *const *says)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *d = (daemon_t){.fd = pair[0], .says = says};
    assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
    return pair[1];
}

static void test_hello_then_a_request(void **state)
{
    static const char *const says[] = {HELLO, "{\"re\":2,\"ok\":true,\"jobs\":3}\n", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    json_t *reply;
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, *state), APR_SUCCESS);
    assert_string_equal(json_string_value(json_object_get(pv_client_hello(c), "journal")), "j");
    assert_int_equal(pv_client_ask(&reply, c, pv_client_request(c, PV_MSG_status), 5, NULL, NULL, &err, *state),
                     APR_SUCCESS);
    assert_int_equal(json_integer_value(json_object_get(reply, "jobs")), 3);
    pthread_join(d.thread, NULL);
    assert_string_equal(d.heard[0], "{\"op\":\"hello\",\"id\":1,\"v\":1,\"client\":\"unit\"}\n");
    assert_string_equal(d.heard[1], "{\"op\":\"status\",\"id\":2}\n");
}

static void test_a_refused_hello(void **state)
{
    static const struct {
        const char *says[2];
        pv_code_t code;
    } rows[] = {
        {{"{\"re\":1,\"ok\":false,\"code\":\"RETRY_LATER\",\"field\":\"\",\"text\":\"recovering\"}\n"}, PV_RETRY_LATER},
        {{"{\"re\":0,\"ok\":false,\"code\":\"BUSY\",\"field\":\"\",\"text\":\"33 connections\"}\n"}, PV_BUSY},
        {{"{\"re\":7,\"ok\":true}\n"}, PV_INTERNAL},
        {{"SSH-2.0-OpenSSH\n"}, PV_SCHEMA},
        {{"\n"}, PV_SCHEMA},
        {{"{\"re\":1"}, PV_UNREACHABLE}, /* and closed in the middle */
        {{NULL}, PV_UNREACHABLE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        daemon_t d;
        pv_client_t *c = NULL;
        pv_err_t err;
        assert_int_equal(pv_client_open(&c, start(&d, rows[i].says), "unit", &err, *state), APR_EGENERAL);
        assert_int_equal(err.code, rows[i].code);
        assert_null(c);
        pthread_join(d.thread, NULL);
    }
}

static apr_status_t add_names(void *ctx, json_t *row, pv_err_t *err)
{
    strcat(ctx, json_string_value(json_object_get(row, "name")));
    return APR_SUCCESS;
}

static void test_rows_and_their_end(void **state)
{
    static const char *const says[] = {
        HELLO, "{\"re\":2,\"name\":\"a\"}\n{\"re\":2,\"name\":\"b\"}\n{\"re\":2,\"end\":true,\"next\":\"b\"}\n", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    json_t *end;
    char names[8] = "";
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, *state), APR_SUCCESS);
    assert_int_equal(pv_client_ask(&end, c, pv_client_request(c, PV_MSG_list), 5, add_names, names, &err, *state),
                     APR_SUCCESS);
    assert_string_equal(names, "ab");
    assert_string_equal(json_string_value(json_object_get(end, "next")), "b");
    pthread_join(d.thread, NULL);
}

static apr_status_t until_three(void *ctx, json_t *event, pv_err_t *err)
{
    json_int_t seq = json_integer_value(json_object_get(event, "ev"));
    *(int *)ctx = *(int *)ctx * 10 + (int)seq;
    return seq == 3 ? APR_EOF : APR_SUCCESS;
}

static void test_events_until_enough_without_heartbeats(void **state)
{
    static const char *const says[] = {
        HELLO, "{\"re\":2,\"ok\":true}\n{\"ev\":1}\n{\"ev\":0}\n{\"ev\":2}\n{\"ev\":3}\n{\"ev\":4}\n", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    int seen = 0;
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, *state), APR_SUCCESS);
    assert_int_equal(pv_client_follow(c, pv_client_request(c, PV_MSG_follow), until_three, &seen, &err), APR_SUCCESS);
    assert_int_equal(seen, 123);
    pthread_join(d.thread, NULL);
}

static void test_a_stream_that_breaks(void **state)
{
    static const char *const says[] = {HELLO, "{\"re\":2,\"ok\":true}\n{\"ev\":1}\n", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    int seen = 0;
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, *state), APR_SUCCESS);
    assert_int_equal(pv_client_follow(c, pv_client_request(c, PV_MSG_follow), until_three, &seen, &err), APR_EGENERAL);
    assert_int_equal(err.code, PV_UNREACHABLE);
    assert_int_equal(seen, 1);
    pthread_join(d.thread, NULL);
}

static void test_a_daemon_that_does_not_answer_in_time(void **state)
{
    static const char *const says[] = {HELLO, "", "", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    json_t *reply;
    apr_pool_t *p;
    apr_pool_create(&p, *state);
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, p), APR_SUCCESS);
    assert_int_equal(pv_client_ask(&reply, c, pv_client_request(c, PV_MSG_status), 1, NULL, NULL, &err, p),
                     APR_EGENERAL);
    assert_int_equal(err.code, PV_UNREACHABLE);
    assert_string_equal(err.text, "no answer came in time");
    apr_pool_destroy(p); /* closes the connection, which ends the thread */
    pthread_join(d.thread, NULL);
}

static void test_a_request_that_is_too_long_is_not_sent(void **state)
{
    static const char *const says[] = {HELLO, "", NULL};
    daemon_t d;
    pv_client_t *c;
    pv_err_t err;
    json_t *reply;
    apr_pool_t *p;
    char *text = calloc(1, PV_LINE_MAX + 1);
    apr_pool_create(&p, *state);
    assert_int_equal(pv_client_open(&c, start(&d, says), "unit", &err, p), APR_SUCCESS);
    json_t *request = pv_client_request(c, PV_MSG_show);
    json_object_set_new(request, "name", json_string(memset(text, 'a', PV_LINE_MAX)));
    assert_int_equal(pv_client_ask(&reply, c, request, 5, NULL, NULL, &err, p), APR_EGENERAL);
    assert_int_equal(err.code, PV_TOO_LONG);
    apr_pool_destroy(p);
    pthread_join(d.thread, NULL);
    assert_string_equal(d.heard[1], "");
    free(text);
}

static void test_sockets_that_cannot_be_reached(void **state)
{
    char folder[] = "/tmp/pv-client-XXXXXX", path[64];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    pv_client_t *c;
    pv_err_t err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    assert_int_equal(pv_client_connect(&c, path, "unit", &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_UNREACHABLE);
    assert_non_null(strstr(err.text, "No such file"));

    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0); /* and nobody listens */
    assert_int_equal(pv_client_connect(&c, path, "unit", &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_UNREACHABLE);
    close(listener);
    unlink(path);
    rmdir(folder);

    char much[200];
    memset(much, 'a', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    assert_int_equal(pv_client_connect(&c, much, "unit", &err, *state), APR_EGENERAL);
    assert_non_null(strstr(err.text, "longer than 107 bytes"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_hello_then_a_request),
        TEST(test_a_refused_hello),
        TEST(test_rows_and_their_end),
        TEST(test_events_until_enough_without_heartbeats),
        TEST(test_a_stream_that_breaks),
        TEST(test_a_daemon_that_does_not_answer_in_time),
        TEST(test_a_request_that_is_too_long_is_not_sent),
        TEST(test_sockets_that_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
