/*
 * One connection: lines in, lines out, its limits. What a request does is requests.c's table.
 */
#ifndef PV_ENGINE_SESSION_H
#define PV_ENGINE_SESSION_H

#include "engine/server.h"
#include "engine/sink.h"
#include "proto/message.h"

typedef struct pv_session pv_session_t;

/* Owns FD from now on. */
void pv_session_open(pv_engine_t *engine, const pv_role_t *role, pv_usage_t *usage, int fd);
/* One line that says why not, and the end. */
void pv_session_refuse(int fd, pv_code_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

pv_engine_t *pv_session_engine(const pv_session_t *session);
const char *pv_session_origin(const pv_session_t *session);

/* Queues a line (taken over); one that is too long becomes the error that says so. */
void pv_session_send(pv_session_t *session, uint64_t re, json_t *line);
void pv_session_error(pv_session_t *session, uint64_t re, const pv_err_t *err);
size_t pv_session_waiting(const pv_session_t *session); /* bytes the peer has not taken yet */

/* After what is to be sent already, SIZE bytes of FD, which is the session's from now on; then the connection ends.
 * Lines that come meanwhile are not read. */
void pv_session_stream(pv_session_t *session, int fd, int64_t size);

/* A sink for an answer that comes by and by; NULL where too many are under way: BUSY was then answered. */
pv_sink_t *pv_session_sink(pv_session_t *session, uint64_t re);

/* Sends events above AFTER from now on, and a heartbeat. */
void pv_session_follow(pv_session_t *session, uint64_t after);
int pv_session_follows(const pv_session_t *session);

/* requests.c: what a decoded request does; it answers by the functions above. */
void pv_request_run(pv_session_t *session, const pv_request_t *request, apr_pool_t *p);

#endif
