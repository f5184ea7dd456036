/*
 * Lines from a pipe that a foreign program writes: any bytes, any amount. Nothing blocks; a line above the limit comes
 * in pieces.
 */
#ifndef PV_ENGINE_PIPE_H
#define PV_ENGINE_PIPE_H

#include "engine/loop.h"

typedef struct pv_pipe pv_pipe_t;
/* A line without its newline, not terminated; the rest at the end of the pipe, too. */
typedef void pv_pipe_fn(void *ctx, const char *s, size_t len);

/* Owns FD from now on, and watches it until its end. */
pv_pipe_t *pv_pipe_make(pv_loop_t *loop, int fd, size_t max, pv_pipe_fn *fn, void *ctx, apr_pool_t *p);
/* Takes what is there, hands over what is left of a last line, and closes. NULL: nothing. */
void pv_pipe_close(pv_pipe_t *pipe);

#endif
