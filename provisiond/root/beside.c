/*
 * A second tree of a site, SitesRoot/.next/ID, in which a restore builds what the site will be. A switch exchanges it
 * with the live one by one rename, so that a visitor and a crash see either; which tree is which is told by a link in
 * it, the number of the build, so that each verb may be asked again. Workers see the second tree in the place of the
 * live one (root/view.c), so what is written there holds after the switch.
 */
#include "root/args.h"
#include "root/files.h"
#include "root/sites.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARG_SITE, ARG_VERB, ARG_BUILD, ARG_UID };

typedef struct {
    pv_id_t id;
    const char *build;
    uid_t uid;
} beside_t;

/* Does DIR hold the site's tree; is it this build? */
static int is_there(int dir, const beside_t *b)
{
    return faccessat(dir, b->id.s, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int is_build(int dir, const beside_t *b)
{
    char mark[64];
    int top = pv_dir_open(dir, b->id.s);
    if (top < 0)
        return 0;
    int same = pv_link_read(mark, sizeof(mark), top, PV_SITE_BUILD) == 0 && strcmp(mark, b->build) == 0;
    close(top);
    return same;
}

/* The secrets of the live site are the new tree's too: the same files, so that no copy of them is made. */
static int share_secrets(const pv_root_t *root, const beside_t *b)
{
    char path[sizeof(b->id.s) + 8];
    char **name;
    snprintf(path, sizeof(path), "%s/etc", b->id.s);
    int from = pv_dir_open(root->sites, path);
    if (from < 0)
        return errno == ENOENT ? 0 : -1;
    int to = pv_dir_open(root->next, path);
    int rc = to < 0 ? -1 : pv_dir_list(&name, from, root->tmp);
    for (; rc == 0 && *name; name++)
        if (linkat(from, *name, to, *name, 0) != 0 && errno != EEXIST)
            rc = -1;
    if (to >= 0)
        pv_close(to);
    pv_close(from);
    return rc;
}

static int mark(const pv_root_t *root, const beside_t *b)
{
    int top = pv_dir_open(root->next, b->id.s);
    if (top < 0)
        return -1;
    int rc = unlinkat(top, PV_SITE_BUILD, 0) == 0 || errno == ENOENT ? symlinkat(b->build, top, PV_SITE_BUILD) : -1;
    if (rc == 0)
        rc = fsync(top);
    pv_close(top);
    return rc;
}

static void make(pv_root_t *root, const beside_t *b, pv_answer_t *answer)
{
    if (b->uid == 0)
        pv_answer_fail(answer, PV_SCHEMA, "uid: MAKE needs the site's uid");
    else if (pv_site_make(root, root->next, &b->id, b->uid, answer) == 0 &&
             (share_secrets(root, b) != 0 || mark(root, b) != 0))
        pv_answer_errno_in(answer, root->sites, b->id.s);
}

/* Puts the tree in FROM into TO, and the one that is there, if any, into FROM. */
static void exchange(int from, int to, const beside_t *b, pv_answer_t *answer)
{
    unsigned how = is_there(to, b) ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (renameat2(from, b->id.s, to, b->id.s, how) != 0 || fsync(to) != 0 || fsync(from) != 0)
        pv_answer_errno(answer, b->id.s);
}

static void change(pv_root_t *root, const beside_t *b, pv_answer_t *answer)
{
    if (is_build(root->sites, b))
        return;
    if (is_build(root->next, b))
        exchange(root->next, root->sites, b, answer);
    else
        pv_answer_fail(answer, PV_NO_OBJECT, "build %s of site %s is not there", b->build, b->id.s);
}

static void back(pv_root_t *root, const beside_t *b, pv_answer_t *answer)
{
    if (is_build(root->sites, b))
        exchange(root->sites, root->next, b, answer);
}

static void purge(pv_root_t *root, const beside_t *b, pv_answer_t *answer)
{
    pv_site_purge(root, root->next, &b->id, answer);
}

static const struct {
    const char *verb;
    void (*fn)(pv_root_t *root, const beside_t *b, pv_answer_t *answer);
} verbs[] = {{"MAKE", make}, {"SWITCH", change}, {"BACK", back}, {"PURGE", purge}};

void pv_op_beside(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    beside_t b = {pv_arg_id(m, ARG_SITE), pv_arg_str(m, ARG_BUILD, root->tmp), (uid_t)pv_arg_num(m, ARG_UID)};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (pv_arg_is(m, ARG_VERB, verbs[i].verb))
            verbs[i].fn(root, &b, answer);
}
