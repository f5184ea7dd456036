/*
 * Datagrams of typed operations, spoken over the SOCK_SEQPACKET pairs engine - root, engine - dba and dba - root: a
 * header, then length-prefixed arguments, at most PV_DGRAM_MAX bytes; descriptors travel beside (SCM_RIGHTS). Both ends
 * run on one machine and come from one build, so numbers are in host order. Decoding copies nothing: a message points
 * into its buffer. libc only.
 */
#ifndef PV_DGRAM_H
#define PV_DGRAM_H

#include "proto/error.h"
#include <stdint.h>

#define PV_DGRAM_MAX  (72 * 1024)
#define PV_DGRAM_ARGS 320
#define PV_DGRAM_FDS  8

typedef struct {
    uint16_t op; /* an operation's number, or PV_DGRAM_REPLY / PV_DGRAM_EXIT / PV_DGRAM_DBA */
    uint16_t argc;
    uint32_t seq; /* a request's number; its replies carry the same */
    uint64_t job;
} pv_dgram_head_t;

enum {
    PV_DGRAM_REPLY = 1000, /* args: code, a, b, detail; descriptors as the operation says */
    PV_DGRAM_EXIT = 1001,  /* root to engine: the worker of request seq has ended; args: wait status as a number */
    PV_DGRAM_DBA = 1002,   /* root to engine: a new dba was started; one descriptor, its end of a new pair */
};

typedef struct {
    pv_dgram_head_t head;
    struct {
        const char *s; /* not terminated */
        uint32_t len;
    } arg[PV_DGRAM_ARGS];
    int nfds;
    int fd[PV_DGRAM_FDS]; /* the receiver owns them; all are close-on-exec */
} pv_dgram_t;

/* A message being built. Adding past a limit sets `full`; pv_dgram_send then fails with EMSGSIZE. */
typedef struct {
    pv_dgram_head_t head;
    uint32_t used;
    int full;
    char buf[PV_DGRAM_MAX];
} pv_dgram_out_t;

/* A reply's fields. `a` of every PROBE answer is a pv_state_t. */
typedef struct {
    pv_code_t code;
    uint64_t a, b;
    char detail[1024]; /* for people: what differs, what a program said */
} pv_reply_t;

/* What a probe found. CURRENT: there, and exactly as asked for. DRIFT: there, but not so; `detail` names each
 * difference. */
typedef enum { PV_ABSENT = 0, PV_DRIFT = 1, PV_CURRENT = 2 } pv_state_t;

void pv_dgram_begin(pv_dgram_out_t *out, uint16_t op, uint32_t seq, uint64_t job);
void pv_dgram_str(pv_dgram_out_t *out, const char *s);
void pv_dgram_bytes(pv_dgram_out_t *out, const char *s, size_t len);
void pv_dgram_num(pv_dgram_out_t *out, uint64_t n); /* in decimal */

/* Sends with FDS (which stay the caller's). 0, or -1 with errno. */
int pv_dgram_send(int sock, const pv_dgram_out_t *out, const int *fds, int nfds);

/* Receives one message into BUF (PV_DGRAM_MAX bytes). 1: a message; 0: the peer is gone; -1: errno, EBADMSG for one
 * that is truncated or malformed (its descriptors are closed). */
int pv_dgram_recv(int sock, char *buf, pv_dgram_t *ret);

/* The Nth argument as a number 0..MAX; -1 where there is none or it is not one. */
int pv_dgram_arg_num(const pv_dgram_t *m, unsigned n, uint64_t max, uint64_t *ret);

/* Begins the reply to a request; an operation may add further arguments. */
void pv_dgram_reply(pv_dgram_out_t *out, const pv_dgram_head_t *to, const pv_reply_t *reply);
int pv_dgram_reply_send(int sock, const pv_dgram_head_t *to, const pv_reply_t *reply, const int *fds, int nfds);
/* 0, or -1 for a malformed one; the detail is made one line of text. */
int pv_dgram_reply_parse(const pv_dgram_t *m, pv_reply_t *ret);

#endif
