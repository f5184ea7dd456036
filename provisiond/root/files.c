/*
 * The one way in which root touches the file system. Paths are walked only while root starts, a component at a time;
 * after that every name is resolved by openat2 beneath a descriptor that is held open, and neither links nor mount
 * points are crossed. A crash leaves at most a file ".NAME.new", which the next write of NAME removes.
 */
#include "root/files.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 16 /* openat2 answers EAGAIN while it cannot prove that a path stayed inside */

static int open_resolved(int dir, const char *name, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve};
    long fd;
    int tries = 0;
    do
        fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < TRIES)));
    return (int)fd;
}

int pv_open(int dir, const char *name, int flags)
{
    return open_resolved(dir, name, flags,
                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int pv_open_over(int dir, const char *name, int flags)
{
    return open_resolved(dir, name, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int pv_close(int fd)
{
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

/* Root's and writable by nobody else; a folder that many may write into will do for a PARENT if what is in it is safe
 * from them. */
static int check_owner(int fd, int parent)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    if (st.st_uid == 0 && (!(st.st_mode & (S_IWGRP | S_IWOTH)) || (parent && (st.st_mode & S_ISVTX))))
        return 0;
    errno = EPERM;
    return -1;
}

/* One component further from DIR, which is closed; made with MODE where it is missing and MODE is not 0. */
static int walk_one(int dir, const char *name, mode_t mode, int strict, int last)
{
    int flags = O_DIRECTORY | (last ? O_RDONLY : O_PATH);
    int fd = open_resolved(dir, name, flags, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
    if (fd < 0 && errno == ENOENT && mode && (mkdirat(dir, name, mode) == 0 || errno == EEXIST)) {
        fd = open_resolved(dir, name, flags, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
        if (fd >= 0 && fchmodat(dir, name, mode, 0) != 0)
            return close(dir), pv_close(fd);
    }
    pv_close(dir);
    return fd >= 0 && strict && check_owner(fd, !last) != 0 ? pv_close(fd) : fd;
}

static int walk(const char *path, int strict, mode_t mode)
{
    char buf[PATH_MAX], *rest = buf, *name;
    if (path[0] != '/' || strlen(path) >= sizeof(buf)) {
        errno = path[0] == '/' ? ENAMETOOLONG : EINVAL;
        return -1;
    }
    strcpy(buf, path);
    int fd = open_resolved(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    while (fd >= 0 && (name = strsep(&rest, "/"))) {
        int last = !rest || rest[strspn(rest, "/")] == '\0';
        if (*name)
            fd = walk_one(fd, name, mode && !last ? 0755 : mode, strict, last);
    }
    return fd;
}

int pv_dir_open_path(const char *path, int strict)
{
    return walk(path, strict, 0);
}

int pv_dir_make_path(const char *path, mode_t mode)
{
    return walk(path, 1, mode);
}

int pv_dir_open(int dir, const char *name)
{
    return pv_open(dir, name, O_RDONLY | O_DIRECTORY);
}

int pv_dir_make(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    int made = mkdirat(dir, name, 0700) == 0;
    if (!made && errno != EEXIST)
        return -1;
    int fd = pv_dir_open(dir, name);
    if (fd < 0)
        return -1;
    if (fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0 || (made && fsync(dir) != 0))
        return pv_close(fd);
    return fd;
}

static int read_all(int fd, char *buf, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = read(fd, buf + at, len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break; /* it became shorter while we read */
        at += (size_t)n;
    }
    return (int)at;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

int pv_file_read(char **ret, size_t *len, int dir, const char *name, size_t max, apr_pool_t *p)
{
    struct stat st;
    int fd = pv_open(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fd < 0 ? -1 : pv_close(fd);
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return pv_close(fd);
    }
    char *buf = apr_palloc(p, (size_t)st.st_size + 1);
    int n = read_all(fd, buf, (size_t)st.st_size);
    if (n < 0)
        return pv_close(fd);
    close(fd);
    buf[n] = '\0';
    *ret = buf;
    if (len)
        *len = (size_t)n;
    return 0;
}

int pv_file_write(int dir, const char *name, const char *bytes, size_t len, mode_t mode, uid_t uid, gid_t gid)
{
    char new[NAME_MAX + 1];
    if (snprintf(new, sizeof(new), ".%s.new", name) >= (int)sizeof(new)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (unlinkat(dir, new, 0) != 0 && errno != ENOENT)
        return -1;
    int fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (write_all(fd, bytes, len) != 0 || fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        pv_close(fd);
        int e = errno;
        unlinkat(dir, new, 0);
        errno = e;
        return -1;
    }
    close(fd);
    return renameat(dir, new, dir, name) == 0 && fsync(dir) == 0 ? 0 : -1;
}

int pv_file_rename(int fromdir, const char *from, int todir, const char *to)
{
    return renameat(fromdir, from, todir, to) == 0 && fsync(todir) == 0 && fsync(fromdir) == 0 ? 0 : -1;
}

int pv_file_remove(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0)
        return fsync(dir);
    return errno == ENOENT ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int pv_dir_list(char ***ret, int dir, apr_pool_t *p)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return fd < 0 ? -1 : pv_close(fd);
    apr_array_header_t *names = apr_array_make(p, 64, sizeof(char *));
    struct dirent *e;
    errno = 0;
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            APR_ARRAY_PUSH(names, char *) = apr_pstrdup(p, e->d_name);
    int failed = errno;
    closedir(d);
    if (failed) {
        errno = failed;
        return -1;
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(char *), by_name);
    APR_ARRAY_PUSH(names, char *) = NULL;
    *ret = (char **)names->elts;
    return 0;
}

int pv_link_read(char *buf, size_t size, int dir, const char *name)
{
    ssize_t n = readlinkat(dir, name, buf, size);
    if (n < 0)
        return -1;
    if ((size_t)n >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    buf[n] = '\0';
    return 0;
}

int pv_memfd(const char *name, const char *bytes, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (write_all(fd, bytes, len) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return pv_close(fd);
    return fd;
}
