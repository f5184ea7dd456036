/*
 * The rows of jobs, steps and resources.
 */
#include "engine/journal_job.h"
#include "engine/journal_stmt.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#define COLUMNS                                                                                                        \
    "id, key, type, object, revision, origin, client, args, plan, want, have, facts, uid, app, state, code, field,"    \
    " text, cancel, crashes, warnings, not_before, waiting, accepted, started, ended"

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM job WHERE id = ?1";
static const char SQL_FIND_KEY[] = "SELECT " COLUMNS " FROM job WHERE key = ?1";
static const char SQL_FIND_STUCK[] = "SELECT " COLUMNS " FROM job WHERE object = ?1 AND state = 'stuck' LIMIT 1";
static const char *const SQL_LIST[] = {
    [PV_JOBS_ALL] = "SELECT " COLUMNS " FROM job WHERE id > ?1 ORDER BY id LIMIT ?2",
    [PV_JOBS_OPEN] =
        "SELECT " COLUMNS " FROM job WHERE id > ?1 AND ended = 0 AND state <> 'stuck' ORDER BY id LIMIT ?2",
    [PV_JOBS_STUCK] =
        "SELECT " COLUMNS " FROM job WHERE id > ?1 AND ended = 0 AND state = 'stuck' ORDER BY id LIMIT ?2",
};
static const char SQL_COUNT[] = "SELECT count(*) FROM job WHERE state = ?1";
static const char SQL_INSERT[] =
    "INSERT INTO job (key, type, object, revision, origin, client, args, have, epoch, accepted)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
static const char SQL_PLAN[] =
    "UPDATE job SET plan = ?2, want = ?3, have = ?4, uid = ?5, app = ?6, epoch = ?7 WHERE id = ?1 AND plan IS NULL";
static const char SQL_SAVE[] =
    "UPDATE job SET facts = ?2, state = ?3, code = ?4, field = ?5, text = ?6, cancel = ?7, crashes = ?8, warnings = ?9,"
    " not_before = ?10, waiting = ?11, started = ?12, ended = ?13, epoch = ?14 WHERE id = ?1";
static const char SQL_STEP_INSERT[] = "INSERT INTO step (job, n, name, kind, state) VALUES (?1, ?2, ?3, ?4, 'planned')";
static const char SQL_STEP_LIST[] =
    "SELECT n, name, kind, state, undo, tries, began, ended FROM step WHERE job = ?1 ORDER BY n";
static const char SQL_STEP_SAVE[] =
    "UPDATE step SET state = ?3, undo = ?4, tries = ?5, began = CASE ?3 WHEN 'started' THEN ?6 ELSE began END,"
    " ended = CASE ?3 WHEN 'done' THEN ?6 WHEN 'undone' THEN ?6 ELSE 0 END WHERE job = ?1 AND n = ?2";
static const char SQL_RESOURCE_SET[] =
    "INSERT OR REPLACE INTO resource (kind, object, job, state) VALUES (?1, ?2, ?3, ?4)";
static const char SQL_RESOURCE_KNOWN[] = "SELECT 1 FROM resource WHERE kind = ?1 AND object = ?2 AND state <> 'gone'";
static const char SQL_RESOURCE_FORGET[] = "UPDATE resource SET state = 'gone' WHERE object = ?1";

static const char *const STATE[] = {
#define JOB_STATE(name) [PV_JOB_##name] = #name,
#include "engine/jobstates.def"
#undef JOB_STATE
};

static const char *const STEP_STATE[] = {
    [PV_STEP_PLANNED] = "planned", [PV_STEP_STARTED] = "started", [PV_STEP_DONE] = "done",
    [PV_STEP_UNDOING] = "undoing", [PV_STEP_UNDONE] = "undone",
};

static const char *const STEP_KIND[] = {
    [PV_REPEAT] = "repeat", [PV_CHECK] = "check", [PV_PUBLISH] = "publish", [PV_ONCE] = "once"};

const char *pv_job_state_name(pv_job_state_t state)
{
    return STATE[state];
}

const char *pv_step_state_name(pv_step_state_t state)
{
    return STEP_STATE[state];
}

int pv_job_is_final(pv_job_state_t state)
{
    return state >= PV_JOB_success;
}

/* The place of a word in a table; the schema's words are ours, so it is there. */
static int word_at(const char *const *table, int n, const char *word)
{
    int i = 0;
    while (i < n - 1 && strcmp(table[i], word) != 0)
        i++;
    return i;
}

/* ---- jobs ---- */

static void read_plan(pv_job_t *job, sqlite3_stmt *q)
{
    job->args = pv_sql_json(q, 7, job->p);
    job->plan = pv_sql_json(q, 8, job->p);
    job->want = pv_sql_json(q, 9, job->p);
    job->have = pv_sql_json(q, 10, job->p);
    job->facts = pv_sql_json(q, 11, job->p);
    job->uid = (uid_t)pv_sql_num(q, 12);
    apr_cpystrn(job->app.s, (const char *)sqlite3_column_text(q, 13), sizeof(job->app.s));
}

static void read_state(pv_job_t *job, sqlite3_stmt *q)
{
    const char *code = (const char *)sqlite3_column_text(q, 15);
    job->state = (pv_job_state_t)word_at(STATE, PV_JOB_STATES, (const char *)sqlite3_column_text(q, 14));
    job->err.code = pv_error_find(code, strlen(code));
    apr_cpystrn(job->err.field, (const char *)sqlite3_column_text(q, 16), sizeof(job->err.field));
    apr_cpystrn(job->err.text, (const char *)sqlite3_column_text(q, 17), sizeof(job->err.text));
    job->cancel = (int)pv_sql_num(q, 18);
    job->crashes = (int)pv_sql_num(q, 19);
    job->warnings = (int)pv_sql_num(q, 20);
    job->not_before = pv_sql_num(q, 21);
    job->waiting = pv_sql_num(q, 22);
    job->accepted = pv_sql_num(q, 23);
    job->started = pv_sql_num(q, 24);
    job->ended = pv_sql_num(q, 25);
}

static pv_job_t *from_row(sqlite3_stmt *q, apr_pool_t *p)
{
    pv_job_t *job = apr_pcalloc(p, sizeof(*job));
    job->p = p;
    job->id = (uint64_t)pv_sql_num(q, 0);
    apr_cpystrn(job->key.s, (const char *)sqlite3_column_text(q, 1), sizeof(job->key.s));
    job->type = pv_sql_text(q, 2, p);
    apr_cpystrn(job->object.s, (const char *)sqlite3_column_text(q, 3), sizeof(job->object.s));
    job->revision = (uint64_t)pv_sql_num(q, 4);
    job->origin = pv_sql_text(q, 5, p);
    job->client = pv_sql_text(q, 6, p);
    job->row = pv_plan_row(job->type, pv_id_kind(&job->object));
    read_plan(job, q);
    read_state(job, q);
    return job;
}

static apr_status_t one(pv_job_t **ret, sqlite3_stmt *q, apr_pool_t *p)
{
    if (!pv_sql_row(q))
        return APR_NOTFOUND;
    *ret = from_row(q, p);
    pv_sql_end(q);
    return APR_SUCCESS;
}

apr_status_t pv_job_find(pv_job_t **ret, pv_journal_t *j, uint64_t id, apr_pool_t *p)
{
    return one(ret, pv_sql_query(j, SQL_FIND, "l", (int64_t)id), p);
}

apr_status_t pv_job_find_key(pv_job_t **ret, pv_journal_t *j, const pv_key_t *key, apr_pool_t *p)
{
    return one(ret, pv_sql_query(j, SQL_FIND_KEY, "t", key->s), p);
}

apr_status_t pv_job_find_stuck(pv_job_t **ret, pv_journal_t *j, const pv_id_t *object, apr_pool_t *p)
{
    return one(ret, pv_sql_query(j, SQL_FIND_STUCK, "t", object->s), p);
}

int pv_job_list(pv_job_t ***ret, pv_journal_t *j, pv_jobs_t which, uint64_t after, int limit, apr_pool_t *p)
{
    apr_array_header_t *rows = apr_array_make(p, 16, sizeof(pv_job_t *));
    sqlite3_stmt *q = pv_sql_query(j, SQL_LIST[which], "ll", (int64_t)after, (int64_t)limit);
    while (pv_sql_row(q))
        APR_ARRAY_PUSH(rows, pv_job_t *) = from_row(q, p);
    *ret = (pv_job_t **)(void *)rows->elts;
    return rows->nelts;
}

int pv_job_count(pv_journal_t *j, pv_job_state_t state)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_COUNT, "t", STATE[state]);
    int n = pv_sql_row(q) ? (int)pv_sql_num(q, 0) : 0;
    pv_sql_end(q);
    return n;
}

apr_status_t pv_job_insert(pv_journal_t *j, pv_job_t *job, pv_err_t *err)
{
    job->accepted = pv_journal_now();
    apr_status_t rv =
        pv_sql_run(j, NULL, err, SQL_INSERT, "tttlttjjll", job->key.s, job->type, job->object.s, (int64_t)job->revision,
                   job->origin, job->client, job->args, job->have, (int64_t)pv_journal_epoch(j), job->accepted);
    if (rv == APR_SUCCESS)
        job->id = (uint64_t)pv_sql_last_id(j);
    return rv;
}

apr_status_t pv_job_save_plan(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, int n, pv_err_t *err)
{
    apr_status_t rv = pv_sql_run(j, NULL, err, SQL_PLAN, "ljjjltl", (int64_t)job->id, job->plan, job->want, job->have,
                                 (int64_t)job->uid, job->app.s, (int64_t)pv_journal_epoch(j));
    for (int i = 0; i < n && rv == APR_SUCCESS; i++)
        rv = pv_sql_run(j, NULL, err, SQL_STEP_INSERT, "lltt", (int64_t)job->id, (int64_t)step[i].n, step[i].row->name,
                        STEP_KIND[step[i].row->kind]);
    return rv;
}

apr_status_t pv_job_save(pv_journal_t *j, const pv_job_t *job, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_SAVE, "ljttttlllllllll", (int64_t)job->id, job->facts, STATE[job->state],
                      pv_error_row(job->err.code)->name, job->err.field, job->err.text, (int64_t)job->cancel,
                      (int64_t)job->crashes, (int64_t)job->warnings, job->not_before, job->waiting, job->started,
                      job->ended, (int64_t)pv_journal_epoch(j));
}

/* ---- steps ---- */

static const pv_step_row_t *step_row(const pv_job_t *job, int n, const char *name)
{
    return job->row && n < job->row->n && strcmp(job->row->step[n]->name, name) == 0 ? job->row->step[n] : NULL;
}

apr_status_t pv_steps_load(pv_job_step_t **ret, int *n, pv_journal_t *j, const pv_job_t *job, pv_err_t *err)
{
    apr_array_header_t *rows = apr_array_make(job->p, 16, sizeof(pv_job_step_t));
    apr_status_t rv = APR_SUCCESS;
    sqlite3_stmt *q = pv_sql_query(j, SQL_STEP_LIST, "l", (int64_t)job->id);
    while (pv_sql_row(q)) {
        const char *name = (const char *)sqlite3_column_text(q, 1), *state = (const char *)sqlite3_column_text(q, 3);
        pv_job_step_t *s = apr_array_push(rows);
        s->n = (int)pv_sql_num(q, 0);
        s->row = step_row(job, s->n, name);
        s->state = (pv_step_state_t)word_at(STEP_STATE, PV_STEP_STATES, state);
        s->made = (int)pv_sql_num(q, 4);
        s->tries = (int)pv_sql_num(q, 5);
        if (!s->row)
            rv = pv_fail(err, PV_INTERNAL, NULL,
                         "step %d, %s, is none of this program's: was it made by another version?", s->n, name);
    }
    *ret = (pv_job_step_t *)(void *)rows->elts;
    *n = rows->nelts;
    return rv;
}

apr_status_t pv_step_save(pv_journal_t *j, const pv_job_t *job, const pv_job_step_t *step, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_STEP_SAVE, "lltlll", (int64_t)job->id, (int64_t)step->n,
                      STEP_STATE[step->state], (int64_t)step->made, (int64_t)step->tries, pv_journal_now());
}

json_t *pv_steps_json(pv_journal_t *j, uint64_t job)
{
    json_t *rows = json_array();
    sqlite3_stmt *q = pv_sql_query(j, SQL_STEP_LIST, "l", (int64_t)job);
    while (pv_sql_row(q))
        json_array_append_new(rows, json_pack("{ss ss ss sI sI sI}", "name", sqlite3_column_text(q, 1), "kind",
                                              sqlite3_column_text(q, 2), "state", sqlite3_column_text(q, 3), "tries",
                                              (json_int_t)pv_sql_num(q, 5), "began", (json_int_t)pv_sql_num(q, 6),
                                              "ended", (json_int_t)pv_sql_num(q, 7)));
    return rows;
}

/* ---- resources ---- */

apr_status_t pv_resource_set(pv_journal_t *j, const pv_job_t *job, const char *kind, const char *state, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_RESOURCE_SET, "ttlt", kind, job->object.s, (int64_t)job->id, state);
}

int pv_resource_known(pv_journal_t *j, const pv_id_t *object, const char *kind)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_RESOURCE_KNOWN, "tt", kind, object->s);
    int known = pv_sql_row(q);
    pv_sql_end(q);
    return known;
}

apr_status_t pv_resource_forget(pv_journal_t *j, const pv_id_t *object, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_RESOURCE_FORGET, "t", object->s);
}
