/*
 * Lines over a stream socket: what has come is cut into lines of at most PV_LINE_MAX bytes, what is to be sent waits
 * until the socket takes it. Nothing here blocks, whatever the descriptor's mode, and nothing here has a clock or a
 * time limit: the caller says what time it is and asks since when half a line has been waiting. Used by the engine's
 * loop and by the client.
 *
 * A peer's descriptors (SCM_RIGHTS) are never taken in; a peer that sends some gets an error.
 */
#ifndef PV_LINE_H
#define PV_LINE_H

#include "proto/error.h"
#include <apr_pools.h>
#include <stdint.h>

#define PV_LINE_MAX 65536 /* with the newline */

typedef struct pv_line pv_line_t;

/* FD stays the caller's. */
pv_line_t *pv_line_make(int fd, apr_pool_t *p);
int pv_line_fd(const pv_line_t *line);

/* Reads once what has come. APR_SUCCESS (perhaps nothing had), APR_EOF: the peer has ended; APR_EGENERAL with err:
 * SCHEMA for a peer that sent descriptors, UNREACHABLE for a broken connection. NOW is any clock's microseconds, above
 * 0. Reads nothing while the buffer is full: take the lines out with pv_line_next first. */
apr_status_t pv_line_fill(pv_line_t *line, int64_t now, pv_err_t *err);

/* The next whole line, without its newline and not terminated, good until the next pv_line_fill. APR_EAGAIN: none yet;
 * APR_EGENERAL with TOO_LONG: the peer sent more than PV_LINE_MAX bytes without a newline, and nothing can follow. */
apr_status_t pv_line_next(const char **ret, size_t *len, pv_line_t *line, pv_err_t *err);

/* Would pv_line_next give one? */
int pv_line_has_next(const pv_line_t *line);

/* Takes what has come and is in no line yet: bytes that follow the last line. Good until the next pv_line_fill. */
size_t pv_line_rest(const char **ret, pv_line_t *line);

/* The NOW at which the first byte of a line that has not ended yet came; 0 where there is none. */
int64_t pv_line_since(const pv_line_t *line);

/* Appends bytes to what is to be sent. How much may wait is the caller's to limit. */
void pv_line_put(pv_line_t *line, const char *s, size_t len);
size_t pv_line_waiting(const pv_line_t *line); /* bytes not sent yet */

/* Sends what the socket takes now. APR_SUCCESS, though some may be left; APR_EGENERAL with UNREACHABLE: the peer is
 * gone. */
apr_status_t pv_line_flush(pv_line_t *line, pv_err_t *err);

#endif
