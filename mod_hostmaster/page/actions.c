/*
 * What people can start on an object: the tasks of its kind and the verbs of its platform's type, as buttons; and the
 * body that asks for one, checked as the daemon will check it. No SQL, no markup, no state.
 */
#include "db.h"
#include "forms.h"
#include "model/app.h"
#include "page/page.h"
#include <apr_strings.h>
#include <string.h>

#define RUN   "run"
#define FIRST "login" /* the verb that people want most: it stands before the others */

/* Does it need nothing but the object? verify's fields are the object's own. */
static int is_plain(const pv_task_row_t *task)
{
    for (int i = 0; i < task->nfields; i++)
        if (task->field[i].required && strcmp(task->type, "verify") != 0)
            return 0;
    return 1;
}

/* What never was can only be made, or deleted. */
static int fits_unmade(pv_kind_t kind, const char *type)
{
    return strcmp(type, "delete") == 0 || (strcmp(type, "verify") == 0 && kind != PV_SITE);
}

/* May a person start this task now? disable and enable exclude each other. */
static int offered(const pv_task_row_t *task, pv_kind_t kind, const char *state)
{
    if (task->kind != kind || !is_plain(task))
        return 0;
    if (strcmp(state, "new") == 0)
        return fits_unmade(kind, task->type);
    if (strcmp(task->type, "disable") == 0)
        return strcmp(state, "enabled") == 0;
    return strcmp(task->type, "enable") != 0 || strcmp(state, "disabled") == 0;
}

/* ---- what one takes ---- */

/* The choices of a field; one that is typed has none. What differs from NOW stands first. */
static json_t *options_of(const hm_input_t *in, const char *now)
{
    static const struct {
        int value;
        const char *option;
    } rows[] = {{PV_VALUE_ONOFF, "on"}, {PV_VALUE_ONOFF, "off"}, {PV_VALUE_YESNO, "yes"}, {PV_VALUE_YESNO, "no"}};
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].value == in->value)
            json_array_append_new(all, json_string(rows[i].option));
    if (json_array_size(all) > 0 && strcmp(json_string_value(json_array_get(all, 0)), now) == 0) {
        json_array_append(all, json_array_get(all, 0));
        json_array_remove(all, 0);
    }
    return all;
}

static int has_field(const pv_task_row_t *task, const char *name)
{
    for (int i = 0; i < task->nfields; i++)
        if (strcmp(task->field[i].name, name) == 0)
            return 1;
    return 0;
}

/* The fields of a task, or of a VERB of it; NOW: what is known of them. */
static json_t *inputs_of(const pv_task_row_t *task, const json_t *verb, const json_t *now)
{
    json_t *inputs = json_array();
    const hm_input_t *in;
    for (int i = 0; (in = hm_form_input(hm_form_find("task"), i)) != NULL; i++)
        if (verb ? hm_verb_takes(verb, in->name) : has_field(task, in->name))
            json_array_append_new(inputs,
                                  json_pack("{s:s, s:s, s:s, s:o}", "name", in->name, "label", in->label, "help",
                                            in->help, "options", options_of(in, hm_row_s(now, in->name))));
    return inputs;
}

void hm_actions_show(hm_req_t *q, pv_kind_t kind, const char *id, const char *state)
{
    json_t *actions = json_array();
    for (int i = 0; i < pv_task_count(); i++) {
        const pv_task_row_t *task = pv_task_at(i);
        if (!offered(task, kind, state))
            continue;
        const char *last = strrchr(task->label, ' '); /* "Back up site": which site is plain to see */
        const char *label = last ? apr_pstrmemdup(q->p, task->label, (apr_size_t)(last - task->label)) : task->label;
        const char *action = apr_psprintf(q->p, "/%ss/%s/tasks", pv_kind_name(kind), id);
        json_array_append_new(
            actions, json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "type", task->type, "label", label, "help", task->help,
                               "action", action, "danger", strcmp(task->type, "delete") == 0, "inputs",
                               strcmp(state, "new") == 0 ? json_array() : inputs_of(task, NULL, NULL)));
    }
    json_object_set_new(q->view, "actions", actions);
}

/* ---- verbs ---- */

apr_status_t hm_verbs_show(hm_req_t *q, pv_kind_t kind, const char *id, const char *platform, const json_t *now)
{
    const char *action = apr_psprintf(q->p, "/%ss/%s/tasks", pv_kind_name(kind), id);
    const json_t *app = NULL;
    json_t *verbs = hm_own(q, json_array()), *row;
    size_t i;
    apr_status_t rv = hm_app_of(&app, q->db, platform, &q->err);
    json_array_foreach(json_object_get(app, "verbs"), i, row)
    {
        const char *name = hm_row_s(row, "verb");
        if (hm_app_verb(app, name, kind) != row)
            continue;
        int first = strcmp(name, FIRST) == 0;
        json_array_insert_new(verbs, first ? 0 : json_array_size(verbs),
                              json_pack("{s:s, s:s, s:s, s:b, s:o}", "verb", name, "label", hm_row_s(row, "label"),
                                        "action", action, "first", first, "inputs", inputs_of(NULL, row, now)));
    }
    if (json_array_size(verbs) > 0)
        json_object_set(q->view, "verbs", verbs);
    return rv;
}

/* ---- asking for one ---- */

/* The verb's own rules; where the type is not known, the daemon's word is awaited. */
static apr_status_t verb_check(hm_req_t *q, pv_kind_t kind, const char *platform, const json_t *args, hm_asked_t *asked)
{
    const json_t *app = NULL;
    const char *name;
    json_t *value;
    asked->what = hm_row_s(args, "verb");
    if (asked->what[0] == '\0')
        return hm_form_wrong(q, PV_SCHEMA, "verb", "it is required");
    apr_status_t rv = hm_app_of(&app, q->db, platform, &q->err);
    if (rv != APR_SUCCESS || app == NULL)
        return rv;
    const json_t *verb = hm_app_verb(app, asked->what, kind);
    if (verb == NULL)
        return hm_form_wrong(q, PV_SCHEMA, "verb", "%s has no such verb that can be run on a %s",
                             hm_row_s(app, "label"), pv_kind_name(kind));
    asked->title = hm_row_s(verb, "label");
    json_object_foreach((json_t *)args, name, value)
    {
        if (strcmp(name, "verb") != 0 && !hm_verb_takes(verb, name))
            hm_form_wrong(q, PV_SCHEMA, name, "%s takes none", asked->title);
    }
    return q->err.code == PV_OK ? APR_SUCCESS : APR_EGENERAL;
}

/* All that came besides the type. */
static json_t *args_of(hm_req_t *q, const pv_task_row_t *task, const json_t *values)
{
    json_t *args = hm_own(q, json_object()), *value;
    const char *name;
    json_object_foreach((json_t *)values, name, value)
    {
        if (strcmp(name, "type") == 0 || json_string_length(value) == 0)
            continue;
        if (has_field(task, name))
            json_object_set(args, name, value);
        else
            hm_form_wrong(q, PV_SCHEMA, name, "a task of type %s takes none", task->type);
    }
    return args;
}

apr_status_t hm_task_asked(hm_req_t *q, pv_kind_t kind, const json_t *object, const char *platform, hm_asked_t *ret)
{
    json_t *values;
    apr_status_t rv = hm_form_check(&values, q, hm_form_find("task"));
    if (rv != APR_SUCCESS)
        return rv;
    const pv_task_row_t *task = pv_task_find(hm_row_s(values, "type"), kind);
    int run = task && strcmp(task->type, RUN) == 0;
    if (task == NULL || !(run || is_plain(task)))
        return pv_fail(&q->err, PV_SCHEMA, "type", "a task that can be run on a %s", pv_kind_name(kind));
    if (hm_is_unmade(object) && !fits_unmade(kind, task->type))
        return pv_fail(&q->err, PV_SCHEMA, "type", "the %s was never made; it can be deleted, or made again",
                       pv_kind_name(kind));
    json_t *args = args_of(q, task, values);
    hm_asked_t asked = {.type = task->type, .what = "", .title = ""};
    if (run)
        rv = verb_check(q, kind, platform, args, &asked);
    if (rv != APR_SUCCESS || q->err.code != PV_OK)
        return APR_EGENERAL;
    asked.args = json_object_size(args) > 0 ? args : NULL;
    *ret = asked;
    return APR_SUCCESS;
}
