/*
 * Backups lie in BackupRoot, root's alone, a file each: SITE.BID.tar.zst, or .SITE.BID.new while it is made. A worker
 * that writes or reads one is handed its descriptor and never sees the folder. What was cut off is a file .new, which
 * the same job makes anew or drops.
 */
#include "root/backups.h"
#include "root/args.h"
#include "root/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0600

typedef struct {
    char made[sizeof(pv_id_t) + sizeof(pv_bid_t) + 16], new[sizeof(pv_id_t) + sizeof(pv_bid_t) + 16];
} names_t;

static names_t names_of(const pv_id_t *site, const pv_bid_t *bid)
{
    names_t n;
    snprintf(n.made, sizeof(n.made), "%s.%s.tar.zst", site->s, bid->s);
    snprintf(n.new, sizeof(n.new), ".%s.%s.new", site->s, bid->s);
    return n;
}

int pv_backup_open(const pv_root_t *root, const pv_id_t *site, const pv_bid_t *bid, int write)
{
    names_t n = names_of(site, bid);
    return write ? pv_open(root->backups, n.new, O_WRONLY | O_TRUNC) : pv_open(root->backups, n.made, O_RDONLY);
}

/* The size of a regular file, -1 where it is not there. */
static off_t size_of(const pv_root_t *root, const char *name)
{
    struct stat st;
    return fstatat(root->backups, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

static void make(pv_root_t *root, const names_t *n, pv_answer_t *answer)
{
    if (size_of(root, n->made) >= 0)
        pv_answer_fail(answer, PV_FOREIGN_OBJECT, "%s is there already", n->made);
    else if (pv_file_write(root->backups, n->new, "", 0, MODE, 0, 0) != 0)
        pv_answer_errno_in(answer, root->backups, n->new);
}

static void commit(pv_root_t *root, const names_t *n, pv_answer_t *answer)
{
    if (size_of(root, n->new) >= 0 && pv_file_rename(root->backups, n->new, root->backups, n->made) != 0)
        pv_answer_errno_in(answer, root->backups, n->made);
    else if (size_of(root, n->made) < 0)
        pv_answer_fail(answer, PV_NO_OBJECT, "%s is not there", n->made);
    else
        answer->reply.b = (uint64_t)size_of(root, n->made);
}

static void drop(pv_root_t *root, const names_t *n, pv_answer_t *answer)
{
    if (pv_file_remove(root->backups, n->new) != 0 || pv_file_remove(root->backups, n->made) != 0)
        pv_answer_errno(answer, n->made);
}

static void probe(pv_root_t *root, const names_t *n, pv_answer_t *answer)
{
    off_t size = size_of(root, n->made);
    answer->reply.a = size >= 0 ? PV_CURRENT : size_of(root, n->new) >= 0 ? PV_DRIFT : PV_ABSENT;
    answer->reply.b = size >= 0 ? (uint64_t)size : 0;
}

static void hand_out(pv_root_t *root, const names_t *n, pv_answer_t *answer)
{
    int fd = pv_open(root->backups, n->made, O_RDONLY);
    if (fd < 0) {
        pv_answer_fail(answer, PV_NO_OBJECT, "%s: %s", n->made, strerror(errno));
        return;
    }
    answer->fd[answer->nfds++] = fd;
    answer->reply.b = (uint64_t)size_of(root, n->made);
}

static const struct {
    const char *verb;
    void (*fn)(pv_root_t *root, const names_t *n, pv_answer_t *answer);
} verbs[] = {{"MAKE", make}, {"COMMIT", commit}, {"DROP", drop}, {"PROBE", probe}, {"OPEN", hand_out}};

void pv_op_backup(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_id_t site = pv_arg_id(m, 0);
    pv_bid_t bid = pv_arg_bid(m, 1);
    names_t n = names_of(&site, &bid);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (pv_arg_is(m, 2, verbs[i].verb))
            verbs[i].fn(root, &n, answer);
}
