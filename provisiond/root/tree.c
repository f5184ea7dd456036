/*
 * Reading, staging and comparing the files of a configuration tree. A crash leaves a staged file or none, never half a
 * one.
 */
#include "root/tree.h"
#include "root/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pv_tree_open(pv_tree_t *tree, int state, const char *name)
{
    int top = pv_dir_make(state, name, 0700, 0, 0);
    if (top < 0)
        return -1;
    tree->name = name;
    tree->live = pv_dir_make(top, "live", 0700, 0, 0);
    tree->staging = pv_dir_make(top, "staging", 0700, 0, 0);
    tree->undo = pv_dir_make(top, "undo", 0700, 0, 0);
    tree->parked = pv_dir_make(top, "parked", 0700, 0, 0);
    close(top);
    return tree->live < 0 || tree->staging < 0 || tree->undo < 0 || tree->parked < 0 ? -1 : 0;
}

const char *pv_tree_file(char buf[PV_TREE_FILE], const pv_id_t *id)
{
    snprintf(buf, PV_TREE_FILE, "%s.conf", id->s);
    return buf;
}

int pv_tree_id(pv_id_t *ret, const char *file)
{
    size_t len = strlen(file);
    return len > 5 && strcmp(file + len - 5, ".conf") == 0 && pv_id_parse(ret, file, len - 5) == APR_SUCCESS;
}

const char *pv_tree_read(int dir, const char *file, apr_pool_t *p)
{
    char *text;
    size_t len;
    if (pv_file_read(&text, &len, dir, file, PV_TREE_FILE_MAX, p) == 0)
        return text;
    return errno == ENOENT ? "" : NULL;
}

int pv_tree_write(int dir, const char *file, const char *text)
{
    return *text ? pv_file_write(dir, file, text, strlen(text), 0600, 0, 0) : pv_file_remove(dir, file);
}

const char *pv_tree_staged(const pv_tree_t *tree, const pv_id_t *id, apr_pool_t *p)
{
    char file[PV_TREE_FILE];
    char *text;
    size_t len;
    if (pv_file_read(&text, &len, tree->staging, pv_tree_file(file, id), PV_TREE_FILE_MAX, p) == 0)
        return text;
    if (errno == ENOENT)
        errno = 0;
    return NULL;
}

/* Stages TEXT for a file, or nothing where it is live already. */
static int stage(const pv_tree_t *tree, const char *file, const char *text, apr_pool_t *p)
{
    const char *live = pv_tree_read(tree->live, file, p);
    if (!live || pv_file_remove(tree->parked, file) != 0)
        return -1;
    if (strcmp(live, text) == 0)
        return pv_file_remove(tree->staging, file);
    return pv_file_write(tree->staging, file, text, strlen(text), 0600, 0, 0);
}

int pv_tree_settle(const pv_tree_t *tree, apr_pool_t *p)
{
    char **file;
    if (pv_dir_list(&file, tree->staging, p) != 0)
        return -1;
    for (; *file; file++) {
        const char *text = pv_tree_read(tree->staging, *file, p), *live = pv_tree_read(tree->live, *file, p);
        if (!text || !live || (strcmp(text, live) == 0 && pv_file_remove(tree->staging, *file) != 0))
            return -1;
    }
    return 0;
}

int pv_tree_park(const pv_tree_t *tree, const pv_id_t *id)
{
    char file[PV_TREE_FILE];
    struct stat st;
    pv_tree_file(file, id);
    if (fstatat(tree->staging, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    return pv_file_rename(tree->staging, file, tree->parked, file);
}

/* The first line in which two texts differ, for people. */
static void describe(char *buf, size_t size, const char *file, const char *is, const char *want)
{
    int n = 1;
    const char *a = is, *b = want;
    for (size_t i = 0; is[i] && is[i] == want[i]; i++)
        if (is[i] == '\n') {
            a = is + i + 1;
            b = want + i + 1;
            n++;
        }
    snprintf(buf, size, "%s line %d: '%.*s', not '%.*s'", file, n, (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static void probe(const pv_tree_t *tree, const pv_id_t *id, const char *want, pv_answer_t *answer, apr_pool_t *p)
{
    char file[PV_TREE_FILE];
    const char *is = pv_tree_staged(tree, id, p);
    if (!is && errno == 0)
        is = pv_tree_read(tree->live, pv_tree_file(file, id), p);
    if (!is) {
        pv_answer_errno(answer, "reading the live configuration");
        return;
    }
    answer->reply.a = strcmp(is, want) == 0 ? PV_CURRENT : *is ? PV_DRIFT : PV_ABSENT;
    if (answer->reply.a == PV_DRIFT)
        describe(answer->reply.detail, sizeof(answer->reply.detail), pv_tree_file(file, id), is, want);
}

static void preview(const pv_tree_t *tree, const pv_id_t *id, const char *want, pv_answer_t *answer, apr_pool_t *p)
{
    char file[PV_TREE_FILE];
    const char *live = pv_tree_read(tree->live, pv_tree_file(file, id), p);
    const char *text[] = {live ? live : "", want};
    for (int i = 0; i < 2; i++) {
        int fd = pv_memfd(file, text[i], strlen(text[i]));
        if (fd < 0) {
            pv_answer_errno(answer, "making the preview");
            return;
        }
        answer->fd[answer->nfds++] = fd;
    }
}

void pv_tree_op(const pv_tree_t *tree, const pv_id_t *id, const char *verb, const char *want, pv_answer_t *answer,
                apr_pool_t *p)
{
    char file[PV_TREE_FILE];
    pv_tree_file(file, id);
    if (strcmp(verb, "PROBE") == 0) {
        probe(tree, id, want, answer, p);
    } else if (strcmp(verb, "PREVIEW") == 0) {
        preview(tree, id, want, answer, p);
    } else if (strcmp(verb, "STAGE") == 0) {
        if (stage(tree, file, want, p) != 0)
            pv_answer_errno(answer, "staging the configuration");
    } else if (pv_file_remove(tree->staging, file) != 0 || pv_file_remove(tree->parked, file) != 0) {
        pv_answer_errno(answer, "taking the staged configuration back");
    }
}
