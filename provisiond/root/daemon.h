/*
 * Programs that outlive us: the sites httpd and the PHP-FPM masters. Each is found again by its pid file, its
 * executable and a word of its command line, held by a pidfd, and has a session of its own, by which what its death
 * leaves behind is found too.
 */
#ifndef PV_ROOT_DAEMON_H
#define PV_ROOT_DAEMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    const char *program; /* the executable's own path, links resolved */
    const char *mark;    /* stands in its command line: the configuration it was started with */
    int dir;             /* the folder of its pid file, and the file's name */
    const char *pid_file;
    pid_t pid; /* of the last find; its session has the same number */
    int pidfd; /* -1: does not run */
} pv_daemon_t;

/* Looks it up; pid and pidfd are set anew, the old descriptor is closed. 1 if it runs. */
int pv_daemon_find(pv_daemon_t *d, int proc);

/* Kills it and every process of its session that runs its program, waits for their end, and removes the pid file. 0, or
 * -1. */
int pv_daemon_clear(pv_daemon_t *d, int proc);

int pv_daemon_signal(const pv_daemon_t *d, int sig);

/* A live process whose real or saved uid is UID, and which was born by then: pv_proc_now(), or UINT64_MAX. 0: none is.
 */
pid_t pv_proc_of_uid(int proc, uid_t uid, uint64_t born);
uint64_t pv_proc_now(void); /* in the clock ticks in which the kernel counts births */

pid_t pv_proc_parent(int proc, pid_t pid); /* 0: no such process */

/* Children of PARENT, at most MAX; returns how many. */
int pv_proc_children(int proc, pid_t parent, pid_t *ret, int max);

#endif
