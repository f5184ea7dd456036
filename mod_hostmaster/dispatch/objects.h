/*
 * A daemon's servers, platforms and sites as rows: the only writer of their actual columns.
 */
#ifndef HM_OBJECTS_H
#define HM_OBJECTS_H

#include "db.h"

/*
 * O: an object's event or row of a list. A new object is told of before its first task has ended; it counts from then
 * on that it has. One that is deleted is forgotten; one that is undone was taken back because its first task failed:
 * people still want it, and may change it and try again. In the caller's transaction.
 */
apr_status_t hm_objects_tell(hm_db_t *db, const json_t *o, pv_err_t *err, apr_pool_t *p);

#endif
