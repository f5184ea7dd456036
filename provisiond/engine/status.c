/*
 * Asks root one question after the other and puts the answers together; a question that fails leaves its fields out and
 * is named.
 */
#include "engine/status.h"
#include "engine/journal_job.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include <apr_strings.h>

typedef struct {
    pv_sink_t *sink;
    json_t *answer;
    int at;
} status_t;

typedef struct {
    int op;
    const char *word;  /* its argument, or NULL */
    const char *a, *b; /* the fields that the answer's numbers fill */
} question_t;

static const question_t questions[] = {
    {PV_ROOT_served, NULL, "rev", "httpd"},
    {PV_ROOT_space, "STATE", "state_bytes", "state_inodes"},
    {PV_ROOT_space, "SITES", "sites_bytes", "sites_inodes"},
};

static void ask_next(status_t *st);

static void answered(pv_call_t *call, const pv_reply_t *reply)
{
    status_t *st = call->ctx;
    const question_t *q = &questions[st->at++];
    if (reply->code == PV_OK) {
        json_object_set_new(st->answer, q->a, json_integer((json_int_t)reply->a));
        json_object_set_new(st->answer, q->b, json_integer((json_int_t)reply->b));
    } else {
        json_object_set_new(st->answer, apr_pstrcat(call->p, q->a, "_error", NULL),
                            json_string(reply->detail[0] != '\0' ? reply->detail : pv_error_row(reply->code)->text));
    }
    ask_next(st);
}

static void ask_next(status_t *st)
{
    if ((size_t)st->at == sizeof(questions) / sizeof(questions[0])) {
        st->sink->end(st->sink, NULL, st->answer);
        return;
    }
    const question_t *q = &questions[st->at];
    pv_call_t *call = pv_call_make(st->sink->engine, NULL);
    pv_call_root(call, q->op);
    if (q->word)
        pv_dgram_str(call->out, q->word);
    pv_call_run(call, answered, st);
}

static void count(json_t *answer, pv_journal_t *j)
{
    static const pv_kind_t kinds[] = {PV_SERVER, PV_PLATFORM, PV_SITE};
    static const char *const names[] = {"servers", "platforms", "sites"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        json_object_set_new(answer, names[i], json_integer(pv_object_count(j, kinds[i])));
    for (int s = PV_JOB_accepted; s <= PV_JOB_stuck; s++)
        json_object_set_new(answer, pv_job_state_name((pv_job_state_t)s),
                            json_integer(pv_job_count(j, (pv_job_state_t)s)));
}

void pv_status_run(pv_sink_t *sink)
{
    pv_engine_t *engine = sink->engine;
    uint64_t first, last;
    status_t *st = apr_pcalloc(sink->p, sizeof(*st));
    pv_event_range(engine->journal, &first, &last);
    st->sink = sink;
    st->answer =
        json_pack("{ss ss sI sI sb sb}", "state", pv_engine_state_name(engine->state), "journal",
                  pv_journal_id(engine->journal), "epoch", (json_int_t)pv_journal_epoch(engine->journal), "last",
                  (json_int_t)last, "dba", pv_engine_has_dba(engine), "root", pv_engine_has_root(engine));
    count(st->answer, engine->journal);
    ask_next(st);
}
