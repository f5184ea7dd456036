/*
 * Secrets. A site's are made here, at random, in its folder etc/, which is root's; only the site's uid and root can
 * read them. They leave root in a sealed memory file: a copy, because the owner of the original could change it while
 * it is looked at. The password files of database servers lie in SecretsDir and leave the same way, to dba alone.
 */
#include "root/args.h"
#include "root/files.h"
#include "root/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_LEN 32
#define ADMIN_MAX  4096
#define MODE       0400

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Letters and digits, each as likely as the other: bytes above the last whole multiple of 62 are thrown away. */
static int generate(char *ret)
{
    const unsigned letters = sizeof(alphabet) - 1;
    unsigned n = 0;
    while (n < SECRET_LEN) {
        unsigned char byte;
        if (getrandom(&byte, 1, 0) != 1)
            return -1;
        if (byte < 256 / letters * letters)
            ret[n++] = alphabet[byte % letters];
    }
    return 0;
}

/* The folder of the live site; of the one that is built, where there is no live one. */
static int open_etc(const pv_root_t *root, const pv_id_t *site)
{
    char path[sizeof(*site) + 8];
    snprintf(path, sizeof(path), "%s/etc", site->s);
    int etc = pv_dir_open(root->sites, path);
    return etc < 0 && errno == ENOENT ? pv_dir_open(root->next, path) : etc;
}

/* The secret's bytes, if they are what was made. -1 with errno; EBADMSG where they are not. */
static int read_secret(char **ret, int etc, const char *name, apr_pool_t *p)
{
    size_t len;
    if (pv_file_read(ret, &len, etc, name, SECRET_LEN, p) != 0)
        return -1;
    errno = EBADMSG;
    return len == SECRET_LEN && strspn(*ret, alphabet) == len ? 0 : -1;
}

static void make(pv_root_t *root, int etc, const char *name, uid_t uid, pv_answer_t *answer)
{
    char fresh[SECRET_LEN], *secret;
    struct stat st;
    int there = read_secret(&secret, etc, name, root->tmp) == 0;
    if (there && fstatat(etc, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == uid && st.st_gid == uid &&
        (st.st_mode & 07777) == MODE)
        return;
    if (!there && generate(fresh) != 0)
        pv_answer_errno(answer, "getrandom");
    else if (pv_file_write(etc, name, there ? secret : fresh, SECRET_LEN, MODE, uid, uid) != 0)
        pv_answer_errno_in(answer, etc, name);
    explicit_bzero(fresh, sizeof(fresh));
}

static void probe(pv_root_t *root, int etc, const char *name, uid_t uid, pv_answer_t *answer)
{
    char *secret;
    int fd = pv_open(etc, name, O_RDONLY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return; /* a = ABSENT */
    answer->reply.a = PV_CURRENT;
    if (fd >= 0) {
        pv_probe_owner(answer, fd, name, MODE, uid, uid);
        close(fd);
    }
    if (fd < 0 || read_secret(&secret, etc, name, root->tmp) != 0)
        pv_probe_differs(answer, "%s: %s", name, errno == EBADMSG ? "was not made by provisiond" : strerror(errno));
}

static const struct {
    const char *verb;
    void (*fn)(pv_root_t *root, int etc, const char *name, uid_t uid, pv_answer_t *answer);
} verbs[] = {{"MAKE", make}, {"PROBE", probe}};

void pv_op_secret(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_id_t site = pv_arg_id(m, 0);
    pv_comp_t name = pv_arg_comp(m, 1);
    uid_t uid = pv_registry_uid(root, &site);
    int etc = open_etc(root, &site);
    if (etc < 0 || uid == 0) {
        if (pv_arg_is(m, 2, "MAKE"))
            pv_answer_fail(answer, PV_NO_OBJECT, "site %s has no folders", site.s);
        else if (etc < 0 && errno != ENOENT)
            pv_answer_errno(answer, site.s);
    }
    for (size_t i = 0; etc >= 0 && uid != 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (pv_arg_is(m, 2, verbs[i].verb))
            verbs[i].fn(root, etc, name.s, uid, answer);
    if (etc >= 0)
        close(etc);
}

/* Hands out LEN bytes and wipes them. */
static void hand_out(pv_answer_t *answer, const char *name, char *bytes, size_t len)
{
    int fd = pv_memfd("secret", bytes, len);
    if (fd < 0)
        pv_answer_errno(answer, name);
    else
        answer->fd[answer->nfds++] = fd;
    explicit_bzero(bytes, len);
}

void pv_op_db_secret(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_id_t site = pv_arg_id(m, 0);
    pv_comp_t name = pv_arg_comp(m, 1);
    char *secret;
    int etc = open_etc(root, &site);
    if (etc < 0 || read_secret(&secret, etc, name.s, root->tmp) != 0)
        pv_answer_fail(answer, PV_NO_OBJECT, "site %s has no secret %s: %s", site.s, name.s, strerror(errno));
    else
        hand_out(answer, name.s, secret, SECRET_LEN);
    if (etc >= 0)
        close(etc);
}

void pv_op_db_admin(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    pv_comp_t name = pv_arg_comp(m, 0);
    struct stat st;
    char *bytes;
    size_t len;
    if (fstatat(root->secrets, name.s, &st, AT_SYMLINK_NOFOLLOW) != 0)
        pv_answer_fail(answer, PV_DB_DENIED, "db_secret: no file %s in SecretsDir: %s", name.s, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)))
        pv_answer_fail(answer, PV_DB_DENIED, "db_secret: %s in SecretsDir must be a file of root's, mode 0600", name.s);
    else if (pv_file_read(&bytes, &len, root->secrets, name.s, ADMIN_MAX, root->tmp) != 0)
        pv_answer_fail(answer, PV_DB_DENIED, "db_secret: %s in SecretsDir: %s", name.s, strerror(errno));
    else
        hand_out(answer, name.s, bytes, len);
}
