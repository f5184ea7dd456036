/*
 * provisiond-engine: started by root as EngineUser, with descriptors 3 (root), 4 (dba), 5 and 6 (listeners of panel and
 * admin), and the configuration's file as its only argument. It owns the journal and nothing else; whatever ends it,
 * the next life goes on from there.
 */
#include "engine/log.h"
#include "engine/parts.h"
#include "engine/start.h"
#include "fault.h"
#include <apr_general.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_ROOT = 3, FD_DBA, FD_PANEL, FD_ADMIN, FD_END };

#define KEEP_FREE (1024 * 1024) /* bytes that pools keep for the next request */

static int fail(const char *what, const pv_err_t *err, apr_pool_t *p)
{
    pv_log(what, "code=%s why=%s", pv_error_row(err->code)->name, pv_log_quote(err->text, p));
    return 1;
}

static void on_signal(void *ctx, int fd, short revents)
{
    pv_engine_t *engine = ctx;
    struct signalfd_siginfo info;
    (void)revents;
    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return;
    pv_log("engine.end", "signal=%u", info.ssi_signo);
    pv_journal_close(engine->journal);
    pv_loop_stop(engine->loop);
}

/* SIGTERM is an orderly end: what runs goes on in the next life and counts as no crash. */
static void watch_signals(pv_engine_t *engine)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    pv_loop_watch(engine->loop, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, on_signal, engine);
}

static void own_descriptors(void)
{
    for (int fd = FD_ROOT; fd < FD_END; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

static int run(const pv_conf_t *conf, apr_pool_t *p)
{
    pv_journal_t *journal;
    pv_err_t err;
    if (pv_journal_open(&journal, apr_pstrcat(p, conf->StateDir, "/journal/journal.db", NULL), &err, p) != APR_SUCCESS)
        return fail("journal.open", &err, p);
    pv_engine_t *engine = pv_engine_make(conf, journal, p);
    engine->server = pv_server_make(engine, FD_PANEL, FD_ADMIN, p);
    watch_signals(engine);
    pv_engine_begin(engine, FD_ROOT, FD_DBA);
    pv_loop_run(engine->loop);
    return 0;
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    const pv_conf_t *conf;
    pv_err_t err;
    if (argc != 2) {
        fprintf(stderr, "usage: provisiond-engine CONFIGURATION (started by provisiond)\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_allocator_max_free_set(apr_pool_allocator_get(p), KEEP_FREE);
    if (pv_conf_read(&conf, argv[1], 1, &err, p) != APR_SUCCESS)
        return fail("conf", &err, p);
    umask(0077);
    PV_FAULT_INIT(conf->RunDir);
    own_descriptors();
    return run(conf, p);
}
