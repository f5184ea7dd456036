/*
 * Removes all that is below a folder. The owner of the tree may have made it hostile: links are removed and never
 * followed, folders that forbid their owner are opened up first, and one that lies deep is moved up to the top, so that
 * no depth exhausts descriptors.
 */
#include "worker/worker.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

static int empty(int top, int dir, int depth, unsigned *moved);

/* A folder of DIR: emptied and removed, or, when it lies deep, moved to the top, where a later round finds it. */
static int remove_folder(int top, int dir, const char *name, int depth, unsigned *moved)
{
    if (depth == DEPTH_MAX) {
        char fresh[32];
        int rc;
        do {
            snprintf(fresh, sizeof(fresh), "moved.%u", (*moved)++);
            rc = renameat2(dir, name, top, fresh, RENAME_NOREPLACE);
        } while (rc != 0 && errno == EEXIST);
        return rc;
    }
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fchmod(fd, 0700) == 0 ? empty(top, fd, depth + 1, moved) : -1, e = errno;
    close(fd);
    errno = e;
    return rc == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

/* One round through DIR; it may leave what was moved to the top while it ran there. */
static int empty_once(int top, int dir, int depth, unsigned *moved, int *left)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *d = own < 0 ? NULL : fdopendir(own);
    struct dirent *e;
    *left = 0;
    if (!d)
        return -1;
    while (rc == 0 && (errno = 0, e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        *left = 1;
        rc = unlinkat(dir, e->d_name, 0);
        if (rc != 0 && (errno == EISDIR || errno == EPERM))
            rc = remove_folder(top, dir, e->d_name, depth, moved);
        if (rc != 0 && errno == ENOENT)
            rc = 0;
    }
    int failed = rc == 0 ? errno : rc, saved = errno;
    closedir(d);
    errno = saved;
    return failed ? -1 : 0;
}

/* Rounds until one finds nothing: removing while reading may make readdir skip entries. */
static int empty(int top, int dir, int depth, unsigned *moved)
{
    int left, rc;
    do
        rc = empty_once(top, dir, depth, moved, &left);
    while (rc == 0 && left);
    return rc;
}

int pv_work_empty(const json_t *request)
{
    json_t *folders, *folder;
    size_t i;
    int v;
    if (pv_request_take(request, "{s:i, s:o}", "v", &v, "folders", &folders) != 0)
        return -1;
    json_array_foreach(folders, i, folder)
    {
        const char *path = json_is_string(folder) ? json_string_value(folder) : "";
        unsigned moved = 0;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && *path)
            continue;
        int rc = fd < 0 ? -1 : empty(fd, fd, 0, &moved);
        if (rc != 0)
            return pv_report_errno(fd, "", path);
        close(fd);
    }
    return 0;
}
