/*
 * Running httpd and PHP-FPM: a fixed path and argument vector, an environment of PATH alone, a session of its own,
 * nothing open but 0 (null), 1 and 2 (a memory file that keeps what it says).
 */
#ifndef PV_ROOT_RUN_H
#define PV_ROOT_RUN_H

#include <apr_pools.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    int pidfd; /* readable when it has ended */
    int out;
} pv_run_t;

/* In the child, right before execve; -1 with errno ends it. */
typedef int pv_run_setup_fn(void *ctx);

/* How a program is run. */
typedef struct {
    int null;                 /* becomes descriptor 0 */
    int outlive;              /* it stays when we die; else it dies with us */
    unsigned long namespaces; /* CLONE_NEW... */
    pv_run_setup_fn *setup;   /* or NULL */
    void *ctx;
} pv_run_how_t;

/* Starts ARGV; argv[0] is the absolute path. 0, or -1 with errno. */
int pv_run_start(pv_run_t *run, const char *const *argv, const pv_run_how_t *how);

/* Waits for its end, at most SECONDS, then kills it. Its exit code, 128 + a signal's number, or -1: no time left. */
int pv_run_wait(pv_run_t *run, int seconds);

void pv_run_kill(pv_run_t *run);

/* All it has said until now, terminated, in P. */
char *pv_run_text(const pv_run_t *run, apr_pool_t *p);

/* The same for people: one line, without the noise that httpd makes before it comes to the point. */
const char *pv_run_message(const pv_run_t *run, apr_pool_t *p);

/* Lets go of it; what still runs goes on. */
void pv_run_close(pv_run_t *run);

#endif
