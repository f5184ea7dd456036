/*
 * Who is whom, as symbolic links whose text is data: uids/UID -> ID, ids/ID -> UID, places/ID -> PLACE. A link is made
 * whole or not at all, so nothing here can be half written. A uid that was registered is never given to another object,
 * even when the object is gone; only a code base that was forgotten, whose files still belong to the uid, may be
 * adopted under a new id.
 */
#ifndef PV_ROOT_REGISTRY_H
#define PV_ROOT_REGISTRY_H

#include "root/root.h"

/* Binds uid and id, again if they are already. 0, or -1 with EEXIST where either belongs to another. */
int pv_registry_add(const pv_root_t *root, const pv_id_t *id, uid_t uid, int adopt);

/* Binds a platform to its place. -1 with EEXIST where it has another. */
int pv_registry_put_place(const pv_root_t *root, const pv_id_t *platform, const pv_place_t *place);

/* The id and its place away; the uid stays taken. */
int pv_registry_forget(const pv_root_t *root, const pv_id_t *id);

#endif
