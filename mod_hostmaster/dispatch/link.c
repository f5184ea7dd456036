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
#include "fault.h"
#include "model/app.h"
#include "model/object.h"
#include "model/task.h"
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
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SWEEP_MS    1000
#define BATCH       20
#define ASK_SECONDS 5
#define LEASE       ((int64_t)15 * 1000000)
#define SILENCE     ((int64_t)30 * 1000000)
#define ACK         ((int64_t)60 * 1000000)

struct hm_link {
    hm_panel_t *panel;
    const char *server, *socket, *owner;
    apr_pool_t *p, *turn, *conn; /* conn: the two connections' */
    apr_thread_t *thread;
    int stop_fd, lock_fd, locked;
    pv_client_t *client; /* for requests */
    pv_line_t *events;   /* for events, NULL while we do not follow */
    int64_t heard;       /* when the last event or heartbeat came */
    int64_t acked;       /* when we last told how far we are */
    int64_t queued;      /* the pass over the queue goes on after this attempt; 0: from the beginning */
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
    link->client = NULL;
    link->events = NULL;
    apr_pool_clear(link->conn);
}

static void state_set(hm_link_t *link, const char *state, const char *text)
{
    pv_err_t err = {0};
    hm_sql_follower_state(link->db, &err, state, text, link->socket);
}

static apr_status_t client_get(hm_link_t *link, pv_err_t *err)
{
    if (link->client)
        return APR_SUCCESS;
    int fd = dial(link);
    if (fd < 0)
        return pv_fail(err, PV_UNREACHABLE, NULL, "nobody listens at %s", socket_path(link));
    return pv_client_open(&link->client, fd, "hostmaster", err, link->conn);
}

/* Is the connection for requests still there? */
static apr_status_t connected(const hm_link_t *link, pv_err_t *err)
{
    return link->client ? APR_SUCCESS : pv_fail(err, PV_UNREACHABLE, NULL, "the connection broke");
}

/* ---- submitting ---- */

/* A queued attempt on its way to the daemon. */
typedef struct {
    const json_t *attempt;
    const char *args;
    int64_t wanted;
    uint64_t re; /* the number of its request; 0: not sent */
    int64_t job; /* where the daemon had it already */
} sending_t;

/* What a submit that was refused means for the attempt. TEMP: somebody tries again; PERM: it has failed without ever
 * running. */
static void refused(hm_link_t *link, const json_t *attempt, const pv_err_t *err)
{
    pv_err_t ignored = {0};
    int64_t id = hm_row_n(attempt, "id"), task = hm_row_n(attempt, "task");
    if (err->code == PV_UNREACHABLE)
        hang_up(link);
    if (pv_error_row(err->code)->class == PV_CLASS_TEMP) {
        hm_sql_attempt_back(link->db, &ignored, id);
        hm_sql_attempt_phase(link->db, &ignored,
                             apr_psprintf(link->turn, "waiting: %.200s", pv_error_row(err->code)->text), id);
        return;
    }
    hm_end_t end = {.state = "failed",
                    .code = pv_error_row(err->code)->name,
                    .field = err->field,
                    .text = err->text,
                    .at = hm_db_now()};
    if (hm_db_begin(link->db, &ignored) != APR_SUCCESS)
        return;
    if (hm_task_end(link->db, task, id, hm_row_s(attempt, "object"), &end, &ignored, link->turn) != APR_SUCCESS ||
        hm_apply_notice(link->db, task, &end, &ignored, link->turn) != APR_SUCCESS)
        hm_db_rollback(link->db);
    else
        hm_db_commit(link->db, &ignored);
}

/* A job that the daemon has had for a while: if it has ended, nobody may be left to tell us so. */
static void catch_up(hm_link_t *link, int64_t job)
{
    pv_err_t err = {0};
    json_t *row, *request;
    if (connected(link, &err) != APR_SUCCESS)
        return;
    request = pv_client_request(link->client, PV_MSG_show);
    json_object_set_new(request, "job", json_integer(job));
    if (pv_client_ask(&row, link->client, request, ASK_SECONDS, NULL, NULL, &err, link->turn) == APR_SUCCESS)
        hm_apply_job(link->db, link->server, row, &err, link->turn);
}

/* Lays the task's own fields over those that its object gives. */
static apr_status_t more_put(hm_link_t *link, json_t *request, const char *more, pv_err_t *err)
{
    json_t *fields;
    if (*more == '\0')
        return APR_SUCCESS;
    apr_status_t rv = pv_json_parse(&fields, more, strlen(more), err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_update(request, fields);
    json_decref(fields);
    return APR_SUCCESS;
}

/* Makes the request of an attempt that has none. Is it to be sent now? */
static int request_make(hm_link_t *link, sending_t *s, const json_t *attempt)
{
    pv_err_t err = {0};
    hm_request_t request;
    *s = (sending_t){.attempt = attempt, .args = hm_row_s(attempt, "args"), .wanted = hm_row_n(attempt, "wanted")};
    if (s->args[0] != '\0')
        return 1;
    apr_status_t rv = hm_object_request(&request, link->db, hm_row_n(attempt, "task"), hm_row_s(attempt, "type"),
                                        hm_row_s(attempt, "object"), &err);
    if (rv == APR_SUCCESS)
        rv = more_put(link, pv_json_keep(request.json, link->turn), hm_row_s(attempt, "more"), &err);
    if (rv != APR_SUCCESS) {
        refused(link, attempt, &err);
        return 0;
    }
    char *text = json_dumps(request.json, JSON_COMPACT);
    s->args = apr_pstrdup(link->turn, text);
    free(text);
    s->wanted = request.wanted;
    return request.waits == 0;
}

/* Claims N in one transaction. Those are left that nobody else was quicker with: how many. */
static int claim(hm_link_t *link, sending_t *s, int n)
{
    pv_err_t err = {0};
    int kept = 0;
    if (hm_db_begin(link->db, &err) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < n; i++) {
        apr_status_t rv = hm_sql_attempt_claim(link->db, &err, link->owner, hm_db_now() + LEASE, s[i].args, s[i].wanted,
                                               hm_row_n(s[i].attempt, "id"));
        if (rv == APR_SUCCESS)
            s[kept++] = s[i];
        else if (err.code != PV_STALE) {
            hm_db_rollback(link->db);
            return 0;
        }
    }
    return hm_db_commit(link->db, &err) == APR_SUCCESS ? kept : 0;
}

static void submit(hm_link_t *link, sending_t *s)
{
    pv_err_t err = {0};
    json_t *fields, *request;
    apr_status_t rv = connected(link, &err);
    if (rv == APR_SUCCESS)
        rv = pv_json_parse(&fields, s->args, strlen(s->args), &err);
    if (rv == APR_SUCCESS) {
        request = pv_client_request(link->client, PV_MSG_submit);
        json_object_set(request, "key", json_object_get(s->attempt, "job_key"));
        json_object_update_new(request, fields);
        rv = pv_client_send(&s->re, link->client, request, ASK_SECONDS, &err);
    }
    if (rv != APR_SUCCESS) {
        s->re = 0;
        refused(link, s->attempt, &err);
    }
}

static void submitted(hm_link_t *link, sending_t *s)
{
    pv_err_t err = {0};
    json_t *reply;
    apr_status_t rv = connected(link, &err);
    if (rv == APR_SUCCESS)
        rv = pv_client_answer(&reply, link->client, s->re, ASK_SECONDS, NULL, NULL, &err, link->turn);
    PV_FAULT("panel.submitted", NULL);
    if (rv != APR_SUCCESS)
        refused(link, s->attempt, &err);
    else if (json_is_true(json_object_get(reply, "dup")))
        s->job = hm_row_n(reply, "job");
}

/* All requests go out before the first answer is awaited: the daemon works them off in one go. */
static void attempts_send(hm_link_t *link, const json_t *rows)
{
    sending_t sending[BATCH];
    pv_err_t err = {0};
    const json_t *row;
    size_t i;
    int n = 0;
    json_array_foreach(rows, i, row) n += request_make(link, &sending[n], row);
    if (n == 0)
        return;
    if (client_get(link, &err) != APR_SUCCESS) {
        state_set(link, "unreachable", err.text);
        return;
    }
    n = claim(link, sending, n);
    PV_FAULT("panel.claimed", NULL);
    for (int k = 0; k < n; k++)
        submit(link, &sending[k]);
    for (int k = 0; k < n; k++)
        if (sending[k].re)
            submitted(link, &sending[k]);
    for (int k = 0; k < n; k++)
        if (sending[k].job)
            catch_up(link, sending[k].job);
}

static void attempt_cancel(hm_link_t *link, const json_t *attempt)
{
    pv_err_t err = {0};
    json_t *reply;
    if (client_get(link, &err) != APR_SUCCESS)
        return;
    json_t *request = pv_client_request(link->client, PV_MSG_cancel);
    json_object_set(request, "key", json_object_get(attempt, "job_key"));
    apr_status_t rv = pv_client_ask(&reply, link->client, request, ASK_SECONDS, NULL, NULL, &err, link->turn);
    if (rv != APR_SUCCESS && pv_error_row(err.code)->class == PV_CLASS_TEMP) {
        hang_up(link);
        return;
    }
    hm_sql_attempt_cancelled(link->db, &err, hm_row_n(attempt, "id"));
}

/* A page of what is queued; the next turn goes on behind it, so that events do not wait for a long queue. */
static void queue_pass(hm_link_t *link)
{
    pv_err_t err = {0};
    json_t *rows, *row;
    size_t i;
    int64_t after = link->queued;
    link->queued = 0;
    if (hm_sql_attempt_stale_count(link->db, &rows, &err, hm_db_now()) == APR_SUCCESS &&
        hm_row_n(json_array_get(rows, 0), "n") > 0)
        hm_sql_attempt_expire(link->db, &err, hm_db_now());
    if (hm_sql_attempt_queued(link->db, &rows, &err, link->server, after, BATCH) != APR_SUCCESS)
        return;
    size_t n = json_array_size(rows);
    if (n == BATCH)
        link->queued = hm_row_n(json_array_get(rows, n - 1), "id");
    attempts_send(link, rows);
    if (hm_sql_attempt_cancels(link->db, &rows, &err, link->server, BATCH) != APR_SUCCESS)
        return;
    json_array_foreach(rows, i, row) attempt_cancel(link, row);
}

/* ---- following ---- */

/* All of a kind, page by page. Its event is that of the first page: what happens while we read comes again as events.
 */
static apr_status_t snapshot_kind(hm_link_t *link, hm_snapshot_t *snap, const char *kind, pv_err_t *err)
{
    const char *after = "";
    do {
        json_t *end, *request = pv_client_request(link->client, PV_MSG_list);
        json_object_set_new(request, "kind", json_string(kind));
        if (*after)
            json_object_set_new(request, "after", json_string(after));
        apr_status_t rv =
            pv_client_ask(&end, link->client, request, ASK_SECONDS, hm_snapshot_row, snap, err, link->turn);
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
    hm_snapshot_init(&snap, link->turn);
    apr_status_t rv = client_get(link, err);
    for (size_t i = 0; rv == APR_SUCCESS && i < sizeof(kinds) / sizeof(*kinds); i++)
        rv = snapshot_kind(link, &snap, kinds[i], err);
    if (rv != APR_SUCCESS)
        return rv;
    const char *journal = hm_row_s(pv_client_hello(link->client), "journal");
    return hm_snapshot_apply(&snap, link->db, link->server, link->socket, journal, err, link->turn);
}

/* The types of platforms that the daemon has drivers for. One that cannot tell leaves what was known. */
static apr_status_t apps_read(hm_link_t *link, pv_err_t *err)
{
    hm_snapshot_t snap;
    hm_snapshot_init(&snap, link->turn);
    apr_status_t rv = client_get(link, err);
    if (rv == APR_SUCCESS)
        rv = snapshot_kind(link, &snap, "app", err);
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
    pv_err_t err;
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
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    do {
        /* A wake-up is taken where a pass over the queue begins. Another child may be quicker. */
        if ((fd[1].revents & POLLIN) && link->queued == 0 && read(fd[1].fd, &taken, sizeof(taken)) < 0)
            fd[1].revents = 0;
        if (hm_db_open(&link->db, link->panel->s, link->turn, &err) == APR_SUCCESS) {
            follow_pass(link, fd[2].revents != 0);
            queue_pass(link);
            hm_db_close(link->db, link->panel->s);
        } else {
            link->queued = 0;
        }
        apr_pool_clear(link->turn);
        fd[2].fd = link->events ? pv_line_fd(link->events) : -1;
        poll(fd, 3, link->queued ? 0 : SWEEP_MS);
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
    link->owner = apr_psprintf(p, "%ld", (long)getpid());
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
