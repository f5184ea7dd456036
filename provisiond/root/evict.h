/*
 * The end of a tenant: every process of a site's uid on this machine, whatever started it. Operation evict.
 */
#ifndef PV_ROOT_EVICT_H
#define PV_ROOT_EVICT_H

#include "root/root.h"

int pv_evict_open(pv_root_t *root);

/* A child has ended: did it evict a site? 1 if it did; the operation is then answered. */
int pv_evict_reaped(pv_root_t *root, pid_t pid);

#endif
