/*
 * Workers: fork, a jail of namespaces with a view of its own, everything dropped, execve. Operations worker and kill.
 */
#ifndef PV_ROOT_SPAWN_H
#define PV_ROOT_SPAWN_H

#include "root/root.h"

int pv_spawn_open(pv_root_t *root);

/* A child has ended: is it a worker? 1 if it was; its end is then told to the engine (PV_DGRAM_EXIT). */
int pv_spawn_reaped(pv_root_t *root, pid_t pid, int status);

/* Kills all workers: the engine that asked for them is gone. */
void pv_spawn_killall(pv_root_t *root);

#endif
