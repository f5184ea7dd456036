/*
 * Reads a backup twice from descriptor 4. First all of it is checked: the sum of the file, the order and kind of its
 * members, the limits, and the manifest against what was read. Only then its files go into folders that must be empty,
 * and its dump to the database client. What no rule allows is refused, never mended; what the rules are is in
 * archive.h.
 *
 * A failure or a kill leaves part of the files and of the tables: whoever asked has built them beside and drops them.
 */
#include "worker/archive.h"
#include "worker/dbclient.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TAIL     64
#define TRAILER  "-- Dump completed"
#define MANIFEST (256u << 20)

typedef enum { FILE_OF_SITE, PART_OF_DUMP, MANIFEST_ITSELF } part_t;

typedef struct {
    part_t part;
    char type; /* d f l */
    mode_t mode;
    time_t mtime;
    char path[PV_ARCHIVE_PATH + 2];
    const char *target; /* of a link */
} member_t;

typedef struct {
    struct archive *a;
    pv_sum_t *whole;       /* of the file, in the first reading */
    long long most, bytes; /* of all members */
    unsigned members, parts;
    int ended;                        /* the manifest has come */
    char before[PV_ARCHIVE_PATH + 2]; /* the last path of a file, folder or link */
    char dir[PV_ARCHIVE_PATH + 2];    /* the folder that it is in, or is */
    char in[PV_ARCHIVE_CHUNK];
} reader_t;

static int refuse(const char *what, const char *why)
{
    return pv_report_fail(PV_ARCHIVE_BAD, "bid", "%s: %s", what, why);
}

/* ---- reading: members, one after the other, each as it may be ---- */

static la_ssize_t read_in(struct archive *a, void *ctx, const void **ret)
{
    reader_t *r = ctx;
    ssize_t n;
    do
        n = read(PV_ARCHIVE_FD, r->in, sizeof(r->in));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(a, errno, "reading the archive: %s", strerror(errno));
    else if (r->whole)
        pv_sum_add(r->whole, r->in, (size_t)n);
    *ret = r->in;
    return n;
}

static int reader_open(reader_t *r)
{
    r->bytes = 0;
    r->members = r->parts = 0;
    r->ended = 0;
    r->before[0] = r->dir[0] = '\0';
    r->a = archive_read_new();
    if (lseek(PV_ARCHIVE_FD, 0, SEEK_SET) == 0 && r->a && archive_read_support_filter_zstd(r->a) == ARCHIVE_OK &&
        archive_read_support_format_tar(r->a) == ARCHIVE_OK &&
        archive_read_open(r->a, r, NULL, read_in, NULL) == ARCHIVE_OK)
        return 0;
    return pv_archive_fail(r->a, "opening the archive", 0);
}

static int take_kind(member_t *m, struct archive_entry *e)
{
    static const struct {
        mode_t is;
        char type;
    } kinds[] = {{S_IFREG, 'f'}, {S_IFDIR, 'd'}, {S_IFLNK, 'l'}};
    m->type = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (archive_entry_filetype(e) == kinds[i].is)
            m->type = kinds[i].type;
    if (!m->type || archive_entry_hardlink(e) || archive_entry_sparse_count(e) > 0)
        return refuse(m->path, "neither a file nor a folder nor a link");
    if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0 || (m->type != 'f' && archive_entry_size(e) > 0))
        return refuse(m->path, "a size that cannot be");
    m->mode = archive_entry_perm(e) & 0755;
    m->mtime = archive_entry_mtime(e);
    m->target = m->type == 'l' ? archive_entry_symlink(e) : NULL;
    return 0;
}

static int is_folder_of_site(const char *path)
{
    size_t len = strcspn(path, "/");
    for (int i = 0; i < PV_ARCHIVE_FOLDERS; i++)
        if (strlen(pv_archive_folder[i]) == len && strncmp(path, pv_archive_folder[i], len) == 0)
            return 1;
    return 0;
}

/* Its folder came before, as a folder, and is the one we are in or one above it. */
static int check_place(reader_t *r, const member_t *m)
{
    const char *slash = strrchr(m->path, '/');
    size_t len = slash ? (size_t)(slash - m->path) : 0;
    if (!is_folder_of_site(m->path) || (!slash && m->type != 'd'))
        return refuse(m->path, "not below data or private");
    if (!pv_path_follows(r->before, m->path))
        return refuse(m->path, "it came before, or out of order");
    if (strncmp(r->dir, m->path, len) != 0 || (r->dir[len] != '/' && r->dir[len] != '\0' && len > 0))
        return refuse(m->path, "its folder is none");
    snprintf(r->before, sizeof(r->before), "%s", m->path);
    snprintf(r->dir, sizeof(r->dir), "%.*s", m->type == 'd' ? (int)strlen(m->path) : (int)len, m->path);
    return 0;
}

static int check_member(reader_t *r, member_t *m)
{
    char part[32];
    const char *wrong = pv_path_wrong(m->path);
    snprintf(part, sizeof(part), PV_ARCHIVE_DB, r->parts + 1);
    if (wrong)
        return refuse(m->path, wrong);
    if (r->ended || ++r->members > PV_ARCHIVE_MEMBERS + 1)
        return refuse(m->path, "more members than there may be");
    m->part = FILE_OF_SITE;
    if (m->type == 'f' && strcmp(m->path, PV_ARCHIVE_MANIFEST) == 0) {
        m->part = MANIFEST_ITSELF;
        r->ended = 1;
    } else if (m->type == 'f' && strcmp(m->path, part) == 0) {
        m->part = PART_OF_DUMP;
        r->parts++;
    } else if (check_place(r, m) != 0) {
        return -1;
    }
    wrong = m->type != 'l' ? NULL : m->target ? pv_link_wrong(m->path, m->target) : "a link to nothing";
    return wrong ? refuse(m->path, wrong) : 0;
}

/* 1: a member; 0: there is none left; -1: refused. */
static int next_member(reader_t *r, member_t *m)
{
    struct archive_entry *e;
    int rc = archive_read_next_header(r->a, &e);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return pv_archive_fail(r->a, "the archive is damaged", 0);
    const char *path = archive_entry_pathname(e);
    size_t len = path ? strlen(path) : 0;
    if (len > 0 && path[len - 1] == '/' && archive_entry_filetype(e) == S_IFDIR)
        len--;
    if (len == 0 || len > PV_ARCHIVE_PATH)
        return refuse("a member", len ? "its path is longer than 1024 bytes" : "it has no name");
    memcpy(m->path, path, len);
    m->path[len] = '\0';
    return take_kind(m, e) == 0 && check_member(r, m) == 0 ? 1 : -1;
}

/* The next bytes of a member's content: how many, 0 at its end, -1. */
static ssize_t next_bytes(reader_t *r, const member_t *m, char *buf, size_t size)
{
    la_ssize_t n = archive_read_data(r->a, buf, size);
    if (n < 0)
        return pv_archive_fail(r->a, m->path, 0);
    r->bytes += n;
    return r->bytes <= r->most ? n : refuse(m->path, "the archive holds more than was put in");
}

/* ---- first reading ---- */

typedef struct {
    pv_sum_t *one;
    json_t *members;
    char *manifest;
    size_t manifest_len;
    char tail[TAIL + 1]; /* of the dump */
    char buf[PV_ARCHIVE_CHUNK];
} check_t;

static int keep_manifest(check_t *c, size_t len)
{
    if (c->manifest_len + len > MANIFEST)
        return refuse(PV_ARCHIVE_MANIFEST, "too long");
    char *more = realloc(c->manifest, c->manifest_len + len);
    if (!more)
        return pv_report_fail(PV_INTERNAL, "", "no memory");
    c->manifest = more;
    memcpy(c->manifest + c->manifest_len, c->buf, len);
    c->manifest_len += len;
    return 0;
}

static void keep_tail(check_t *c, size_t len)
{
    size_t keep = len < TAIL ? TAIL - len : 0, have = strlen(c->tail);
    if (keep > have)
        keep = have;
    memmove(c->tail, c->tail + have - keep, keep);
    size_t take = len < TAIL ? len : TAIL;
    memcpy(c->tail + keep, c->buf + len - take, take);
    c->tail[keep + take] = '\0';
}

static int sum_member(check_t *c, reader_t *r, const member_t *m)
{
    char sum[PV_SUM_HEX];
    ssize_t n;
    if (m->type == 'l')
        pv_sum_add(c->one, m->target, strlen(m->target));
    while ((n = m->type == 'f' ? next_bytes(r, m, c->buf, sizeof(c->buf)) : 0) > 0) {
        pv_sum_add(c->one, c->buf, (size_t)n);
        if (m->part == PART_OF_DUMP)
            keep_tail(c, (size_t)n);
        else if (m->part == MANIFEST_ITSELF && keep_manifest(c, (size_t)n) != 0)
            return -1;
    }
    pv_sum_end(c->one, sum);
    if (n == 0 && m->part != MANIFEST_ITSELF)
        json_array_append_new(c->members, pv_member_line(m->type, sum, m->path));
    return (int)n;
}

static int check_manifest(const check_t *c, const reader_t *r)
{
    json_error_t error;
    json_t *m = r->ended ? json_loadb(c->manifest, c->manifest_len, JSON_REJECT_DUPLICATES, &error) : NULL;
    int same =
        m && json_integer_value(json_object_get(m, "v")) == 1 && json_equal(json_object_get(m, "members"), c->members);
    json_decref(m);
    if (!same)
        return refuse(PV_ARCHIVE_MANIFEST, r->ended ? "it does not say what the archive holds" : "there is none");
    return r->parts == 0 || strstr(c->tail, TRAILER) ? 0 : refuse("the dump", "it is not complete");
}

/* Also what libarchive did not want to see any more. */
static int check_whole(reader_t *r, const char *want)
{
    char sum[PV_SUM_HEX];
    const void *bytes;
    la_ssize_t n;
    while ((n = read_in(r->a, r, &bytes)) > 0)
        continue;
    pv_sum_end(r->whole, sum);
    if (n < 0)
        return pv_archive_fail(r->a, "reading the archive", 0);
    return strcmp(sum, want) == 0 ? 0 : refuse("the archive", "its checksum is not the one that was recorded");
}

static int check_all(check_t *c, reader_t *r, const char *sha256)
{
    member_t m;
    int rc;
    if (reader_open(r) != 0)
        return -1;
    while ((rc = next_member(r, &m)) > 0)
        if (sum_member(c, r, &m) != 0)
            return -1;
    return rc == 0 && check_whole(r, sha256) == 0 && check_manifest(c, r) == 0 ? 0 : -1;
}

static int first_reading(reader_t *r, const char *sha256)
{
    static check_t c;
    c.one = pv_sum_make();
    c.members = json_array();
    int rc = c.one ? check_all(&c, r, sha256) : pv_report_fail(PV_INTERNAL, "", "no memory");
    archive_read_free(r->a);
    pv_sum_free(c.one);
    json_decref(c.members);
    free(c.manifest);
    return rc;
}

/* ---- second reading ---- */

typedef struct {
    int top[PV_ARCHIVE_FOLDERS]; /* the folders to fill; -1: none */
    int dir;                     /* the open folder DIR_PATH, or -1 */
    char dir_path[PV_ARCHIVE_PATH + 2];
    pv_dbclient_t load;
    char part[PV_ARCHIVE_PART]; /* of the dump; its bytes from part_at to part_end the database client has not taken yet
                                 */
    size_t part_at, part_end;
    char buf[PV_ARCHIVE_CHUNK];
} fill_t;

/* Gives the database client what it takes by itself; with WAIT, all there is. It loads while files are written. */
static int feed(fill_t *f, int wait)
{
    struct pollfd room = {.fd = f->load.fd, .events = POLLOUT};
    while (f->part_at < f->part_end) {
        ssize_t n = write(f->load.fd, f->part + f->part_at, f->part_end - f->part_at);
        int e = errno;
        if (n >= 0)
            f->part_at += (size_t)n;
        else if (e == EAGAIN && wait)
            poll(&room, 1, -1);
        else if (e == EAGAIN)
            return 0;
        else if (e != EINTR)
            return pv_dbclient_end(&f->load, "loading the dump") == 0
                       ? pv_report_fail(PV_INTERNAL, "", "feeding the database client: %s", strerror(e))
                       : -1;
    }
    f->part_at = f->part_end = 0;
    return 0;
}

static int open_below(int top, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, top, path, &how, sizeof(how));
}

/* The folder that PATH, which has a slash, is in: kept open for the next of its files. */
static int open_parent(fill_t *f, const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path), first = strcspn(path, "/");
    if (f->dir >= 0 && strlen(f->dir_path) == len && strncmp(f->dir_path, path, len) == 0)
        return f->dir;
    if (f->dir >= 0)
        close(f->dir);
    snprintf(f->dir_path, sizeof(f->dir_path), "%.*s", (int)len, path);
    int top = strncmp(path, pv_archive_folder[0], first) == 0 ? f->top[0] : f->top[1];
    f->dir = open_below(top, len == first ? "." : f->dir_path + first + 1);
    return f->dir;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, bytes + at, len - at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int fill_file(fill_t *f, reader_t *r, const member_t *m, int dir, const char *name)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = m->mtime}};
    int out = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t n = out < 0 ? pv_report_errno(dir, "", m->path) : 0;
    while (out >= 0 && n >= 0 && (n = next_bytes(r, m, f->buf, sizeof(f->buf))) > 0)
        if (write_all(out, f->buf, (size_t)n) != 0)
            n = pv_report_errno(dir, "", m->path);
        else if (feed(f, 0) != 0)
            n = -1;
    if (n == 0 && (fchmod(out, m->mode | 0600) != 0 || futimens(out, times) != 0))
        n = pv_report_errno(dir, "", m->path);
    if (out >= 0)
        close(out);
    return (int)n;
}

static int fill_entry(fill_t *f, reader_t *r, const member_t *m)
{
    const char *slash = strrchr(m->path, '/');
    if (!slash)
        return 0; /* data or private itself */
    int dir = open_parent(f, m->path), rc;
    if (dir < 0)
        return pv_report_errno(AT_FDCWD, "", m->path);
    if (m->type == 'f')
        return fill_file(f, r, m, dir, slash + 1);
    if (m->type == 'l')
        rc = symlinkat(m->target, dir, slash + 1);
    else if ((rc = mkdirat(dir, slash + 1, 0700)) == 0)
        rc = fchmodat(dir, slash + 1, m->mode | 0700, 0);
    return rc == 0 ? 0 : pv_report_errno(dir, "", m->path);
}

/* A member of the dump waits here until the database client takes it. */
static int take_part(fill_t *f, reader_t *r, const member_t *m)
{
    ssize_t n;
    if (feed(f, 1) != 0)
        return -1;
    while ((n = next_bytes(r, m, f->part + f->part_end, sizeof(f->part) - f->part_end)) > 0) {
        f->part_end += (size_t)n;
        if (feed(f, f->part_end == sizeof(f->part)) != 0)
            return -1;
    }
    return (int)n;
}

static int second_reading(fill_t *f, reader_t *r, const json_t *db)
{
    member_t m;
    int rc = reader_open(r);
    if (rc == 0 && db)
        rc = pv_load_start(&f->load, db);
    while (rc == 0 && (rc = next_member(r, &m)) > 0)
        rc = m.part == PART_OF_DUMP   ? (db ? take_part(f, r, &m) : 0)
             : m.part == FILE_OF_SITE ? (f->top[0] >= 0 ? fill_entry(f, r, &m) : 0)
                                      : 0;
    archive_read_free(r->a);
    if (rc == 0 && feed(f, 1) == 0)
        rc = pv_dbclient_end(&f->load, "loading the dump");
    else
        rc = -1;
    for (int i = 0; i < PV_ARCHIVE_FOLDERS && rc == 0; i++)
        if (f->top[i] >= 0 && syncfs(f->top[i]) != 0)
            rc = pv_report_errno(f->top[i], "", "writing the files");
    return rc;
}

/* ---- the whole ---- */

static int is_empty(int dir)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    DIR *d = own < 0 ? NULL : fdopendir(own);
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n == 2;
}

static int open_folders(fill_t *f, const json_t *folders)
{
    f->dir = -1;
    for (int i = 0; i < PV_ARCHIVE_FOLDERS; i++) {
        const char *path = json_string_value(json_object_get(folders, pv_archive_folder[i]));
        f->top[i] = -1;
        if (!folders)
            continue;
        f->top[i] = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (f->top[i] < 0)
            return pv_report_errno(AT_FDCWD, "", path ? path : pv_archive_folder[i]);
        if (!is_empty(f->top[i]))
            return pv_report_fail(PV_FOREIGN_OBJECT, "", "%s is not empty", path);
    }
    return 0;
}

int pv_work_unpack(const json_t *request)
{
    static reader_t r;
    static fill_t f;
    json_t *folders = NULL, *db = NULL;
    const char *sha256;
    json_int_t most;
    int v;
    if (pv_request_take(request, "{s:i, s:s, s:I, s?o, s?o}", "v", &v, "sha256", &sha256, "bytes", &most, "folders",
                        &folders, "db", &db) != 0 ||
        open_folders(&f, folders) != 0)
        return -1;
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    r.most = most;
    r.whole = pv_sum_make();
    if (!r.whole)
        return pv_report_fail(PV_INTERNAL, "", "no memory");
    int rc = first_reading(&r, sha256);
    if (rc == 0 && db && r.parts == 0)
        rc = refuse("the archive", "it holds no database");
    pv_sum_free(r.whole);
    r.whole = NULL;
    if (rc == 0 && (folders || db))
        rc = second_reading(&f, &r, db);
    if (rc == 0)
        pv_report_log("info", "unpacked %u files, folders and parts of the dump, %lld bytes", r.members, r.bytes);
    return rc;
}
