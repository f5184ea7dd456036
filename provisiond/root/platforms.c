/*
 * Code bases. A platform's folder belongs to its own uid; every folder above it is root's, so that nobody can put
 * another in its place. MAKE gives an empty folder, ADOPT takes one that is there; workers of the platform's uid do
 * everything inside. The registry is written before the folder is made: a kill leaves a platform whose folder is
 * absent, and the same call completes.
 */
#include "root/platforms.h"
#include "root/args.h"
#include "root/files.h"
#include "root/probe.h"
#include "root/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0755

static int check_parent(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    errno = st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) ? EPERM : EACCES;
    return errno == EACCES && (st.st_mode & S_IXOTH) ? 0 : -1;
}

int pv_place_parent(int base, const pv_place_t *place, int make)
{
    int fd = pv_open(base, ".", O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; fd >= 0 && i + 1 < place->n; i++) {
        int next = pv_dir_open(fd, place->comp[i].s);
        if (next < 0 && errno == ENOENT && make)
            next = pv_dir_make(fd, place->comp[i].s, MODE, 0, 0);
        if (next >= 0 && check_parent(next) != 0)
            next = pv_close(next);
        pv_close(fd);
        fd = next;
    }
    return fd;
}

const char *pv_place_name(const pv_place_t *place)
{
    return place->comp[place->n - 1].s;
}

int pv_place_open(int base, const pv_place_t *place)
{
    int parent = pv_place_parent(base, place, 0);
    if (parent < 0)
        return -1;
    int fd = pv_dir_open(parent, pv_place_name(place));
    pv_close(parent);
    return fd;
}

static void fail_place(pv_answer_t *answer, int dir, const pv_place_t *place)
{
    char text[PV_PLACE_TEXT];
    pv_place_text(text, place);
    if (errno == EPERM)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "place: a folder above %s is not root's, or others may write into it",
                       text);
    else if (errno == EACCES)
        pv_answer_fail(answer, PV_NOT_READABLE, "place: a folder above %s is not open to everybody (chmod o+x)", text);
    else if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)
        pv_answer_fail(answer, PV_NOT_THIS_CMS, "place: %s is no folder: %s", text, strerror(errno));
    else
        pv_answer_errno_in(answer, dir, text);
}

static int register_both(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, int adopt,
                         pv_answer_t *answer)
{
    char text[PV_PLACE_TEXT];
    int rc = pv_registry_add(root, id, uid, adopt);
    if (rc != 0 && errno == EEXIST)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "uid %u or id %s is registered with another", uid, id->s);
    else if (rc != 0)
        pv_answer_errno_in(answer, root->state, "registering the uid");
    else if ((rc = pv_registry_put_place(root, id, place)) != 0 && errno == EEXIST)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "place: %s has another place than %s", id->s,
                       pv_place_text(text, place));
    else if (rc != 0)
        pv_answer_errno_in(answer, root->state, "registering the place");
    return rc;
}

/* Makes the folder beside its name, gives it away and moves it there, so that it is never seen half made. */
static int make_owned(int parent, const pv_id_t *id, const char *name, uid_t uid)
{
    char new[sizeof(*id) + 8];
    snprintf(new, sizeof(new), ".%s.new", id->s);
    int fd = pv_dir_make(parent, new, MODE, uid, uid);
    if (fd < 0)
        return -1;
    close(fd);
    if (renameat2(parent, new, parent, name, RENAME_NOREPLACE) == 0)
        return fsync(parent);
    int e = errno;
    unlinkat(parent, new, AT_REMOVEDIR);
    errno = e;
    return -1;
}

/* What the place is; -1 with errno. With `repair`, a folder of UID gets the mode it should have. */
static int look(int base, const pv_place_t *place, uid_t repair, struct stat *ret)
{
    int fd = pv_place_open(base, place);
    if (fd < 0)
        return -1;
    int rc = fstat(fd, ret);
    if (rc == 0 && repair && ret->st_uid == repair && (ret->st_mode & 07777) != MODE)
        rc = fchmod(fd, MODE);
    pv_close(fd);
    return rc;
}

static void make(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    int base = root->platform[place->root];
    struct stat is;
    if (uid == 0) {
        pv_answer_fail(answer, PV_SCHEMA, "uid: MAKE needs the platform's uid");
        return;
    }
    if (register_both(root, id, uid, place, 0, answer) != 0)
        return;
    int parent = pv_place_parent(base, place, 1);
    if (parent < 0) {
        fail_place(answer, base, place);
        return;
    }
    if (make_owned(parent, id, pv_place_name(place), uid) != 0 && errno != EEXIST)
        pv_answer_errno_in(answer, parent, pv_place_name(place));
    else if (look(base, place, uid, &is) != 0)
        fail_place(answer, base, place);
    else if (is.st_uid != uid)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "place: the folder is there and belongs to uid %u", is.st_uid);
    close(parent);
}

static void adopt(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    const pv_range_t *range = &root->conf->UidRange;
    struct stat is;
    if (look(root->platform[place->root], place, 0, &is) != 0)
        fail_place(answer, root->state, place);
    else if (is.st_uid < range->first || is.st_uid > range->last)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT,
                       "place: the folder belongs to uid %u, not to one of UidRange %u-%u; chown -R it to a free one",
                       is.st_uid, range->first, range->last);
    else if (register_both(root, id, is.st_uid, place, 1, answer) == 0)
        answer->reply.a = is.st_uid;
}

static int trashed(const pv_root_t *root, const pv_id_t *id, const pv_place_t *place)
{
    return faccessat(root->platform_trash[place->root], id->s, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void trash(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    int base = root->platform[place->root], to = root->platform_trash[place->root];
    struct stat is;
    int parent = pv_place_parent(base, place, 0);
    if (parent < 0 || look(base, place, 0, &is) != 0) {
        if (errno != ENOENT)
            fail_place(answer, base, place);
    } else if (is.st_uid != pv_registry_uid(root, id)) {
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "place: the folder belongs to uid %u, not to this platform",
                       is.st_uid);
    } else if (renameat2(parent, pv_place_name(place), to, id->s, RENAME_NOREPLACE) != 0 || fsync(to) != 0 ||
               fsync(parent) != 0) {
        pv_answer_errno(answer, "moving the folder to the trash");
    }
    if (parent >= 0)
        close(parent);
}

static void purge(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    if (unlinkat(root->platform_trash[place->root], id->s, AT_REMOVEDIR) != 0 && errno != ENOENT)
        pv_answer_errno(answer, id->s); /* ENOTEMPTY: a worker must empty it first */
    else if (pv_registry_forget(root, id) != 0)
        pv_answer_errno(answer, "forgetting the id");
}

/* What lies in the trash is forgotten by PURGE, which needs to know it. */
static void forget(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    if (!trashed(root, id, place) && pv_registry_forget(root, id) != 0)
        pv_answer_errno(answer, "forgetting the id");
}

static void probe(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer)
{
    char want[PV_PLACE_TEXT], has[PV_PLACE_TEXT];
    struct stat st;
    pv_place_t is;
    if (pv_registry_place(root, id, &is) != 0)
        return; /* a = ABSENT */
    uid_t registered = pv_registry_uid(root, id);
    answer->reply.a = PV_CURRENT;
    answer->reply.b = registered;
    if (strcmp(pv_place_text(has, &is), pv_place_text(want, place)) != 0)
        pv_probe_differs(answer, "place: %s is registered, not %s", has, want);
    if (uid && registered != uid)
        pv_probe_differs(answer, "uid: %u is registered, not %u", registered, uid);
    if (look(root->platform[place->root], place, 0, &st) != 0) {
        if (errno == ENOENT && answer->reply.a == PV_CURRENT)
            answer->reply.a = PV_ABSENT;
        else
            pv_probe_differs(answer, "place: %s", strerror(errno));
        return;
    }
    if (st.st_uid != registered)
        pv_probe_differs(answer, "place: owner %u, not %u", st.st_uid, registered);
    if ((st.st_mode & S_IRWXO) != (S_IROTH | S_IXOTH))
        pv_probe_differs(answer, "place: mode %04o: everybody must be able to read it, and nobody else to write",
                         st.st_mode & 07777);
}

static const struct {
    const char *verb;
    void (*fn)(pv_root_t *root, const pv_id_t *id, uid_t uid, const pv_place_t *place, pv_answer_t *answer);
} verbs[] = {{"MAKE", make},   {"ADOPT", adopt},   {"TRASH", trash},
             {"PURGE", purge}, {"FORGET", forget}, {"PROBE", probe}};

void pv_op_platform(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_id_t id = pv_arg_id(m, 0);
    pv_place_t place;
    if (pv_arg_given(m, 3)) {
        place = pv_arg_place(m, 3);
        if (place.root >= (unsigned)root->conf->PlatformRoot.n) {
            pv_answer_fail(answer, PV_ROOT_NOT_ALLOWED, "place: there is no PlatformRoot %u", place.root);
            return;
        }
    } else if (pv_arg_is(m, 1, "MAKE") || pv_arg_is(m, 1, "ADOPT") || pv_arg_is(m, 1, "PROBE")) {
        pv_answer_fail(answer, PV_SCHEMA, "place: this verb needs one");
        return;
    } else if (pv_registry_place(root, &id, &place) != 0) {
        return; /* forgotten already */
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (pv_arg_is(m, 1, verbs[i].verb))
            verbs[i].fn(root, &id, (uid_t)pv_arg_num(m, 2), &place, answer);
}
