/*
 * The two other halves of the daemon, engine and dba: started, fed, and started again. An engine that ends takes dba
 * and all workers with it; a dba that ends is replaced alone. After five deaths in quick succession each start waits
 * longer.
 */
#ifndef PV_ROOT_KIDS_H
#define PV_ROOT_KIDS_H

#include "root/root.h"

void pv_kids_open(pv_root_t *root);

/* Has one of them ended? 1 if it was. */
int pv_kids_reaped(pv_root_t *root, pid_t pid, int status);

/* Milliseconds until pv_kids_turn has something to do; -1: nothing is due. */
int pv_kids_due(const pv_root_t *root);
void pv_kids_turn(pv_root_t *root);

/* Asks both to end; pv_kids_stopped is true when they have. */
void pv_kids_stop(pv_root_t *root);
int pv_kids_stopped(const pv_root_t *root);

/* Sends a message to the engine, if there is one; an engine that does not take it is killed. */
void pv_kids_tell(pv_root_t *root, const pv_dgram_out_t *out, const int *fds, int nfds);

#endif
