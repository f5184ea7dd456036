/*
 * The configuration place: root-owned folders of one file a site for httpd and PHP-FPM, and the one way from staged to
 * served. Operations vhost, pool, publish and served; the supervision of the sites httpd and the PHP-FPM masters.
 */
#ifndef PV_ROOT_CONFIG_H
#define PV_ROOT_CONFIG_H

#include "root/root.h"

/* Opens the folders, finishes or reverses a change set that was cut off, finds the running httpd and masters by pid
 * file, /proc/PID/exe and pidfd, and watches them. Called once, before the engine starts. 0, or -1 with a logged
 * reason. */
int pv_config_open(pv_root_t *root);

/* A child has ended (SIGCHLD): is it the publisher or a helper of this place? 1 if it was. */
int pv_config_reaped(pv_root_t *root, pid_t pid, int status);

#endif
