/*
 * Applies events, a function a kind. Trusts the daemon to be a daemon, not to be polite: whatever is missing is empty.
 */
#include "dispatch/apply.h"
#include "db.h"
#include "dispatch/objects.h"
#include "fault.h"
#include "model/app.h"
#include "model/backup.h"
#include "model/object.h"
#include "model/package.h"
#include "model/result.h"
#include "proto/message.h"
#include "stmts.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    hm_db_t *db;
    const char *server; /* of the link that brought them: a task that began elsewhere belongs to it */
    pv_err_t *err;
    apr_pool_t *p;
} apply_t;

#define PHASE 255 /* characters of attempt.phase */

typedef apr_status_t event_fn(apply_t *a, const json_t *event);
typedef apr_status_t apply_fn(apply_t *a, const json_t *event, const json_t *attempt);

static apr_status_t object_apply(apply_t *a, const json_t *o, const json_t *attempt)
{
    return hm_objects_tell(a->db, o, a->err, a->p);
}

/* ---- jobs ---- */

/* What a verb of an object's type is called; "": that is not known. */
static apr_status_t verb_title(apply_t *a, const char *platform, const char *object, const char *verb,
                               const char **title)
{
    const json_t *app = NULL;
    *title = "";
    if (verb[0] == '\0')
        return APR_SUCCESS;
    apr_status_t rv = hm_app_of(&app, a->db, platform, a->err);
    if (rv == APR_SUCCESS)
        *title = hm_row_s(hm_app_verb(app, verb, object[0] == 's' ? PV_SITE : PV_PLATFORM), "label");
    return rv;
}

/* A job that nobody here has asked for: it was begun by the command line or by the daemon itself. */
static apr_status_t accepted_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    const char *object = hm_row_s(event, "object"), *type = hm_row_s(event, "type"), *label = hm_row_s(event, "label");
    const char *verb = hm_row_s(event, "verb"), *platform = object, *title;
    int64_t task = hm_db_id(), id = hm_db_id();
    json_t *rows = NULL;
    int64_t client = 1;
    apr_status_t rv = APR_SUCCESS;
    if (attempt)
        return APR_SUCCESS;
    if (object[0] == 's' && (rv = hm_sql_site_get(a->db, &rows, a->err, object, 1, 0)) == APR_SUCCESS &&
        json_array_size(rows) > 0) {
        client = hm_row_n(json_array_get(rows, 0), "client");
        label = hm_row_s(json_array_get(rows, 0), "name");
        platform = hm_row_s(json_array_get(rows, 0), "platform");
    }
    const char *key = apr_psprintf(a->p, "%s/%s/%s", object, type, hm_row_s(event, "key"));
    if (rv == APR_SUCCESS)
        rv = verb_title(a, platform, object, verb, &title);
    if (rv == APR_SUCCESS)
        rv = hm_sql_task_add(a->db, a->err, task, type, verb, title, object, label[0] ? label : object, a->server, 0,
                             client, strcmp(hm_row_s(event, "origin"), "engine") == 0 ? "queue" : "command",
                             hm_row_n(event, "at"), key, "");
    if (rv == APR_SUCCESS)
        rv = hm_sql_attempt_add(a->db, a->err, id, task, 1, hm_row_s(event, "key"), a->server, "{}",
                                hm_row_n(event, "at"));
    if (rv == APR_SUCCESS)
        rv = hm_sql_attempt_run(a->db, a->err, hm_row_n(event, "job"), hm_row_n(event, "at"), id);
    return rv == APR_SUCCESS ? hm_sql_task_run(a->db, a->err, hm_row_n(event, "at"), task) : rv;
}

/* A change of wanted columns that came while the job ran is not forgotten: it gets a verify of its own. */
static apr_status_t catch_up(apply_t *a, const json_t *attempt)
{
    const char *object = hm_row_s(attempt, "object"), *type = hm_row_s(attempt, "type");
    hm_request_t request;
    int64_t task;
    int ours = hm_row_n(attempt, "wanted") > 0; /* what the command line did is what people want now */
    if (!ours || (strcmp(type, "verify") != 0 && strcmp(type, "install") != 0))
        return APR_SUCCESS;
    apr_status_t rv = hm_object_request(&request, a->db, INT64_MAX, "verify", object, a->err);
    if (rv != APR_SUCCESS)
        return rv;
    json_decref(request.json);
    if (request.wanted <= hm_row_n(attempt, "wanted"))
        return APR_SUCCESS;
    hm_task_t t = {.type = "verify",
                   .object = object,
                   .label = hm_row_s(attempt, "label"),
                   .server = hm_row_s(attempt, "server"),
                   .origin = "queue",
                   .client = hm_row_n(attempt, "client")};
    return hm_task_enqueue(&task, a->db, &t, a->err, a->p);
}

/* A failed task's notice for every administrator's first page. */
static apr_status_t notice_add(hm_db_t *db, int64_t task, const hm_end_t *end, pv_err_t *err, apr_pool_t *p)
{
    json_t *rows;
    if (strcmp(end->state, "failed") != 0)
        return APR_SUCCESS;
    apr_status_t rv = hm_sql_task_get(db, &rows, err, task, 1, 0);
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const pv_code_t code = pv_error_find(end->code, strlen(end->code));
    hm_task_shown(rows, p);
    const json_t *row = json_array_get(rows, 0);
    const char *text = apr_psprintf(p, "%s %s failed: %s", hm_row_s(row, "title"), hm_row_s(row, "label"),
                                    code == PV_CODES ? end->code : pv_error_row(code)->text);
    return hm_sql_notice_add(db, err, hm_db_id(), "task", task, text, hm_db_now());
}

static apr_status_t log_line(hm_db_t *db, int64_t attempt, int64_t at, const char *level, const char *src,
                             const char *text, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_attempt_logged_get(db, &rows, err, attempt);
    if (rv != APR_SUCCESS)
        return rv;
    int64_t n = hm_row_n(json_array_get(rows, 0), "logged") + 1;
    rv = hm_sql_log_add(db, err, attempt, n, at, level, src, text);
    return rv == APR_SUCCESS ? hm_sql_attempt_logged(db, err, n, attempt) : rv;
}

static int is_gone(const json_t *attempt, const hm_end_t *end)
{
    return strcmp(hm_row_s(attempt, "type"), "delete") == 0 && strcmp(end->code, "NO_OBJECT") == 0 &&
           (end->field[0] == '\0' || strcmp(end->field, "object") == 0);
}

/* What was to be deleted is not there: the first task on it failed, or another deletion was quicker. */
static apr_status_t gone(hm_db_t *db, const json_t *attempt, hm_end_t *end, pv_err_t *err, apr_pool_t *p)
{
    const char *id = hm_row_s(attempt, "object");
    json_t *rows, *o = pv_json_keep(json_pack("{s:s, s:s, s:b}", "object", id, "state", "deleted", "deleted", 1), p);
    apr_status_t rv = hm_sql_object_uses(db, &rows, err, id, id, id);
    if (rv != APR_SUCCESS)
        return rv;
    end->field = end->text = "";
    if (hm_row_n(json_array_get(rows, 0), "n") > 0) { /* it came meanwhile, and would wait for this end */
        end->code = "IN_USE";
        return APR_SUCCESS;
    }
    end->state = "success";
    end->code = "OK";
    rv = log_line(db, hm_row_n(attempt, "id"), end->at, "notice", "panel",
                  "The daemon has nothing of it; it is forgotten here.", err);
    return rv == APR_SUCCESS ? hm_objects_tell(db, o, err, p) : rv;
}

apr_status_t hm_apply_end(hm_db_t *db, const json_t *attempt, const hm_end_t *told, pv_err_t *err, apr_pool_t *p)
{
    hm_end_t end = *told;
    int64_t task = hm_row_n(attempt, "task");
    apr_status_t rv = is_gone(attempt, told) ? gone(db, attempt, &end, err, p) : APR_SUCCESS;
    if (rv == APR_SUCCESS)
        rv = hm_task_end(db, task, hm_row_n(attempt, "id"), hm_row_s(attempt, "object"), &end, err, p);
    return rv == APR_SUCCESS ? notice_add(db, task, &end, err, p) : rv;
}

static apr_status_t ended(apply_t *a, const json_t *event, const json_t *attempt, const char *state)
{
    hm_end_t end = {.state = state,
                    .code = hm_db_text(hm_row_s(event, "code"), 32, a->p),
                    .field = hm_db_text(hm_row_s(event, "field"), 64, a->p),
                    .text = hm_db_text(hm_row_s(event, "text"), 1024, a->p),
                    .at = hm_row_n(event, "at")};
    apr_status_t rv = hm_apply_end(a->db, attempt, &end, a->err, a->p);
    if (rv == APR_SUCCESS && (strcmp(state, "success") == 0 || strcmp(state, "warning") == 0))
        rv = catch_up(a, attempt);
    return rv;
}

/* What an open job waits for or is doing, in words. */
static const char *phase(const json_t *event, apr_pool_t *p)
{
    const char *state = hm_row_s(event, "state"), *text = hm_row_s(event, "text");
    if (strcmp(state, "running") == 0)
        return "";
    return hm_db_text(apr_pstrcat(p, state, text[0] ? ": " : "", text, NULL), PHASE, p);
}

static apr_status_t state_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    static const char *const final[] = {"success", "warning", "failed", "cancelled"};
    const char *state = hm_row_s(event, "state");
    if (attempt == NULL || hm_row_n(attempt, "ended"))
        return APR_SUCCESS;
    for (size_t i = 0; i < sizeof(final) / sizeof(*final); i++)
        if (strcmp(state, final[i]) == 0)
            return ended(a, event, attempt, state);
    apr_status_t rv = hm_sql_attempt_phase(a->db, a->err, phase(event, a->p), hm_row_n(attempt, "id"));
    if (rv != APR_SUCCESS || strcmp(state, "accepted") == 0)
        return rv;
    rv = hm_sql_attempt_run(a->db, a->err, hm_row_n(event, "job"), hm_row_n(event, "at"), hm_row_n(attempt, "id"));
    return rv == APR_SUCCESS ? hm_sql_task_run(a->db, a->err, hm_row_n(event, "at"), hm_row_n(attempt, "task")) : rv;
}

static apr_status_t log_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    if (attempt == NULL)
        return APR_SUCCESS;
    return log_line(a->db, hm_row_n(attempt, "id"), hm_row_n(event, "at"), hm_row_s(event, "level"),
                    hm_row_s(event, "src"), hm_row_s(event, "text"), a->err);
}

/* A step that begins, and has something to say, is a line of the log, and what the attempt is at. */
static apr_status_t step_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    const char *state = hm_row_s(event, "state"), *name = hm_row_s(event, "name"), *text = hm_row_s(event, "text");
    if (attempt == NULL || !*text || (strcmp(state, "started") != 0 && strcmp(state, "undone") != 0))
        return APR_SUCCESS;
    if (strcmp(state, "undone") == 0)
        text = apr_pstrcat(a->p, "undone: ", text, NULL);
    apr_status_t rv = hm_sql_attempt_phase(a->db, a->err, hm_db_text(text, PHASE, a->p), hm_row_n(attempt, "id"));
    return rv != APR_SUCCESS
               ? rv
               : log_line(a->db, hm_row_n(attempt, "id"), hm_row_n(event, "at"), "notice", name, text, a->err);
}

static int64_t count(const json_t *event, const char *name)
{
    int64_t n = hm_row_n(event, name);
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : n;
}

static apr_status_t progress_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    if (attempt == NULL)
        return APR_SUCCESS;
    return hm_sql_attempt_progress(a->db, a->err, count(event, "done"), count(event, "total"), hm_row_n(attempt, "id"));
}

/* A fact that a verb reported. One told anew replaces the older; an address that opens a door is kept for a quarter of
 * an hour only. */
static apr_status_t result_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    const char *name = hm_row_s(event, "name"), *value = hm_row_s(event, "value");
    int64_t expires = hm_result_is_link(name, value) ? hm_row_n(event, "at") + HM_RESULT_LINK : 0;
    if (attempt == NULL || !*name || strlen(name) > HM_RESULT_NAME_MAX)
        return APR_SUCCESS;
    apr_status_t rv = hm_sql_result_delete(a->db, a->err, hm_row_n(attempt, "id"), name);
    return rv == APR_SUCCESS ? hm_sql_result_add(a->db, a->err, hm_row_n(attempt, "id"), name, value, expires) : rv;
}

/* ---- sets of facts: rows of one, and its end, from which on it is shown ---- */

static apr_status_t backups_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    apr_status_t rv = APR_SUCCESS;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(event, "items"), i, item)
    {
        if (rv == APR_SUCCESS)
            rv = hm_backup_take(a->db, a->server, item, hm_row_n(event, "scan"), a->err);
    }
    return rv;
}

static apr_status_t backups_end_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    return hm_backup_end(a->db, a->server, hm_row_s(event, "object"), hm_row_n(event, "scan"), a->err);
}

static apr_status_t packages_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    return hm_packages_take(a->db, event, a->err, a->p);
}

static apr_status_t packages_end_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    return hm_packages_end(a->db, event, a->err);
}

static const struct {
    const char *type;
    apply_fn *take, *end;
} sets[] = {{"backup", backups_apply, backups_end_apply}, {"package", packages_apply, packages_end_apply}};

static apr_status_t set_apply(apply_t *a, const json_t *event, const json_t *attempt, int end)
{
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
        if (strcmp(sets[i].type, hm_row_s(event, "type")) == 0)
            return (end ? sets[i].end : sets[i].take)(a, event, attempt);
    return APR_SUCCESS;
}

static apr_status_t facts_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    return set_apply(a, event, attempt, 0);
}

static apr_status_t facts_end_apply(apply_t *a, const json_t *event, const json_t *attempt)
{
    return set_apply(a, event, attempt, 1);
}

static const struct {
    const char *kind;
    apply_fn *fn;
} kinds[] = {
    {"accepted", accepted_apply}, {"state", state_apply},         {"step", step_apply},
    {"log", log_apply},           {"progress", progress_apply},   {"object", object_apply},
    {"facts", facts_apply},       {"facts-end", facts_end_apply}, {"result", result_apply},
};

static apr_status_t event_apply(apply_t *a, const json_t *event)
{
    const char *kind = hm_row_s(event, "kind"), *key = hm_row_s(event, "key");
    json_t *rows = NULL;
    apr_status_t rv = key[0] ? hm_sql_attempt_by_key(a->db, &rows, a->err, key) : APR_SUCCESS;
    for (size_t i = 0; rv == APR_SUCCESS && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].fn(a, event, json_array_get(rows, 0));
    return rv;
}

/* Moves the cursor over the batch, if it stands where we read it; every event counts once because of this row. */
static apr_status_t cursor_move(apply_t *a, const char *socket, const json_t *events)
{
    json_t *rows;
    const json_t *last = json_array_get(events, json_array_size(events) - 1);
    int64_t first = hm_row_n(json_array_get(events, 0), "ev");
    apr_status_t rv = hm_sql_follower_get(a->db, &rows, a->err, socket);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    if (hm_row_n(row, "event") >= first)
        return pv_fail(a->err, PV_STALE, NULL, "another child has taken these events in");
    return hm_sql_follower_move(a->db, a->err, hm_row_n(last, "ev"), hm_db_now(), socket, hm_row_s(row, "journal"),
                                hm_row_n(row, "event"));
}

/* The events in one transaction, each made into rows by FN. */
static apr_status_t batch_apply(apply_t *a, const char *socket, const json_t *events, event_fn *fn)
{
    size_t i;
    json_t *event;
    apr_status_t rv = hm_db_begin(a->db, a->err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = cursor_move(a, socket, events);
    json_array_foreach(events, i, event)
    {
        if (rv == APR_SUCCESS)
            rv = fn(a, event);
    }
    PV_FAULT("panel.applied", NULL);
    if (rv == APR_SUCCESS)
        rv = hm_db_commit(a->db, a->err);
    else
        hm_db_rollback(a->db);
    PV_FAULT("panel.committed", NULL);
    return rv;
}

/* An event that the database will never take is told to the administrators and stepped over: nothing would come behind
 * it any more. */
static apr_status_t event_skip(apply_t *a, const json_t *event)
{
    const char *text = apr_psprintf(a->p, "Event %" APR_INT64_T_FMT " (%s) of the daemon was left out: %s",
                                    (apr_int64_t)hm_row_n(event, "ev"), hm_row_s(event, "kind"), a->err->text);
    return hm_sql_notice_add(a->db, a->err, hm_db_id(), "event", 0, hm_db_text(text, 512, a->p), hm_db_now());
}

static apr_status_t one_by_one(apply_t *a, const char *socket, const json_t *events)
{
    size_t i;
    json_t *event;
    apr_status_t rv = APR_SUCCESS;
    json_array_foreach(events, i, event)
    {
        const json_t *one = pv_json_keep(json_pack("[O]", event), a->p);
        if (rv == APR_SUCCESS && (rv = batch_apply(a, socket, one, event_apply)) != APR_SUCCESS && hm_db_refused(a->db))
            rv = batch_apply(a, socket, one, event_skip);
    }
    return rv;
}

apr_status_t hm_apply_events(hm_db_t *db, const char *server, const char *socket, const json_t *events, pv_err_t *err,
                             apr_pool_t *p)
{
    apply_t a = {.db = db, .server = server, .err = err, .p = p};
    apr_status_t rv = batch_apply(&a, socket, events, event_apply);
    return rv != APR_SUCCESS && hm_db_refused(db) ? one_by_one(&a, socket, events) : rv;
}

apr_status_t hm_apply_job(hm_db_t *db, const char *server, json_t *job, pv_err_t *err, apr_pool_t *p)
{
    apply_t a = {.db = db, .server = server, .err = err, .p = p};
    json_t *rows;
    if (hm_row_n(job, "ended") == 0)
        return APR_SUCCESS;
    json_object_set(job, "at", json_object_get(job, "ended"));
    apr_status_t rv = hm_db_begin(db, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = hm_sql_attempt_by_key(db, &rows, err, hm_row_s(job, "key"));
    if (rv == APR_SUCCESS)
        rv = state_apply(&a, job, json_array_get(rows, 0));
    if (rv == APR_SUCCESS)
        return hm_db_commit(db, err);
    hm_db_rollback(db);
    return rv;
}

/* ---- a daemon that we do not know, or that has forgotten what we missed ---- */

void hm_snapshot_init(hm_snapshot_t *snap, apr_pool_t *p)
{
    snap->rows = pv_json_keep(json_array(), p);
    snap->event = -1;
}

apr_status_t hm_snapshot_row(void *ctx, json_t *row, pv_err_t *err)
{
    json_array_append(((hm_snapshot_t *)ctx)->rows, row);
    return APR_SUCCESS;
}

/* A backup, or an object, which is told here by its id. */
static apr_status_t snapshot_row_apply(apply_t *a, json_t *row, int64_t event)
{
    if (json_object_get(row, "bid"))
        return hm_backup_take(a->db, a->server, row, event, a->err);
    json_object_set(row, "object", json_object_get(row, "id"));
    return object_apply(a, row, NULL);
}

apr_status_t hm_snapshot_apply(const hm_snapshot_t *snap, hm_db_t *db, const char *server, const char *socket,
                               const char *journal, pv_err_t *err, apr_pool_t *p)
{
    apply_t a = {.db = db, .server = server, .err = err, .p = p};
    size_t i;
    json_t *row;
    apr_status_t rv = hm_db_begin(db, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = hm_sql_follower_reset(db, err, journal, snap->event, hm_db_now(), socket);
    json_array_foreach(snap->rows, i, row)
    {
        if (rv == APR_SUCCESS)
            rv = snapshot_row_apply(&a, row, snap->event);
    }
    if (rv == APR_SUCCESS)
        rv = hm_backup_end(db, server, NULL, snap->event, err);
    if (rv == APR_SUCCESS)
        rv = hm_sql_attempt_again(db, err, server);
    if (rv == APR_SUCCESS)
        return hm_db_commit(db, err);
    hm_db_rollback(db);
    return rv;
}
