/*
 * What a panel's server has: settings from its directives, templates, the eventfd, the writers' mutex. Made in
 * post_config, read only afterwards.
 */
#ifndef HM_PANEL_H
#define HM_PANEL_H

#include "request.h"
#include "template.h"
#include <apr_global_mutex.h>

struct hm_panel {
    server_rec *s;
    const char *name; /* HostmasterPanel: canonical URL, https://panel.example.org[:port], links are made from it */
    const char *templates_dir, *static_dir, *run_dir;
    const char *sendmail; /* HostmasterSendmail, or NULL */
    const char *mail_from;
    int external_auth; /* HostmasterExternalAuth: r->user of another module counts */
    const hm_templates_t *templates;
    apr_global_mutex_t *writers; /* SQLite only */
    int wake_fd;
};

/* The panel of a server, NULL where HostmasterPanel is not set. */
hm_panel_t *hm_panel_get(const server_rec *s);

#endif
