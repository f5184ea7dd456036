/*
 * The page that a visitor gets: status and title of odd answers, and the GET itself against a server in the same loop.
 */
#include "unit.h"

#include "engine/page.h"
#include "engine/parts.h"
#include "engine/transport.h"
#include <apr_strings.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    const char *answer;
    int status;
} statuses[] = {
    {"HTTP/1.1 200 OK\r\n", 200}, {"HTTP/1.0 503 x", 503}, {"HTTP/2 200 OK\r\n\r\n", 0},
    {"HTTP/1.1 2x0 OK", 0},       {"HTTP/1.1", 0},         {"", 0},
    {"<html>HTTP/1.1 200", 0},
};

static void test_a_status_is_read_from_the_first_line(void **state)
{
    for (size_t i = 0; i < COUNT(statuses); i++)
        assert_int_equal(pv_page_status(statuses[i].answer, strlen(statuses[i].answer)), statuses[i].status);
}

static const struct {
    const char *page, *title;
    int held;
} titles[] = {
    {"<title>My site</title>", "My site", 1},
    {"<TITLE lang=\"en\">My site &#8211; Just another</TITLE>", "My site", 1},
    {"<title>Tom &amp; Jerry&#8217;s</title>", "Tom & Jerry's", 1},
    {"<title>Tom &#038; Jerry</title>", "Tom & Jerry", 1},
    {"<title>\xc3\x9c"
     "ber &#xDC;ber</title>",
     "\xc3\x9c"
     "ber \xc3\x9c"
     "ber",
     1},
    {"<title>\xe2\x80\x9cQuoted\xe2\x80\x9d</title>", "\"Quoted\"", 1},
    {"<title>&#x1F600; &bogus; &#; &</title>", "bogus", 1},
    {"<title>!</title>", "?", 1},
    {"<title>Other</title><h1>My site</h1>", "My site", 0},
    {"<title>My sit</title>", "My site", 0},
    {"<title>My site", "My site", 0},
    {"My site", "My site", 0},
    {"<title>\xc3</title>", "\xc3\x9c", 0},
    {"", "x", 0},
};

static void test_a_title_is_held_whatever_a_cms_makes_of_its_signs(void **state)
{
    for (size_t i = 0; i < COUNT(titles); i++)
        if (pv_page_has_title(titles[i].page, titles[i].title, *state) != titles[i].held)
            fail_msg("'%s' in '%s' should be %d", titles[i].title, titles[i].page, titles[i].held);
}

static void test_where_an_answer_leads_is_read_from_its_head(void **state)
{
    const char *answer = "HTTP/1.1 302 Found\r\nX: location: no\r\nLOCATION: \t/a?b\r\n\r\nLink: /c\r\n";
    assert_string_equal(pv_page_header(answer, "Location:", *state), "/a?b");
    assert_string_equal(pv_page_header(answer, "Link:", *state), "");
    assert_string_equal(pv_page_header("HTTP/1.1 302 Found\r\nLocation: /", "Location:", *state), "");
    assert_string_equal(pv_page_header("", "Location:", *state), "");
}

static const struct {
    const char *location, *host, *target;
    int same;
} places[] = {
    {"/", "a.test", "/", 1},
    {"http://A.test/", "a.test", "/", 1},
    {"http://a.test", "a.test", "/", 1},
    {"http://a.test:80?x=1#top", "a.test", "/?x=1", 1},
    {"//a.test/#", "a.test", "/", 1},
    {"http://a.test:8080/", "a.test:8080", "/", 1},
    {"http://a.test:8080/", "a.test", "/", 0},
    {"http://a.test:801/", "a.test", "/", 0},
    {"http://a.testing/", "a.test", "/", 0},
    {"https://a.test/", "a.test", "/", 0},
    {"http://www.a.test/", "a.test", "/", 0},
    {"/en", "a.test", "/", 0},
    {"/?y=2", "a.test", "/", 0},
    {"", "a.test", "/", 0},
};

static void test_a_redirect_to_the_same_address_is_known(void **state)
{
    for (size_t i = 0; i < COUNT(places); i++)
        if (pv_page_is_at(places[i].location, places[i].host, places[i].target) != places[i].same)
            fail_msg("'%s' and '%s%s' should be %d", places[i].location, places[i].host, places[i].target,
                     places[i].same);
}

/* ---- the GET: a server that gives one answer of a row after the other; NULL closes without one ---- */

static struct {
    apr_pool_t *p;
    struct pv_engine engine;
    int listener, port, at;
    const char *const *answer;
    char request[1024];
    pv_reply_t reply;
    int answers;
} net;

static void on_request(void *ctx, int fd, short revents)
{
    const char *text = net.answer[net.at];
    ssize_t n = read(fd, net.request, sizeof(net.request) - 1);
    net.request[n > 0 ? n : 0] = '\0';
    if (text)
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    net.at += net.answer[net.at + 1] != NULL;
    pv_loop_unwatch(net.engine.loop, fd);
    close(fd);
}

static void on_visitor(void *ctx, int fd, short revents)
{
    int visitor = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(visitor >= 0);
    pv_loop_watch(net.engine.loop, visitor, POLLIN, on_request, NULL);
}

static int net_make(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    memset(&net, 0, sizeof(net));
    pool_make(state);
    net.p = net.engine.p = *state;
    net.engine.loop = pv_loop_make(net.p);
    net.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(net.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(net.listener, (struct sockaddr *)&at, &len), 0);
    net.port = ntohs(at.sin_port);
    return 0;
}

static int net_end(void **state)
{
    close(net.listener);
    return pool_end(state);
}

static void got(pv_call_t *call, const pv_reply_t *reply)
{
    net.reply = *reply;
    net.answers++;
    pv_loop_stop(net.engine.loop);
}

static void listen_now(void *ctx)
{
    assert_int_equal(listen(net.listener, 8), 0);
    pv_loop_watch(net.engine.loop, net.listener, POLLIN, on_visitor, NULL);
}

static void ask_of(const char *const *answer, const char *title, int status, int others, pv_closed_t closed)
{
    pv_call_t *call = pv_call_make(&net.engine, NULL);
    call->others = others;
    call->closed = closed;
    net.answer = answer;
    call->kind = PV_CALL_HTTP;
    call->addr = "127.0.0.1";
    call->port = net.port;
    call->host = "a.test:8080";
    call->path = "/page?x=1";
    call->title = title;
    call->status = status;
    pv_call_run(call, got, NULL);
    pv_loop_run(net.engine.loop);
    assert_int_equal(net.answers, 1);
}

static void ask(const char *const *answer, const char *title, int status)
{
    ask_of(answer, title, status, 0, PV_NOT_CLOSED);
}

#define HTTPD_503                                                                                                      \
    "HTTP/1.0 503 No\r\n\r\n<!DOCTYPE HTML>\n<html><head>\n<title>503 Service "                                        \
    "Unavailable</title>\n</head><body>\n<h1>No"

static const struct {
    const char *answer[3];
    pv_closed_t closed;
    pv_code_t code;
    uint64_t status;
} others[] = {
    {{"HTTP/1.0 302 Found\r\nLocation: https://a.test:8080/page?x=1\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 302},
    {{"HTTP/1.0 301 Moved\r\nLocation: /en\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 301},
    {{"HTTP/1.0 304 Same\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 304},
    {{"HTTP/1.0 401 Who\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 401},
    {{"HTTP/1.0 403 No\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 403},
    {{"HTTP/1.0 404 No\r\n\r\n"}, PV_IS_CLOSED, PV_NOT_SERVED, 0},
    {{"HTTP/1.0 500 No\r\n\r\n"}, PV_IS_CLOSED, PV_NOT_SERVED, 0},
    {{"HTTP/1.0 502 No\r\n\r\n"}, PV_IS_CLOSED, PV_NOT_SERVED, 0},
    {{"HTTP/1.0 302 Found\r\nLocation: /page?x=1\r\n\r\n"}, PV_NOT_CLOSED, PV_NOT_SERVED, 0}, /* at both times */
    {{"HTTP/1.0 302 Found\r\nLocation: /page?x=1\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"}, PV_NOT_CLOSED, PV_OK, 200},
    {{"HTTP/1.0 503 Work\r\n\r\n<html>soon"}, PV_MAYBE_CLOSED, PV_OK, 503},
    {{HTTPD_503}, PV_MAYBE_CLOSED, PV_NOT_SERVED, 0},
    {{HTTPD_503}, PV_IS_CLOSED, PV_OK, 503},
    {{"HTTP/1.0 503 Work\r\n\r\n<html>soon"}, PV_NOT_CLOSED, PV_NOT_SERVED, 0},
    {{"HTTP/1.0 503 Busy\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"}, PV_IS_CLOSED, PV_OK, 200},
};

static void test_what_an_owner_may_have_chosen_will_do(void **state)
{
    listen_now(NULL);
    for (size_t i = 0; i < COUNT(others); i++) {
        net.at = net.answers = 0;
        ask_of(others[i].answer, NULL, 200, 1, others[i].closed);
        if (net.reply.code != others[i].code || (others[i].status && net.reply.b != others[i].status))
            fail_msg("row %zu: %s", i, net.reply.detail);
    }
}

static void test_a_new_site_has_to_show_its_page(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 302 Found\r\nLocation: /en\r\n\r\n", NULL};
    listen_now(NULL);
    ask(answers, NULL, 200);
    assert_int_equal(net.reply.code, PV_NOT_SERVED);
}

static void test_a_page_with_its_title_is_served(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 200 OK\r\n\r\n<title>Mine</title>", NULL};
    listen_now(NULL);
    ask(answers, "Mine", 200);
    assert_int_equal(net.reply.code, PV_OK);
    assert_int_equal(net.reply.a, PV_CURRENT);
    assert_memory_equal(net.request, "GET /page?x=1&provision=", 24);
    assert_non_null(strstr(net.request, "\r\nHost: a.test:8080\r\n"));
}

static void test_a_wrong_answer_says_what_was_asked_and_what_came(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 500 Oops\r\n\r\n\x1b[31mbad", NULL};
    listen_now(NULL);
    ask(answers, NULL, 200);
    assert_int_equal(net.reply.code, PV_NOT_SERVED);
    assert_non_null(strstr(net.reply.detail, "GET http://a.test:8080/page?x=1&provision="));
    assert_non_null(strstr(net.reply.detail, "status 500, not 200: HTTP/1.0 500 Oops"));
    assert_null(strchr(net.reply.detail, '\x1b'));
}

static void test_a_wrong_title_is_not_served(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 200 OK\r\n\r\n<title>Welcome</title>", NULL};
    listen_now(NULL);
    ask(answers, "Mine", 200);
    assert_int_equal(net.reply.code, PV_NOT_SERVED);
    assert_non_null(strstr(net.reply.detail, "title is not 'Mine'"));
}

static void test_503_and_a_closed_connection_are_tried_again(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 503 Busy\r\n\r\n", "", "HTTP/1.0 200 OK\r\n\r\n", NULL};
    listen_now(NULL);
    ask(answers, NULL, 200);
    assert_int_equal(net.reply.code, PV_OK);
    assert_int_equal(net.at, 2);
}

static void test_a_refused_connection_is_tried_until_somebody_listens(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 200 OK\r\n\r\n", NULL};
    pv_timer_start(net.engine.loop, 150000, listen_now, NULL);
    ask(answers, NULL, 200);
    assert_int_equal(net.reply.code, PV_OK);
}

static void test_503_that_is_asked_for_is_an_answer(void **state)
{
    static const char *const answers[] = {"HTTP/1.0 503 Off\r\n\r\n", NULL};
    listen_now(NULL);
    ask(answers, NULL, 503);
    assert_int_equal(net.reply.code, PV_OK);
}

#define NET(name) cmocka_unit_test_setup_teardown(name, net_make, net_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_status_is_read_from_the_first_line),
        TEST(test_a_title_is_held_whatever_a_cms_makes_of_its_signs),
        TEST(test_where_an_answer_leads_is_read_from_its_head),
        TEST(test_a_redirect_to_the_same_address_is_known),
        NET(test_what_an_owner_may_have_chosen_will_do),
        NET(test_a_new_site_has_to_show_its_page),
        NET(test_a_page_with_its_title_is_served),
        NET(test_a_wrong_answer_says_what_was_asked_and_what_came),
        NET(test_a_wrong_title_is_not_served),
        NET(test_503_and_a_closed_connection_are_tried_again),
        NET(test_a_refused_connection_is_tried_until_somebody_listens),
        NET(test_503_that_is_asked_for_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
