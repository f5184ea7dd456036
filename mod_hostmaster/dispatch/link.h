/*
 * One server's link: a thread that claims and submits its queued attempts, and, while it holds the server's lock among
 * all children, follows its daemon's events and applies them.
 */
#ifndef HM_LINK_H
#define HM_LINK_H

#include "panel.h"

typedef struct hm_link hm_link_t;

/* Starts it. SOCKET: of its provisiond, "" for this machine's. NULL where no thread could be had. */
hm_link_t *hm_link_start(hm_panel_t *panel, const char *server, const char *socket, apr_pool_t *p);

/* Asks it to end; join waits until it has. */
void hm_link_stop(hm_link_t *link);
void hm_link_join(hm_link_t *link);

#endif
