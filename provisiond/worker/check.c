/*
 * Is this code base one that the sites httpd and its sites can read, nobody else can change, and a driver knows? The
 * first offenders are named, each with what is wrong, so that one look is enough to repair them.
 */
#include "worker/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OFFENDERS 10
#define OPEN_MAX  64

/* nftw gives its function no context; this program checks one tree in its life. */
static struct {
    size_t skip; /* bytes of a path before what is shown */
    int found;
    size_t used;
    char text[900];
} offenders;

static void offend(const char *path, const char *what)
{
    const char *shown = path[offenders.skip] ? path + offenders.skip + 1 : ".";
    if (offenders.found++ >= OFFENDERS || offenders.used >= sizeof(offenders.text))
        return;
    offenders.used += (size_t)snprintf(offenders.text + offenders.used, sizeof(offenders.text) - offenders.used,
                                       "%s%s: %s", offenders.used ? "; " : "", shown, what);
}

static int check_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (type == FTW_SL || type == FTW_SLN)
        return 0; /* where it leads has rights of its own */
    if (type == FTW_DNR)
        offend(path, "cannot be read");
    else if (type == FTW_NS)
        offend(path, "cannot be looked at");
    else if (S_ISDIR(st->st_mode) && (st->st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH))
        offend(path, "not open to others (chmod o+rx)");
    else if (S_ISREG(st->st_mode) && !(st->st_mode & S_IROTH))
        offend(path, "not readable by others (chmod o+r, or move it away if it holds a secret)");
    else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        offend(path, "neither a file nor a folder");
    else if (st->st_mode & S_IWOTH)
        offend(path, "writable by others (chmod o-w)");
    else if (st->st_uid != getuid() && st->st_uid != 0)
        offend(path, "belongs to another user than the code base");
    else if ((st->st_mode & S_IWGRP) && st->st_gid != getgid() && st->st_gid != 0)
        offend(path, "writable by another group (chmod g-w)");
    return 0;
}

/* Does DOCROOT hold all of FILES? The first that is missing goes to *missing. */
static int has_all(int docroot, json_t *files, const char **missing)
{
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file)
    {
        struct stat st;
        const char *name = json_string_value(file);
        if (!name || fstatat(docroot, name, &st, 0) != 0 || !S_ISREG(st.st_mode)) {
            *missing = name ? name : "";
            return 0;
        }
    }
    return json_array_size(files) > 0;
}

/* The driver whose markers are all there; of several the one that asks for most. */
static int find_app(int docroot, json_t *markers)
{
    const char *app, *best = NULL, *missing = "";
    size_t most = 0;
    json_t *files;
    json_object_foreach(markers, app, files) if (has_all(docroot, files, &missing) && json_array_size(files) > most)
    {
        most = json_array_size(files);
        best = app;
    }
    if (!best)
        return json_object_size(markers) == 1
                   ? pv_report_fail(PV_NOT_THIS_CMS, "place", "%s is missing", missing)
                   : pv_report_fail(PV_NOT_THIS_CMS, "place", "no driver knows this code base");
    pv_report_fact("app", best);
    return 0;
}

int pv_work_check(const json_t *request)
{
    const char *root, *docroot;
    json_t *markers;
    int v;
    if (pv_request_take(request, "{s:i, s:s, s:s, s:o}", "v", &v, "root", &root, "docroot", &docroot, "markers",
                        &markers) != 0)
        return -1;
    offenders.skip = strlen(root);
    if (nftw(root, check_one, OPEN_MAX, FTW_PHYS | FTW_MOUNT) != 0)
        return pv_report_errno(AT_FDCWD, "place", root);
    if (offenders.found > 0)
        return pv_report_fail(PV_NOT_READABLE, "place", "%s%s", offenders.text,
                              offenders.found > OFFENDERS ? "; and more" : "");
    int fd = open(docroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pv_report_fail(PV_NOT_THIS_CMS, "place", "docroot: %s", strerror(errno));
    int rc = find_app(fd, markers);
    close(fd);
    return rc;
}
