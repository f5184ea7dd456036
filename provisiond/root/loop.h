/*
 * Root's loop: descriptors that are polled for reading, children that have ended, and two signals to stop.
 */
#ifndef PV_ROOT_LOOP_H
#define PV_ROOT_LOOP_H

#include "root/root.h"

/* Blocks the signals that the loop takes from a descriptor. 0, or -1 with errno. */
int pv_loop_open(pv_root_t *root);

/* Turns until engine and dba have ended after SIGTERM or SIGINT. */
void pv_loop_run(pv_root_t *root);

#endif
