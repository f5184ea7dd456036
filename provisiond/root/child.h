/*
 * What every child of root does between fork and execve. All of it is async-signal-safe; each returns 0, or -1 with
 * errno.
 */
#ifndef PV_ROOT_CHILD_H
#define PV_ROOT_CHILD_H

#include <sys/types.h>

/* Signals as a fresh process has them, and a session of its own. */
int pv_child_begin(void);

#define PV_CHILD_FDS 8

/* The N (at most PV_CHILD_FDS) descriptors FDS become FIRST, FIRST+1 ...; everything above is closed. */
int pv_child_place(const int *fds, int n, int first);

/* Becomes UID and GID for good: no groups, no capabilities, no way back (all verified), no new privileges. */
int pv_child_become(uid_t uid, gid_t gid);

/* May signal processes of UID and no others from here on, and is signalled by none of them: the real uid that they see
 * is nobody's. */
int pv_child_signaller(uid_t uid);

#endif
