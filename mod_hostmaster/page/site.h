/*
 * What the screens of sites share: looking one up, and the rules about names, aliases, redirect and client. A rule that
 * is broken is told beside its field (hm_form_wrong).
 */
#ifndef HM_PAGE_SITE_H
#define HM_PAGE_SITE_H

#include "request.h"

/* The site of the path, within the actor's scope; whole: with its aliases as a list of names. */
apr_status_t hm_site_get(hm_req_t *q, json_t **site);
apr_status_t hm_site_get_whole(hm_req_t *q, json_t **site);

/* The form's choice of clients. */
apr_status_t hm_site_clients(hm_req_t *q);

/* SITE: the id whose names they are or will be. */
apr_status_t hm_site_name_free(hm_req_t *q, const char *field, const char *name, const char *site);
apr_status_t hm_site_aliases_check(hm_req_t *q, const json_t *aliases, const char *name, const char *redirect,
                                   const char *site);
apr_status_t hm_site_aliases_add(hm_req_t *q, const json_t *aliases, const char *site);

/* What the form says, or the row does; "": none. */
const char *hm_site_redirect(const json_t *values, const json_t *row);

apr_status_t hm_site_client(hm_req_t *q, const json_t *values, int64_t otherwise, int64_t *client);

#endif
