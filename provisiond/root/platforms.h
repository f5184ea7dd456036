/*
 * The folder of a platform, reached from its root's descriptor through folders that only root can change.
 */
#ifndef PV_ROOT_PLATFORMS_H
#define PV_ROOT_PLATFORMS_H

#include "root/root.h"

/* The folder above the place's last component. With `make`, what is missing is made, root's and 0755. -1 with errno:
 * EPERM where a folder is not root's or others may write into it, EACCES where not everybody may pass through it. */
int pv_place_parent(int base, const pv_place_t *place, int make);

/* The folder itself (O_RDONLY). */
int pv_place_open(int base, const pv_place_t *place);

/* Its last component's name. */
const char *pv_place_name(const pv_place_t *place);

#endif
