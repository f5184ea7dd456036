/*
 * The archives of sites, as descriptors.
 */
#ifndef PV_ROOT_BACKUPS_H
#define PV_ROOT_BACKUPS_H

#include "root/root.h"

/* For a worker: the archive that is being made, empty, to write it anew; or the finished one, to read. -1 with errno.
 */
int pv_backup_open(const pv_root_t *root, const pv_id_t *site, const pv_bid_t *bid, int write);

#endif
