/*
 * Arguments of an operation: checked as a whole against the row of ops.def before the operation is entered, then taken
 * by it as values of a type. Taking one that does not parse is a defect of the row and ends the process.
 */
#ifndef PV_ROOT_ARGS_H
#define PV_ROOT_ARGS_H

#include "root/root.h"

/* 0, or -1 with WHY (SIZE bytes) naming the argument and what it may be. */
int pv_args_check(const pv_root_t *root, const char *spec, const pv_dgram_t *m, char *why, size_t size);

int pv_arg_given(const pv_dgram_t *m, unsigned n); /* there, and not empty */
int pv_arg_is(const pv_dgram_t *m, unsigned n, const char *word);
pv_id_t pv_arg_id(const pv_dgram_t *m, unsigned n);
pv_bid_t pv_arg_bid(const pv_dgram_t *m, unsigned n);
pv_comp_t pv_arg_comp(const pv_dgram_t *m, unsigned n);
pv_place_t pv_arg_place(const pv_dgram_t *m, unsigned n);
uint64_t pv_arg_num(const pv_dgram_t *m, unsigned n); /* 0 where it is not given */

/* For values whose row's kind is all there is to know of them: app, word, flags, mark. Terminated, in P. */
const char *pv_arg_str(const pv_dgram_t *m, unsigned n, apr_pool_t *p);

#endif
