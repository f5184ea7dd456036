/*
 * The link in a platform through which its code finds a site's data. Made beside and renamed, so that it always points
 * somewhere; a folder or file of that name is somebody else's and stays.
 */
#include "worker/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8 /* another site's unlink may take the folder away between its making and our use of it */

typedef struct {
    const char *link, *target;
    char folder[PATH_MAX];
    const char *name; /* the link's, in the folder */
} link_t;

static int take(link_t *l, const json_t *request)
{
    int v;
    if (pv_request_take(request, "{s:i, s:s, s:s}", "v", &v, "link", &l->link, "target", &l->target) != 0)
        return -1;
    const char *slash = strrchr(l->link, '/');
    if (!slash || slash == l->link || strlen(l->link) >= sizeof(l->folder))
        return pv_report_fail(PV_INTERNAL, "", "link: must be an absolute path");
    snprintf(l->folder, sizeof(l->folder), "%.*s", (int)(slash - l->link), l->link);
    l->name = slash + 1;
    return 0;
}

/* What the link says, "" where it is none; -1 with errno. */
static int look(const link_t *l, char is[PATH_MAX])
{
    ssize_t n = readlink(l->link, is, PATH_MAX - 1);
    is[n > 0 ? n : 0] = '\0';
    return n >= 0 || errno == EINVAL ? 0 : -1;
}

static int make(const link_t *l, const char *new)
{
    for (int i = 0; i < TRIES; i++) {
        if (mkdir(l->folder, 0755) != 0 && errno != EEXIST)
            return -1;
        if (symlink(l->target, new) == 0)
            return rename(new, l->link);
        if (errno == EEXIST)
            unlink(new); /* of a run that was killed */
        else if (errno != ENOENT)
            return -1;
    }
    return -1;
}

int pv_work_link(const json_t *request)
{
    link_t l;
    char new[PATH_MAX + 8], is[PATH_MAX];
    if (take(&l, request) != 0)
        return -1;
    if (look(&l, is) == 0 && !*is)
        return pv_report_fail(PV_FOREIGN_OBJECT, "platform", "%s is there and is no link", l.link);
    if (strcmp(is, l.target) == 0)
        return 0;
    snprintf(new, sizeof(new), "%s/.%s.new", l.folder, l.name);
    return make(&l, new) == 0 ? 0 : pv_report_errno(AT_FDCWD, "platform", l.link);
}

int pv_work_unlink(const json_t *request)
{
    link_t l;
    char is[PATH_MAX];
    if (take(&l, request) != 0)
        return -1;
    if (look(&l, is) == 0) {
        if (!*is)
            return pv_report_fail(PV_FOREIGN_OBJECT, "platform", "%s is there and is no link", l.link);
        if (unlink(l.link) != 0 && errno != ENOENT)
            return pv_report_errno(AT_FDCWD, "platform", l.link);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        return pv_report_errno(AT_FDCWD, "platform", l.link);
    }
    if (rmdir(l.folder) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
        return pv_report_errno(AT_FDCWD, "platform", l.folder);
    return 0;
}

int pv_work_linked(const json_t *request)
{
    link_t l;
    char is[PATH_MAX], detail[2 * PATH_MAX + 32] = "";
    const char *state = "CURRENT";
    if (take(&l, request) != 0)
        return -1;
    if (look(&l, is) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return pv_report_errno(AT_FDCWD, "platform", l.link);
        state = "ABSENT";
    } else if (strcmp(is, l.target) != 0) {
        state = "DRIFT";
        snprintf(detail, sizeof(detail), *is ? "link: points to %s, not %s" : "link: is a file or folder%s%s", is,
                 *is ? l.target : "");
    }
    pv_report_fact("state", state);
    pv_report_fact("detail", detail);
    return 0;
}
