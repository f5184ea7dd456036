/*
 * The dispatch of ops.def. An operation is entered only by the process that its row names and with arguments that its
 * row describes; each leaves one audit line, a refused one too. Secrets travel in descriptors, so that no line can hold
 * one.
 */
#include "root/ops.h"
#include "fault.h"
#include "proto/utf8.h"
#include "root/args.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define AUDIT_ARGS 240 /* bytes of the arguments that an audit line shows */

typedef struct {
    const char *name;
    uint16_t number;
    pv_caller_t caller;
    const char *args;
    pv_op_fn *fn;
} op_t;

#define ENGINE PV_CALLER_ENGINE
#define DBA    PV_CALLER_DBA
static const op_t ops[] = {
#define OP(name, number, caller, args, help) {#name, number, caller, args, pv_op_##name},
#include "root/ops.def"
#undef OP
};

static const op_t *find(uint16_t number)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (ops[i].number == number)
            return &ops[i];
    return NULL;
}

/* A value of a line is in quotes: it has none of its own, or what a caller sends could look like another value. */
static char *unquote(char *s)
{
    for (char *c = s; (c = strchr(c, '"'));)
        *c = '\'';
    return s;
}

static void audit(const char *op, const pv_dgram_head_t *head, const char *args, const pv_answer_t *answer)
{
    const pv_reply_t *r = &answer->reply;
    char detail[sizeof(r->detail)];
    memcpy(detail, r->detail, sizeof(detail));
    pv_root_log("op", "op=%s job=%llu seq=%u args=\"%s\" code=%s a=%llu b=%llu detail=\"%s\"", op,
                (unsigned long long)head->job, head->seq, args, pv_error_row(r->code)->name, (unsigned long long)r->a,
                (unsigned long long)r->b, unquote(detail));
}

static void audit_args(char *buf, size_t size, const pv_dgram_t *m)
{
    char raw[AUDIT_ARGS] = "";
    size_t at = 0;
    for (unsigned i = 0; i < m->head.argc && at < sizeof(raw); i++)
        at += (size_t)snprintf(raw + at, sizeof(raw) - at, "%s%.*s", i ? " " : "", (int)m->arg[i].len, m->arg[i].s);
    pv_utf8_clean(buf, size, raw, strlen(raw));
    unquote(buf);
}

int pv_ops_send(int sock, const pv_dgram_head_t *to, pv_answer_t *answer)
{
    pv_dgram_out_t out;
    pv_dgram_reply(&out, to, &answer->reply);
    if (answer->more)
        pv_dgram_str(&out, answer->more);
    int sent = pv_dgram_send(sock, &out, answer->fd, answer->nfds);
    while (answer->nfds > 0)
        close(answer->fd[--answer->nfds]);
    return sent;
}

void pv_ops_audit_later(const pv_dgram_head_t *to, const pv_answer_t *answer)
{
    const op_t *op = find(to->op);
    audit(op ? op->name : "?", to, answer->more ? answer->more : "", answer);
}

static void enter(pv_root_t *root, const op_t *op, const pv_dgram_t *m, pv_answer_t *answer)
{
    PV_FAULT("op.intent", op->name);
    op->fn(root, m, answer);
    PV_FAULT("op.effect", op->name);
}

static void run(pv_root_t *root, pv_caller_t caller, const op_t *op, const pv_dgram_t *m, pv_answer_t *answer)
{
    char why[256];
    if (!op || op->caller != caller)
        pv_answer_fail(answer, PV_UNKNOWN_OP, "operation %u is none of this caller's", m->head.op);
    else if (pv_args_check(root, op->args, m, why, sizeof(why)) != 0)
        pv_answer_fail(answer, PV_SCHEMA, "%s: %s", op->name, why);
    else
        enter(root, op, m, answer);
}

int pv_ops_run(pv_root_t *root, pv_caller_t caller, int sock, const pv_dgram_t *m)
{
    const op_t *op = find(m->head.op);
    pv_answer_t answer = {0};
    char args[AUDIT_ARGS];
    run(root, caller, op, m, &answer);
    if (answer.later)
        return 1;
    audit_args(args, sizeof(args), m);
    audit(op ? op->name : "?", &m->head, args, &answer);
    return pv_ops_send(sock, &m->head, &answer);
}

void pv_answer_fail(pv_answer_t *answer, pv_code_t code, const char *fmt, ...)
{
    char text[2 * sizeof(answer->reply.detail)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    answer->reply.code = code;
    pv_utf8_clean(answer->reply.detail, sizeof(answer->reply.detail), text, strlen(text));
}

static void fail_errno(pv_answer_t *answer, int e, int no_inodes, const char *what)
{
    pv_code_t code = e == ENOSPC || e == EDQUOT ? PV_DISK_FULL : PV_INTERNAL;
    pv_answer_fail(answer, code == PV_DISK_FULL && no_inodes ? PV_INODES_FULL : code, "%s: %s", what, strerror(e));
}

void pv_answer_errno(pv_answer_t *answer, const char *what)
{
    fail_errno(answer, errno, 0, what);
}

void pv_answer_errno_in(pv_answer_t *answer, int dir, const char *what)
{
    struct statvfs fs;
    int e = errno;
    fail_errno(answer, e, fstatvfs(dir, &fs) == 0 && fs.f_files > 0 && fs.f_favail == 0, what);
}
