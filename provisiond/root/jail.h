/*
 * The inside of a worker's jail: called in a process that was cloned into namespaces of its own, never returns.
 */
#ifndef PV_ROOT_JAIL_H
#define PV_ROOT_JAIL_H

#include "root/view.h"

enum { PV_JAIL_REQUEST, PV_JAIL_LOG, PV_JAIL_LOG2, PV_JAIL_REPORT, PV_JAIL_STATUS, PV_JAIL_ARCHIVE, PV_JAIL_FDS };

typedef struct {
    const pv_view_t *view;
    const char *id; /* whose it is: host name, login name */
    uid_t uid;
    const char *home;
    const char *path; /* the program, absolute, as the view has it */
    char *const *argv, *const *envp;
    /* Become 0 to 3 of the program, and ARCHIVE, where it is not -1, becomes 4; STATUS stays with the namespace's first
     * process. */
    int fd[PV_JAIL_FDS];
} pv_jail_t;

/* The namespaces that the caller must clone into; CLONE_NEWNET besides, where the worker has no network. */
#define PV_JAIL_CLONE (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

/*
 * Becomes process 1 of the namespace: builds the view, drops everything, starts the program, and reaps until it ends.
 * Its wait status is then written to STATUS as an int; the end of process 1 takes all that is left in the namespace
 * with it. Where the jail cannot be built, the reason goes to LOG and nothing to STATUS.
 */
void pv_jail_enter(const pv_jail_t *jail) __attribute__((noreturn));

#endif
