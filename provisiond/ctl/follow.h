/*
 * Events as they come, as lines for people or as JSON: the log of a job while it runs, or what is kept of it. Survives
 * the daemon's restart: it connects anew and goes on after the last event it has seen.
 */
#ifndef PV_CTL_FOLLOW_H
#define PV_CTL_FOLLOW_H

#include "ctl/ctl.h"

typedef struct {
    pv_ctl_t *ctl;
    uint64_t job;       /* of this job; 0: of any */
    uint64_t ends;      /* enough with this job's end; 0: never */
    const char *object; /* of this object's jobs; NULL: of any */
    const char *name;   /* the object's, as people call it */
    const char *journal;
    json_int_t after; /* the last event that was seen */
    json_int_t until; /* enough with this event; 0: with none */
    int json;         /* events as lines of JSON */
    FILE *out;
    int colour, live; /* of `out` */
    /* its own: */
    int pending; /* a step's line stands unfinished on a live terminal */
    const char *step;
    json_int_t step_at;
    int reset; /* the events asked for are kept no more */
    int ended;
} pv_follow_t;

/* APR_SUCCESS at the end that was asked for. */
apr_status_t pv_follow_run(pv_follow_t *follow, pv_err_t *err);

/* One event as text. */
void pv_follow_print(pv_follow_t *follow, const json_t *event);

/* Is this state the end of what a job does by itself? */
int pv_job_ended(const char *state);

/* The code that a job's row came to. */
pv_code_t pv_job_outcome(const json_t *row);

#endif
