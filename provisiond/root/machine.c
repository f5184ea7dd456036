/*
 * Questions about the machine that change nothing (world SET excepted): free space, the mark that binds the journal to
 * these sites, and which ids exist.
 */
#include "root/args.h"
#include "root/files.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MARK     ".world"
#define MARK_MAX 64

void pv_op_space(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    struct statvfs fs;
    uint64_t n = pv_arg_num(m, 1);
    int platforms = pv_arg_is(m, 0, "PLATFORMS");
    if (platforms && n >= (uint64_t)root->conf->PlatformRoot.n) {
        pv_answer_fail(answer, PV_ROOT_NOT_ALLOWED, "there is no PlatformRoot %llu", (unsigned long long)n);
        return;
    }
    int dir = platforms ? root->platform[n] : pv_arg_is(m, 0, "SITES") ? root->sites : root->state;
    if (fstatvfs(dir, &fs) != 0) {
        pv_answer_errno(answer, "statvfs");
        return;
    }
    answer->reply.a = (uint64_t)fs.f_bavail * fs.f_frsize;
    answer->reply.b = fs.f_favail;
}

void pv_op_world(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    char *mark;
    if (pv_arg_is(m, 0, "SET") && pv_arg_given(m, 1)) {
        mark = apr_pstrmemdup(root->tmp, m->arg[1].s, m->arg[1].len);
        if (pv_file_write(root->sites, MARK, mark, strlen(mark), 0600, 0, 0) != 0)
            pv_answer_errno_in(answer, root->sites, MARK);
    } else if (pv_arg_is(m, 0, "SET")) {
        pv_answer_fail(answer, PV_SCHEMA, "mark: SET needs one");
    } else if (pv_file_read(&mark, NULL, root->sites, MARK, MARK_MAX, root->tmp) == 0) {
        answer->reply.a = PV_CURRENT;
        apr_cpystrn(answer->reply.detail, mark, sizeof(answer->reply.detail));
    } else if (errno != ENOENT) {
        pv_answer_errno(answer, MARK);
    }
}

/* Appends a line for each entry NAME or NAME.conf of DIR that is an id. */
static int list_ids(apr_array_header_t *lines, int dir, apr_pool_t *p)
{
    char **names;
    if (pv_dir_list(&names, dir, p) != 0)
        return -1;
    for (; *names; names++) {
        size_t len = strlen(*names);
        pv_id_t id;
        if (len > 5 && strcmp(*names + len - 5, ".conf") == 0)
            len -= 5;
        if (pv_id_parse(&id, *names, len) == APR_SUCCESS)
            APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(p, id.s, "\n", NULL);
    }
    return 0;
}

/* The same for a folder below StateDir that the configuration place made. */
static int list_live(apr_array_header_t *lines, const pv_root_t *root, const char *path)
{
    int dir = pv_dir_open(root->state, path);
    int rc = dir < 0 ? -1 : list_ids(lines, dir, root->tmp);
    if (dir >= 0)
        close(dir);
    return rc;
}

static int list_trash(apr_array_header_t *lines, const pv_root_t *root)
{
    int rc = list_ids(lines, root->trash, root->tmp);
    for (int i = 0; rc == 0 && i < root->conf->PlatformRoot.n; i++)
        rc = list_ids(lines, root->platform_trash[i], root->tmp);
    return rc;
}

void pv_op_ids(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    apr_array_header_t *lines = apr_array_make(root->tmp, 64, sizeof(const char *));
    int rc = pv_arg_is(m, 0, "SITES")       ? list_ids(lines, root->sites, root->tmp)
             : pv_arg_is(m, 0, "PLATFORMS") ? list_ids(lines, root->places, root->tmp)
             : pv_arg_is(m, 0, "TRASH")     ? list_trash(lines, root)
             : pv_arg_is(m, 0, "VHOSTS")    ? list_live(lines, root, "httpd/live")
                                            : list_live(lines, root, "fpm/live");
    const char *text = apr_array_pstrcat(root->tmp, lines, 0);
    int fd = rc == 0 ? pv_memfd("ids", text, strlen(text)) : -1;
    if (fd < 0)
        pv_answer_errno(answer, "listing ids");
    else
        answer->fd[answer->nfds++] = fd;
}
