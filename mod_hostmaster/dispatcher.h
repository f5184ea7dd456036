/*
 * One thread in each panel httpd child. It claims queued attempts by compare-and-swap with a lease and submits them,
 * and, for each server whose lock it holds, follows the daemon's events and applies them. Woken by an eventfd that
 * outlives graceful restarts; a sweep every second finds what no wake-up announced.
 */
#ifndef HM_DISPATCHER_H
#define HM_DISPATCHER_H

#include "request.h"

/* post_config, in the parent: makes the eventfd once a parent's life. child_init: starts the thread; it ends with the
 * child. */
apr_status_t hm_dispatcher_prepare(server_rec *s, hm_panel_t *panel);
void hm_dispatcher_start(server_rec *s, hm_panel_t *panel, apr_pool_t *pchild);

/* After a commit that queued something. */
void hm_dispatcher_wake(const hm_panel_t *panel);

#endif
