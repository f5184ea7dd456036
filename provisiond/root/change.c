/*
 * See change.h. Every function can be killed between any two of its system calls; pv_changes_recover then gives the
 * configuration as it was before the set.
 */
#include "root/change.h"
#include "fault.h"
#include "root/files.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REV_FILE   "rev"
#define UNDO_KEPT  4
#define NUMBER_MAX 24

int pv_rev_read(const pv_root_t *root, pv_rev_t *ret)
{
    char *text;
    *ret = (pv_rev_t){0, 0};
    if (pv_file_read(&text, NULL, root->state, REV_FILE, 128, root->tmp) != 0)
        return errno == ENOENT ? 0 : -1;
    ret->served = strtoull(text, &text, 10);
    ret->last = strtoull(text, &text, 10);
    if (*text == '\n' && ret->last >= ret->served)
        return 0;
    errno = EINVAL;
    return -1;
}

int pv_rev_write(const pv_root_t *root, const pv_rev_t *rev)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", rev->served, rev->last);
    return pv_file_write(root->state, REV_FILE, text, (size_t)n, 0600, 0, 0);
}

static const char *number(char buf[NUMBER_MAX], uint64_t rev)
{
    snprintf(buf, NUMBER_MAX, "%" PRIu64, rev);
    return buf;
}

static int count(char *const *list)
{
    int n = 0;
    while (list[n])
        n++;
    return n;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const pv_change_t *)a)->id.s, ((const pv_change_t *)b)->id.s);
}

/* What is staged in one tree, into the rows of the trees before it (SORTED of them, by id) or rows of its own. */
static int load_tree(const pv_tree_t *tree, int t, pv_changes_t *ret, int sorted, char *const *file, apr_pool_t *p)
{
    for (; *file; file++) {
        pv_change_t key = {.text = {NULL}}, *row;
        if (!pv_tree_id(&key.id, *file))
            continue;
        const char *text = pv_tree_staged(tree, &key.id, p);
        if (!text && errno != 0)
            return -1;
        row = bsearch(&key, ret->row, (size_t)sorted, sizeof(key), by_id);
        if (!row)
            *(row = &ret->row[ret->n++]) = key;
        row->text[t] = text;
    }
    return 0;
}

int pv_changes_load(const struct pv_config *config, pv_changes_t *ret, apr_pool_t *p)
{
    char **file[PV_TREES];
    int total = 0;
    for (int t = 0; t < PV_TREES; t++) {
        if (pv_dir_list(&file[t], config->tree[t].staging, p) != 0)
            return -1;
        total += count(file[t]);
    }
    ret->n = 0;
    ret->row = apr_pcalloc(p, (apr_size_t)(total + 1) * sizeof(*ret->row));
    for (int t = 0; t < PV_TREES; t++) {
        if (load_tree(&config->tree[t], t, ret, ret->n, file[t], p) != 0)
            return -1;
        qsort(ret->row, (size_t)ret->n, sizeof(*ret->row), by_id);
    }
    return 0;
}

/* One file without fsync: the folder's file system is synced once for all of a set. */
static int write_plain(int dir, const char *file, const char *text)
{
    size_t len = strlen(text);
    int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, len);
    int e = n < 0 ? errno : ENOSPC;
    close(fd);
    errno = e;
    return n == (ssize_t)len ? 0 : -1;
}

static int keep(const pv_tree_t *tree, int undo, const char *file, apr_pool_t *p)
{
    const char *live = pv_tree_read(tree->live, file, p);
    return live ? write_plain(undo, file, live) : -1;
}

/* undo/REV of one tree, complete and durable. */
static int keep_all(const pv_tree_t *tree, pv_tree_kind_t kind, const pv_changes_t *set, uint64_t rev, apr_pool_t *p)
{
    char name[NUMBER_MAX], file[PV_TREE_FILE];
    int undo = pv_dir_make(tree->undo, number(name, rev), 0700, 0, 0);
    int rv = undo < 0 ? -1 : kind == PV_TREE_HTTPD ? keep(tree, undo, PV_REVISION, p) : 0;
    for (int i = 0; rv == 0 && i < set->n; i++)
        if (set->row[i].text[kind])
            rv = keep(tree, undo, pv_tree_file(file, &set->row[i].id), p);
    if (rv == 0)
        rv = syncfs(undo);
    if (undo >= 0)
        close(undo);
    return rv;
}

/* New names first, all made durable at once, then a rename each. */
static int replace_all(const pv_tree_t *tree, pv_tree_kind_t kind, const pv_changes_t *set)
{
    char file[PV_TREE_FILE], new[PV_TREE_FILE + 8];
    for (int i = 0; i < set->n; i++) {
        const char *text = set->row[i].text[kind];
        snprintf(new, sizeof(new), ".%s.new", pv_tree_file(file, &set->row[i].id));
        if (text && *text && write_plain(tree->live, new, text) != 0)
            return -1;
    }
    if (syncfs(tree->live) != 0)
        return -1;
    PV_FAULT("config.written", NULL);
    for (int i = 0; i < set->n; i++) {
        const char *text = set->row[i].text[kind];
        snprintf(new, sizeof(new), ".%s.new", pv_tree_file(file, &set->row[i].id));
        if (text && *text ? renameat(tree->live, new, tree->live, file) != 0
                          : text && unlinkat(tree->live, file, 0) != 0 && errno != ENOENT)
            return -1;
    }
    return fsync(tree->live);
}

int pv_changes_swap(const struct pv_config *config, const pv_changes_t *set, uint64_t rev, const char *revision,
                    apr_pool_t *p)
{
    for (int t = 0; t < PV_TREES; t++)
        if (keep_all(&config->tree[t], t, set, rev, p) != 0)
            return -1;
    PV_FAULT("config.kept", NULL);
    for (int t = 0; t < PV_TREES; t++)
        if (replace_all(&config->tree[t], t, set) != 0)
            return -1;
    PV_FAULT("config.replaced", NULL);
    return pv_tree_write(config->tree[PV_TREE_HTTPD].live, PV_REVISION, revision);
}

/* Removes a folder of undo with its files. */
static int drop(int dir, const char *name, apr_pool_t *p)
{
    char **file;
    int undo = pv_dir_open(dir, name), rv = undo < 0 ? -1 : pv_dir_list(&file, undo, p);
    for (; rv == 0 && *file; file++)
        rv = unlinkat(undo, *file, 0);
    if (undo >= 0)
        close(undo);
    return rv == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

static int put_back_tree(const pv_tree_t *tree, const char *name, apr_pool_t *p)
{
    char **file;
    int undo = pv_dir_open(tree->undo, name), rv;
    if (undo < 0)
        return errno == ENOENT ? 0 : -1;
    rv = pv_dir_list(&file, undo, p);
    for (; rv == 0 && *file; file++) {
        const char *text = pv_tree_read(undo, *file, p);
        rv = text ? pv_tree_write(tree->live, *file, text) : -1;
    }
    close(undo);
    return rv;
}

int pv_changes_put_back(const struct pv_config *config, uint64_t rev, apr_pool_t *p)
{
    char name[NUMBER_MAX];
    number(name, rev);
    for (int t = 0; t < PV_TREES; t++)
        if (put_back_tree(&config->tree[t], name, p) != 0)
            return -1;
    PV_FAULT("config.put_back", NULL);
    for (int t = 0; t < PV_TREES; t++)
        if (drop(config->tree[t].undo, name, p) != 0 && errno != ENOENT)
            return -1;
    return 0;
}

int pv_changes_recover(const pv_root_t *root, apr_pool_t *p)
{
    pv_rev_t rev;
    if (pv_rev_read(root, &rev) != 0)
        return -1;
    return rev.last == rev.served ? 0 : pv_changes_put_back(root->config, rev.last, p);
}

int pv_changes_prune(const struct pv_config *config, uint64_t rev, apr_pool_t *p)
{
    for (int t = 0; t < PV_TREES; t++) {
        char **name;
        if (pv_dir_list(&name, config->tree[t].undo, p) != 0)
            return -1;
        for (; *name; name++)
            if (strtoull(*name, NULL, 10) + UNDO_KEPT <= rev && drop(config->tree[t].undo, *name, p) != 0)
                return -1;
    }
    return 0;
}
