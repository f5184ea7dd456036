/*
 * Datagrams to and from one peer. A message that the socket does not take waits in line; the peer is ours and works
 * them off, so the line stays as short as the number of calls under way. A malformed reply is a defect of our own
 * build: the peer is dropped.
 */
#include "engine/peer.h"
#include "engine/log.h"
#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAKEN_MAX 16 /* messages at a time, so that other peers have their turn */

typedef struct ask ask_t;
struct ask {
    ask_t *next;
    pv_peer_t *peer;
    pv_call_t *call;
    pv_call_done_fn *answered;
    int sent;
};

struct pv_peer {
    pv_loop_t *loop;
    pv_journal_t *journal;
    pv_notice_fn *notice;
    pv_lost_fn *lost;
    void *ctx;
    int fd; /* -1: not there */
    uint32_t seq;
    ask_t *first, **end; /* in the order they were asked: those sent, then those that wait */
    char *buf;
};

static void take(void *ctx, int fd, short revents);

pv_peer_t *pv_peer_make(pv_loop_t *loop, pv_journal_t *journal, pv_notice_fn *notice, pv_lost_fn *lost, void *ctx,
                        apr_pool_t *p)
{
    pv_peer_t *peer = apr_pcalloc(p, sizeof(*peer));
    *peer = (pv_peer_t){.loop = loop, .journal = journal, .notice = notice, .lost = lost, .ctx = ctx, .fd = -1};
    peer->end = &peer->first;
    peer->buf = apr_palloc(p, PV_DGRAM_MAX);
    return peer;
}

int pv_peer_is_open(const pv_peer_t *peer)
{
    return peer->fd >= 0;
}

int pv_peer_fd(const pv_peer_t *peer)
{
    return peer->fd;
}

static void forget(pv_peer_t *peer, ask_t *ask)
{
    ask_t **at = &peer->first;
    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    if (peer->end == &ask->next)
        peer->end = at;
}

static void answer_lost(ask_t *ask)
{
    pv_reply_t reply = {.code = PV_RETRY_LATER, .detail = "the process that does this is starting again"};
    ask->answered(ask->call, &reply);
}

static void answer_full(void *ctx)
{
    ask_t *ask = ctx;
    pv_reply_t reply = {.code = PV_TOO_LONG,
                        .detail = "the names and addresses of this site do not fit into one operation"};
    ask->answered(ask->call, &reply);
}

static void lose(pv_peer_t *peer)
{
    if (peer->fd < 0)
        return;
    pv_loop_unwatch(peer->loop, peer->fd);
    close(peer->fd);
    peer->fd = -1;
    ask_t *ask = peer->first; /* calls that come meanwhile are answered by themselves */
    peer->first = NULL;
    peer->end = &peer->first;
    while (ask) {
        ask_t *next = ask->next;
        answer_lost(ask);
        ask = next;
    }
    peer->lost(peer->ctx);
}

/* Sends what waits; -1 when the peer is gone. */
static int flush(pv_peer_t *peer)
{
    short events = POLLIN;
    for (ask_t *ask = peer->first; ask; ask = ask->next) {
        if (ask->sent)
            continue;
        if (pv_dgram_send(peer->fd, ask->call->out, NULL, 0) != 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                return -1;
            events |= POLLOUT;
            break;
        }
        ask->sent = 1;
    }
    pv_loop_watch(peer->loop, peer->fd, events, take, peer);
    return 0;
}

static void take_reply(pv_peer_t *peer, pv_dgram_t *m)
{
    pv_reply_t reply;
    ask_t *ask = peer->first;
    while (ask && ask->call->out->head.seq != m->head.seq)
        ask = ask->next;
    if (!ask || pv_dgram_reply_parse(m, &reply) != 0) {
        pv_log("peer.reply", "seq=%u why=malformed", m->head.seq);
        for (int i = 0; i < m->nfds; i++)
            close(m->fd[i]);
        lose(peer);
        return;
    }
    forget(peer, ask);
    ask->call->nfds = m->nfds;
    memcpy(ask->call->fd, m->fd, sizeof(m->fd));
    ask->call->more = m->head.argc > 4 ? apr_pstrmemdup(ask->call->p, m->arg[4].s, m->arg[4].len) : NULL;
    ask->answered(ask->call, &reply);
}

static int has_another(int fd)
{
    char byte;
    return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The messages that have come; -1 when the peer is gone. What several of them change is written in one go, before
 * anything is asked because of it. */
static int take_messages(pv_peer_t *peer, int fd)
{
    pv_dgram_t m;
    int n = 0, more, grouped = 0, gone;
    do {
        int rc = pv_dgram_recv(fd, peer->buf, &m);
        gone = rc == 0 || (rc < 0 && errno != EAGAIN && errno != EINTR);
        more = rc == 1 && ++n < TAKEN_MAX && has_another(fd);
        if (more && !grouped)
            pv_journal_group(peer->journal);
        grouped |= more;
        if (rc == 1 && m.head.op == PV_DGRAM_REPLY)
            take_reply(peer, &m);
        else if (rc == 1)
            peer->notice(peer->ctx, &m);
    } while (more && peer->fd == fd);
    if (grouped)
        pv_journal_group_end(peer->journal);
    return gone ? -1 : 0;
}

static void take(void *ctx, int fd, short revents)
{
    pv_peer_t *peer = ctx;
    int rc = revents & POLLOUT ? flush(peer) : 0;
    if (rc == 0 && revents & ~POLLOUT)
        rc = take_messages(peer, fd);
    if (rc != 0)
        lose(peer);
}

void pv_peer_open(pv_peer_t *peer, int fd)
{
    lose(peer);
    peer->fd = fd;
    flush(peer);
}

static void ask_failed(void *ctx)
{
    answer_lost(ctx);
}

static void send_waiting(void *ctx)
{
    pv_peer_t *peer = ctx;
    if (peer->fd >= 0 && flush(peer) != 0)
        lose(peer);
}

void pv_peer_ask(pv_peer_t *peer, pv_call_t *call, pv_call_done_fn *answered)
{
    ask_t *ask = apr_pcalloc(call->p, sizeof(*ask));
    *ask = (ask_t){.peer = peer, .call = call, .answered = answered};
    call->out->head.seq = ++peer->seq;
    if (peer->fd < 0 || call->out->full) {
        pv_timer_start(peer->loop, 0, peer->fd < 0 ? ask_failed : answer_full, ask);
        return;
    }
    *peer->end = ask;
    peer->end = &ask->next;
    pv_timer_start(peer->loop, 0, send_waiting, peer);
}
