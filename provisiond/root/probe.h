/*
 * What a probe answers: it starts as CURRENT, and each difference found makes it DRIFT and adds its words to `detail`.
 */
#ifndef PV_ROOT_PROBE_H
#define PV_ROOT_PROBE_H

#include "root/root.h"

void pv_probe_differs(pv_answer_t *answer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Compares mode and owner of the open folder or file FD with what they should be; differences are told as WHAT's. */
void pv_probe_owner(pv_answer_t *answer, int fd, const char *what, mode_t mode, uid_t uid, gid_t gid);

#endif
