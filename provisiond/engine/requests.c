/*
 * What each operation of messages.def does, as a table. Those that ask other processes (plan, doctor, status) answer by
 * a sink.
 */
#include "engine/accept.h"
#include "engine/fetch.h"
#include "engine/journal_backup.h"
#include "engine/journal_job.h"
#include "engine/manifest.h"
#include "engine/parts.h"
#include "engine/session.h"
#include "engine/status.h"
#include "fault.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX   500
#define PAGE_BYTES (512 * 1024) /* a page of a list ends early when its rows are long */

typedef struct {
    pv_session_t *session;
    pv_engine_t *engine;
    const pv_request_t *request;
    apr_pool_t *p;
} ask_t;

static uint64_t num(const ask_t *a, const char *name, uint64_t otherwise)
{
    const pv_arg_t *arg = pv_request_arg(a->request, name);
    return arg ? arg->num : otherwise;
}

static const char *str(const ask_t *a, const char *name, const char *otherwise)
{
    const pv_arg_t *arg = pv_request_arg(a->request, name);
    return arg ? arg->s : otherwise;
}

static void answer(const ask_t *a, json_t *fields)
{
    json_t *reply = pv_reply_make(a->request->id);
    json_object_update_missing(reply, fields);
    json_decref(fields);
    pv_session_send(a->session, a->request->id, reply);
}

static void refuse(const ask_t *a, const pv_err_t *err)
{
    pv_session_error(a->session, a->request->id, err);
}

/* A row of several; ROW stays the caller's. */
static void send_row(const ask_t *a, const json_t *row)
{
    json_t *line = json_copy((json_t *)row);
    json_object_set_new(line, "re", json_integer((json_int_t)a->request->id));
    pv_session_send(a->session, a->request->id, line);
}

/* ---- hello ---- */

static json_t *verbs(void)
{
    json_t *list = json_array();
    for (int i = 0; i < PV_MSGS; i++)
        json_array_append_new(list, json_string(pv_msg_row((pv_msg_t)i)->op));
    return list;
}

static void do_hello(const ask_t *a)
{
    pv_journal_t *j = a->engine->journal;
    uint64_t first, last;
    pv_event_range(j, &first, &last);
    answer(a, json_pack("{si ss ss sI sI sI ss so}", "v", PV_PROTOCOL, "world", pv_journal_world(j), "journal",
                        pv_journal_id(j), "epoch", (json_int_t)pv_journal_epoch(j), "first", (json_int_t)first, "last",
                        (json_int_t)last, "state", pv_engine_state_name(a->engine->state), "verbs", verbs()));
}

/* ---- tasks ---- */

static pv_ask_t task_of(const ask_t *a)
{
    const pv_arg_t *key = pv_request_arg(a->request, "key");
    pv_ask_t ask = {.task = a->request->task,
                    .type = a->request->task->type,
                    .object = pv_request_arg(a->request, "object")->id,
                    .revision = num(a, "revision", 0),
                    .fields = a->request->fields,
                    .origin = pv_session_origin(a->session)};
    if (key)
        ask.key = key->key;
    return ask;
}

static void do_submit(const ask_t *a)
{
    pv_ask_t ask = task_of(a);
    pv_accepted_t accepted;
    pv_err_t err;
    if (pv_accept(&accepted, a->engine, &ask, &err) != APR_SUCCESS) {
        refuse(a, &err);
        return;
    }
    PV_FAULT("reply", NULL);
    answer(a, json_pack("{sI ss sb}", "job", (json_int_t)accepted.job, "state", pv_job_state_name(accepted.state),
                        "dup", accepted.dup));
}

static void do_plan(const ask_t *a)
{
    pv_ask_t ask = task_of(a);
    pv_sink_t *sink = pv_session_sink(a->session, a->request->id);
    if (sink)
        pv_accept_dry(a->engine, &ask, sink);
}

static void do_cancel(const ask_t *a)
{
    pv_job_state_t state;
    pv_err_t err;
    if (pv_cancel(&state, a->engine, &pv_request_arg(a->request, "key")->key, &err) == APR_SUCCESS)
        answer(a, json_pack("{ss}", "state", pv_job_state_name(state)));
    else
        refuse(a, &err);
}

/* ---- follow ---- */

/* Is AFTER a position of this journal from which nothing is missing? */
static int can_follow(const ask_t *a, uint64_t after, uint64_t first)
{
    return strcmp(str(a, "journal", ""), pv_journal_id(a->engine->journal)) == 0 && (first == 0 || after + 1 >= first);
}

static void do_follow(const ask_t *a)
{
    pv_journal_t *j = a->engine->journal;
    const char *consumer = str(a, "consumer", NULL);
    uint64_t first, last, after = num(a, "after", 0);
    pv_err_t err;
    pv_event_range(j, &first, &last);
    if (!can_follow(a, after, first)) {
        answer(a, json_pack("{sb sI}", "reset", 1, "seq", (json_int_t)last));
        return;
    }
    apr_status_t rv = APR_SUCCESS;
    if (consumer && after > last)
        rv = pv_fail(&err, PV_SCHEMA, "after", "the last event is %lu", (unsigned long)last);
    else if (consumer)
        rv = pv_consumer_ack(j, consumer, after, &err);
    if (rv != APR_SUCCESS) {
        refuse(a, &err);
        return;
    }
    answer(a, json_pack("{sI}", "last", (json_int_t)last));
    if (!pv_session_follows(a->session)) /* a second one on the same connection only acknowledges */
        pv_session_follow(a->session, after);
}

/* ---- list and show ---- */

static json_t *job_row(const ask_t *a, const pv_job_t *job)
{
    pv_object_t *object;
    uint64_t first, last;
    pv_event_job_range(a->engine->journal, job->id, &first, &last);
    json_t *row = json_pack("{sI ss ss ss sI ss ss ss}", "job", (json_int_t)job->id, "key", job->key.s, "type",
                            job->type, "object", job->object.s, "revision", (json_int_t)job->revision, "origin",
                            job->origin, "client", job->client, "state", pv_job_state_name(job->state));
    json_object_update_new(row, json_pack("{ss ss ss sb si si}", "code", pv_error_row(job->err.code)->name, "field",
                                          job->err.field, "text", job->err.text, "cancel", job->cancel, "crashes",
                                          job->crashes, "warnings", job->warnings));
    json_object_update_new(row,
                           json_pack("{sI sI sI sI sI sI}", "not_before", (json_int_t)job->not_before, "accepted",
                                     (json_int_t)job->accepted, "started", (json_int_t)job->started, "ended",
                                     (json_int_t)job->ended, "first", (json_int_t)first, "last", (json_int_t)last));
    if (pv_job_has_results(job)) {
        json_object_set(row, "verb", json_object_get(job->args, "verb"));
        json_object_set(row, "results", job->facts);
    }
    if (pv_object_find(&object, a->engine->journal, &job->object, a->p) == APR_SUCCESS)
        json_object_set_new(row, "name", json_string(object->name.s));
    return row;
}

static void end_list(const ask_t *a, const char *next)
{
    uint64_t first, last;
    pv_event_range(a->engine->journal, &first, &last);
    answer(a, json_pack("{sb ss sI}", "end", 1, "next", next, "seq", (json_int_t)last));
}

static void list_jobs(const ask_t *a, int limit)
{
    pv_job_t **row;
    uint64_t after = strtoull(str(a, "after", "0"), NULL, 10);
    int i = 0, n = pv_job_list(&row, a->engine->journal, PV_JOBS_ALL, after, limit, a->p);
    while (i < n && pv_session_waiting(a->session) < PAGE_BYTES) {
        json_t *line = job_row(a, row[i++]);
        send_row(a, line);
        json_decref(line);
    }
    end_list(a, i == limit || i < n ? apr_psprintf(a->p, "%lu", (unsigned long)row[i - 1]->id) : "");
}

static void list_objects(const ask_t *a, pv_kind_t kind, int limit)
{
    pv_object_t **row;
    int i = 0, n = 0;
    pv_object_list(&row, &n, a->engine->journal, kind, str(a, "after", ""), limit, a->p);
    while (i < n && pv_session_waiting(a->session) < PAGE_BYTES)
        send_row(a, pv_object_json(row[i++], a->p));
    end_list(a, i == limit || i < n ? row[i - 1]->id.s : "");
}

static void list_backups(const ask_t *a, int limit)
{
    pv_backup_t **row;
    int i = 0, n = pv_backup_list(&row, a->engine->journal, NULL, str(a, "after", ""), limit, a->p);
    while (i < n && pv_session_waiting(a->session) < PAGE_BYTES)
        send_row(a, pv_json_keep(pv_backup_json(row[i++]), a->p));
    end_list(a, i == limit || i < n ? row[i - 1]->bid.s : "");
}

/* What people can ask of a driver: what an install of it takes, and which verbs it has for them. */
static json_t *app_row(const pv_manifest_t *m, apr_pool_t *p)
{
    json_t *verbs = json_array();
    for (int i = 0; i < m->nverbs; i++) {
        const pv_verb_t *v = &m->verb[i];
        if (v->run)
            json_array_append_new(verbs, json_pack("{ss ss ss ss ss}", "verb", v->name, "label", v->label, "run",
                                                   v->run, "permission", v->permission ? v->permission : "", "args",
                                                   pv_strings_join(&v->args, " ", p)));
    }
    return json_pack("{ss ss so so so so}", "app", m->app.s, "label", m->label, "databases",
                     pv_strings_json(&m->databases), "fields", pv_strings_json(&m->fields), "required",
                     pv_strings_json(&m->required), "verbs", verbs);
}

static void list_apps(const ask_t *a, int limit)
{
    const pv_manifest_t **row;
    int n = 0;
    pv_err_t err;
    if (pv_manifest_list(&row, &n, a->engine->conf->AppsDir, &err, a->p) != APR_SUCCESS) {
        refuse(a, &err);
        return;
    }
    for (int i = 0; i < n; i++)
        send_row(a, pv_json_keep(app_row(row[i], a->p), a->p));
    end_list(a, "");
}

static void list_servers(const ask_t *a, int limit)
{
    list_objects(a, PV_SERVER, limit);
}

static void list_platforms(const ask_t *a, int limit)
{
    list_objects(a, PV_PLATFORM, limit);
}

static void list_sites(const ask_t *a, int limit)
{
    list_objects(a, PV_SITE, limit);
}

static void do_list(const ask_t *a)
{
    static const struct {
        const char *kind;
        void (*list)(const ask_t *a, int limit);
    } lists[] = {{"server", list_servers}, {"platform", list_platforms}, {"site", list_sites},
                 {"job", list_jobs},       {"backup", list_backups},     {"app", list_apps}};
    const char *kind = str(a, "kind", "");
    uint64_t limit = num(a, "limit", LIST_MAX);
    pv_err_t err;
    if (limit == 0 || limit > LIST_MAX) {
        pv_fail(&err, PV_SCHEMA, "limit", "limit: 1 to %d", LIST_MAX);
        refuse(a, &err);
        return;
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (strcmp(kind, lists[i].kind) == 0) {
            lists[i].list(a, (int)limit);
            return;
        }
    pv_fail(&err, PV_SCHEMA, "kind", "kind: server, platform, site, job, backup or app");
    refuse(a, &err);
}

static apr_status_t find_object(const ask_t *a, pv_object_t **ret)
{
    const pv_arg_t *id = pv_request_arg(a->request, "object"), *name = pv_request_arg(a->request, "name");
    if (id)
        return pv_object_find(ret, a->engine->journal, &id->id, a->p);
    return name ? pv_object_find_name(ret, a->engine->journal, name->s, a->p) : APR_NOTFOUND;
}

static apr_status_t find_job(const ask_t *a, pv_job_t **ret)
{
    const pv_arg_t *id = pv_request_arg(a->request, "job"), *key = pv_request_arg(a->request, "key");
    if (id)
        return pv_job_find(ret, a->engine->journal, id->num, a->p);
    return key ? pv_job_find_key(ret, a->engine->journal, &key->key, a->p) : APR_NOTFOUND;
}

static void do_show(const ask_t *a)
{
    pv_object_t *object;
    pv_job_t *job;
    pv_err_t err;
    if (find_object(a, &object) == APR_SUCCESS) {
        answer(a, json_incref(pv_object_json(object, a->p)));
    } else if (find_job(a, &job) == APR_SUCCESS) {
        json_t *row = job_row(a, job);
        json_object_set_new(row, "steps", pv_steps_json(a->engine->journal, job->id));
        answer(a, row);
    } else {
        const pv_arg_t *number = pv_request_arg(a->request, "job");
        if (number)
            pv_fail(&err, PV_NO_OBJECT, "job", "there is no job %" APR_UINT64_T_FMT, number->num);
        else
            pv_fail(&err, PV_NO_OBJECT, NULL, "name an object, a context name, a job's number or its key that exists");
        refuse(a, &err);
    }
}

/* ---- the rest ---- */

static void do_fetch(const ask_t *a)
{
    const char *s = str(a, "bid", "");
    pv_backup_t *backup;
    pv_bid_t bid;
    pv_err_t err;
    if (pv_bid_parse(&bid, s, strlen(s)) == APR_SUCCESS &&
        pv_backup_find(&backup, a->engine->journal, &bid, a->p) == APR_SUCCESS) {
        pv_fetch_run(a->session, a->request->id, backup);
        return;
    }
    pv_fail(&err, PV_NO_OBJECT, "bid", "there is no backup %s", s);
    refuse(a, &err);
}

static void do_status(const ask_t *a)
{
    pv_sink_t *sink = pv_session_sink(a->session, a->request->id);
    if (sink)
        pv_status_run(sink);
}

static void do_doctor(const ask_t *a)
{
    pv_sink_t *sink = pv_session_sink(a->session, a->request->id);
    if (sink)
        pv_doctor_run(a->engine, (int)num(a, "repair", 0), sink);
}

void pv_request_run(pv_session_t *session, const pv_request_t *request, apr_pool_t *p)
{
    static void (*const run[])(const ask_t *a) = {
#define MSG(op, help) [PV_MSG_##op] = do_##op,
#define ARG(op, name, kind, need, help)
#include "proto/messages.def"
#undef MSG
#undef ARG
    };
    ask_t a = {.session = session, .engine = pv_session_engine(session), .request = request, .p = p};
    run[request->msg](&a);
}
