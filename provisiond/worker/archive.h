/*
 * What a backup is made of: the rules that pack keeps and unpack insists on. An archive is one zstd stream of tar:
 *
 *   data/... private/...   folders, files and links in the order of a walk: each folder before what is in it, names
 *                          sorted by their bytes. So a path that does not come after the one before it is a duplicate
 *                          or a lie, and a path whose folder did not come before has none.
 *   db/000001.sql ...      the database dump, cut into members of at most 8 MiB, anywhere between them
 *   manifest.json          the last: what it is a backup of, and a line for each member before it
 *
 * Archives are read by nobody's rights but the site's own, in its jail. No member holds a secret that provisiond made:
 * those are in etc/, which is in no archive.
 */
#ifndef PV_WORKER_ARCHIVE_H
#define PV_WORKER_ARCHIVE_H

#include "worker/sum.h"
#include "worker/worker.h"
#include <stdint.h>
#include <sys/types.h>

#define PV_ARCHIVE_FD       4
#define PV_ARCHIVE_MEMBERS  500000
#define PV_ARCHIVE_DEPTH    64
#define PV_ARCHIVE_PATH     1024 /* bytes of a path; 255 of a name in it */
#define PV_ARCHIVE_PART     (8u << 20)
#define PV_ARCHIVE_MANIFEST "manifest.json"
#define PV_ARCHIVE_DB       "db/%06u.sql"
#define PV_ARCHIVE_CHUNK    (256u << 10)

/* The folders of a site that are in an archive. */
#define PV_ARCHIVE_FOLDERS 2
extern const char *const pv_archive_folder[PV_ARCHIVE_FOLDERS];

/* Why PATH cannot be a member's, in words; NULL: it can. */
const char *pv_path_wrong(const char *path);

/* Why a link at PATH may not say TARGET; NULL: it may. Only a relative one that goes up first and then down is known to
 * stay below the first folder of PATH, whatever other links it passes. */
const char *pv_link_wrong(const char *path, const char *target);

/* Does PATH come after BEFORE ("" at the beginning) in the order of a walk? */
int pv_path_follows(const char *before, const char *path);

/* The manifest's line for a member: type (d f l), sum of its bytes or of its target, and its path as text. */
json_t *pv_member_line(char type, const char *sum, const char *path);

/* What libarchive says of a failure: DISK_FULL, INODES_FULL, or INTERNAL of what was written; ARCHIVE_BAD of what was
 * read. */
struct archive;
int pv_archive_fail(struct archive *a, const char *what, int written);

#endif
