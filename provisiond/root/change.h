/*
 * A change set: everything that is staged, as text in memory, and its way into the live folders and back. What it
 * replaces is kept in undo/REV of each tree ("" : an empty file, there was none), complete before the first live file
 * changes. The number of the last attempt and of the last success stand in StateDir/rev; where they differ and
 * undo/LAST is there, the set was cut off.
 */
#ifndef PV_ROOT_CHANGE_H
#define PV_ROOT_CHANGE_H

#include "root/place.h"

typedef struct {
    pv_id_t id;
    const char *text[PV_TREES]; /* NULL: nothing staged; "": removed */
} pv_change_t;

typedef struct {
    int n;
    pv_change_t *row; /* by id */
} pv_changes_t;

int pv_rev_read(const pv_root_t *root, pv_rev_t *ret);
int pv_rev_write(const pv_root_t *root, const pv_rev_t *rev);

int pv_changes_load(const struct pv_config *config, pv_changes_t *ret, apr_pool_t *p);

/* Makes SET live as number REV, whose own file's text is REVISION. On failure nothing is certain: put back. */
int pv_changes_swap(const struct pv_config *config, const pv_changes_t *set, uint64_t rev, const char *revision,
                    apr_pool_t *p);

/* Undoes the swap of REV, as far as it came. Again and again without harm. */
int pv_changes_put_back(const struct pv_config *config, uint64_t rev, apr_pool_t *p);

/* Puts back a set that was cut off. 0, or -1 with errno. */
int pv_changes_recover(const pv_root_t *root, apr_pool_t *p);

/* Removes undo folders but the last four. */
int pv_changes_prune(const struct pv_config *config, uint64_t rev, apr_pool_t *p);

#endif
