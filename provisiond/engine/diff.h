/*
 * Two texts as a unified diff, as `diff -u` prints it: for people who want to see what a task would change.
 */
#ifndef PV_ENGINE_DIFF_H
#define PV_ENGINE_DIFF_H

#include <apr_pools.h>

/* Three lines of context; "" where the texts are the same. NAME stands in the two head lines. Lives in P. */
const char *pv_diff(const char *name, const char *old, const char *new, apr_pool_t *p);

#endif
