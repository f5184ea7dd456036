/*
 * Root's start: what it does to itself, and what it opens and makes before anybody else runs.
 */
#ifndef PV_ROOT_OPEN_H
#define PV_ROOT_OPEN_H

#include "root/root.h"

/* Makes the process fit to be trusted: descriptors, environment, capabilities, limits. The first thing in main. 0, or
 * -1 with *what naming the step that failed. */
int pv_root_harden(const char **what);

/* Opens and makes every folder of the configuration, takes the lock, binds the sockets. 0, or -1 with a logged reason.
 */
int pv_root_open(pv_root_t *root);

/* Looks at all that the configuration names without changing anything; each fault is logged. How many. */
int pv_root_test(pv_root_t *root);

#endif
