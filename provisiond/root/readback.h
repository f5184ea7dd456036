/*
 * What httpd understood of its configuration, read back from 'httpd -t -D DUMP_VHOSTS -D DUMP_RUN_CFG'.
 */
#ifndef PV_ROOT_READBACK_H
#define PV_ROOT_READBACK_H

#include "proto/names.h"
#include <apr_hash.h>

typedef struct {
    apr_hash_t *names;     /* of ID -> hash of the names that its file's virtual hosts answer to */
    const char *pid_file;  /* PidFile, "" where it says nothing */
    const char *error_log; /* the main server's ErrorLog, as a path or what it is piped to */
} pv_readback_t;

/* TEXT is what httpd wrote; LIVE the folder whose files ID.conf count. */
void pv_readback_parse(pv_readback_t *ret, char *text, const char *live, apr_pool_t *p);

/* Compares with the names in the head of the file's text: NULL, or what is more or missing, for people. */
const char *pv_readback_differs(const pv_readback_t *read, const pv_id_t *id, const char *text, apr_pool_t *p);

/* The rest of the line that begins with KEY in a generated file's head; NULL where there is none. */
const char *pv_head_line(const char *text, const char *key, apr_pool_t *p);

#endif
