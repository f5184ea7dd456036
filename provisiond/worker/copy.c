/*
 * A copy of a code base that stands on its own: regular files 0644 and folders 0755, every link resolved to what it
 * points at. What points nowhere, or out of what a code base may use, is left out with a warning. A copy that was cut
 * off is taken up again: what is there already is written anew.
 */
#include "worker/worker.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define COUNT_MAX 1000000
#define CHUNK     (1 << 20)

typedef struct {
    const char *from; /* the source's own folder */
    json_t *except;
    long files;
    int depth;
    struct {
        dev_t dev;
        ino_t ino;
    } above[DEPTH_MAX];  /* the folders that are being copied, to see a loop of links */
    char path[PATH_MAX]; /* below the source, for messages */
} copy_t;

static int copy_folder(copy_t *c, int from, int to);

static int copy_bytes(int in, int out)
{
    ssize_t n;
    do
        n = copy_file_range(in, NULL, out, NULL, CHUNK, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    if (n == 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
        return (int)n;
    char buf[65536];
    while ((n = read(in, buf, sizeof(buf))) > 0)
        for (ssize_t at = 0, w; at < n; at += w)
            if ((w = write(out, buf + at, (size_t)(n - at))) < 0)
                return -1;
    return (int)n;
}

static int copy_file(copy_t *c, int in, int to, const char *name)
{
    unlinkat(to, name, 0); /* of a copy that was cut off; there is nothing to do where there is none */
    int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (out < 0)
        return pv_report_errno(to, "place", c->path);
    int rc = copy_bytes(in, out) == 0 && fchmod(out, 0644) == 0 ? 0 : pv_report_errno(to, "source", c->path);
    close(out);
    c->files++;
    return rc;
}

static int copy_sub(copy_t *c, int in, int to, const char *name)
{
    if (mkdirat(to, name, 0755) != 0 && errno != EEXIST)
        return pv_report_errno(to, "place", c->path);
    int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out < 0 || fchmod(out, 0755) != 0)
        return pv_report_errno(to, "place", c->path);
    int rc = copy_folder(c, in, out);
    close(out);
    return rc;
}

/* Is what FD opened a part of the source, or of what Debian's packages share? */
static int is_allowed(const copy_t *c, int fd)
{
    static const char *const shared[] = {"/usr/share/", "/usr/lib/", "/etc/ssl/certs/"};
    char link[32], is[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, is, sizeof(is) - 1);
    if (n < 0)
        return 0;
    is[n] = '\0';
    size_t own = strlen(c->from);
    if (strncmp(is, c->from, own) == 0 && (is[own] == '/' || is[own] == '\0'))
        return 1;
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (strncmp(is, shared[i], strlen(shared[i])) == 0)
            return 1;
    return 0;
}

static int is_loop(const copy_t *c, const struct stat *st)
{
    for (int i = 0; i < c->depth; i++)
        if (c->above[i].dev == st->st_dev && c->above[i].ino == st->st_ino)
            return 1;
    return 0;
}

static int skip(const copy_t *c, const char *why)
{
    pv_report_log("warning", "left out: %s: %s", c->path, why);
    return 0;
}

/* What an entry is, links followed, and what becomes of it. */
static int copy_entry(copy_t *c, int from, int to, const char *name)
{
    struct stat st;
    int in = openat(from, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT || errno == ELOOP || errno == ENXIO ? skip(c, strerror(errno))
                                                                   : pv_report_errno(from, "source", c->path);
    int rc;
    if (fstat(in, &st) != 0)
        rc = pv_report_errno(from, "source", c->path);
    else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        rc = skip(c, "neither a file nor a folder");
    else if (!is_allowed(c, in))
        rc = skip(c, "a link out of the code base");
    else if (S_ISREG(st.st_mode))
        rc = copy_file(c, in, to, name);
    else if (is_loop(c, &st))
        rc = skip(c, "a link to a folder that it is in");
    else
        rc = copy_sub(c, in, to, name);
    close(in);
    return rc;
}

static int is_excepted(const copy_t *c, const char *name)
{
    size_t i;
    json_t *item;
    if (c->depth == 1)
        json_array_foreach(c->except, i,
                           item) if (json_is_string(item) && strcmp(json_string_value(item), name) == 0) return 1;
    return 0;
}

static int copy_entries(copy_t *c, DIR *d, int to)
{
    size_t end = strlen(c->path);
    struct dirent *e;
    int rc = 0;
    while (rc == 0 && (errno = 0, e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || is_excepted(c, e->d_name))
            continue;
        if (c->files >= COUNT_MAX)
            return pv_report_fail(PV_NOT_THIS_CMS, "source", "more than %d files", COUNT_MAX);
        if ((size_t)snprintf(c->path + end, sizeof(c->path) - end, "%s%s", end ? "/" : "", e->d_name) >=
            sizeof(c->path) - end)
            rc = pv_report_fail(PV_NOT_THIS_CMS, "source", "%s: the path is too long", c->path);
        else
            rc = copy_entry(c, dirfd(d), to, e->d_name);
        c->path[end] = '\0';
    }
    return rc == 0 && errno ? pv_report_errno(to, "source", c->path) : rc;
}

/* Copies what is in FROM into TO; both stay the caller's. */
static int copy_folder(copy_t *c, int from, int to)
{
    struct stat st;
    if (c->depth == DEPTH_MAX)
        return pv_report_fail(PV_NOT_THIS_CMS, "source", "%s: folders nested deeper than %d", c->path, DEPTH_MAX);
    int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    if (!d || fstat(own, &st) != 0)
        return pv_report_errno(from, "source", c->path);
    c->above[c->depth].dev = st.st_dev;
    c->above[c->depth++].ino = st.st_ino;
    int rc = copy_entries(c, d, to);
    c->depth--;
    closedir(d);
    return rc;
}

int pv_work_copy(const json_t *request)
{
    copy_t c = {.path = ""};
    const char *to_path;
    int v;
    if (pv_request_take(request, "{s:i, s:s, s:s, s:o}", "v", &v, "from", &c.from, "to", &to_path, "except",
                        &c.except) != 0)
        return -1;
    int from = open(c.from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0)
        return pv_report_fail(PV_NOT_THIS_CMS, "source", "%s: %s", c.from, strerror(errno));
    int to = open(to_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = to < 0 ? pv_report_errno(from, "place", to_path) : copy_folder(&c, from, to);
    if (rc == 0 && syncfs(to) != 0)
        rc = pv_report_errno(to, "place", to_path);
    close(from);
    close(to);
    if (rc == 0)
        pv_report_log("info", "copied %ld files", c.files);
    return rc;
}
