/*
 * Names, paths and absent fields, resolved by asking the daemon and the configuration. What it makes is checked here by
 * the task's rows, so that a wrong field is told before anything is sent, and again by the daemon.
 */
#include "ctl/resolve.h"
#include <apr_strings.h>
#include <string.h>

apr_status_t pv_place_of_path(const char **ret, const pv_paths_t *roots, const char *directive, const char *path,
                              const char *field, pv_err_t *err, apr_pool_t *p)
{
    int best = -1;
    size_t longest = 0;
    const char *all = "";
    for (int i = 0; i < roots->n; i++) {
        size_t len = strlen(roots->path[i]);
        all = apr_pstrcat(p, all, i ? ", " : "", roots->path[i], NULL);
        if (len > longest && strncmp(path, roots->path[i], len) == 0 && path[len] == '/') {
            best = i;
            longest = len;
        }
    }
    if (best < 0)
        return pv_fail(err, PV_ROOT_NOT_ALLOWED, field, "%s is below no %s (%s)", path, directive, all);
    *ret = apr_psprintf(p, "%d:%s", best, path + longest + 1);
    return APR_SUCCESS;
}

/* The field NAME of TARGET, a new one where it is not there yet. */
static pv_field_t *field_put(pv_fields_t *fields, const char *name, int n, apr_pool_t *p)
{
    pv_field_t *field = (pv_field_t *)pv_fields_get(fields, name);
    if (!field) {
        field = &fields->field[fields->n++];
        field->name = name;
    }
    field->n = n;
    field->s = apr_pcalloc(p, sizeof(*field->s) * (n + 1));
    return field;
}

static apr_status_t resolve_context(const char **ret, pv_ctl_t *ctl, const pv_field_row_t *row, const char *name,
                                    pv_err_t *err)
{
    pv_kind_t kind = row->value == PV_VALUE_SERVER ? PV_SERVER : PV_PLATFORM;
    pv_context_t context;
    json_t *object;
    if (pv_context_parse(&context, name, strlen(name)) != APR_SUCCESS || context.kind != kind)
        return pv_fail(err, PV_SCHEMA, row->name, "'%s' is not of the form @%s_NAME", name, pv_kind_name(kind));
    apr_status_t rv = pv_ctl_object(&object, ctl, &context, row->name, err);
    if (rv == APR_SUCCESS)
        *ret = pv_row_text(object, "id");
    return rv;
}

static apr_status_t resolve_path(const char **ret, pv_ctl_t *ctl, const pv_field_row_t *row, const char *path,
                                 pv_err_t *err)
{
    const pv_conf_t *conf;
    int place = row->value == PV_VALUE_PLACE;
    apr_status_t rv = pv_ctl_conf(&conf, ctl, err);
    if (rv != APR_SUCCESS)
        return rv;
    return pv_place_of_path(ret, place ? &conf->PlatformRoot : &conf->SourceRoot, place ? "PlatformRoot" : "SourceRoot",
                            path, row->name, err, ctl->p);
}

static apr_status_t resolve_fields(pv_ctl_t *ctl, pv_fields_t *fields, pv_err_t *err)
{
    const pv_task_row_t *task = ctl->words.task;
    for (int i = 0; i < task->nfields; i++) {
        const pv_field_row_t *row = &task->field[i];
        const pv_field_t *field = pv_fields_get(fields, row->name);
        apr_status_t rv = APR_SUCCESS;
        if (!field || field->n != 1)
            continue;
        if ((row->value == PV_VALUE_SERVER || row->value == PV_VALUE_PLATFORM) && field->s[0][0] == '@')
            rv = resolve_context(&field->s[0], ctl, row, field->s[0], err);
        else if ((row->value == PV_VALUE_PLACE || row->value == PV_VALUE_SOURCE) && field->s[0][0] == '/')
            rv = resolve_path(&field->s[0], ctl, row, field->s[0], err);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

/* "@server_main" names itself "main", a site by its host name. */
static const char *own_name(const pv_context_t *context)
{
    const char *cut = context->kind == PV_SITE ? context->s : strchr(context->s, '_');
    return cut + 1;
}

/* A task that demands fields gets those of the object that is there already, unless they were given anew. */
static void fill_known(pv_ctl_t *ctl, pv_fields_t *fields, const json_t *object)
{
    const pv_task_row_t *task = ctl->words.task;
    for (int i = 0; i < task->nfields; i++) {
        const pv_field_row_t *row = &task->field[i];
        json_t *known = json_object_get(object, row->name), *item;
        size_t n;
        if (!known || strcmp(row->name, "name") == 0 || pv_fields_get(fields, row->name))
            continue;
        if (json_is_array(known)) {
            pv_field_t *field = field_put(fields, row->name, json_array_size(known), ctl->p);
            json_array_foreach(known, n, item) field->s[n] = json_string_value(item);
        } else if (json_is_string(known) && json_string_length(known) > 0)
            field_put(fields, row->name, 1, ctl->p)->s[0] = json_string_value(known);
    }
}

/* "field=" leaves a field out, and with it what the object has there. */
static void drop_empty(pv_fields_t *fields)
{
    int n = 0;
    for (int i = 0; i < fields->n; i++)
        if (fields->field[i].n != 1 || fields->field[i].s[0][0])
            fields->field[n++] = fields->field[i];
    fields->n = n;
}

/* A task that says what its object is called can be the object's first. */
static int makes_new(const pv_task_row_t *task)
{
    for (int i = 0; i < task->nfields; i++)
        if (task->field[i].required && strcmp(task->field[i].name, "name") == 0)
            return 1;
    return 0;
}

/* A deleted site has no name any more; it is the one whose backup the fields name. */
static apr_status_t find_deleted(json_t **ret, pv_ctl_t *ctl, const pv_fields_t *fields, pv_err_t *err)
{
    json_t *backups, *backup, *request;
    size_t i;
    pv_err_t unseen;
    if (!fields || pv_ctl_list(&backups, ctl, "backup", &unseen) != APR_SUCCESS)
        return APR_NOTFOUND;
    json_array_foreach(backups, i, backup)
    {
        if (strcmp(pv_row_text(backup, "bid"), pv_fields_str(fields, "bid", "")) != 0 ||
            strcmp(pv_row_text(backup, "name"), ctl->words.context.s + 1) != 0)
            continue;
        apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_show, err);
        if (rv != APR_SUCCESS)
            return rv;
        json_object_set_new(request, "object", json_string(pv_row_text(backup, "site")));
        return pv_ctl_ask(ret, ctl, request, err);
    }
    return APR_NOTFOUND;
}

static apr_status_t find_or_make(pv_target_t *ret, pv_ctl_t *ctl, pv_fields_t *fields, pv_err_t *err)
{
    const pv_words_t *words = &ctl->words;
    json_t *object;
    apr_status_t rv = pv_ctl_object(&object, ctl, &words->context, "context", err);
    if (rv != APR_SUCCESS && err->code == PV_NO_OBJECT && find_deleted(&object, ctl, fields, err) == APR_SUCCESS)
        rv = APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        const char *id = pv_row_text(object, "id");
        ret->revision = pv_row_num(object, "revision");
        if (makes_new(words->task))
            fill_known(ctl, fields, object);
        if (pv_id_parse(&ret->id, id, strlen(id)) == APR_SUCCESS)
            return APR_SUCCESS;
        return pv_fail(err, PV_INTERNAL, "id", "the daemon's answer names no id");
    }
    if (err->code != PV_NO_OBJECT || !makes_new(words->task))
        return rv;
    ret->revision = 0;
    if (pv_id_make(&ret->id, words->context.kind) != APR_SUCCESS)
        return pv_fail(err, PV_INTERNAL, NULL, "the kernel has no randomness to give");
    return APR_SUCCESS;
}

apr_status_t pv_target_resolve(pv_target_t *ret, pv_ctl_t *ctl, pv_err_t *err)
{
    const pv_words_t *words = &ctl->words;
    pv_fields_t *fields = apr_palloc(ctl->p, sizeof(*fields));
    fields->n = words->fields->n;
    fields->field = apr_pcalloc(ctl->p, sizeof(*fields->field) * (words->task->nfields + 1));
    memcpy(fields->field, words->fields->field, sizeof(*fields->field) * fields->n);
    if (makes_new(words->task) && !pv_fields_get(fields, "name"))
        field_put(fields, "name", 1, ctl->p)->s[0] = own_name(&words->context);
    apr_status_t rv = resolve_fields(ctl, fields, err);
    if (rv == APR_SUCCESS)
        rv = find_or_make(ret, ctl, fields, err);
    drop_empty(fields);
    if (rv == APR_SUCCESS)
        rv = pv_fields_check(&ret->fields, words->task, fields, err, ctl->p);
    return rv;
}
