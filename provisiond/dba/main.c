/*
 * provisiond-dba CONF: the database process. Started by root as DbaUser, with fd 3 to the engine and fd 4 to root; it
 * ends when either is gone, and root starts a new one. It keeps nothing: the engine tells it anew where each service
 * is. What a call had half done when it died is found by the engine's probe.
 */
#include "conf.h"
#include "dba/mariadb.h"
#include "dba/service.h"
#include "fault.h"
#include <apr_general.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FD_ENGINE 3
#define FD_ROOT   4

static void handle(const pv_dba_t *dba, pv_services_t *services, const pv_dgram_t *m, apr_pool_t *tmp)
{
    pv_dbrun_t run = {.fd = -1};
    pv_dbcall_t *call = NULL;
    apr_status_t rv = pv_dbcall_parse(&call, m, &run.err, tmp);
    for (int i = 0; i < m->nfds; i++)
        close(m->fd[i]); /* no operation takes one */
    if (rv == APR_SUCCESS)
        rv = pv_service_submit(services, call, &run.err);
    if (rv != APR_SUCCESS) {
        pv_dba_answer(dba, &m->head, &run, rv);
        free(call);
    }
    apr_pool_clear(tmp);
}

/* Until the engine or root is gone. */
static void serve(const pv_dba_t *dba, pv_services_t *services, apr_pool_t *p)
{
    static char buf[PV_DGRAM_MAX];
    static pv_dgram_t m;
    struct pollfd fds[] = {{.fd = FD_ENGINE, .events = POLLIN}, {.fd = FD_ROOT, .events = 0}};
    apr_pool_t *tmp;
    apr_pool_create(&tmp, p);
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents)
            return;
        if (!fds[0].revents)
            continue;
        int n = pv_dgram_recv(FD_ENGINE, buf, &m);
        if (n > 0)
            handle(dba, services, &m, tmp);
        else if (n == 0 || (errno != EINTR && errno != EBADMSG))
            return;
    }
}

static const char *user_name(void)
{
    const struct passwd *pw = getpwuid(geteuid());
    return pw ? pw->pw_name : "";
}

int main(int argc, char **argv)
{
    const pv_conf_t *conf;
    pv_err_t err;
    apr_pool_t *p;
    if (argc != 2 || fcntl(FD_ENGINE, F_SETFD, FD_CLOEXEC) != 0 || fcntl(FD_ROOT, F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr, "event=dba.refuse text=\"provisiond-dba is started by provisiond only\"\n");
        return 2;
    }
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    apr_initialize();
    apr_pool_create(&p, NULL);
    if (pv_conf_read(&conf, argv[1], 0, &err, p) != APR_SUCCESS) {
        fprintf(stderr, "event=dba.conf text=\"%s\"\n", err.text);
        return 2;
    }
    PV_FAULT_INIT(conf->RunDir);
    if (pv_mariadb_init() != 0) {
        fprintf(stderr, "event=dba.library text=\"libmariadb cannot be initialised\"\n");
        return 2;
    }
    const pv_dba_t dba = {.engine = FD_ENGINE,
                          .secrets = pv_secrets_open(FD_ROOT, p),
                          .socket = conf->DbSocket,
                          .user = apr_pstrdup(p, user_name())};
    serve(&dba, pv_services_open(&dba, p), p);
    _exit(0); /* not exit: threads may be waiting for a server, and nothing is left to be written */
}
