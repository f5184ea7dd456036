/*
 * Help and version, made from the rows of commands.def, tasks.def and values.def. Asks nobody.
 */
#include "ctl/ctl.h"
#include "version.h"
#include <apr_strings.h>
#include <string.h>

#define HELP_WIDTH 44

static const char *usage_line(const pv_command_row_t *row, const char *word, apr_pool_t *p)
{
    const char *text = word;
    for (int i = 0; i < PV_WORDS_MAX && row->arg[i] != PV_WORD_NONE; i++)
        if (row->arg[i] != PV_WORD_TASK || row->word[0])
            text = apr_pstrcat(p, text, " ", pv_word_usage(row->arg[i]), NULL);
    for (int o = 0; o < PV_OPTIONS; o++)
        if (row->options & (1u << o))
            text = apr_pstrcat(p, text, " [", pv_option_row(o)->word, "]", NULL);
    return text;
}

static void pair(const pv_ctl_t *ctl, const char *left, const char *right)
{
    fprintf(ctl->view.out, "  %-*s  %s\n", HELP_WIDTH, left, right);
}

static void head(const pv_ctl_t *ctl, const char *title)
{
    fprintf(ctl->view.out, "\n%s%s%s\n", pv_tone_on(PV_TONE_HEAD, ctl->view.out_colour), title,
            pv_tone_off(PV_TONE_HEAD, ctl->view.out_colour));
}

static void option_lines(const pv_ctl_t *ctl, unsigned which)
{
    for (int o = 0; o < PV_OPTIONS; o++) {
        const pv_option_row_t *row = pv_option_row(o);
        if (which & (1u << o))
            pair(ctl,
                 apr_pstrcat(ctl->p, row->brief, row->brief[0] ? ", " : "", row->word, row->value[0] ? " " : "",
                             row->value, NULL),
                 row->help);
    }
}

static void overview(const pv_ctl_t *ctl)
{
    unsigned particular = 0;
    fputs("usage: provision COMMAND [options]\n       provision TASK @context [field=value ...]\n", ctl->view.out);
    head(ctl, "Tasks");
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        pair(ctl, apr_pstrcat(ctl->p, task->type, " ", pv_kind_name(task->kind), NULL), task->help);
    }
    head(ctl, "Commands");
    for (int c = 0; c < PV_COMMANDS; c++) {
        const pv_command_row_t *row = pv_command_row(c);
        pair(ctl, usage_line(row, row->word[0] ? row->word : "TASK", ctl->p), row->help);
        particular |= row->options;
    }
    head(ctl, "Options everywhere");
    option_lines(ctl, ~particular & ((1u << PV_OPTIONS) - 1));
    fputs("\n'provision help TASK' lists the fields of a task, provision(1) says the rest.\n", ctl->view.out);
}

/* The fields of a task, for each kind of object that it goes with. */
static void task_help(const pv_ctl_t *ctl, const char *type)
{
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        if (strcmp(task->type, type) != 0)
            continue;
        fprintf(ctl->view.out, "provision %s @%s%s\n  %s\n", task->type,
                task->kind == PV_SITE ? "www.example.org" : pv_kind_name(task->kind),
                task->kind == PV_SITE ? "" : "_NAME", task->help);
        for (int f = 0; f < task->nfields; f++) {
            const pv_field_row_t *field = &task->field[f];
            fprintf(ctl->view.out, "    %-12s %s %s\n    %-12s   %s%s\n", field->name, field->required ? "*" : " ",
                    field->help, "", pv_value_row(field->value)->list ? "with commas: " : "",
                    pv_value_row(field->value)->help);
        }
    }
    fputs("Fields marked * are required for a new object; the name is the context's where it is not given.\n",
          ctl->view.out);
}

static json_t *help_json(const pv_ctl_t *ctl)
{
    json_t *tasks = json_array();
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        json_t *fields = json_array();
        for (int f = 0; f < task->nfields; f++) {
            const pv_field_row_t *field = &task->field[f];
            const pv_value_row_t *value = pv_value_row(field->value);
            json_array_append_new(fields,
                                  json_pack("{s:s,s:b,s:b,s:s,s:s}", "name", field->name, "required", field->required,
                                            "list", value->list, "value", value->help, "help", field->help));
        }
        json_array_append_new(tasks, json_pack("{s:s,s:s,s:s,s:o}", "type", task->type, "kind",
                                               pv_kind_name(task->kind), "help", task->help, "fields", fields));
    }
    json_t *commands = json_array();
    for (int c = 0; c < PV_COMMANDS; c++) {
        const pv_command_row_t *row = pv_command_row(c);
        json_array_append_new(commands,
                              json_pack("{s:s,s:s,s:s}", "command", row->word, "usage",
                                        usage_line(row, row->word[0] ? row->word : "TASK", ctl->p), "help", row->help));
    }
    return json_pack("{s:o,s:o}", "commands", commands, "tasks", tasks);
}

static void command_help(const pv_ctl_t *ctl, const pv_command_row_t *row)
{
    fprintf(ctl->view.out, "provision %s\n  %s\n", usage_line(row, row->word, ctl->p), row->help);
    option_lines(ctl, row->options);
}

apr_status_t pv_command_help(pv_ctl_t *ctl, pv_err_t *err)
{
    const char *topic = ctl->words.topic;
    if (ctl->view.json) {
        pv_view_json(&ctl->view, pv_json_keep(help_json(ctl), ctl->p));
        return APR_SUCCESS;
    }
    if (!topic) {
        overview(ctl);
        return APR_SUCCESS;
    }
    for (int c = PV_COMMAND_task + 1; c < PV_COMMANDS; c++)
        if (strcmp(pv_command_row(c)->word, topic) == 0) {
            command_help(ctl, pv_command_row(c));
            return APR_SUCCESS;
        }
    task_help(ctl, topic);
    return APR_SUCCESS;
}

apr_status_t pv_command_version(pv_ctl_t *ctl, pv_err_t *err)
{
    if (ctl->view.json)
        pv_view_json(&ctl->view,
                     pv_json_keep(json_pack("{s:s,s:i}", "version", PV_VERSION, "protocol", PV_PROTOCOL), ctl->p));
    else
        fprintf(ctl->view.out, "provision %s (protocol %d)\n", PV_VERSION, PV_PROTOCOL);
    return APR_SUCCESS;
}
