/*
 * The root process: what it holds, and the shape of an operation. It parses no JSON and opens nothing by an absolute
 * path after its start: every file is reached from a descriptor of `pv_root_t` with the functions of files.h.
 */
#ifndef PV_ROOT_H
#define PV_ROOT_H

#include "conf.h"
#include "proto/dgram.h"
#include "proto/names.h"
#include <apr_pools.h>

/* Descriptors of folders, opened once at start-up and checked: root's, and writable by nobody else, up to "/". */
typedef struct {
    const pv_conf_t *conf;
    apr_pool_t *p;   /* the process's */
    apr_pool_t *tmp; /* a loop turn's, cleared at its end */
    int run, state, sites, backups, secrets, apps, templates, programs, log;
    int host;                                 /* "/", the start of what a worker sees of the machine */
    int uids, ids, places;                    /* below state: the registries */
    int next;                                 /* folder .next of sites: trees that are built beside the live ones */
    int trash, platform_trash[PV_CONF_PATHS]; /* folders .trash of sites and of each platform root */
    int platform[PV_CONF_PATHS], source[PV_CONF_PATHS];
    int beacon;               /* datagram socket, non-blocking, SO_PASSCRED */
    int panel, admin;         /* listening sockets, handed to every engine */
    struct pv_loop *loop;     /* what is polled: root/loop.h */
    struct pv_kids *kids;     /* engine and dba: root/kids.h */
    struct pv_config *config; /* the configuration place: root/config.h */
    struct pv_spawn *spawn;   /* the workers that run: root/spawn.h */
    struct pv_evict *evict;   /* sites whose processes are being ended: root/evict.h */
} pv_root_t;

typedef enum { PV_CALLER_ENGINE = 1, PV_CALLER_DBA = 2 } pv_caller_t;

/* What an operation answers. An operation that sets `later` answers by pv_root_answer when it has ended. */
typedef struct {
    pv_reply_t reply;
    const char *more;           /* further reply argument (publish: the culprit), or NULL */
    int nfds, fd[PV_DGRAM_FDS]; /* sent, then closed */
    int later;
} pv_answer_t;

typedef void pv_op_fn(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer);

#define OP(name, number, caller, args, help) pv_op_fn pv_op_##name;
#include "root/ops.def"
#undef OP

/* The answer of an operation that said `later`, to the engine. */
void pv_root_answer(pv_root_t *root, const pv_dgram_head_t *to, pv_answer_t *answer);

/* A descriptor that the loop polls for reading, until unwatch. FN may unwatch itself. */
typedef void pv_watch_fn(pv_root_t *root, int fd, void *ctx);
void pv_root_watch(pv_root_t *root, int fd, pv_watch_fn *fn, void *ctx);
void pv_root_unwatch(pv_root_t *root, int fd);

/* Fills an answer with a failure, in words. */
void pv_answer_fail(pv_answer_t *answer, pv_code_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from errno: ENOSPC and EDQUOT are DISK_FULL, the rest INTERNAL; WHAT names what was tried. */
void pv_answer_errno(pv_answer_t *answer, const char *what);
/* The same, and INODES_FULL where the file system of DIR has blocks left but no inodes. */
void pv_answer_errno_in(pv_answer_t *answer, int dir, const char *what);

/* One line of key=value on stderr: event=... first. Values are quoted where they need it; never a secret. */
void pv_root_log(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The uid of an id, from the registry; 0 where there is none. */
uid_t pv_registry_uid(const pv_root_t *root, const pv_id_t *id);
int pv_registry_place(const pv_root_t *root, const pv_id_t *platform, pv_place_t *ret); /* -1: none */

#endif
