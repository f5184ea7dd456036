/*
 * From staged to served: the whole dance, in the one child that root keeps for it. Straight-line and blocking; its
 * state is in the folders, so that a crash anywhere is finished or reversed by pv_changes_recover.
 */
#ifndef PV_ROOT_PUBLISH_H
#define PV_ROOT_PUBLISH_H

#include "root/root.h"

/* What the child reports to root. */
typedef struct {
    pv_reply_t reply; /* of operation publish */
    char culprit[sizeof(((pv_id_t *)0)->s)];
} pv_report_t;

void pv_publish(pv_root_t *root, pv_report_t *report);

#endif
