/*
 * provisiond.conf: one "Name value" a line, the names and defaults in settings.def. The file and every folder above it
 * must be root's and writable by nobody else where root reads it. Every process reads it once at its start; it holds no
 * secret.
 */
#ifndef PV_CONF_H
#define PV_CONF_H

#include "proto/error.h"
#include <apr_pools.h>
#include <sys/types.h>

#define PV_CONF_PATHS 16
#define PV_CONF_USERS 16
#define PV_CONF_FILE  "/etc/provision/provisiond.conf"

typedef struct {
    int n;
    const char *path[PV_CONF_PATHS];
} pv_paths_t;

typedef struct {
    uid_t uid;
    gid_t gid; /* the user's own group; the uid again for one that has no name */
} pv_user_t;

typedef struct {
    int n;
    pv_user_t user[PV_CONF_USERS];
} pv_users_t;

typedef struct {
    uid_t first, last;
} pv_range_t;

typedef const char *pv_conf_path_t, *pv_conf_text_t;
typedef pv_paths_t pv_conf_paths_t;
typedef pv_user_t pv_conf_user_t;
typedef pv_users_t pv_conf_users_t;
typedef pv_range_t pv_conf_range_t;
typedef long pv_conf_num_t, pv_conf_seconds_t;
typedef int pv_conf_flag_t;

#define PV_CONF_TYPE_PATH    pv_conf_path_t
#define PV_CONF_TYPE_PATHS   pv_conf_paths_t
#define PV_CONF_TYPE_USER    pv_conf_user_t
#define PV_CONF_TYPE_USERS   pv_conf_users_t
#define PV_CONF_TYPE_RANGE   pv_conf_range_t
#define PV_CONF_TYPE_NUM     pv_conf_num_t
#define PV_CONF_TYPE_SECONDS pv_conf_seconds_t
#define PV_CONF_TYPE_FLAG    pv_conf_flag_t
#define PV_CONF_TYPE_TEXT    pv_conf_text_t

typedef struct {
#define SETTING(name, kind, def, help) PV_CONF_TYPE_##kind name;
#include "settings.def"
#undef SETTING
    const char *file; /* where it was read from */
} pv_conf_t;

/* Reads FILE. A daemon demands root's ownership of it and of the folders above, and looks users up: one that does not
 * exist is an error that names the directive. A client needs neither: it opens no other file, and its users stay empty.
 * All wrong lines are reported at once in err->text (CONFIG). Strings live in P. */
apr_status_t pv_conf_read(const pv_conf_t **ret, const char *file, int daemon, pv_err_t *err, apr_pool_t *p);

#endif
