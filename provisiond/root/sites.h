/*
 * The tree of a site, wherever it is: live, in the trash, or built beside the live one.
 */
#ifndef PV_ROOT_SITES_H
#define PV_ROOT_SITES_H

#include "root/root.h"

/* The link in a tree whose text says which build it is; a tree that was never switched has none. */
#define PV_SITE_BUILD "build"

/* Makes DIR/ID and the folders of it, again where they are there. Registers the uid. Answers the failure and gives -1
 * otherwise. */
int pv_site_make(pv_root_t *root, int dir, const pv_id_t *id, uid_t uid, pv_answer_t *answer);

/* Removes DIR/ID, whose folders that are the site's a worker has emptied. Done where there is none. */
int pv_site_purge(pv_root_t *root, int dir, const pv_id_t *id, pv_answer_t *answer);

#endif
