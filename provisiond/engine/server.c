/*
 * Accepts connections. The peer's uid is the kernel's word (SO_PEERCRED), the role is the socket. What a connection
 * then says is session.c's.
 */
#include "engine/server.h"
#include "engine/log.h"
#include "engine/parts.h"
#include "engine/session.h"
#include <apr_hash.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PANEL_CONNECTIONS 80
#define ADMIN_CONNECTIONS 32
#define REQUESTS_A_SECOND 200.0
#define REQUESTS_BURST    400.0

typedef struct {
    pv_server_t *server;
    pv_role_t role;
} listener_t;

struct pv_server {
    pv_engine_t *engine;
    apr_pool_t *p;
    apr_hash_t *usage; /* uid -> pv_usage_t *; only of uids that are on a list */
    listener_t panel, admin;
};

int64_t pv_usage_charge(pv_usage_t *usage)
{
    int64_t now = pv_loop_now();
    usage->allowance += REQUESTS_A_SECOND * (double)(now - usage->refilled) / 1e6;
    usage->refilled = now;
    if (usage->allowance > REQUESTS_BURST)
        usage->allowance = REQUESTS_BURST;
    usage->allowance -= 1.0;
    return usage->allowance >= 0 ? 0 : (int64_t)(-usage->allowance * 1e6 / REQUESTS_A_SECOND) + 1;
}

static pv_usage_t *usage_of(pv_server_t *server, uid_t uid)
{
    pv_usage_t *usage = apr_hash_get(server->usage, &uid, sizeof(uid));
    if (!usage) {
        usage = apr_pcalloc(server->p, sizeof(*usage));
        *usage = (pv_usage_t){.uid = uid, .refilled = pv_loop_now(), .allowance = REQUESTS_BURST};
        apr_hash_set(server->usage, &usage->uid, sizeof(usage->uid), usage);
    }
    return usage;
}

static int is_listed(const pv_users_t *users, uid_t uid)
{
    for (int i = 0; i < users->n; i++)
        if (users->user[i].uid == uid)
            return 1;
    return 0;
}

static void welcome(listener_t *l, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        close(fd);
        return;
    }
    if (!is_listed(l->role.users, peer.uid)) {
        pv_session_refuse(fd, PV_DENIED, "uid %u is not on the list of this socket", peer.uid);
        return;
    }
    pv_usage_t *usage = usage_of(l->server, peer.uid);
    if (usage->connections >= l->role.connections)
        pv_session_refuse(fd, PV_BUSY, "uid %u has %d connections already", peer.uid, usage->connections);
    else
        pv_session_open(l->server->engine, &l->role, usage, fd);
}

static void on_connect(void *ctx, int listener, short revents)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)revents;
    if (fd >= 0)
        welcome(ctx, fd);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pv_log("server.accept", "errno=%d", errno);
}

static void listen_on(listener_t *l, pv_server_t *server, pv_role_t role)
{
    *l = (listener_t){.server = server, .role = role};
    pv_loop_watch(server->engine->loop, role.listener, POLLIN, on_connect, l);
}

pv_server_t *pv_server_make(pv_engine_t *engine, int panel, int admin, apr_pool_t *p)
{
    pv_server_t *server = apr_pcalloc(p, sizeof(*server));
    server->engine = engine;
    server->p = p;
    server->usage = apr_hash_make(p);
    listen_on(&server->panel, server, (pv_role_t){"panel", panel, &engine->conf->PanelUsers, PANEL_CONNECTIONS});
    listen_on(&server->admin, server, (pv_role_t){"admin", admin, &engine->conf->AdminUsers, ADMIN_CONNECTIONS});
    return server;
}
