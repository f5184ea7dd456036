/*
 * The rules of archive.h. Names are bytes; whatever is no control character is just a name.
 */
#include "worker/archive.h"
#include "proto/utf8.h"
#include <archive.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const pv_archive_folder[PV_ARCHIVE_FOLDERS] = {"data", "private"};

static int has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return 1;
    return 0;
}

static int is_dots(const char *name, size_t len)
{
    return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

const char *pv_path_wrong(const char *path)
{
    unsigned depth = 0;
    if (strlen(path) > PV_ARCHIVE_PATH)
        return "the path is longer than 1024 bytes";
    if (has_control(path))
        return "a control character in its name";
    for (const char *name = path;; depth++) {
        size_t len = strcspn(name, "/");
        if (len == 0 || len > 255 || is_dots(name, len))
            return "no plain relative path";
        if (!name[len])
            break;
        name += len + 1;
    }
    return depth < PV_ARCHIVE_DEPTH ? NULL : "folders nested deeper than 64";
}

const char *pv_link_wrong(const char *path, const char *target)
{
    static const char *const out = "a link out of the site's folder";
    int depth = -1; /* folders between the first one of PATH and the link */
    if (*target == '\0' || strlen(target) > PV_ARCHIVE_PATH || has_control(target))
        return "a link that cannot be kept";
    if (*target == '/')
        return out;
    for (const char *s = path; (s = strchr(s, '/')); s++)
        depth++;
    while (strncmp(target, "..", 2) == 0 && (target[2] == '/' || !target[2])) {
        if (--depth < 0)
            return out;
        target += target[2] ? 3 : 2;
    }
    for (const char *name = target; *name; name += strspn(name, "/")) {
        size_t len = strcspn(name, "/");
        if (len == 2 && is_dots(name, len))
            return out;
        name += len;
    }
    return NULL;
}

/* '/' sorts before all that a name may hold, so that a folder's content comes before its neighbours. */
static int rank(char c)
{
    return c == '/' ? 1 : (unsigned char)c;
}

int pv_path_follows(const char *before, const char *path)
{
    while (*before && *before == *path) {
        before++;
        path++;
    }
    return rank(*path) > rank(*before);
}

json_t *pv_member_line(char type, const char *sum, const char *path)
{
    char line[PV_ARCHIVE_PATH + PV_SUM_HEX + 4];
    int n = snprintf(line, sizeof(line), "%c %s ", type, sum);
    pv_utf8_clean(line + n, sizeof(line) - (size_t)n, path, strlen(path));
    return json_string(line);
}

int pv_archive_fail(struct archive *a, const char *what, int written)
{
    const char *said = archive_error_string(a);
    int e = archive_errno(a);
    if (written && (e == ENOSPC || e == EDQUOT)) {
        errno = e;
        return pv_report_errno(PV_ARCHIVE_FD, "", what);
    }
    return pv_report_fail(written ? PV_INTERNAL : PV_ARCHIVE_BAD, "", "%s: %s", what, said ? said : strerror(e));
}
