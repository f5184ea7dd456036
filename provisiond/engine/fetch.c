/*
 * The archive comes from root as a descriptor; the bytes go from file to socket by the kernel and never through here.
 */
#include "engine/fetch.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include <apr_strings.h>
#include <string.h>

typedef struct {
    pv_session_t *session;
    pv_sink_t *sink;
    pv_backup_t backup;
} fetch_t;

/* Both sizes must be the one that was recorded: a file that is not what its row says is no backup. */
static void opened(pv_call_t *call, const pv_reply_t *reply)
{
    fetch_t *f = call->ctx;
    const pv_backup_t *b = &f->backup;
    pv_err_t err;

    if (reply->code != PV_OK || call->nfds != 1) {
        pv_fail(&err, reply->code != PV_OK ? reply->code : PV_INTERNAL, "bid", "%s", reply->detail);
        f->sink->end(f->sink, &err, NULL);
    } else if ((int64_t)reply->b != b->size) {
        pv_fail(&err, PV_ARCHIVE_BAD, "bid", "it has %lu bytes, not %ld", (unsigned long)reply->b, (long)b->size);
        f->sink->end(f->sink, &err, NULL);
    } else {
        pv_session_stream(f->session, call->fd[0], b->size);
        call->fd[0] = -1;
        f->sink->end(f->sink, NULL,
                     json_pack("{s:I, s:s+, s:s}", "size", (json_int_t)b->size, "name", b->bid.s, ".tar.zst", "sha256",
                               b->sha256));
    }
}

void pv_fetch_run(pv_session_t *session, uint64_t re, const pv_backup_t *backup)
{
    pv_sink_t *sink = pv_session_sink(session, re);
    pv_call_t *call;
    fetch_t *f;

    if (!sink)
        return;
    f = apr_palloc(sink->p, sizeof(*f));
    *f = (fetch_t){.session = session, .sink = sink, .backup = *backup};
    f->backup.sha256 = apr_pstrdup(sink->p, backup->sha256);
    call = pv_call_make(sink->engine, NULL);
    pv_call_root(call, PV_ROOT_backup);
    pv_dgram_str(call->out, backup->site.s);
    pv_dgram_str(call->out, backup->bid.s);
    pv_dgram_str(call->out, "OPEN");
    pv_call_run(call, opened, f);
}
