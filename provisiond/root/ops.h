/*
 * From a datagram to an operation: the table of ops.def, who may call what, and the audit line.
 */
#ifndef PV_ROOT_OPS_H
#define PV_ROOT_OPS_H

#include "root/root.h"

/* Runs the operation of M, which CALLER sent over SOCK, and answers there. 0: done; 1: it answers later;
 * -1: the peer did not take its answer. */
int pv_ops_run(pv_root_t *root, pv_caller_t caller, int sock, const pv_dgram_t *m);

/* Sends an answer and closes its descriptors. */
int pv_ops_send(int sock, const pv_dgram_head_t *to, pv_answer_t *answer);

/* The audit line of an operation that answers later. */
void pv_ops_audit_later(const pv_dgram_head_t *to, const pv_answer_t *answer);

#endif
