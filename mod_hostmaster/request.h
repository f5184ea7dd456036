/*
 * The panel: what a request is, and the words every page is written in. A handler gets an hm_req_t whose actor,
 * permission, method, CSRF and body limit the router has checked already by the route's row; it makes one view, a
 * json_t object, which is rendered as a page by the route's template or, below /api/v1, as JSON. json_t values made
 * through hm_own live as long as the request.
 */
#ifndef HM_REQUEST_H
#define HM_REQUEST_H

#include "proto/error.h"
#include "proto/task.h"
#include <apr_file_io.h>
#include <httpd.h>
#include <jansson.h>

typedef struct hm_panel hm_panel_t; /* per server: templates, settings, keys (panel.h) */
typedef struct hm_db hm_db_t;       /* db.h */
typedef struct hm_route hm_route_t; /* route.h */

typedef enum { HM_NOBODY, HM_CLIENT, HM_ADMIN } hm_role_t;

/* Who asks. Every look-up of an object carries it: another client's object is a 404, like a missing one. */
typedef struct {
    int64_t account; /* 0: nobody */
    const char *login;
    hm_role_t role;
    int64_t client;      /* of a client's person; administrators: 0 */
    const char *session; /* hash of its session, NULL with a token */
    const char *csrf;    /* token that its forms carry */
    int readonly;        /* a token of scope read */
} hm_actor_t;

/* The one place where "all or one client's" is decided: bound to every scoped statement. */
#define HM_SCOPE(q) (q)->actor.role == HM_ADMIN, (q)->actor.client

typedef struct {
    request_rec *r;
    apr_pool_t *p;
    hm_panel_t *panel;
    hm_db_t *db; /* opened at first use by hm_req_db, given back when the handler returns */
    const hm_route_t *route;
    const char *param[4]; /* the {words} of the route's path, decoded, in order */
    int api;              /* below /api/v1: the answer is JSON */
    hm_actor_t actor;
    json_t *body;         /* the form or JSON body: flat, strings and arrays of strings */
    json_t *args;         /* the query, the same way */
    json_t *view;         /* what the answer shows; the handler adds to it, never NULL */
    const char *page;     /* template, the route's when NULL */
    int status;           /* HTTP status, 200 when 0 */
    int retry_after;      /* seconds, with 429 and 503; 0: nobody knows */
    const char *location; /* of a redirect */
    apr_file_t *file;     /* the answer is this file, not the view; NULL: it is not */
    apr_off_t file_size;
    const char *file_name; /* under which a browser saves it */
    const char *replay;    /* the stored answer of an API call that came twice */
    int begun;             /* a transaction is open */
    int64_t open;          /* tasks that have not ended, for every page's head */
    const char *wake;      /* the server whose queue is to be woken after the commit, or NULL */
    pv_err_t err;
} hm_req_t;

/* A handler returns OK with q->view filled, or fails with q->err filled: HM_TRY hands the failure up. */
#define HM_TRY(q, expr)                                                                                                \
    do {                                                                                                               \
        if ((expr) != APR_SUCCESS)                                                                                     \
            return (q)->replay ? OK : hm_failed(q);                                                                    \
    } while (0)

typedef int hm_handler_fn(hm_req_t *q);

/* Ends a handler: the error as a page or problem JSON, its status from errors.def. A form's page shows it beside its
 * field. */
int hm_failed(hm_req_t *q);
/* Ends a handler that made or changed something: 303 to the location for a page, STATUS (201, 202, 200) with the view
 * for the API. */
int hm_done(hm_req_t *q, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Begins the one transaction of a request that changes something, and looks whether this API call (Idempotency-Key)
 * came before: it fails then with q->replay set, which HM_TRY takes for the answer. What the change rests on is read
 * after it, unless a revision guards that. The core commits after the handler, or rolls back. */
apr_status_t hm_begin(hm_req_t *q);

/* Ends that transaction before the handler does: for one that goes on to something slow, and answers no API call. */
apr_status_t hm_commit(hm_req_t *q);

/* Ties a json_t to the request's pool and returns it; NULL stays NULL. */
json_t *hm_own(hm_req_t *q, json_t *j);

/* Opens q->db if it is not open; on failure q->err says why. */
apr_status_t hm_req_db(hm_req_t *q);

const char *hm_arg(const hm_req_t *q, const char *name);  /* of the query; NULL */
const char *hm_form(const hm_req_t *q, const char *name); /* of the body; NULL */

#endif
