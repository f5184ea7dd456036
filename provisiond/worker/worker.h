/*
 * provision-worker: the small programs that run as a site's or platform's uid, inside the jail. One JSON object on
 * descriptor 0 says what to do, JSON lines on 3 report it, 1 and 2 are log; the last line is {"t":"end","ok":...}, and
 * without it the work has failed.
 *
 *   copy    {"v":1,"from":FOLDER,"to":FOLDER,"except":[NAME...]}
 *           a tree, links resolved; names left out at its top
 *   empty   {"v":1,"folders":[FOLDER...]}
 *           everything below each
 *   link    {"v":1,"link":PATH,"target":PATH}
 *           a symbolic link, and the folder it is in
 *   unlink  the same
 *           it away, and its folder if that is empty then
 *   linked  the same
 *           facts state=ABSENT|DRIFT|CURRENT and detail
 *   check   {"v":1,"root":FOLDER,"docroot":FOLDER,"markers":{APP:[FILE...]}}
 *           readable by all; fact app
 *   pack    {"v":1,"about":{...},"folders":{"data":FOLDER,"private":FOLDER},"db":DATABASE?}
 *           a backup into descriptor 4; facts sha256, size (of it), bytes (of what it holds)
 *   unpack  {"v":1,"sha256":HEX,"bytes":MOST,"folders":{...}?,"db":DATABASE?}
 *           a backup from descriptor 4: checked as a whole, then its files into empty folders, its dump into a database
 *
 * DATABASE is what a driver's request has under "db". Paths are absolute, as the view has them. Each program may be run
 * again after it was killed, but unpack, which wants its folders and database new.
 */
#ifndef PV_WORKER_H
#define PV_WORKER_H

#include "proto/error.h"
#include <jansson.h>

/* Each gives 0, or -1 after pv_report_fail. */
typedef int pv_work_fn(const json_t *request);
pv_work_fn pv_work_copy, pv_work_empty, pv_work_link, pv_work_unlink, pv_work_linked, pv_work_check, pv_work_pack,
    pv_work_unpack;

/* Takes the members of the request that FMT (json_unpack_ex, strict) names; a request that is not so has failed. */
int pv_request_take(const json_t *request, const char *fmt, ...);

void pv_report_log(const char *level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pv_report_fact(const char *name, const char *value);
int pv_report_fail(pv_code_t code, const char *field, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same from errno: DISK_FULL and INODES_FULL are told apart at the file system of FD. */
int pv_report_errno(int fd, const char *field, const char *what);

int pv_report_end(int ok); /* 0, or -1 where the report could not be written */

#endif
