/*
 * The filter of system calls that every worker runs under: no CMS needs these, and most holes in kernels are reached by
 * them.
 */
#ifndef PV_ROOT_FILTER_H
#define PV_ROOT_FILTER_H

/* Irrevocable, inherited by all children. Needs no-new-privileges. 0, or -1 with errno. */
int pv_filter_install(void);

#endif
