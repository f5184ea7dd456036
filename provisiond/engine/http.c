/*
 * Asks a site for a page as a visitor would: one GET, redirects not followed, in the engine's loop, with a random query
 * so that no cache answers. A refused connection or 503 is tried again for a short while, since httpd may just be
 * replacing its processes. The answer is a tenant's: it is bounded, looked at for its status, title and where it leads,
 * and shown only as text.
 */
#include "engine/engine.h"
#include "engine/page.h"
#include "engine/transport.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND      INT64_C(1000000)
#define GIVE_UP     (60 * SECOND) /* the first page of a CMS fills its caches; on a busy machine that takes its time */
#define TRY_FOR     (5 * SECOND)  /* refused, or 503 where another status is asked for */
#define TRY_AGAIN   (SECOND / 10)
#define ANSWER_MAX  (256 * 1024)
#define SHOWN_BYTES 200

typedef struct {
    pv_call_t *call;
    pv_loop_t *loop;
    int fd; /* -1: none open */
    int64_t began;
    pv_timer_t *give_up, *again;
    const char *target; /* path and query */
    char *request;
    size_t written, length;
    char *answer; /* ANSWER_MAX and one byte more */
    size_t got;
} get_t;

static void try_again(void *ctx);

static void close_try(get_t *get)
{
    if (get->fd >= 0) {
        pv_loop_unwatch(get->loop, get->fd);
        close(get->fd);
    }
    get->fd = -1;
}

static void stop(get_t *get)
{
    close_try(get);
    pv_timer_stop(get->give_up);
    pv_timer_stop(get->again);
}

static const char *asked(const get_t *get)
{
    const pv_call_t *call = get->call;

    return apr_psprintf(call->p, "GET http://%s%s at %s port %d", call->host, get->target, call->addr, call->port);
}

static void write_request(get_t *get, const char *target)
{
    get->target = target;
    get->request = apr_psprintf(get->call->p,
                                "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: provisiond\r\nAccept: text/html\r\n"
                                "Connection: close\r\n\r\n",
                                target, get->call->host);
    get->length = strlen(get->request);
}

static void fail(get_t *get, const char *what)
{
    stop(get);
    pv_call_fail(get->call, PV_NOT_SERVED, "%s: %s", asked(get), what);
}

static int is_late(const get_t *get)
{
    return pv_loop_now() - get->began > TRY_FOR;
}

static void ask_again(get_t *get)
{
    close_try(get);
    get->again = pv_timer_start(get->loop, TRY_AGAIN, try_again, get);
}

/* Waits and asks anew while there is time, else fails with WHAT. */
static void retry(get_t *get, const char *what)
{
    if (is_late(get))
        fail(get, what);
    else
        ask_again(get);
}

/* Where the answer leads; "": nowhere else. */
static const char *leads_to(const get_t *get, int status)
{
    return status >= 300 && status < 400 ? pv_page_header(get->answer, "Location:", get->call->p) : "";
}

static int will_do(const get_t *get, int status)
{
    const pv_call_t *call = get->call;

    if (status == 503)
        return call->closed == PV_IS_CLOSED || (call->closed == PV_MAYBE_CLOSED && !pv_page_is_httpds(get->answer));
    return call->others && (status == 401 || status == 403 || (status >= 300 && status < 400));
}

/* What is wrong with an answer of STATUS; NULL: nothing. */
static const char *fault_of(const get_t *get, int status)
{
    const pv_call_t *call = get->call;

    if (status != call->status && !will_do(get, status))
        return apr_psprintf(call->p, "status %d, not %d", status, call->status);
    if (pv_page_is_at(leads_to(get, status), call->host, get->target))
        return apr_psprintf(call->p, "status %d, which leads to where it comes from", status);
    if (call->title && !pv_page_has_title(get->answer, call->title, call->p))
        return apr_psprintf(call->p, "the page's title is not '%s'", call->title);
    return NULL;
}

/* A site that takes the random query away is asked once more, without it: only so a loop is seen. */
static int takes_query(const get_t *get, int status)
{
    return get->target != get->call->path && pv_page_is_at(leads_to(get, status), get->call->host, get->call->path);
}

static void judge(get_t *get)
{
    pv_call_t *call = get->call;
    pv_reply_t reply = {.code = PV_OK, .a = PV_CURRENT};
    const char *wrong,
        *shown = pv_text_show(get->answer, get->got < SHOWN_BYTES ? get->got : SHOWN_BYTES, 4 * SHOWN_BYTES, call->p);
    int status;

    get->answer[get->got] = '\0';
    status = pv_page_status(get->answer, get->got);
    wrong = fault_of(get, status);
    if (status == 503 && call->status != 503 && !is_late(get))
        ask_again(get);
    else if (call->others && takes_query(get, status)) {
        write_request(get, call->path);
        ask_again(get);
    } else if (wrong)
        fail(get, apr_psprintf(call->p, "%s: %s", wrong, shown));
    else {
        stop(get);
        reply.b = (uint64_t)status;
        pv_call_answer(call, &reply);
    }
}

static void on_readable(get_t *get)
{
    ssize_t n = read(get->fd, get->answer + get->got, ANSWER_MAX - get->got);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 && get->got == 0)
        retry(get, n < 0 ? strerror(errno) : "the connection was closed without an answer");
    else if (n > 0 && get->got + (size_t)n < ANSWER_MAX)
        get->got += (size_t)n;
    else {
        get->got += n > 0 ? (size_t)n : 0;
        judge(get);
    }
}

static void on_event(void *ctx, int fd, short revents);

static void on_writable(get_t *get)
{
    int e = 0;
    socklen_t len = sizeof(e);
    ssize_t n;

    if (getsockopt(get->fd, SOL_SOCKET, SO_ERROR, &e, &len) || e) {
        retry(get, strerror(e ? e : errno));
        return;
    }
    n = send(get->fd, get->request + get->written, get->length - get->written, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        retry(get, strerror(errno));
        return;
    }
    get->written += n > 0 ? (size_t)n : 0;
    if (get->written == get->length)
        pv_loop_watch(get->loop, get->fd, POLLIN, on_event, get);
}

static void on_event(void *ctx, int fd, short revents)
{
    get_t *get = ctx;

    if (get->written < get->length)
        on_writable(get);
    else
        on_readable(get);
}

static socklen_t address_of(const pv_call_t *call, struct sockaddr_storage *to)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET, call->addr, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)call->port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, call->addr, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)call->port);
    return sizeof(*v6);
}

static void try_again(void *ctx)
{
    get_t *get = ctx;
    struct sockaddr_storage to;
    socklen_t len = address_of(get->call, &to);

    get->again = NULL;
    get->written = get->got = 0;
    get->fd = len ? socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (get->fd < 0)
        fail(get, len ? strerror(errno) : "is no address");
    else if (connect(get->fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
        retry(get, strerror(errno));
    else
        pv_loop_watch(get->loop, get->fd, POLLOUT, on_event, get);
}

static void on_deadline(void *ctx)
{
    get_t *get = ctx;

    get->give_up = NULL;
    fail(get, apr_psprintf(get->call->p, "no whole answer within %d seconds", (int)(GIVE_UP / SECOND)));
}

static const char *random_query(apr_pool_t *p)
{
    uint64_t n = 0;

    if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
        n = (uint64_t)pv_loop_now();
    return apr_psprintf(p, "provision=%016lx", (unsigned long)n);
}

void pv_call_by_http(pv_call_t *call)
{
    get_t *get = apr_pcalloc(call->p, sizeof(*get));

    get->call = call;
    get->loop = pv_engine_loop(call->engine);
    get->fd = -1;
    get->answer = apr_palloc(call->p, ANSWER_MAX + 1);
    get->began = pv_loop_now();
    write_request(get,
                  apr_pstrcat(call->p, call->path, strchr(call->path, '?') ? "&" : "?", random_query(call->p), NULL));
    get->give_up = pv_timer_start(get->loop, GIVE_UP, on_deadline, get);
    get->again = pv_timer_start(get->loop, 0, try_again, get);
}
