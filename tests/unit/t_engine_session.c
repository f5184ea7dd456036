/*
 * Connections, as a client sees them: hello first, limits, time limits, events. The engine runs in the same process;
 * the client side reads what has come when the loop has had its turn.
 */
#include "engine_world.h"

#include "engine/session.h"

typedef struct {
    int fd;
    pv_usage_t usage;
    char buf[4 * 1024 * 1024];
    size_t used;
} client_t;

static const pv_role_t role = {"admin", -1, NULL, 32};

static client_t *connect_one(void)
{
    int pair[2];
    client_t *c = calloc(1, sizeof(*c));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    c->usage = (pv_usage_t){.uid = 1, .refilled = pv_loop_now(), .allowance = 400};
    c->fd = pair[0];
    pv_session_open(world.engine, &role, &c->usage, pair[1]);
    return c;
}

/* Hangs up and lets the engine see it, and finish what was asked of it. */
static int is_alone(void *ctx)
{
    const client_t *c = ctx;
    return c->usage.connections == 0 && c->usage.requests == 0;
}

static void hang_up(client_t *c)
{
    close(c->fd);
    run_until(is_alone, c);
    free(c);
}

static void say(client_t *c, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(write(c->fd, text, len), (ssize_t)len);
}

static int hear(client_t *c)
{
    ssize_t n = read(c->fd, c->buf + c->used, sizeof(c->buf) - 1 - c->used);
    c->used += n > 0 ? (size_t)n : 0;
    c->buf[c->used] = '\0';
    return n == 0;
}

typedef struct {
    client_t *client;
    const char *text; /* NULL: until the end of the connection */
} heard_t;

static int has_heard(void *ctx)
{
    heard_t *h = ctx;
    int ended = hear(h->client);
    return h->text ? strstr(h->client->buf, h->text) != NULL : ended;
}

static void expect(client_t *c, const char *text)
{
    heard_t h = {c, text};
    run_until(has_heard, &h);
}

static client_t *greet(void)
{
    run_until(is_ready, NULL);
    client_t *c = connect_one();
    say(c, "{\"op\":\"hello\",\"id\":1,\"v\":1,\"client\":\"test\"}\n");
    expect(c, "\"state\":\"ready\"");
    c->used = 0;
    return c;
}

static void test_nothing_is_answered_before_hello(void **state)
{
    static const char *const firsts[] = {"{\"op\":\"status\",\"id\":1}\n",
                                         "{\"op\":\"hello\",\"id\":1,\"v\":2,\"client\":\"x\"}\n", "\n",
                                         "GET / HTTP/1.1\r\n\r\n"};
    run_until(is_ready, NULL);
    for (size_t i = 0; i < COUNT(firsts); i++) {
        client_t *c = connect_one();
        say(c, firsts[i]);
        expect(c, NULL);
        assert_non_null(strstr(c->buf, "\"ok\":false"));
        hang_up(c);
    }
}

static void test_ten_errors_end_a_connection(void **state)
{
    client_t *c = greet();
    for (int i = 0; i < 10; i++)
        say(c, "{\"op\":\"nonsense\",\"id\":1}\n");
    expect(c, NULL);
    int n = 0;
    for (const char *at = c->buf; (at = strstr(at, "UNKNOWN_OP")); at++)
        n++;
    assert_int_equal(n, 10);
    hang_up(c);
}

static void test_a_flood_is_slowed_down_and_answered(void **state)
{
    char line[64];
    client_t *c = greet();
    c->usage.allowance = 5;
    int64_t began = pv_loop_now();
    for (int i = 0; i < 45; i++) {
        snprintf(line, sizeof(line), "{\"op\":\"show\",\"id\":%d,\"job\":1}\n", 100 + i);
        say(c, line);
    }
    expect(c, "\"re\":144");
    assert_true(pv_loop_now() - began > 150000); /* 40 more than it had, at 200 a second */
    hang_up(c);
}

static void test_the_65th_request_under_way_is_busy(void **state)
{
    client_t *c = greet();
    c->usage.requests = PV_REQUESTS_MAX;
    say(c, "{\"op\":\"doctor\",\"id\":7}\n");
    expect(c, "\"code\":\"BUSY\"");
    c->usage.requests = 0;
    say(c, "{\"op\":\"doctor\",\"id\":8}\n");
    expect(c, "\"re\":8");
    assert_int_equal(c->usage.requests, 0);
    hang_up(c);
}

static void test_a_follower_gets_the_past_and_what_comes(void **state)
{
    char line[128];
    client_t *c = greet();
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    snprintf(line, sizeof(line), "{\"op\":\"follow\",\"id\":2,\"journal\":\"%s\",\"after\":0}\n",
             pv_journal_id(world.engine->journal));
    say(c, line);
    expect(c, "\"state\":\"success\"");
    assert_non_null(strstr(c->buf, "\"kind\":\"accepted\""));
    c->used = 0;
    c->buf[0] = '\0';
    assert_int_equal(end_of(ask_install(SITE_B, "b.test")), PV_JOB_success);
    expect(c, "\"state\":\"success\"");
    assert_null(strstr(c->buf, SITE_A));
    hang_up(c);
}

static void test_another_journal_or_a_lost_position_is_a_reset(void **state)
{
    char line[128];
    uint64_t first, last;
    pv_err_t err;
    client_t *c = greet();
    say(c, "{\"op\":\"follow\",\"id\":2,\"journal\":\"other\",\"after\":0}\n");
    expect(c, "\"reset\":true");
    assert_int_equal(end_of(ask_install(SITE_A, "a.test")), PV_JOB_success);
    assert_int_equal(pv_event_prune(world.engine->journal, pv_journal_now() + 1, &err), APR_SUCCESS);
    pv_event_range(world.engine->journal, &first, &last);
    c->used = 0;
    snprintf(line, sizeof(line), "{\"op\":\"follow\",\"id\":3,\"journal\":\"%s\",\"after\":%lu}\n",
             pv_journal_id(world.engine->journal), (unsigned long)first - 2);
    say(c, line);
    expect(c, "\"reset\":true");
    hang_up(c);
}

static void test_a_consumer_cannot_acknowledge_what_there_is_not(void **state)
{
    char line[160];
    client_t *c = greet();
    snprintf(line, sizeof(line),
             "{\"op\":\"follow\",\"id\":2,\"journal\":\"%s\",\"after\":99999,\"consumer\":\"panel\"}\n",
             pv_journal_id(world.engine->journal));
    say(c, line);
    expect(c, "\"field\":\"after\"");
    hang_up(c);
}

/* It takes nothing: the engine keeps no more for it than a little, and lets it go after a MiB. */
static void test_a_follower_that_does_not_read_is_dropped(void **state)
{
    static char text[8000];
    char line[128];
    pv_err_t err;
    client_t *c = greet();
    memset(text, 'x', sizeof(text) - 1);
    snprintf(line, sizeof(line), "{\"op\":\"follow\",\"id\":2,\"journal\":\"%s\",\"after\":0}\n",
             pv_journal_id(world.engine->journal));
    say(c, line);
    expect(c, "\"re\":2");
    for (int i = 0; i < 400 && c->usage.connections > 0; i++) {
        pv_event_add(world.engine->journal, "log", NULL, NULL, json_pack("{ss}", "text", text), &err);
        assert_int_equal(pv_event_flush(world.engine->journal, &err), APR_SUCCESS);
        wait_t once = {.is_so = is_ready};
        pv_timer_start(world.engine->loop, 0, look, &once);
        pv_loop_run(world.engine->loop);
    }
    assert_int_equal(c->usage.connections, 0);
    hang_up(c);
}

static void test_an_answer_whose_asker_has_gone_goes_nowhere(void **state)
{
    client_t *c = greet();
    say(c, "{\"op\":\"status\",\"id\":3}\n");
    hang_up(c); /* under ASan: what comes then touches nothing that is gone */
    run_until(is_ready, NULL);
}

static void test_half_a_line_has_five_seconds(void **state)
{
    client_t *c = greet();
    say(c, "{\"op\":");
    int64_t began = pv_loop_now();
    expect(c, NULL);
    assert_true(pv_loop_now() - began > 4000000);
    assert_non_null(strstr(c->buf, "DEADLINE"));
    hang_up(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_nothing_is_answered_before_hello),
        WORLD(test_ten_errors_end_a_connection),
        WORLD(test_a_flood_is_slowed_down_and_answered),
        WORLD(test_the_65th_request_under_way_is_busy),
        WORLD(test_a_follower_gets_the_past_and_what_comes),
        WORLD(test_another_journal_or_a_lost_position_is_a_reset),
        WORLD(test_a_consumer_cannot_acknowledge_what_there_is_not),
        WORLD(test_a_follower_that_does_not_read_is_dropped),
        WORLD(test_an_answer_whose_asker_has_gone_goes_nowhere),
        WORLD(test_half_a_line_has_five_seconds),
    };
    return cmocka_run_group_tests_name("engine_session", tests, NULL, NULL);
}
