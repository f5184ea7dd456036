/*
 * What a panel's server has: settings from its directives, templates, the eventfd, the writers' mutex. Made in
 * post_config; afterwards only what says so changes.
 */
#ifndef HM_PANEL_H
#define HM_PANEL_H

#include "request.h"
#include "template.h"
#include <apr_global_mutex.h>
#include <semaphore.h>

struct hm_panel {
    server_rec *s;
    const char *url;  /* HostmasterPanel: canonical URL, https://panel.example.org[:port]; links are made from it */
    const char *host; /* of that URL: requests for another host are 421 */
    int tls;          /* that URL is https: cookies are __Host- and Secure */
    const char *templates_dir, *run_dir;
    const char *sendmail; /* HostmasterSendmail, or NULL */
    const char *mail_from;
    int64_t log_life;  /* HostmasterLogDays, in microseconds */
    int external_auth; /* HostmasterExternalAuth: r->user of another module counts */
    hm_templates_t *templates;
    apr_global_mutex_t *writers; /* SQLite only */
    const char *socket;          /* HostmasterSocket: of this machine's provisiond */
    const char *consumer;        /* name under which the daemons keep our position */
    const int *wake_fd;          /* the dispatchers' eventfds */
    sem_t hashing;               /* bounds the bcrypts at a time in a process */
    apr_uint32_t database_away;  /* the last one who wanted a connection got none; atomic */
};

/* The panel of a server, NULL where HostmasterPanel is not set. */
hm_panel_t *hm_panel_get(const server_rec *s);

/* The whole life of a request; DECLINED where there is no panel. */
int hm_request_handle(request_rec *r);

#endif
