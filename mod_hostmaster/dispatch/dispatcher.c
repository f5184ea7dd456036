/*
 * Keeps a link per server row. Owns no state but the list of its links; a crash of the child loses nothing, since all
 * is rows.
 */
#include "dispatch/dispatcher.h"
#include "db.h"
#include "dispatch/link.h"
#include "dispatch/mail.h"
#include "model/result.h"
#include "model/task.h"
#include "panel.h"
#include "stmts.h"
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SERVERS_MAX 500
#define SWEEP_MS    1000

typedef struct {
    char server[14];
    char socket[108]; /* a server that was never verified may be given another */
    hm_link_t *link;
    int seen;
} entry_t;

typedef struct {
    hm_panel_t *panel;
    apr_pool_t *p;
    apr_thread_t *thread;
    int stop_fd, n;
    entry_t entry[SERVERS_MAX];
} dispatcher_t;

apr_status_t hm_dispatcher_prepare(hm_panel_t *panel, apr_pool_t *process)
{
    static const char key[] = "hostmaster-wake";
    int *fds = NULL;
    apr_pool_userdata_get((void **)&fds, key, process);
    if (fds == NULL) {
        fds = apr_palloc(process, sizeof(*fds) * HM_WAKES);
        for (int i = 0; i < HM_WAKES; i++)
            if ((fds[i] = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
                return errno;
        apr_pool_userdata_setn(fds, key, apr_pool_cleanup_null, process);
    }
    panel->wake_fd = fds;
    return APR_SUCCESS;
}

int hm_dispatcher_wake_fd(const hm_panel_t *panel, const char *server)
{
    unsigned sum = 0;
    for (const char *c = server; *c; c++)
        sum = sum * 31 + (unsigned char)*c;
    return panel->wake_fd[sum % HM_WAKES];
}

void hm_dispatcher_wake(const hm_panel_t *panel, const char *server)
{
    uint64_t one = 1;
    /* A full counter means that plenty of wake-ups are on their way already. */
    if (write(hm_dispatcher_wake_fd(panel, server), &one, sizeof(one)) < 0)
        return;
}

static entry_t *entry_find(dispatcher_t *d, const char *server)
{
    for (int i = 0; i < d->n; i++)
        if (strcmp(d->entry[i].server, server) == 0)
            return &d->entry[i];
    return NULL;
}

static void entry_add(dispatcher_t *d, const json_t *row)
{
    if (d->n == SERVERS_MAX)
        return;
    entry_t *e = &d->entry[d->n];
    apr_cpystrn(e->server, hm_row_s(row, "id"), sizeof(e->server));
    apr_cpystrn(e->socket, hm_row_s(row, "socket"), sizeof(e->socket));
    e->link = hm_link_start(d->panel, hm_row_s(row, "id"), hm_row_s(row, "socket"), d->p);
    e->seen = 1;
    d->n += e->link != NULL;
}

/* Links for the servers there are, none for those that are gone. */
static void sweep(dispatcher_t *d, apr_pool_t *turn)
{
    hm_db_t *db;
    pv_err_t err = {0};
    json_t *rows, *row;
    size_t i;
    if (hm_db_open(&db, d->panel->s, turn, &err) != APR_SUCCESS)
        return;
    apr_status_t rv = hm_sql_follower_servers(db, &rows, &err);
    hm_notices_mail(d->panel, db, turn);
    hm_results_expire(db);
    hm_logs_prune(db, hm_db_now() - d->panel->log_life);
    hm_db_close(db, d->panel->s);
    if (rv != APR_SUCCESS)
        return;
    for (int k = 0; k < d->n; k++)
        d->entry[k].seen = 0;
    json_array_foreach(rows, i, row)
    {
        entry_t *e = entry_find(d, hm_row_s(row, "id"));
        if (e == NULL)
            entry_add(d, row);
        else
            e->seen = strcmp(e->socket, hm_row_s(row, "socket")) == 0; /* else the next sweep makes a new link */
    }
    for (int k = d->n - 1; k >= 0; k--)
        if (!d->entry[k].seen) {
            hm_link_stop(d->entry[k].link);
            hm_link_join(d->entry[k].link);
            d->entry[k] = d->entry[--d->n];
        }
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    dispatcher_t *d = data;
    struct pollfd stop = {.fd = d->stop_fd, .events = POLLIN};
    apr_pool_t *turn;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    apr_pool_create(&turn, d->p);
    do {
        sweep(d, turn);
        apr_pool_clear(turn);
    } while (poll(&stop, 1, SWEEP_MS) == 0);
    for (int i = 0; i < d->n; i++)
        hm_link_stop(d->entry[i].link);
    for (int i = 0; i < d->n; i++)
        hm_link_join(d->entry[i].link);
    return NULL;
}

static apr_status_t stop(void *data)
{
    dispatcher_t *d = data;
    uint64_t one = 1;
    apr_status_t rv;
    if (write(d->stop_fd, &one, sizeof(one)) == sizeof(one))
        apr_thread_join(&rv, d->thread);
    close(d->stop_fd);
    return APR_SUCCESS;
}

void hm_dispatcher_start(hm_panel_t *panel, apr_pool_t *pchild)
{
    dispatcher_t *d = apr_pcalloc(pchild, sizeof(*d));
    d->panel = panel;
    /* A pool with an allocator of its own: threads other than the child's main one allocate from it. */
    apr_pool_create_unmanaged_ex(&d->p, NULL, NULL);
    d->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (d->stop_fd >= 0 && apr_thread_create(&d->thread, NULL, run, d, d->p) == APR_SUCCESS)
        apr_pool_pre_cleanup_register(pchild, d, stop);
}
