/*
 * What the steps share: the functions that the rows of steps.def name, and the calls that several of them build. Only
 * the files of this folder include it; the rest of the engine knows steps as rows (engine/step.h).
 */
#ifndef PV_ENGINE_STEPS_H
#define PV_ENGINE_STEPS_H

#include "engine/engine.h"
#include "engine/job.h"
#include "engine/manifest.h"
#include "engine/ops.h"
#include "engine/props.h"
#include "engine/step.h"

/* code.c: the platform's folder and what is in it */
pv_step_fn pv_place_probe, pv_place_make, pv_place_drop;
pv_step_fn pv_code_copy, pv_code_empty, pv_code_check, pv_code_detect, pv_code_setup;
/* site.c: a site's folders, secret, database and link */
pv_step_fn pv_dirs_probe, pv_dirs_make, pv_dirs_trash, pv_dirs_untrash;
pv_step_fn pv_secret_probe, pv_secret_make;
pv_step_fn pv_database_probe, pv_database_create, pv_database_drop, pv_grant_probe, pv_grant_give;
pv_step_fn pv_link_probe, pv_link_make, pv_link_drop;
/* driver.c */
pv_step_fn pv_driver_install, pv_site_empty, pv_verb_run, pv_packages_list;
/* backup.c: archives, and what is built from them beside the live site */
pv_step_fn pv_archive_make, pv_archive_pack, pv_archive_keep, pv_archive_drop, pv_archive_unpack;
pv_step_fn pv_backup_record, pv_backup_forget;
pv_step_fn pv_beside_make, pv_beside_switch, pv_beside_back, pv_beside_empty, pv_beside_purge;
pv_step_fn pv_newdb_grant, pv_olddb_drop, pv_driver_rewire, pv_driver_unwire, pv_driver_status;
/* serve.c: what httpd and PHP-FPM are told, and what they then answer */
pv_step_fn pv_pool_probe, pv_pool_stage, pv_pool_restore, pv_vhost_probe, pv_vhost_stage, pv_vhost_restore;
pv_step_fn pv_httpd_probe, pv_httpd_listens, pv_config_publish, pv_site_get, pv_site_evict;
/* record.c: the journal, the trash, a database server */
pv_step_fn pv_names_take, pv_names_back, pv_object_record, pv_object_forget, pv_trash_empty, pv_trash_purge, pv_db_ping;

/* What vhost and pool would be after the job, beside what is live: two descriptors in the answer. */
pv_step_fn pv_vhost_preview, pv_pool_preview;

/* Makes CALL one that is answered at once with ERR. */
void pv_step_fail(pv_call_t *call, const pv_err_t *err);

/* The id that the plan names as its platform or server. */
pv_id_t pv_plan_id(const pv_job_t *job, const char *name);

/* The driver of the job, as its workers found it or as the plan says. NULL: CALL was made the failure. */
const pv_manifest_t *pv_step_manifest(const pv_job_t *job, pv_call_t *call);

/* Begins a worker that runs as WHO, PLATFORM's place in its view ("": none). The caller adds `source` where there is
 * one. */
void pv_step_worker(pv_call_t *call, const pv_id_t *who, const char *platform, const char *program, const char *flags);

/* A driver's verb as WHO, with the request's part that all verbs have. 0 if the driver has no such verb: then nothing
 * is built. */
int pv_step_verb(const pv_job_t *job, pv_call_t *call, const pv_manifest_t *m, const char *verb, const pv_id_t *who,
                 const char *flags);

/* A verb of the site's driver, as the site; with FLAGS besides those that its database needs. DBGEN is the generation
 * of the database that it is told of. */
int pv_step_site_verb(const pv_job_t *job, pv_call_t *call, const char *verb, const char *flags, const char *dbgen);

/* What workers are told of the site's database, and the flag with which they reach it: n or d. */
json_t *pv_step_database(const pv_job_t *job, apr_pool_t *p);
const char *pv_step_db_flag(const pv_job_t *job);

/* Empties the site's own folders, in the view that FLAGS make. */
void pv_step_empty(const pv_job_t *job, pv_call_t *call, const char *flags);

/* A function of the engine, in a transaction of its own. */
void pv_step_local(pv_call_t *call, apr_status_t (*fn)(pv_call_t *call, pv_err_t *err));

/* The request of program `empty`: deletes what is in the folders, not them. */
json_t *pv_step_folders(const char *const *folder, int n);

#endif
