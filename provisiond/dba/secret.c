/*
 * One request to root at a time, whichever thread asks: a lock is held until its answer or the time-out. An answer that
 * came too late for who asked is recognised by its number and thrown away, with its descriptor.
 */
#include "dba/secret.h"
#include "proto/dgram.h"
#include <apr_sha1.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
#define OP(name, number, caller, args, help) ROOT_##name = number,
#include "root/ops.def"
#undef OP
};

#define ROOT_WAIT   10 /* seconds; root answers such a request from its loop, at once */
#define SECRET_SIZE 512

struct pv_secrets {
    int root;
    pthread_mutex_t lock; /* of what follows */
    uint32_t seq;
    pv_dgram_out_t out;
    char in[PV_DGRAM_MAX];
};

pv_secrets_t *pv_secrets_open(int root, apr_pool_t *p)
{
    pv_secrets_t *s = apr_pcalloc(p, sizeof(*s));
    struct timeval wait = {.tv_sec = ROOT_WAIT};
    s->root = root;
    s->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    setsockopt(root, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    return s;
}

/* Waits for the answer to request s->seq; *FD is its descriptor, or -1. */
static apr_status_t await(int *fd, pv_secrets_t *s, pv_err_t *err)
{
    pv_dgram_t m;
    pv_reply_t reply;
    for (;;) {
        int n = pv_dgram_recv(s->root, s->in, &m);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return pv_fail(err, PV_RETRY_LATER, NULL, "provisiond's root process does not answer");
        int ours = m.head.seq == s->seq && pv_dgram_reply_parse(&m, &reply) == 0;
        for (int i = ours && reply.code == PV_OK; i < m.nfds; i++)
            close(m.fd[i]);
        if (!ours)
            continue;
        if (reply.code != PV_OK)
            return pv_fail(err, reply.code, NULL, "%s", reply.detail);
        if (m.nfds == 0)
            return pv_fail(err, PV_INTERNAL, NULL, "root answered without a descriptor");
        *fd = m.fd[0];
        return APR_SUCCESS;
    }
}

/* The bytes behind the descriptor that root answers the message of s->out with; terminated. */
static apr_status_t ask(char buf[SECRET_SIZE], pv_secrets_t *s, pv_err_t *err)
{
    int fd = -1;
    if (pv_dgram_send(s->root, &s->out, NULL, 0) != 0)
        return pv_fail(err, PV_RETRY_LATER, NULL, "provisiond's root process is gone");
    apr_status_t rv = await(&fd, s, err);
    if (rv != APR_SUCCESS)
        return rv;
    ssize_t n = pread(fd, buf, SECRET_SIZE - 1, 0);
    close(fd);
    if (n < 0)
        return pv_fail(err, PV_INTERNAL, NULL, "what root handed over cannot be read: %s", strerror(errno));
    buf[n] = '\0';
    return APR_SUCCESS;
}

/* Cuts the next line off *REST; NULL where it is empty, too long for SIZE or holds a control character. */
static const char *line(char **rest, size_t size)
{
    char *s = *rest;
    size_t len = strcspn(s, "\n");
    *rest = s + len + (s[len] == '\n');
    s[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)s[i]))
            return NULL;
    return len > 0 && len < size ? s : NULL;
}

apr_status_t pv_secret_account(pv_account_t *ret, pv_secrets_t *s, const pv_comp_t *name, pv_err_t *err)
{
    char buf[SECRET_SIZE], *rest = buf;
    pthread_mutex_lock(&s->lock);
    pv_dgram_begin(&s->out, ROOT_db_admin, ++s->seq, 0);
    pv_dgram_str(&s->out, name->s);
    apr_status_t rv = ask(buf, s, err);
    pthread_mutex_unlock(&s->lock);
    if (rv != APR_SUCCESS)
        return err->code == PV_RETRY_LATER ? rv
                                           : pv_fail(err, PV_DB_DENIED, "db_secret", "password file %s: %s", name->s,
                                                     *err->text ? err->text : pv_error_row(err->code)->text);
    const char *user = line(&rest, sizeof(ret->user)), *password = line(&rest, sizeof(ret->password));
    if (user && password) {
        snprintf(ret->user, sizeof(ret->user), "%s", user);
        snprintf(ret->password, sizeof(ret->password), "%s", password);
    } else {
        rv =
            pv_fail(err, PV_DB_DENIED, "db_secret",
                    "password file %s: must hold a line with the user (at most %zu bytes) and a line with the password "
                    "(at most %zu)",
                    name->s, sizeof(ret->user) - 1, sizeof(ret->password) - 1);
    }
    explicit_bzero(buf, sizeof(buf));
    return rv;
}

static void hash(pv_dbhash_t *ret, const char *password, size_t len)
{
    unsigned char once[APR_SHA1_DIGESTSIZE], twice[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t ctx;
    apr_sha1_init(&ctx);
    apr_sha1_update(&ctx, password, (unsigned)len);
    apr_sha1_final(once, &ctx);
    apr_sha1_init(&ctx);
    apr_sha1_update_binary(&ctx, once, sizeof(once));
    apr_sha1_final(twice, &ctx);
    ret->s[0] = '*';
    for (int i = 0; i < APR_SHA1_DIGESTSIZE; i++)
        snprintf(ret->s + 1 + 2 * i, 3, "%02X", twice[i]);
    explicit_bzero(once, sizeof(once)); /* with this one a login succeeds */
    explicit_bzero(&ctx, sizeof(ctx));
}

apr_status_t pv_secret_hash(pv_dbhash_t *ret, pv_secrets_t *s, const pv_id_t *site, pv_err_t *err)
{
    char buf[SECRET_SIZE];
    pthread_mutex_lock(&s->lock);
    pv_dgram_begin(&s->out, ROOT_db_secret, ++s->seq, 0);
    pv_dgram_str(&s->out, site->s);
    pv_dgram_str(&s->out, "db");
    apr_status_t rv = ask(buf, s, err);
    pthread_mutex_unlock(&s->lock);
    if (rv != APR_SUCCESS)
        return rv;
    size_t len = 0;
    while (isalnum((unsigned char)buf[len]))
        len++;
    if (len == 32 && (buf[len] == '\0' || strcmp(buf + len, "\n") == 0))
        hash(ret, buf, len);
    else
        rv = pv_fail(err, PV_INTERNAL, NULL, "the secret 'db' of site %s is not 32 letters and digits", site->s);
    explicit_bzero(buf, sizeof(buf));
    return rv;
}

void pv_account_wipe(pv_account_t *account)
{
    explicit_bzero(account, sizeof(*account));
}
