/*
 * One run of `provision`: its words, where it asks, what it has learned. Commands are functions of it, one for each row
 * of commands.def; main.c calls one of them and turns what it says into an exit code.
 */
#ifndef PV_CTL_H
#define PV_CTL_H

#include "ctl/grammar.h"
#include "ctl/view.h"
#include "proto/client.h"

typedef struct {
    apr_pool_t *p;
    pv_words_t words;
    pv_view_t view;
    const pv_conf_t *conf; /* read when it is first asked for: pv_ctl_conf */
    pv_client_t *client;   /* the connection that requests go over: pv_ctl_connect */
    pv_code_t outcome; /* what the run came to, where it is not an error of its own: a job's code, WARNING for drift */
} pv_ctl_t;

typedef apr_status_t pv_command_fn(pv_ctl_t *ctl, pv_err_t *err);

#define COMMAND(name, word, args, options, help) pv_command_fn pv_command_##name;
#include "ctl/commands.def"

/* The configuration; an unreadable one is an error only for who needs it. */
apr_status_t pv_ctl_conf(const pv_conf_t **ret, pv_ctl_t *ctl, pv_err_t *err);

/* Opens a connection and says hello. The first one stays ctl->client. */
apr_status_t pv_ctl_connect(pv_client_t **ret, pv_ctl_t *ctl, pv_err_t *err);

/* Opens a new connection after one broke, trying again while the daemon starts anew, at most PV_CTL_PATIENCE seconds.
 */
apr_status_t pv_ctl_reconnect(pv_client_t **ret, pv_ctl_t *ctl, pv_err_t *err);

#define PV_CTL_PATIENCE 60
#define PV_CTL_PAUSE    apr_time_from_msec(100) /* between two tries */

/* Is this the error of a daemon that is away for a moment? */
int pv_ctl_lost(const pv_err_t *err);

/* A request over ctl->client, which is opened where it is not; the caller adds its arguments. */
apr_status_t pv_ctl_request(json_t **ret, pv_ctl_t *ctl, pv_msg_t msg, pv_err_t *err);

/* Sends it (and drops the reference) and gives its answer without "re" and "ok", in ctl->p. */
apr_status_t pv_ctl_ask(json_t **ret, pv_ctl_t *ctl, json_t *request, pv_err_t *err);

/* The same for an answer of rows: *ROWS is an array of them, *END what the last line said. */
apr_status_t pv_ctl_rows(json_t **rows, json_t **end, pv_ctl_t *ctl, json_t *request, pv_err_t *err);

/* All rows of a kind, page by page. */
apr_status_t pv_ctl_list(json_t **ret, pv_ctl_t *ctl, const char *kind, pv_err_t *err);

/* Row of the object of that name; NO_OBJECT names FIELD. */
apr_status_t pv_ctl_object(json_t **ret, pv_ctl_t *ctl, const pv_context_t *name, const char *field, pv_err_t *err);

/* Row of a job; a connection that was open and has broken is made anew. */
apr_status_t pv_ctl_job(json_t **ret, pv_ctl_t *ctl, uint64_t job, pv_err_t *err);

/* An object of id -> name of every server, platform and site, for people; NULL where only JSON is shown. */
apr_status_t pv_ctl_names(json_t **ret, pv_ctl_t *ctl, pv_err_t *err);

/* A text of a row, "" where it has none; a number, 0. */
const char *pv_row_text(const json_t *row, const char *key);
json_int_t pv_row_num(const json_t *row, const char *key);

#endif
