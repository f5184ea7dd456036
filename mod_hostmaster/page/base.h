/*
 * What a site stands on: a platform, its type, and the database servers that its daemon has. Makes the form for a site
 * on it ask for what that type takes and nothing else, and refuses what the daemon would refuse, beside the field.
 */
#ifndef HM_PAGE_BASE_H
#define HM_PAGE_BASE_H

#include "request.h"

typedef struct {
    const json_t *platform, *app; /* app NULL: its daemon was not seen yet, and nothing is known of what it takes */
    json_t *databases;            /* {id, name, type}, its own server's first */
} hm_base_t;

/* NO_OBJECT where there is no such platform. */
apr_status_t hm_base_get(hm_base_t *base, hm_req_t *q, const char *platform);

/* Fits the form in the view to it. AGAIN: where another platform is chosen. */
apr_status_t hm_base_form(hm_req_t *q, const hm_base_t *base, const char *again);

/* Looks at what came, as it came; all that is wrong is told by hm_form_wrong. */
void hm_base_check(hm_req_t *q, const hm_base_t *base);

#endif
