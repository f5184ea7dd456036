/*
 * The answer: the view as a page or as JSON, problems likewise, redirects, and the headers that every answer carries.
 */
#ifndef HM_REPLY_H
#define HM_REPLY_H

#include "request.h"

/* Sends the answer of a handler that ended with STATUS (OK, or an HTTP status and q->err). Returns what httpd's handler
 * returns. */
int hm_reply(hm_req_t *q, int status);

/* JSON as the API sends it, in the request's pool. */
const char *hm_reply_dump(hm_req_t *q, const json_t *json);

/* How to fix what that code says, for who looks at a page or calls the API and has no command line. */
const char *hm_reply_fix(pv_code_t code);

#endif
