/*
 * Mounts for workers. What is the machine's is read-only; what is the worker's own can be written but not executed.
 * Trees are cloned from descriptors, so a name that changes meanwhile changes nothing, and without what is mounted
 * below them.
 */
#include "root/view.h"
#include "root/files.h"
#include "root/platforms.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ  (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define WRITE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define NODE  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

static const struct {
    const char *path;
    uint64_t attr;
    int see; /* only with one of these bits; 0: always */
} host[] = {
    {"/usr", READ, 0},
    {"/etc/ssl", READ, 0},
    {"/etc/localtime", READ, 0},
    {"/etc/resolv.conf", READ, PV_SEE_NET},
    {"/etc/hosts", READ, PV_SEE_NET},
    {"/dev/null", NODE, 0},
    {"/dev/zero", NODE, 0},
    {"/dev/full", NODE, 0},
    {"/dev/random", NODE, 0},
    {"/dev/urandom", NODE, 0},
};

/* Clones what DIR and NAME ("" for DIR itself) stand for. -1 with errno. */
static int add(pv_view_t *view, int dir, const char *name, const char *target, uint64_t attr)
{
    struct mount_attr set = {.attr_set = attr, .propagation = MS_PRIVATE}; /* or mounts on it would show outside */
    struct stat st;
    if (view->n == PV_VIEW_MAX) {
        errno = E2BIG;
        return -1;
    }
    int tree = open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*name ? 0 : AT_EMPTY_PATH));
    if (tree < 0)
        return -1;
    view->bind[view->n++] = (pv_bind_t){.tree = tree, .target = target};
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &set, sizeof(set)) != 0 || fstat(tree, &st) != 0)
        return -1;
    view->bind[view->n - 1].file = !S_ISDIR(st.st_mode);
    return 0;
}

/* The same for a folder below one that is held open, resolved without links. */
static int add_below(pv_view_t *view, int dir, const char *name, const char *target, uint64_t attr)
{
    int fd = pv_open(dir, name, O_PATH);
    if (fd < 0)
        return -1;
    int rc = add(view, fd, "", target, attr);
    pv_close(fd);
    return rc;
}

static int add_host(pv_view_t *view, const pv_root_t *root, int see)
{
    for (size_t i = 0; i < sizeof(host) / sizeof(host[0]); i++)
        if ((!host[i].see || (host[i].see & see)) &&
            add(view, root->host, host[i].path + 1, host[i].path, host[i].attr) != 0 && errno != ENOENT)
            return -1;
    return 0;
}

static int add_own(pv_view_t *view, const pv_root_t *root, const pv_viewer_t *who)
{
    static const struct {
        const char *name;
        uint64_t attr;
    } folders[] = {{"data", WRITE}, {"private", WRITE}, {"tmp", WRITE}, {"etc", READ}};
    int trash = who->see & PV_SEE_TRASH;
    int from = trash ? root->trash : who->see & PV_SEE_BESIDE ? root->next : root->sites;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const char *name = apr_pstrcat(root->tmp, who->id.s, "/", folders[i].name, NULL);
        const char *target = apr_pstrcat(root->tmp, root->conf->SitesRoot, trash ? "/.trash/" : "/", name, NULL);
        if (add_below(view, from, name, target, folders[i].attr) != 0)
            return -1;
    }
    return 0;
}

/* The absolute path of a place below BASE. */
static const char *place_path(const char *base, const pv_place_t *place, apr_pool_t *p)
{
    for (unsigned i = 0; i < place->n; i++)
        base = apr_pstrcat(p, base, "/", place->comp[i].s, NULL);
    return base;
}

static int add_place(pv_view_t *view, const pv_root_t *root, const pv_place_t *place, const int *dirs,
                     const pv_paths_t *paths, uint64_t attr)
{
    int fd = pv_place_open(dirs[place->root], place);
    if (fd < 0)
        return -1;
    int rc = add(view, fd, "", place_path(paths->path[place->root], place, root->tmp), attr);
    pv_close(fd);
    return rc;
}

/* A platform's worker may write in its own place only; a deleted one's tree is found in the trash of its root. */
static int add_platform(pv_view_t *view, const pv_root_t *root, const pv_viewer_t *who)
{
    pv_place_t own;
    int has = pv_id_kind(&who->id) == PV_PLATFORM && pv_registry_place(root, &who->id, &own) == 0;
    if (has && (who->see & PV_SEE_TRASH)) {
        const char *path = apr_pstrcat(root->tmp, root->conf->PlatformRoot.path[own.root], "/.trash/", who->id.s, NULL);
        return add_below(view, root->platform_trash[own.root], who->id.s, path, WRITE);
    }
    if (!who->place)
        return 0;
    char a[PV_PLACE_TEXT], b[PV_PLACE_TEXT];
    int writable = who->see & PV_SEE_WRITABLE;
    errno = EACCES;
    if (writable && (!has || strcmp(pv_place_text(a, &own), pv_place_text(b, who->place)) != 0))
        return -1;
    return add_place(view, root, who->place, root->platform, &root->conf->PlatformRoot, writable ? WRITE : READ);
}

/* What is copied is named by a person, who may have named what is not there. */
static int add_source(pv_view_t *view, const pv_root_t *root, const pv_place_t *source, pv_answer_t *answer)
{
    char text[PV_PLACE_TEXT];
    if (add_place(view, root, source, root->source, &root->conf->SourceRoot, READ) == 0)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        pv_answer_fail(answer, PV_NOT_THIS_CMS, "source %s: %s", pv_place_text(text, source), strerror(errno));
    else
        pv_answer_errno(answer, "the source");
    return -1;
}

static int add_db_socket(pv_view_t *view, const pv_root_t *root)
{
    struct stat st;
    const char *path = root->conf->DbSocket;
    int fd = pv_open_over(root->host, path + 1, O_PATH);
    if (fd < 0)
        return -1;
    int socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    errno = ENOTSOCK;
    int rc = socket ? add(view, fd, "", path, WRITE) : -1;
    pv_close(fd);
    return rc;
}

int pv_view_open(pv_view_t *view, pv_root_t *root, const pv_viewer_t *who, pv_answer_t *answer)
{
    const char *what = "the machine's folders";
    view->n = 0;
    if (add_host(view, root, who->see) != 0)
        goto failed;
    what = "AppsDir and ProgramDir";
    if (add(view, root->apps, "", root->conf->AppsDir, READ) != 0 ||
        add(view, root->programs, "", root->conf->ProgramDir, READ) != 0)
        goto failed;
    if (who->source && add_source(view, root, who->source, answer) != 0)
        return -1;
    what = "the platform";
    if (add_platform(view, root, who) != 0)
        goto failed;
    what = "the site's folders";
    if (pv_id_kind(&who->id) == PV_SITE && add_own(view, root, who) != 0)
        goto failed;
    if (!(who->see & PV_SEE_DB) || add_db_socket(view, root) == 0)
        return 0;
    pv_answer_fail(answer, PV_DB_DOWN, "DbSocket %s: %s", root->conf->DbSocket, strerror(errno));
    return -1;
failed:
    pv_answer_errno(answer, what);
    return -1;
}

void pv_view_close(pv_view_t *view)
{
    while (view->n > 0)
        close(view->bind[--view->n].tree);
}
