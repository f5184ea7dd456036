/*
 * Old PHP-FPM masters: they go on until the httpd children that know them are gone, at most 60 s, then get SIGQUIT, 60
 * s later SIGKILL. At most four are left in peace; of more, the oldest goes at once.
 */
#ifndef PV_ROOT_RETIRE_H
#define PV_ROOT_RETIRE_H

#include "root/place.h"

int pv_retire_open(pv_root_t *root);

/* Before a publish: remembers the httpd children of now, the last that may ask the masters of now. */
void pv_retire_snapshot(pv_root_t *root);

/* After a publish: retires every master that runs and that the live configuration does not name. */
void pv_retire_others(pv_root_t *root);

#endif
