/*
 * Types of platforms: what the daemons tell of their drivers. A type is known once its daemon was seen; where it is
 * not, nothing is known of what it needs, and the daemon has the last word.
 */
#ifndef HM_MODEL_APP_H
#define HM_MODEL_APP_H

#include "request.h"

/* Replaces what the daemon at SOCKET has by ROWS (of its list, kind app), if they differ; a transaction of its own. */
apr_status_t hm_apps_take(hm_db_t *db, const char *socket, const json_t *rows, pv_err_t *err);

/* The type of a platform: {name, label, databases, fields, required, verbs}, with the database's results; NULL: not
 * known. */
apr_status_t hm_app_of(const json_t **ret, hm_db_t *db, const char *platform, pv_err_t *err);

/* Is WORD in that list of the type's? */
int hm_app_has(const json_t *app, const char *list, const char *word);

/* Its verb {verb, label, run, permission, args} that people can run by itself on an object of KIND; NULL: none. */
const json_t *hm_app_verb(const json_t *app, const char *verb, pv_kind_t kind);

/* Does the verb take that field? */
int hm_verb_takes(const json_t *verb, const char *field);

#endif
