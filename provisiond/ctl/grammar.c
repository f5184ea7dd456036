/*
 * Parser of the command line's words, driven by commands.def. It trusts no word: names go through proto/names.h here,
 * values of fields through pv_fields_check when the place of a path is known. A failure names the word and the way to
 * write it.
 */
#include "ctl/grammar.h"
#include <apr_strings.h>
#include <string.h>

#define ON(option) (1u << PV_OPTION_##option)
#define EVERYWHERE (ON(json) | ON(config) | ON(socket))

static const pv_option_row_t options[PV_OPTIONS] = {
#define OPTION(name, brief, word, value, help) {brief, word, value, help},
#include "ctl/commands.def"
};

#define ARGS(a, b, c) PV_WORD_##a, PV_WORD_##b, PV_WORD_##c
static const pv_command_row_t commands[PV_COMMANDS] = {
#define COMMAND(name, word, args, options, help) {word, {args}, options, help},
#include "ctl/commands.def"
};

static const char *const usages[] = {
#define WORD(name, usage) usage,
#include "ctl/commands.def"
};

static const char *const kinds[] = {"server", "platform", "site", "job", "backup", "app", NULL};

const pv_option_row_t *pv_option_row(pv_option_t option)
{
    return &options[option];
}

const pv_command_row_t *pv_command_row(pv_command_t command)
{
    return &commands[command];
}

const char *pv_word_usage(pv_word_t word)
{
    return usages[word];
}

int pv_words_json(int n, const char *const *words)
{
    for (int i = 0; i < n && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], options[PV_OPTION_json].word) == 0)
            return 1;
    return 0;
}

/* The words that are left, and what was made of those before. */
typedef struct {
    const char *const *word;
    int n;
    pv_words_t *out;
    pv_err_t *err;
    apr_pool_t *p;
} reader_t;

static const char *next(reader_t *r)
{
    if (r->n == 0)
        return NULL;
    r->n--;
    return *r->word++;
}

static apr_status_t read_task(reader_t *r, const char *word)
{
    if (!word)
        return pv_fail(r->err, PV_SCHEMA, "task", "name a task; 'provision help' lists them");
    for (int i = 0; i < pv_task_count(); i++)
        if (strcmp(pv_task_at(i)->type, word) == 0) {
            r->out->type = pv_task_at(i)->type;
            return APR_SUCCESS;
        }
    return pv_fail(r->err, PV_SCHEMA, "task", "'%s' is no command and no task; 'provision help' lists them", word);
}

static apr_status_t read_context(reader_t *r, const char *word)
{
    if (!word)
        return pv_fail(r->err, PV_SCHEMA, "context",
                       "name what it is about: @server_NAME, @platform_NAME or @www.example.org");
    if (pv_context_parse(&r->out->context, word, strlen(word)) != APR_SUCCESS)
        return pv_fail(
            r->err, PV_SCHEMA, "context",
            "'%s' is not of the form @server_NAME, @platform_NAME or @www.example.org, with letters that are "
            "not ASCII as xn--...",
            word);
    if (!r->out->type)
        return APR_SUCCESS;
    r->out->task = pv_task_find(r->out->type, r->out->context.kind);
    if (r->out->task)
        return APR_SUCCESS;
    return pv_fail(r->err, PV_SCHEMA, "task", "a %s has no task %s; 'provision help %s' shows what has",
                   pv_kind_name(r->out->context.kind), r->out->type, r->out->type);
}

static apr_status_t read_target(reader_t *r, const char *word)
{
    if (word && word[0] != '@') {
        if (pv_num_parse(&r->out->job, word, strlen(word), 1, UINT64_C(1) << 53) == APR_SUCCESS)
            return APR_SUCCESS;
        return pv_fail(r->err, PV_SCHEMA, "job",
                       "'%s' is neither a job's number nor a context such as @www.example.org", word);
    }
    return read_context(r, word);
}

static apr_status_t read_kind(reader_t *r, const char *word)
{
    if (!word)
        return APR_SUCCESS;
    for (int i = 0; kinds[i]; i++)
        if (strcmp(kinds[i], word) == 0) {
            r->out->kind = kinds[i];
            return APR_SUCCESS;
        }
    return pv_fail(r->err, PV_SCHEMA, "kind", "'%s' cannot be listed; server, platform, site, job, backup and app can",
                   word);
}

static apr_status_t read_bid(reader_t *r, const char *word)
{
    if (word && pv_bid_parse(&r->out->bid, word, strlen(word)) == APR_SUCCESS)
        return APR_SUCCESS;
    return pv_fail(r->err, PV_SCHEMA, "bid", "name a backup by its id; 'provision list backup' shows them");
}

static apr_status_t read_file(reader_t *r, const char *word)
{
    r->out->file = word;
    return word ? APR_SUCCESS : pv_fail(r->err, PV_SCHEMA, "file", "name the file to be written");
}

static int is_command(const char *word)
{
    for (int i = 1; i < PV_COMMANDS; i++)
        if (strcmp(commands[i].word, word) == 0)
            return 1;
    return 0;
}

static apr_status_t read_topic(reader_t *r, const char *word)
{
    r->out->topic = word;
    return !word || is_command(word) ? APR_SUCCESS : read_task(r, word);
}

static const pv_field_row_t *field_row(const pv_task_row_t *task, const char *name, size_t len)
{
    for (int i = 0; i < task->nfields; i++)
        if (strlen(task->field[i].name) == len && memcmp(task->field[i].name, name, len) == 0)
            return &task->field[i];
    return NULL;
}

/* A list is written with commas; an empty value is an empty list. */
static void split_list(pv_field_t *field, const char *value, apr_pool_t *p)
{
    int max = 1;
    for (const char *c = value; *c; c++)
        max += *c == ',';
    field->s = apr_palloc(p, sizeof(*field->s) * max);
    for (field->n = 0; *value; field->n++) {
        size_t len = strcspn(value, ",");
        field->s[field->n] = apr_pstrmemdup(p, value, len);
        value += len + (value[len] == ',');
    }
}

static apr_status_t read_field(reader_t *r, const char *word)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return pv_fail(r->err, PV_SCHEMA, "field", "'%s' is not of the form field=value", word);
    size_t len = equals - word;
    const pv_field_row_t *row = field_row(r->out->task, word, len);
    if (!row)
        return pv_fail(r->err, PV_SCHEMA, apr_pstrmemdup(r->p, word, len < 63 ? len : 63), "%s has no such field",
                       r->out->task->label);
    if (pv_fields_get(r->out->fields, row->name))
        return pv_fail(r->err, PV_SCHEMA, row->name, "it stands twice%s",
                       pv_value_row(row->value)->list ? "; write a list with commas" : "");
    pv_field_t *field = &r->out->fields->field[r->out->fields->n++];
    field->name = row->name;
    if (pv_value_row(row->value)->list) {
        split_list(field, equals + 1, r->p);
        return APR_SUCCESS;
    }
    field->n = 1;
    field->s = apr_palloc(r->p, sizeof(*field->s));
    field->s[0] = apr_pstrdup(r->p, equals + 1);
    return APR_SUCCESS;
}

static apr_status_t read_fields(reader_t *r, const char *word)
{
    r->out->fields = apr_pcalloc(r->p, sizeof(*r->out->fields));
    r->out->fields->field = apr_pcalloc(r->p, sizeof(pv_field_t) * (r->n + 1));
    for (; word; word = next(r)) {
        apr_status_t rv = read_field(r, word);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

typedef apr_status_t read_fn(reader_t *r, const char *word);

static read_fn *const readers[] = {
    [PV_WORD_TASK] = read_task, [PV_WORD_CONTEXT] = read_context, [PV_WORD_TARGET] = read_target,
    [PV_WORD_KIND] = read_kind, [PV_WORD_TOPIC] = read_topic,     [PV_WORD_FIELDS] = read_fields,
    [PV_WORD_BID] = read_bid,   [PV_WORD_FILE] = read_file,
};

static pv_option_t find_option(const char *word, size_t len)
{
    pv_option_t i = 0;
    while (i < PV_OPTIONS && !(strlen(options[i].word) == len && memcmp(options[i].word, word, len) == 0) &&
           !(len > 0 && strlen(options[i].brief) == len && memcmp(options[i].brief, word, len) == 0))
        i++;
    return i;
}

/* "--name", "--name value" or "--name=value". */
static apr_status_t read_option(reader_t *r, const char *word)
{
    size_t len = strcspn(word, "=");
    pv_option_t option = find_option(word, len);
    if (option == PV_OPTIONS)
        return pv_fail(r->err, PV_SCHEMA, "option", "there is no option %.*s; 'provision help' lists them", (int)len,
                       word);
    const pv_option_row_t *row = &options[option];
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (!row->value[0] && value)
        return pv_fail(r->err, PV_SCHEMA, "option", "%s takes no value", row->word);
    if (row->value[0] && !value)
        value = next(r);
    if (row->value[0] && (!value || !value[0]))
        return pv_fail(r->err, PV_SCHEMA, "option", "%s needs a value: %s %s", row->word, row->word, row->value);
    r->out->option[option] = value ? value : "";
    return APR_SUCCESS;
}

/* Takes the options out of the words, so that they may stand anywhere before a "--". */
static apr_status_t take_options(reader_t *r, const char **rest, int *nrest)
{
    const char *word;
    int open = 1;
    while ((word = next(r))) {
        apr_status_t rv = APR_SUCCESS;
        if (open && strcmp(word, "--") == 0)
            open = 0;
        else if (open && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
            r->out->command = PV_COMMAND_help;
        else if (open && strcmp(word, "--version") == 0)
            rest[(*nrest)++] = commands[PV_COMMAND_version].word;
        else if (open && word[0] == '-' && word[1])
            rv = read_option(r, word);
        else
            rest[(*nrest)++] = word;
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

static apr_status_t check_options(const pv_words_t *words, pv_err_t *err)
{
    const pv_command_row_t *row = &commands[words->command];
    for (int i = 0; i < PV_OPTIONS; i++)
        if (words->option[i] && !((row->options | EVERYWHERE) & (1u << i)))
            return pv_fail(err, PV_SCHEMA, "option", "%s does not go with %s", options[i].word,
                           row->word[0] ? row->word : words->type);
    return APR_SUCCESS;
}

/* Finds the command of the first word; a word that is no command begins a task. */
static void take_command(reader_t *r)
{
    if (r->out->command == PV_COMMAND_help || r->n == 0) {
        r->out->command = PV_COMMAND_help;
        return;
    }
    for (pv_command_t c = 1; c < PV_COMMANDS; c++)
        if (strcmp(commands[c].word, r->word[0]) == 0) {
            r->out->command = c;
            next(r);
            return;
        }
}

apr_status_t pv_words_parse(pv_words_t *ret, int n, const char *const *words, pv_err_t *err, apr_pool_t *p)
{
    memset(ret, 0, sizeof(*ret));
    const char **rest = apr_palloc(p, sizeof(*rest) * (n + 1));
    int nrest = 0;
    reader_t r = {words, n, ret, err, p};
    apr_status_t rv = take_options(&r, rest, &nrest);
    if (rv != APR_SUCCESS)
        return rv;
    r.word = rest;
    r.n = nrest;
    int asked = ret->command == PV_COMMAND_help; /* "provision list --help" */
    take_command(&r);
    const pv_command_row_t *row = &commands[ret->command];
    for (int i = 0; i < PV_WORDS_MAX && row->arg[i] != PV_WORD_NONE; i++)
        if ((rv = readers[row->arg[i]](&r, next(&r))) != APR_SUCCESS)
            return rv;
    if (r.n > 0 && !asked)
        return pv_fail(err, PV_SCHEMA, "word", "'%s' is one word too many", r.word[0]);
    return check_options(ret, err);
}
