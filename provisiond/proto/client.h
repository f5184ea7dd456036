/*
 * The protocol from the asking side: connect, hello, requests and their replies, a stream of events. Blocking, with
 * deadlines; one thread at a time uses a client. Works on any connected stream socket, so a forwarded one too.
 */
#ifndef PV_CLIENT_H
#define PV_CLIENT_H

#include "proto/message.h"

typedef struct pv_client pv_client_t;

/* Connects to the socket at PATH and says hello as NAME. UNREACHABLE where nobody listens, DENIED where the socket is
 * not ours to use, else what the daemon answered. The connection is closed with P. */
apr_status_t pv_client_connect(pv_client_t **ret, const char *path, const char *name, pv_err_t *err, apr_pool_t *p);

/* The same over a connected socket, which the client owns from now on, also on failure. */
apr_status_t pv_client_open(pv_client_t **ret, int fd, const char *name, pv_err_t *err, apr_pool_t *p);

/* The reply to hello: v, world, journal, epoch, first, last, state, verbs. Lives as long as the client. */
const json_t *pv_client_hello(const pv_client_t *client);

/* A row of a reply, or an event; it lives until the function returns. APR_SUCCESS: go on; APR_EOF: enough
 * (pv_client_follow then ends with APR_SUCCESS); else the error is handed through. */
typedef apr_status_t pv_client_row_fn(void *ctx, json_t *row, pv_err_t *err);

/* A request to be sent with pv_client_ask, pv_client_send or pv_client_follow; the caller adds its arguments. Takes the
 * client's next number. */
json_t *pv_client_request(pv_client_t *client, pv_msg_t msg);

/* Sends REQUEST (and drops the caller's reference) and awaits its answer for at most SECONDS. Without ROW the answer is
 * one line; with ROW each line before the one that says "end" goes to it, and that one is the answer. *RET lives in P.
 * A reply that says no is its error. UNREACHABLE when the connection breaks or the time is over: then nobody knows what
 * became of the request, and the client is of no further use. */
apr_status_t pv_client_ask(json_t **ret, pv_client_t *client, json_t *request, int seconds, pv_client_row_fn *row,
                           void *ctx, pv_err_t *err, apr_pool_t *p);

/* pv_client_ask in two halves, so that many requests can be under way: sends REQUEST, whose number becomes *RE, and
 * awaits the answer to that number. Answers are awaited in the order of their requests. */
apr_status_t pv_client_send(uint64_t *re, pv_client_t *client, json_t *request, int seconds, pv_err_t *err);
apr_status_t pv_client_answer(json_t **ret, pv_client_t *client, uint64_t re, int seconds, pv_client_row_fn *row,
                              void *ctx, pv_err_t *err, apr_pool_t *p);

#define PV_CLIENT_SILENCE 30 /* seconds; the daemon sends a heartbeat every 10 */

/* Sends a follow REQUEST and hands the reply's line and then every event to EVENT, heartbeats left out, until that says
 * enough (APR_EOF), the connection breaks, or nothing came for PV_CLIENT_SILENCE seconds. The connection is of no other
 * use afterwards. */
apr_status_t pv_client_follow(pv_client_t *client, json_t *request, pv_client_row_fn *event, void *ctx, pv_err_t *err);

/* Takes bytes that follow an answer; not APR_SUCCESS: enough. */
typedef apr_status_t pv_client_bytes_fn(void *ctx, const char *bytes, size_t len, pv_err_t *err);

/* The SIZE bytes that follow the answer to a fetch. UNREACHABLE where fewer come. The connection is of no other use
 * afterwards. */
apr_status_t pv_client_bytes(pv_client_t *client, uint64_t size, pv_client_bytes_fn *fn, void *ctx, pv_err_t *err);

#endif
