/*
 * The body of a request: a form or JSON, both made into the same flat json_t (parse.h).
 */
#ifndef HM_BODY_H
#define HM_BODY_H

#include "request.h"

/* Reads q->body, at most LIMIT bytes, as its Content-Type says; for the API only JSON, for a page only a form. */
apr_status_t hm_body_read(hm_req_t *q, size_t limit);

#endif
