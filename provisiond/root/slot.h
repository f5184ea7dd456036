/*
 * The slot: one child at a time that may change what httpd and PHP-FPM run. It is a copy of root, dies with it, and
 * reports once.
 */
#ifndef PV_ROOT_SLOT_H
#define PV_ROOT_SLOT_H

#include "root/place.h"
#include "root/publish.h"

typedef void pv_slot_fn(pv_root_t *root, pv_report_t *report, void *ctx);            /* in the child */
typedef void pv_slot_done_fn(pv_root_t *root, const pv_report_t *report, void *ctx); /* in root; NULL: it was killed */

int pv_slot_start(pv_root_t *root, pv_slot_fn *fn, pv_slot_done_fn *done, void *ctx);
int pv_slot_busy(const pv_root_t *root);

#endif
