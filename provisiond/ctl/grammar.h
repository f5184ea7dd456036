/*
 * The words of a command line as a checked request: which command, which task, on what, with which fields and options.
 * Rows: commands.def and tasks.def. Nothing is opened or asked here.
 */
#ifndef PV_CTL_GRAMMAR_H
#define PV_CTL_GRAMMAR_H

#include "conf.h"
#include "proto/task.h"

#define PV_WORDS_MAX 3

typedef enum {
#define WORD(name, usage) PV_WORD_##name,
#include "ctl/commands.def"
} pv_word_t;

typedef enum {
#define OPTION(name, brief, word, value, help) PV_OPTION_##name,
#include "ctl/commands.def"
    PV_OPTIONS
} pv_option_t;

typedef enum {
#define COMMAND(name, word, args, options, help) PV_COMMAND_##name,
#include "ctl/commands.def"
    PV_COMMANDS
} pv_command_t;

typedef struct {
    const char *brief, *word; /* "-f", "--follow" */
    const char *value;        /* name of its value for help, "" where it has none */
    const char *help;
} pv_option_row_t;

typedef struct {
    const char *word; /* "" for the tasks */
    pv_word_t arg[PV_WORDS_MAX];
    unsigned options; /* bits of the pv_option_t it takes besides --json, --config and --socket */
    const char *help;
} pv_command_row_t;

typedef struct {
    pv_command_t command;
    const char *type;               /* TASK: its type */
    const pv_task_row_t *task;      /* TASK with CONTEXT */
    pv_context_t context;           /* CONTEXT or TARGET; s[0] == 0: none */
    uint64_t job;                   /* TARGET: a job's number; 0: none */
    pv_bid_t bid;                   /* BID */
    const char *file;               /* FILE */
    const char *kind, *topic;       /* KIND, TOPIC; NULL where left out */
    pv_fields_t *fields;            /* FIELDS as they came, lists split at commas; not yet checked */
    const char *option[PV_OPTIONS]; /* NULL: not given; "" or its value */
} pv_words_t;

const pv_option_row_t *pv_option_row(pv_option_t option);
const pv_command_row_t *pv_command_row(pv_command_t command);
const char *pv_word_usage(pv_word_t arg); /* "@context", "[field=value ...]" */

/* WORDS without the program's own name. Without any: help. */
apr_status_t pv_words_parse(pv_words_t *ret, int n, const char *const *words, pv_err_t *err, apr_pool_t *p);

/* Is --json among the words? Asked before they are parsed, so that a wrong word is told in JSON too. */
int pv_words_json(int n, const char *const *words);

#endif
