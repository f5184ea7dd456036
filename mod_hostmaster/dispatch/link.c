/*
 * The thread of one server. It polls its wake-up, its end and the events' socket; each turn it takes in what the daemon
 * told (one transaction for all that has come), then submits what is queued. Everything it knows is in the database or
 * is asked anew, so a kill at any point loses nothing and doubles nothing: an attempt's key makes a second submit
 * harmless, the cursor a second event.
 */
#include "dispatch/link.h"
#include "db.h"
#include "dispatch/apply.h"
#include "dispatch/dispatcher.h"
#include "dispatch/queue.h"
#include "model/app.h"
#include "proto/client.h"
#include "proto/line.h"
#include "stmts.h"
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SWEEP_MS    1000
#define ASK_SECONDS 5
#define SILENCE     ((int64_t)30 * 1000000)
#define ACK         ((int64_t)60 * 1000000)

struct hm_link {
    hm_panel_t *panel;
    const char *server, *socket;
    apr_pool_t *p, *turn, *conn; /* conn: the events' connection's */
    apr_thread_t *thread;
    int stop_fd, lock_fd, locked;
    hm_queue_t *queue;
    pv_line_t *events; /* NULL while we do not follow */
    int64_t heard;     /* when the last event or heartbeat came */
    int64_t acked;     /* when we last told how far we are */
    hm_db_t *db;
};

/* ---- the daemon's lock: one link of all children's follows it ---- */

/* A daemon's socket, as a file name. */
static const char *lock_name(const hm_link_t *link)
{
    char *name = apr_pstrdup(link->turn, link->socket);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '-';
    return name;
}

static int lock_take(hm_link_t *link)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (link->lock_fd < 0) {
        const char *path = apr_pstrcat(link->turn, link->panel->run_dir, "/follow", lock_name(link), NULL);
        link->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (!link->locked && link->lock_fd >= 0)
        link->locked = fcntl(link->lock_fd, F_OFD_SETLK, &lock) == 0;
    return link->locked;
}

/* ---- connections ---- */

static const char *socket_path(const hm_link_t *link)
{
    return link->socket[0] ? link->socket : link->panel->socket;
}

static int dial(const hm_link_t *link)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = socket_path(link);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    apr_cpystrn(to.sun_path, path, sizeof(to.sun_path));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void hang_up(hm_link_t *link)
{
    if (link->events)
        close(pv_line_fd(link->events));
    link->events = NULL;
    apr_pool_clear(link->conn);
}

static void state_set(hm_link_t *link, const char *state, const char *text)
{
    pv_err_t err = {0};
    hm_sql_follower_state(link->db, &err, state, text, link->socket);
}

/* ---- following ---- */

/* For requests of this turn. */
static apr_status_t client_make(const hm_link_t *link, pv_client_t **ret, pv_err_t *err)
{
    return pv_client_connect(ret, socket_path(link), "hostmaster", err, link->turn);
}

/* All of a kind, page by page. Its event is that of the first page: what happens while we read comes again as events.
 */
static apr_status_t snapshot_kind(hm_link_t *link, pv_client_t *client, hm_snapshot_t *snap, const char *kind,
                                  pv_err_t *err)
{
    const char *after = "";
    do {
        json_t *end, *request = pv_client_request(client, PV_MSG_list);
        json_object_set_new(request, "kind", json_string(kind));
        if (*after)
            json_object_set_new(request, "after", json_string(after));
        apr_status_t rv = pv_client_ask(&end, client, request, ASK_SECONDS, hm_snapshot_row, snap, err, link->turn);
        if (rv != APR_SUCCESS)
            return rv;
        after = hm_row_s(end, "next");
        if (snap->event < 0)
            snap->event = hm_row_n(end, "seq");
    } while (*after);
    return APR_SUCCESS;
}

/* What the daemon has, as of one event: taken in whole, and every open attempt is handed in again (its key makes that
 * harmless). */
static apr_status_t snapshot(hm_link_t *link, pv_err_t *err)
{
    static const char *const kinds[] = {"server", "platform", "site", "backup"};
    hm_snapshot_t snap;
    pv_client_t *client;
    hm_snapshot_init(&snap, link->turn);
    apr_status_t rv = client_make(link, &client, err);
    for (size_t i = 0; rv == APR_SUCCESS && i < sizeof(kinds) / sizeof(*kinds); i++)
        rv = snapshot_kind(link, client, &snap, kinds[i], err);
    if (rv != APR_SUCCESS)
        return rv;
    const char *journal = hm_row_s(pv_client_hello(client), "journal");
    return hm_snapshot_apply(&snap, link->db, link->server, link->socket, journal, err, link->turn);
}

/* The types of platforms that the daemon has drivers for. One that cannot tell leaves what was known. */
static apr_status_t apps_read(hm_link_t *link, pv_err_t *err)
{
    hm_snapshot_t snap;
    pv_client_t *client;
    hm_snapshot_init(&snap, link->turn);
    apr_status_t rv = client_make(link, &client, err);
    if (rv == APR_SUCCESS)
        rv = snapshot_kind(link, client, &snap, "app", err);
    if (rv != APR_SUCCESS)
        return err->code == PV_UNREACHABLE ? rv : APR_SUCCESS;
    return hm_apps_take(link->db, link->socket, snap.rows, err);
}

static apr_status_t line_send(hm_link_t *link, json_t *json, pv_err_t *err)
{
    const char *text;
    size_t len;
    apr_status_t rv = pv_json_line(&text, &len, json, err, link->turn);
    json_decref(json);
    if (rv != APR_SUCCESS)
        return rv;
    pv_line_put(link->events, text, len);
    return pv_line_flush(link->events, err);
}

/* The next line as JSON, awaited; only while a follow is being set up. */
static apr_status_t line_await(hm_link_t *link, json_t **ret, pv_err_t *err)
{
    struct pollfd fd = {.fd = pv_line_fd(link->events), .events = POLLIN};
    const char *text;
    size_t len;
    apr_status_t rv;
    while ((rv = pv_line_next(&text, &len, link->events, err)) == APR_EAGAIN) {
        if (poll(&fd, 1, ASK_SECONDS * 1000) <= 0)
            return pv_fail(err, PV_UNREACHABLE, NULL, "the daemon did not answer");
        if ((rv = pv_line_fill(link->events, hm_db_now(), err)) != APR_SUCCESS)
            return pv_fail(err, PV_UNREACHABLE, NULL, "the daemon hung up");
    }
    return rv == APR_SUCCESS ? pv_json_parse(ret, text, len, err) : rv;
}

static apr_status_t ask_line(hm_link_t *link, json_t *request, json_t **reply, pv_err_t *err)
{
    apr_status_t rv = line_send(link, request, err);
    if (rv == APR_SUCCESS)
        rv = line_await(link, reply, err);
    if (rv == APR_SUCCESS)
        pv_json_keep(*reply, link->turn);
    return rv == APR_SUCCESS ? pv_reply_check(*reply, 1, err) : rv;
}

static json_t *follow_request(const hm_link_t *link, const json_t *row)
{
    json_t *request = pv_request_make(PV_MSG_follow, 1);
    json_object_update_new(request, json_pack("{s:s, s:s, s:I}", "consumer", link->panel->consumer, "journal",
                                              hm_row_s(row, "journal"), "after", (json_int_t)hm_row_n(row, "event")));
    return request;
}

static apr_status_t hello(hm_link_t *link, json_t **reply, pv_err_t *err)
{
    json_t *request = pv_request_make(PV_MSG_hello, 1);
    json_object_update_new(request, json_pack("{s:i, s:s}", "v", PV_PROTOCOL, "client", "hostmaster"));
    return ask_line(link, request, reply, err);
}

/* Where the cursor stands; with a daemon that is new to us at its journal's beginning. */
static apr_status_t position(hm_link_t *link, const char *journal, json_t **row, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_follower_start(link->db, err, journal, link->socket);
    if (rv == APR_SUCCESS)
        rv = hm_sql_follower_get(link->db, &rows, err, link->socket);
    if (rv == APR_SUCCESS)
        *row = json_array_get(rows, 0);
    return rv;
}

/* Tells how far we have come: what every consumer has, the daemon may forget. */
static apr_status_t acknowledge(hm_link_t *link, pv_err_t *err)
{
    json_t *rows;
    int64_t now = hm_db_now();
    if (now - link->acked < ACK)
        return APR_SUCCESS;
    link->acked = now;
    apr_status_t rv = hm_sql_follower_get(link->db, &rows, err, link->socket);
    return rv == APR_SUCCESS ? line_send(link, follow_request(link, json_array_get(rows, 0)), err) : rv;
}

/* Connects and follows from where the cursor stands; where that position is unknown, takes a snapshot first. */
static apr_status_t follow_begin(hm_link_t *link, pv_err_t *err)
{
    json_t *row, *reply;
    int fd = dial(link);
    if (fd < 0)
        return pv_fail(err, PV_UNREACHABLE, NULL, "nobody listens at %s", socket_path(link));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    link->events = pv_line_make(fd, link->conn);
    apr_status_t rv = hello(link, &reply, err);
    if (rv == APR_SUCCESS)
        rv = position(link, hm_row_s(reply, "journal"), &row, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = ask_line(link, follow_request(link, row), &reply, err);
    if (rv == APR_SUCCESS && json_is_true(json_object_get(reply, "reset"))) {
        rv = snapshot(link, err);
        return rv == APR_SUCCESS ? pv_fail(err, PV_RETRY_LATER, NULL, "took a snapshot") : rv;
    }
    link->heard = link->acked = hm_db_now();
    return rv;
}

/* Did something become of a platform? Then its driver may be a new one. */
static int is_about_platform(const json_t *event)
{
    return strcmp(hm_row_s(event, "kind"), "object") == 0 && hm_row_s(event, "object")[0] == 'p';
}

/* All whole lines that have come, applied in one transaction. */
static apr_status_t events_take(hm_link_t *link, pv_err_t *err)
{
    json_t *batch = pv_json_keep(json_array(), link->turn), *event;
    const char *text;
    size_t len;
    int platforms = 0;
    apr_status_t rv = pv_line_fill(link->events, hm_db_now(), err), got;
    if (rv != APR_SUCCESS)
        return pv_fail(err, PV_UNREACHABLE, NULL, "the daemon hung up");
    while ((got = pv_line_next(&text, &len, link->events, err)) == APR_SUCCESS) {
        if ((rv = pv_json_parse(&event, text, len, err)) != APR_SUCCESS)
            return rv;
        link->heard = hm_db_now();
        if (json_integer_value(json_object_get(event, "ev")) > 0)
            json_array_append(batch, event);
        platforms |= is_about_platform(event);
        json_decref(event);
    }
    if (got != APR_EAGAIN)
        return got;
    if (json_array_size(batch) > 0)
        rv = hm_apply_events(link->db, link->server, link->socket, batch, err, link->turn);
    return rv == APR_SUCCESS && platforms ? apps_read(link, err) : rv;
}

/* A daemon's row is made by whoever follows it first. */
static apr_status_t follower_make(hm_link_t *link)
{
    json_t *rows;
    pv_err_t err = {0};
    if (link->events)
        return APR_SUCCESS;
    apr_status_t rv = hm_sql_follower_get(link->db, &rows, &err, link->socket);
    return rv != APR_SUCCESS || json_array_size(rows) > 0 ? rv : hm_sql_follower_add(link->db, &err, link->socket);
}

static void follow_pass(hm_link_t *link, int ready)
{
    pv_err_t err = {0};
    apr_status_t rv = APR_SUCCESS;
    if (!lock_take(link) || follower_make(link) != APR_SUCCESS)
        return;
    if (link->events == NULL) {
        if ((rv = follow_begin(link, &err)) == APR_SUCCESS && (rv = apps_read(link, &err)) == APR_SUCCESS)
            state_set(link, "connected", "");
        ready = 1; /* events may have come with the answer */
    }
    if (rv == APR_SUCCESS && ready)
        rv = events_take(link, &err);
    if (rv == APR_SUCCESS)
        rv = acknowledge(link, &err);
    if (rv == APR_SUCCESS && hm_db_now() - link->heard > SILENCE)
        rv = pv_fail(&err, PV_UNREACHABLE, NULL, "the daemon has been silent for 30 seconds");
    if (rv == APR_SUCCESS)
        return;
    hang_up(link);
    if (err.code != PV_RETRY_LATER && err.code != PV_STALE)
        state_set(link, "unreachable", err.text);
}

/* ---- the thread ---- */

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    hm_link_t *link = data;
    struct pollfd fd[3] = {{.fd = link->stop_fd, .events = POLLIN},
                           {.fd = hm_dispatcher_wake_fd(link->panel, link->server), .events = POLLIN},
                           {.events = POLLIN}};
    pv_err_t err = {0};
    uint64_t taken;
    int more = 0;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    do {
        /* A wake-up is taken where a pass over the queue begins. Another child may be quicker. */
        if ((fd[1].revents & POLLIN) && !more && read(fd[1].fd, &taken, sizeof(taken)) < 0)
            fd[1].revents = 0;
        if (hm_db_open(&link->db, link->panel->s, link->turn, &err) == APR_SUCCESS) {
            follow_pass(link, fd[2].revents != 0);
            more = hm_queue_pass(link->queue, link->db, link->turn);
            hm_db_close(link->db, link->panel->s);
        } else {
            more = 0;
        }
        apr_pool_clear(link->turn);
        fd[2].fd = link->events ? pv_line_fd(link->events) : -1;
        poll(fd, 3, more ? 0 : SWEEP_MS);
    } while (fd[0].revents == 0);
    hang_up(link);
    if (link->lock_fd >= 0)
        close(link->lock_fd);
    return NULL;
}

hm_link_t *hm_link_start(hm_panel_t *panel, const char *server, const char *socket, apr_pool_t *parent)
{
    apr_pool_t *p;
    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    hm_link_t *link = apr_pcalloc(p, sizeof(*link));
    *link = (hm_link_t){
        .panel = panel, .server = apr_pstrdup(p, server), .socket = apr_pstrdup(p, socket), .p = p, .lock_fd = -1};
    link->queue = hm_queue_make(link->server, socket_path(link), p);
    link->stop_fd = eventfd(0, EFD_CLOEXEC);
    apr_pool_create(&link->turn, p);
    apr_pool_create(&link->conn, p);
    if (link->stop_fd >= 0 && apr_thread_create(&link->thread, NULL, run, link, p) == APR_SUCCESS)
        return link;
    apr_pool_destroy(p);
    return NULL;
}

void hm_link_stop(hm_link_t *link)
{
    uint64_t one = 1;
    if (write(link->stop_fd, &one, sizeof(one)) < 0)
        return;
}

void hm_link_join(hm_link_t *link)
{
    apr_status_t rv;
    apr_thread_join(&rv, link->thread);
    close(link->stop_fd);
    apr_pool_destroy(link->p);
}
