/*
 * What a worker sees of the machine: a list of mounts, cloned while root is still in the machine's own namespace, each
 * with its attributes set and attached to nothing yet. The jail attaches them.
 */
#ifndef PV_ROOT_VIEW_H
#define PV_ROOT_VIEW_H

#include "root/root.h"

#define PV_VIEW_MAX 32

typedef struct {
    int tree;           /* a detached mount */
    int file;           /* of a file, not of a folder */
    const char *target; /* its absolute path, the same as outside */
} pv_bind_t;

typedef struct {
    int n;
    pv_bind_t bind[PV_VIEW_MAX]; /* in the order in which they are attached */
} pv_view_t;

typedef enum {
    PV_SEE_NET = 1,      /* n: the machine's network, and what resolves names */
    PV_SEE_DB = 2,       /* d: the socket of the local database server */
    PV_SEE_WRITABLE = 4, /* w: its platform's folder can be written */
    PV_SEE_TRASH = 8,    /* t: its own tree is the one in the trash */
    PV_SEE_BESIDE = 16   /* b: in the place of its own tree, the one that is built beside it */
} pv_see_t;

typedef struct {
    pv_id_t id; /* who it runs as */
    uid_t uid;
    int see;                          /* PV_SEE_ bits */
    const pv_place_t *place, *source; /* NULL: none */
} pv_viewer_t;

/* Builds the view in VIEW; answers the failure and gives -1 otherwise. Either way pv_view_close ends it. */
int pv_view_open(pv_view_t *view, pv_root_t *root, const pv_viewer_t *who, pv_answer_t *answer);
void pv_view_close(pv_view_t *view);

#endif
