/*
 * The protocol's messages, one JSON object a line: decoding of requests by the rows of messages.def and tasks.def, and
 * the shapes of replies, errors and events. A decoded request is checked: its operation exists, every argument and
 * field is known, of its type and there if required. Whatever bytes come in, an error value comes out.
 *
 * json_t values that are returned belong to the caller (json_decref, or pv_json_keep) unless said otherwise.
 */
#ifndef PV_MESSAGE_H
#define PV_MESSAGE_H

#include "proto/task.h"
#include <apr_pools.h>
#include <jansson.h>

#define PV_PROTOCOL 1

typedef enum {
#define MSG(op, help) PV_MSG_##op,
#define ARG(op, name, kind, need, help)
#include "proto/messages.def"
#undef MSG
#undef ARG
    PV_MSGS
} pv_msg_t;

typedef enum { PV_ARG_KEY, PV_ARG_ID, PV_ARG_WORD, PV_ARG_TEXT, PV_ARG_NUM, PV_ARG_FLAG } pv_arg_kind_t;

typedef struct {
    const char *name;
    pv_arg_kind_t kind;
    int required;
    const char *help;
} pv_arg_row_t;

/* A message with an argument `type` carries the fields of a task besides: type and the kind of `object` choose its row.
 */
typedef struct {
    const char *op;
    const char *help;
    int nargs;
    const pv_arg_row_t *arg;
} pv_msg_row_t;

const pv_msg_row_t *pv_msg_row(pv_msg_t msg);
pv_msg_t pv_msg_find(const char *op, size_t len); /* PV_MSGS where there is none */

/* An argument's value; which member counts is its row's kind. */
typedef struct {
    const char *s; /* KEY, ID, WORD, TEXT: its text */
    pv_key_t key;  /* KEY */
    pv_id_t id;    /* ID */
    uint64_t num;  /* NUM; FLAG: 0 or 1 */
} pv_arg_t;

typedef struct {
    pv_msg_t msg;
    uint64_t id;                /* the client's number */
    const pv_arg_t *const *arg; /* in the order of the message's rows, NULL where absent; read with pv_request_arg */
    const pv_task_row_t *task;  /* submit, plan; else NULL */
    const pv_fields_t *fields;
} pv_request_t;

/* Decodes LINE (no newline). Errors: TOO_LONG, UNKNOWN_OP, and SCHEMA, whose text names all wrong arguments and fields
 * at once. *ID is the request's number for the reply, set on failure too; 0 where it could not be read. */
apr_status_t pv_request_decode(const pv_request_t **ret, uint64_t *id, const char *line, size_t len, pv_err_t *err,
                               apr_pool_t *p);

const pv_arg_t *pv_request_arg(const pv_request_t *request, const char *name); /* NULL where absent */

/* {"op":OP,"id":ID}; the caller adds arguments. */
json_t *pv_request_make(pv_msg_t msg, uint64_t id);
/* Adds the fields of a task: strings, and arrays of strings where the field is a list. */
void pv_request_put(json_t *request, const pv_task_row_t *task, const pv_fields_t *fields);

/* {"re":RE,"ok":true}; the caller adds what the operation answers. */
json_t *pv_reply_make(uint64_t re);
/* {"re","ok":false,"code","field","text","fix"}; the text is the row's where err has none. */
json_t *pv_reply_error(uint64_t re, const pv_err_t *err);
/* {"ev":SEQ,"at":AT,"kind":KIND}; the caller adds job, key, object and what the kind carries. */
json_t *pv_event_make(uint64_t seq, int64_t at, const char *kind);

/* Reads a reply: fills err and returns APR_EGENERAL for one that says no, or that is no reply to RE. */
apr_status_t pv_reply_check(const json_t *reply, uint64_t re, pv_err_t *err);

/* One line of JSON from a peer: an object, within all limits of the protocol but for what its members mean. */
apr_status_t pv_json_parse(json_t **ret, const char *line, size_t len, pv_err_t *err);
/* The line that says it, with its newline, in P. TOO_LONG above PV_LINE_MAX bytes. */
apr_status_t pv_json_line(const char **ret, size_t *len, const json_t *json, pv_err_t *err, apr_pool_t *p);

/* Gives a reference to the pool: it is dropped when P is cleared. Returns JSON. */
json_t *pv_json_keep(json_t *json, apr_pool_t *p);

/* Any bytes as text that a message can carry: control bytes and bytes that are no UTF-8 as \xNN, cut before MAX bytes
 * at a character's border. For logs and what foreign programs say. */
const char *pv_text_show(const char *s, size_t len, size_t max, apr_pool_t *p);

#endif
