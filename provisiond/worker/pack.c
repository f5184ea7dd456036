/*
 * Writes a backup: a site's folders and its database, as they stream, into descriptor 4, which root has opened. The
 * dump runs beside the walk through the files; what it has said is taken in whenever a piece of a file was written, and
 * goes out as a member of its own between two files. Nothing is kept on disk but the archive.
 *
 * The site runs meanwhile. A file that changes size while it is read keeps the size it began with; a file that is away
 * by then, and what no archive may hold, is left out with a warning.
 */
#include "worker/archive.h"
#include "worker/dbclient.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds in which a dump may say nothing: a table may well be locked for so long. Tests of the build with fault points
 * wait for it. */
#ifdef PV_FAULTS
#define SILENCE 20
#else
#define SILENCE 300
#endif

typedef struct {
    struct archive *a;
    pv_sum_t *whole, *one; /* of the archive, of the member that is written */
    long long size;        /* of the archive */
    long long bytes;       /* of all members */
    json_t *members;
    pv_dbclient_t dump;
    char *part; /* what the dump has said and no member holds yet */
    size_t part_len;
    unsigned parts;
    int dumping;
    char dump_tool[128];
    char chunk[PV_ARCHIVE_CHUNK];
} pack_t;

static int pack_folder(pack_t *p, int dir, char *path);

/* ---- the archive's own bytes ---- */

static la_ssize_t write_out(struct archive *a, void *ctx, const void *bytes, size_t len)
{
    pack_t *p = ctx;
    ssize_t n;
    do
        n = write(PV_ARCHIVE_FD, bytes, len);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(a, errno, "writing the archive: %s", strerror(errno));
        return -1;
    }
    pv_sum_add(p->whole, bytes, (size_t)n);
    p->size += n;
    return n;
}

static int begin_archive(pack_t *p)
{
    p->a = archive_write_new();
    if (p->a && archive_write_set_format_pax_restricted(p->a) == ARCHIVE_OK &&
        archive_write_add_filter_zstd(p->a) == ARCHIVE_OK &&
        archive_write_set_options(p->a, "zstd:compression-level=3,zstd:threads=2") == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(p->a, 1) == ARCHIVE_OK &&
        archive_write_open(p->a, p, NULL, write_out, NULL) == ARCHIVE_OK)
        return 0;
    return pv_archive_fail(p->a, "beginning the archive", 1);
}

/* ---- members ---- */

static int begin_member(pack_t *p, const char *path, const struct stat *st, const char *target)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, path);
    archive_entry_set_filetype(e, st->st_mode & S_IFMT);
    archive_entry_set_perm(e, st->st_mode & 0777);
    archive_entry_set_mtime(e, st->st_mtime, 0);
    archive_entry_set_size(e, S_ISREG(st->st_mode) ? st->st_size : 0);
    if (target)
        archive_entry_set_symlink(e, target);
    int rc = archive_write_header(p->a, e);
    archive_entry_free(e);
    /* WARN: a name that is no UTF-8 went in as it is. */
    return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? 0 : pv_archive_fail(p->a, path, 1);
}

static int put_bytes(pack_t *p, const void *bytes, size_t len)
{
    pv_sum_add(p->one, bytes, len);
    p->bytes += (long long)len;
    return archive_write_data(p->a, bytes, len) == (la_ssize_t)len ? 0 : pv_archive_fail(p->a, "writing a member", 1);
}

static int end_member(pack_t *p, char type, const char *path)
{
    char sum[PV_SUM_HEX];
    pv_sum_end(p->one, sum);
    json_array_append_new(p->members, pv_member_line(type, sum, path));
    if (json_array_size(p->members) > PV_ARCHIVE_MEMBERS)
        return pv_report_fail(PV_TOO_LONG, "", "more than %d files and folders", PV_ARCHIVE_MEMBERS);
    return 0;
}

static int put_whole(pack_t *p, char type, const char *path, const char *bytes, size_t len)
{
    struct stat st = {.st_mode = S_IFREG | 0644, .st_size = (off_t)len};
    return begin_member(p, path, &st, NULL) == 0 && put_bytes(p, bytes, len) == 0 ? end_member(p, type, path) : -1;
}

/* ---- the dump ---- */

/* What made the dump, from the comment at its head. */
static void note_tool(pack_t *p)
{
    const char *found = memmem(p->part, p->part_len < 512 ? p->part_len : 512, "-- MariaDB dump", 15);
    if (found)
        snprintf(p->dump_tool, sizeof(p->dump_tool), "%.*s", (int)strcspn(found + 3, "\n"), found + 3);
}

/* A site can hold a definition on which mariadb-dump goes round for ever: an event with ";;" in it. */
static int wait_for_dump(const pack_t *p)
{
    struct pollfd said = {.fd = p->dump.fd, .events = POLLIN};
    return poll(&said, 1, SILENCE * 1000) != 0
               ? 0
               : pv_report_fail(PV_DEADLINE, "db_server", "mariadb-dump has said nothing for %d seconds", SILENCE);
}

/* Takes in what the dump has said, as far as there is room; with WAIT until there is none, or it has ended. */
static int listen_to_dump(pack_t *p, int wait)
{
    while (p->dumping && p->part_len < PV_ARCHIVE_PART) {
        ssize_t n = read(p->dump.fd, p->part + p->part_len, PV_ARCHIVE_PART - p->part_len);
        if (n > 0)
            p->part_len += (size_t)n;
        else if (n == 0)
            p->dumping = 0;
        else if (errno == EAGAIN && (!wait || wait_for_dump(p) != 0))
            return wait ? -1 : 0;
        else if (errno != EAGAIN && errno != EINTR)
            return pv_report_errno(p->dump.fd, "", "reading the dump");
    }
    return p->dumping ? 0 : pv_dbclient_end(&p->dump, "mariadb-dump");
}

/* Between two members: a full part becomes one. */
static int put_part(pack_t *p)
{
    char path[32];
    if (p->parts++ == 0)
        note_tool(p);
    snprintf(path, sizeof(path), PV_ARCHIVE_DB, p->parts);
    size_t len = p->part_len;
    p->part_len = 0;
    return put_whole(p, 'f', path, p->part, len);
}

static int between(pack_t *p)
{
    if (!p->part)
        return 0;
    return listen_to_dump(p, 0) != 0 ? -1 : p->part_len == PV_ARCHIVE_PART ? put_part(p) : 0;
}

static int rest_of_dump(pack_t *p)
{
    while (p->dumping || p->part_len > 0)
        if (listen_to_dump(p, 1) != 0 || (p->part_len > 0 && put_part(p) != 0))
            return -1;
    return 0;
}

/* ---- files ---- */

static int skip(const char *path, const char *why)
{
    pv_report_log("warning", "left out: %s: %s", path, why);
    return 0;
}

static int pack_bytes(pack_t *p, int in, const char *path, off_t size)
{
    for (off_t at = 0; at < size;) {
        size_t want = size - at < (off_t)sizeof(p->chunk) ? (size_t)(size - at) : sizeof(p->chunk);
        ssize_t n = read(in, p->chunk, want);
        if (n < 0)
            return pv_report_errno(in, "", path);
        if (n == 0) { /* cut while it was read: what is announced must come */
            memset(p->chunk, 0, want);
            pv_report_log("warning", "%s: became shorter while it was read", path);
        }
        while (n == 0 && at < size) {
            want = size - at < (off_t)sizeof(p->chunk) ? (size_t)(size - at) : sizeof(p->chunk);
            if (put_bytes(p, p->chunk, want) != 0)
                return -1;
            at += (off_t)want;
        }
        if (n > 0 && (put_bytes(p, p->chunk, (size_t)n) != 0 || (p->part && listen_to_dump(p, 0) != 0)))
            return -1;
        at += n;
    }
    return 0;
}

static int pack_file(pack_t *p, int dir, const char *name, const char *path)
{
    struct stat st;
    int in = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT || errno == ELOOP || errno == ENXIO ? skip(path, strerror(errno))
                                                                   : pv_report_errno(dir, "", path);
    int rc = fstat(in, &st) != 0                        ? pv_report_errno(dir, "", path)
             : !S_ISREG(st.st_mode)                     ? skip(path, "it changed while it was read")
             : begin_member(p, path, &st, NULL) != 0    ? -1
             : pack_bytes(p, in, path, st.st_size) != 0 ? -1
                                                        : end_member(p, 'f', path);
    close(in);
    return rc;
}

static int pack_link(pack_t *p, int dir, const char *name, const char *path, const struct stat *st)
{
    char target[PV_ARCHIVE_PATH + 2];
    ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
    if (n < 0)
        return skip(path, strerror(errno));
    target[n] = '\0';
    const char *wrong = pv_link_wrong(path, target);
    if (wrong)
        return skip(path, wrong);
    if (begin_member(p, path, st, target) != 0)
        return -1;
    pv_sum_add(p->one, target, (size_t)n);
    return end_member(p, 'l', path);
}

static int pack_sub(pack_t *p, int dir, const char *name, char *path)
{
    struct stat st;
    int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return errno == ENOENT || errno == ENOTDIR ? skip(path, strerror(errno)) : pv_report_errno(dir, "", path);
    int rc = fstat(sub, &st) != 0 ? pv_report_errno(dir, "", path) : begin_member(p, path, &st, NULL);
    if (rc == 0)
        rc = end_member(p, 'd', path);
    if (rc == 0)
        rc = pack_folder(p, sub, path);
    close(sub);
    return rc;
}

static int pack_entry(pack_t *p, int dir, const char *name, char *path)
{
    struct stat st;
    const char *wrong = pv_path_wrong(path);
    if (wrong)
        return skip(path, wrong);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return skip(path, strerror(errno));
    int rc = S_ISDIR(st.st_mode)   ? pack_sub(p, dir, name, path)
             : S_ISREG(st.st_mode) ? pack_file(p, dir, name, path)
             : S_ISLNK(st.st_mode) ? pack_link(p, dir, name, path, &st)
                                   : skip(path, "neither a file nor a folder nor a link");
    return rc == 0 ? between(p) : -1;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted; the caller frees each and the list. -1 with errno. */
static int list(char ***ret, int dir)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    struct dirent *e;
    size_t n = 0, room = 0;
    *ret = NULL;
    if (!d)
        return -1;
    while ((errno = 0, e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (n == room) {
            room = room ? 2 * room : 64;
            *ret = reallocarray(*ret, room, sizeof(**ret));
        }
        (*ret)[n++] = strdup(e->d_name);
    }
    int failed = errno;
    closedir(d);
    if (n > 0)
        qsort(*ret, n, sizeof(**ret), compare);
    errno = failed;
    return failed ? -1 : (int)n;
}

/* PATH is the folder's; it is lengthened for each entry and is as before at the end. */
static int pack_folder(pack_t *p, int dir, char *path)
{
    char **name;
    size_t end = strlen(path);
    int n = list(&name, dir), rc = n < 0 ? pv_report_errno(dir, "", path) : 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0) {
            snprintf(path + end, PV_ARCHIVE_PATH + 258 - end, "/%s", name[i]);
            rc = pack_entry(p, dir, name[i], path);
            path[end] = '\0';
        }
        free(name[i]);
    }
    free(name);
    return rc;
}

/* ---- the whole ---- */

static int pack_folders(pack_t *p, const json_t *folders)
{
    char path[PV_ARCHIVE_PATH + 258]; /* one name more than is allowed */
    for (int i = 0; i < PV_ARCHIVE_FOLDERS; i++) {
        const char *from = json_string_value(json_object_get(folders, pv_archive_folder[i]));
        if (!from)
            return pv_report_fail(PV_INTERNAL, "", "request: folders: no %s", pv_archive_folder[i]);
        snprintf(path, sizeof(path), "%s", pv_archive_folder[i]);
        if (pack_sub(p, AT_FDCWD, from, path) != 0)
            return -1;
    }
    return 0;
}

static int put_manifest(pack_t *p, json_t *about)
{
    json_t *m = json_pack("{s:i, s:O, s:{s:s, s:s}, s:O}", "v", 1, "about", about, "tools", "libarchive",
                          archive_version_details(), "dump", p->dump_tool, "members", p->members);
    char *text = m ? json_dumps(m, JSON_INDENT(1)) : NULL;
    int rc =
        text ? put_whole(p, 'f', PV_ARCHIVE_MANIFEST, text, strlen(text)) : pv_report_fail(PV_INTERNAL, "", "manifest");
    free(text);
    json_decref(m);
    return rc;
}

static void report(pack_t *p)
{
    char sum[PV_SUM_HEX], number[24];
    pv_sum_end(p->whole, sum);
    pv_report_fact("sha256", sum);
    snprintf(number, sizeof(number), "%lld", p->size);
    pv_report_fact("size", number);
    snprintf(number, sizeof(number), "%lld", p->bytes);
    pv_report_fact("bytes", number);
    pv_report_log("info", "packed %zu files and folders, %lld bytes, into %lld", json_array_size(p->members) - 1,
                  p->bytes, p->size);
}

static int pack(pack_t *p, json_t *about, json_t *folders, json_t *db)
{
    if (db) {
        p->part = malloc(PV_ARCHIVE_PART);
        if (!p->part || pv_dump_start(&p->dump, db) != 0)
            return -1;
        p->dumping = 1;
    }
    if (begin_archive(p) != 0 || pack_folders(p, folders) != 0 || rest_of_dump(p) != 0 || put_manifest(p, about) != 0)
        return -1;
    if (archive_write_close(p->a) != ARCHIVE_OK)
        return pv_archive_fail(p->a, "ending the archive", 1);
    if (fsync(PV_ARCHIVE_FD) != 0)
        return pv_report_errno(PV_ARCHIVE_FD, "", "ending the archive");
    report(p);
    return 0;
}

int pv_work_pack(const json_t *request)
{
    static pack_t p;
    json_t *about, *folders, *db = NULL;
    int v;
    if (pv_request_take(request, "{s:i, s:o, s:o, s?o}", "v", &v, "about", &about, "folders", &folders, "db", &db) != 0)
        return -1;
    setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive's idea of what a name is */
    p.whole = pv_sum_make();
    p.one = pv_sum_make();
    p.members = json_array();
    int rc = p.whole && p.one ? pack(&p, about, folders, db) : pv_report_fail(PV_INTERNAL, "", "no memory");
    if (p.a)
        archive_write_free(p.a);
    pv_sum_free(p.whole);
    pv_sum_free(p.one);
    json_decref(p.members);
    free(p.part);
    return rc;
}
