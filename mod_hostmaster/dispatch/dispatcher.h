/*
 * The queue's other end: in each panel httpd child one thread watches the list of servers and gives each a thread of
 * its own (link.c), so that a dead daemon delays only its own tasks. A handler wakes the one that its task is for,
 * through eventfds that outlive graceful restarts; a sweep every second finds what no wake-up announced.
 */
#ifndef HM_DISPATCHER_H
#define HM_DISPATCHER_H

#include "request.h"

#define HM_WAKES 16 /* eventfds; a server's is chosen by its id */

/* In the parent, once a parent's life: makes the eventfds. */
apr_status_t hm_dispatcher_prepare(hm_panel_t *panel, apr_pool_t *process);

/* In a child: starts the thread; it and all links end with PCHILD. */
void hm_dispatcher_start(hm_panel_t *panel, apr_pool_t *pchild);

/* After a commit that queued something for SERVER. */
void hm_dispatcher_wake(const hm_panel_t *panel, const char *server);

int hm_dispatcher_wake_fd(const hm_panel_t *panel, const char *server);

#endif
