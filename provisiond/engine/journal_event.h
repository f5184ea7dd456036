/*
 * The event stream in the journal: what happened, numbered, kept until every consumer has taken it in and EventTime is
 * over.
 */
#ifndef PV_ENGINE_JOURNAL_EVENT_H
#define PV_ENGINE_JOURNAL_EVENT_H

#include "engine/journal.h"

typedef struct {
    uint64_t id; /* the job's number */
    pv_key_t key;
} pv_event_job_t;

/*
 * Tells something: BODY (taken over) holds what the kind carries; JOB and OBJECT may be NULL. In a transaction it is
 * part of it; outside it goes in at the beginning of the next one (pv_event_flush makes one) and cannot fail.
 */
apr_status_t pv_event_add(pv_journal_t *j, const char *kind, const pv_event_job_t *job, const pv_id_t *object,
                          json_t *body, pv_err_t *err);
apr_status_t pv_event_flush(pv_journal_t *j, pv_err_t *err);

/* Called with each commit that told something, inside it: to wake who follows, nothing more. */
void pv_event_on_commit(pv_journal_t *j, void (*fn)(void *ctx), void *ctx);
/* Called when an event waits for a transaction: to make one soon. */
void pv_event_on_backlog(pv_journal_t *j, void (*fn)(void *ctx), void *ctx);

/* Bytes of all bodies that were told in this life. */
uint64_t pv_event_bytes(pv_journal_t *j);

/* The first and last number there are; 0 where there is none. */
void pv_event_range(pv_journal_t *j, uint64_t *first, uint64_t *last);
/* Those of one job. */
void pv_event_job_range(pv_journal_t *j, uint64_t job, uint64_t *first, uint64_t *last);
/* How many log lines of how many bytes a job has. */
void pv_event_log_size(pv_journal_t *j, uint64_t job, uint64_t *lines, uint64_t *bytes);

/* Reads events above AFTER, in order, as whole lines of the protocol, until FN says stop (not 0). */
typedef int pv_event_fn(void *ctx, uint64_t seq, json_t *event);
void pv_event_read(pv_journal_t *j, uint64_t after, pv_event_fn *fn, void *ctx);

/* NAME has taken in everything up to AFTER. Opens its own transaction. */
apr_status_t pv_consumer_ack(pv_journal_t *j, const char *name, uint64_t after, pv_err_t *err);

/* Forgets events that are older than BEFORE and that every consumer has. */
apr_status_t pv_event_prune(pv_journal_t *j, int64_t before, pv_err_t *err);

#endif
