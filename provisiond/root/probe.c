/*
 * The words of a probe's answer, joined by "; " and cut where the answer has no more room.
 */
#include "root/probe.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void pv_probe_differs(pv_answer_t *answer, const char *fmt, ...)
{
    char *detail = answer->reply.detail;
    size_t size = sizeof(answer->reply.detail), at = strlen(detail);
    if (at > 0 && at + 2 < size)
        at = (size_t)(stpcpy(detail + at, "; ") - detail);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail + at, size - at, fmt, ap);
    va_end(ap);
    answer->reply.a = PV_DRIFT;
}

void pv_probe_owner(pv_answer_t *answer, int fd, const char *what, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        pv_probe_differs(answer, "%s: %s", what, strerror(errno));
        return;
    }
    if ((st.st_mode & 07777) != mode)
        pv_probe_differs(answer, "%s: mode %04o, not %04o", what, st.st_mode & 07777, mode);
    if (st.st_uid != uid)
        pv_probe_differs(answer, "%s: owner %u, not %u", what, st.st_uid, uid);
    if (st.st_gid != gid)
        pv_probe_differs(answer, "%s: group %u, not %u", what, st.st_gid, gid);
}
