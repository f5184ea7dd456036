/*
 * A configuration tree: the folders of one service, one file ID.conf a site. Text is the unit: "" stands for no file in
 * live, and for a removal in staging (an empty file there). What is staged is live's next content, or is equal to it
 * and dropped.
 */
#ifndef PV_ROOT_TREE_H
#define PV_ROOT_TREE_H

#include "root/root.h"

typedef enum { PV_TREE_HTTPD, PV_TREE_FPM, PV_TREES } pv_tree_kind_t;

typedef struct {
    const char *name; /* "httpd", "fpm" */
    int live, staging, undo, parked;
} pv_tree_t;

#define PV_TREE_FILE     (sizeof(((pv_id_t *)0)->s) + sizeof(".conf"))
#define PV_TREE_FILE_MAX (256 * 1024)

/* Opens, and makes where missing, the folders below STATE. 0, or -1 with errno. */
int pv_tree_open(pv_tree_t *tree, int state, const char *name);

const char *pv_tree_file(char buf[PV_TREE_FILE], const pv_id_t *id);

/* The id of a file ID.conf; 0 if it is none. */
int pv_tree_id(pv_id_t *ret, const char *file);

/* A file's text in P: "" where there is none; NULL with errno. */
const char *pv_tree_read(int dir, const char *file, apr_pool_t *p);
int pv_tree_write(int dir, const char *file, const char *text); /* "" removes it */

/* What is staged for ID: NULL (errno 0) where nothing is. */
const char *pv_tree_staged(const pv_tree_t *tree, const pv_id_t *id, apr_pool_t *p);

/* Drops what is staged and is live already. */
int pv_tree_settle(const pv_tree_t *tree, apr_pool_t *p);

/* Moves what is staged for ID out of the way, into parked. */
int pv_tree_park(const pv_tree_t *tree, const pv_id_t *id);

/* The four verbs of operations vhost and pool. WANT is the text asked for ("" for none); UNSTAGE ignores it. */
void pv_tree_op(const pv_tree_t *tree, const pv_id_t *id, const char *verb, const char *want, pv_answer_t *answer,
                apr_pool_t *p);

#endif
