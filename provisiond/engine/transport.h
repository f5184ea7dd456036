/*
 * How the kinds of call travel: call.c picks one of these, and each answers by pv_call_answer, once, from the loop.
 */
#ifndef PV_ENGINE_TRANSPORT_H
#define PV_ENGINE_TRANSPORT_H

#include "engine/call.h"

void pv_call_by_root(pv_call_t *call);
void pv_call_by_dba(pv_call_t *call);
void pv_call_by_worker(pv_call_t *call);
void pv_call_by_http(pv_call_t *call); /* http.c; gives up after 15 s by itself */

/* The one answer: calls `done`, closes descriptors that nobody took, and ends the call's pool. Only from the loop. */
void pv_call_answer(pv_call_t *call, const pv_reply_t *reply);
/* The same for a failure, with its words as `detail`. */
void pv_call_fail(pv_call_t *call, pv_code_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
