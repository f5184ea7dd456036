/*
 * What a worker says on its descriptor 3, a JSON object a line (provision-driver(7)): log, progress, fact, package,
 * error, and the end. Tenant code may write there what it likes: whatever comes, the outcome is one of the values
 * below.
 */
#ifndef PV_ENGINE_REPORT_H
#define PV_ENGINE_REPORT_H

#include "engine/job.h"

typedef struct pv_report pv_report_t;

/* JOB may be NULL: then nothing is logged or told. SCANS: it lists packages, so a good end is one of the set even where
 * there are none; of another worker's only where it told some. */
pv_report_t *pv_report_make(pv_job_t *job, int scans, apr_pool_t *p);
void pv_report_line(pv_report_t *report, const char *s, size_t len);

/* The facts so far, an object; the caller's reference. */
json_t *pv_report_facts(pv_report_t *report);

/* The outcome, with the program's wait STATUS: PV_OK only for an end that says ok and exit code 0. */
void pv_report_end(pv_report_t *report, int status, pv_err_t *err);

#endif
