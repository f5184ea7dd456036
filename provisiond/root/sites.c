/*
 * The folders of a site: SitesRoot/ID, root's, and in it what is the site's and what is root's. Root makes, moves and
 * removes these folders themselves; what is in the site's own is never touched here, so that a removal needs a worker
 * to have emptied them. A kill leaves some of the folders: the same call again completes, and a probe calls it drift.
 */
#include "root/sites.h"
#include "root/args.h"
#include "root/files.h"
#include "root/probe.h"
#include "root/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef enum { OWN_ROOT, OWN_SITE, OWN_WEB } own_t; /* WEB: the site's, and its group is the sites httpd's */

static const struct {
    const char *name;
    mode_t mode;
    own_t own;
} folders[] = {
    {"data", 0750, OWN_WEB}, {"private", 0700, OWN_SITE}, {"tmp", 0700, OWN_SITE},
    {"etc", 0711, OWN_ROOT}, {"log", 0755, OWN_ROOT},
};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))
#define TOP     0711

static uid_t owner(own_t own, uid_t uid)
{
    return own == OWN_ROOT ? 0 : uid;
}

static gid_t group(const pv_root_t *root, own_t own, uid_t uid)
{
    return own == OWN_ROOT ? 0 : own == OWN_SITE ? (gid_t)uid : root->conf->SitesUser.gid;
}

static int exists(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int pv_site_make(pv_root_t *root, int dir, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    if (pv_registry_add(root, id, uid, 0) != 0) {
        if (errno == EEXIST)
            pv_answer_fail(answer, PV_FOREIGN_OBJECT, "uid %u or id %s is registered with another", uid, id->s);
        else
            pv_answer_errno_in(answer, root->state, "registering the uid");
        return -1;
    }
    int top = pv_dir_make(dir, id->s, TOP, 0, 0);
    if (top < 0) {
        pv_answer_errno_in(answer, dir, id->s);
        return -1;
    }
    for (size_t i = 0; i < FOLDERS && answer->reply.code == PV_OK; i++) {
        int fd = pv_dir_make(top, folders[i].name, folders[i].mode, owner(folders[i].own, uid),
                             group(root, folders[i].own, uid));
        if (fd < 0)
            pv_answer_errno_in(answer, dir, folders[i].name);
        else
            close(fd);
    }
    close(top);
    return answer->reply.code == PV_OK ? 0 : -1;
}

static void make(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    if (uid == 0)
        pv_answer_fail(answer, PV_SCHEMA, "uid: MAKE needs the site's uid");
    else
        pv_site_make(root, root->sites, id, uid, answer);
}

/* Moves the site's tree between SitesRoot and its trash. Done where it is there already, or nowhere. */
static void move(int from, int to, const pv_id_t *id, pv_answer_t *answer)
{
    if (!exists(from, id->s))
        return;
    if (renameat2(from, id->s, to, id->s, RENAME_NOREPLACE) != 0)
        pv_answer_fail(answer, errno == EEXIST ? PV_FOREIGN_OBJECT : PV_INTERNAL, "moving %s to or from the trash: %s",
                       id->s, strerror(errno));
    else if (fsync(to) != 0 || fsync(from) != 0)
        pv_answer_errno(answer, id->s);
}

static void trash(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    move(root->sites, root->trash, id, answer);
}

static void untrash(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    move(root->trash, root->sites, id, answer);
}

/* Removes what is in a folder of root's own. */
static int clear(int top, const char *name, apr_pool_t *p)
{
    char **names;
    int dir = pv_dir_open(top, name);
    if (dir < 0)
        return errno == ENOENT ? 0 : -1;
    int rc = pv_dir_list(&names, dir, p);
    for (; rc == 0 && *names; names++)
        rc = unlinkat(dir, *names, 0);
    close(dir);
    return rc;
}

int pv_site_purge(pv_root_t *root, int dir, const pv_id_t *id, pv_answer_t *answer)
{
    int top = pv_dir_open(dir, id->s);
    if (top < 0 && errno != ENOENT) {
        pv_answer_errno(answer, id->s);
        return -1;
    }
    for (size_t i = 0; top >= 0 && i < FOLDERS; i++) {
        const char *name = folders[i].name;
        if ((folders[i].own == OWN_ROOT && clear(top, name, root->tmp) != 0) ||
            (unlinkat(top, name, AT_REMOVEDIR) != 0 && errno != ENOENT)) {
            pv_answer_errno(answer, name); /* ENOTEMPTY: a worker must empty it first */
            close(top);
            return -1;
        }
    }
    if (top >= 0) {
        unlinkat(top, PV_SITE_BUILD, 0);
        close(top);
    }
    if (unlinkat(dir, id->s, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    pv_answer_errno(answer, id->s);
    return -1;
}

static void purge(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    if (pv_site_purge(root, root->trash, id, answer) != 0)
        return;
    if (!exists(root->sites, id->s) && pv_registry_forget(root, id) != 0)
        pv_answer_errno(answer, "forgetting the id");
}

static void probe(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer)
{
    int top = pv_dir_open(root->sites, id->s);
    if (top < 0 && errno == ENOENT)
        return; /* a = ABSENT */
    answer->reply.a = PV_CURRENT;
    if (top < 0) {
        pv_probe_differs(answer, "%s: %s", id->s, strerror(errno));
        return;
    }
    if (pv_registry_uid(root, id) != uid)
        pv_probe_differs(answer, "uid: %u is registered, not %u", pv_registry_uid(root, id), uid);
    pv_probe_owner(answer, top, "folder", TOP, 0, 0);
    for (size_t i = 0; i < FOLDERS; i++) {
        int fd = pv_dir_open(top, folders[i].name);
        if (fd < 0) {
            pv_probe_differs(answer, "%s: %s", folders[i].name, strerror(errno));
            continue;
        }
        pv_probe_owner(answer, fd, folders[i].name, folders[i].mode, owner(folders[i].own, uid),
                       group(root, folders[i].own, uid));
        close(fd);
    }
    close(top);
}

static const struct {
    const char *verb;
    void (*fn)(pv_root_t *root, const pv_id_t *id, uid_t uid, pv_answer_t *answer);
} verbs[] = {{"MAKE", make}, {"TRASH", trash}, {"UNTRASH", untrash}, {"PURGE", purge}, {"PROBE", probe}};

void pv_op_site_dirs(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_id_t id = pv_arg_id(m, 0);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (pv_arg_is(m, 1, verbs[i].verb))
            verbs[i].fn(root, &id, (uid_t)pv_arg_num(m, 2), answer);
}
