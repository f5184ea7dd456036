/*
 * Reads a driver's manifest, strictly: a key that is unknown, missing, of the wrong type or outside its limits is an
 * error that names file and key, so that whoever writes a driver finds a slip at the first task and not at the first
 * site that it breaks. The file is root's (provisiond checks AppsDir at its start), hence trusted in intent; a crash
 * here leaves nothing behind.
 */
#include "engine/manifest.h"
#include "engine/log.h"
#include "proto/task.h"
#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MAX 86400
#define LIST_MAX     64
#define WORD_CHARS   "abcdefghijklmnopqrstuvwxyz0123456789_"

typedef struct {
    const char *app;
    apr_pool_t *p;
    pv_err_t *err;
} reader_t;

typedef apr_status_t read_fn(reader_t *r, const char *where, const json_t *value, void *ret);

typedef struct {
    const char *name;
    int required;
    size_t offset;
    read_fn *read;
} row_t;

static apr_status_t wrong(reader_t *r, const char *where, const char *why)
{
    return pv_fail(r->err, PV_DRIVER_FAILED, "app", "%s/manifest.json: %s: %s", r->app, where, why);
}

static const char *below(reader_t *r, const char *where, const char *name)
{
    return *where ? apr_pstrcat(r->p, where, ".", name, NULL) : name;
}

static apr_status_t read_version(reader_t *r, const char *where, const json_t *value, void *ret)
{
    return json_is_integer(value) && json_integer_value(value) == 1 ? APR_SUCCESS : wrong(r, where, "must be 1");
}

static apr_status_t read_name(reader_t *r, const char *where, const json_t *value, void *ret)
{
    const char *s = json_string_value(value);

    if (!s || strcmp(s, r->app) || pv_app_parse(ret, s, strlen(s)))
        return wrong(r, where, "must be the name of the driver's folder");
    return APR_SUCCESS;
}

static apr_status_t read_text(reader_t *r, const char *where, const json_t *value, void *ret)
{
    size_t len = json_string_length(value);

    if (!json_is_string(value) || len == 0 || pv_text_check(json_string_value(value), len, 255))
        return wrong(r, where, "must be a text of 1 to 255 bytes without control characters");
    *(const char **)ret = apr_pstrmemdup(r->p, json_string_value(value), len);
    return APR_SUCCESS;
}

static apr_status_t read_path(reader_t *r, const char *where, const json_t *value, void *ret)
{
    const char *s = json_string_value(value);

    if (!s || s[0] != '/' || strlen(s) > 255 || s[strspn(s, WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ/.-~?&=")])
        return wrong(r, where, "must be a path that begins with / and needs no quoting");
    *(const char **)ret = apr_pstrdup(r->p, s);
    return APR_SUCCESS;
}

static apr_status_t read_flag(reader_t *r, const char *where, const json_t *value, void *ret)
{
    if (!json_is_boolean(value))
        return wrong(r, where, "must be true or false");
    *(int *)ret = json_is_true(value);
    return APR_SUCCESS;
}

static apr_status_t read_seconds(reader_t *r, const char *where, const json_t *value, void *ret)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 1 || n > DEADLINE_MAX)
        return wrong(r, where, "must be a number of seconds from 1 to 86400");
    *(int *)ret = (int)n;
    return APR_SUCCESS;
}

static apr_status_t read_kind(reader_t *r, const char *where, const json_t *value, void *ret)
{
    const char *s = json_string_value(value);

    if (!s || (strcmp(s, "REPEAT") && strcmp(s, "ONCE")))
        return wrong(r, where, "must be REPEAT or ONCE");
    *(pv_step_kind_t *)ret = strcmp(s, "ONCE") ? PV_REPEAT : PV_ONCE;
    return APR_SUCCESS;
}

static apr_status_t read_run(reader_t *r, const char *where, const json_t *value, void *ret)
{
    static const char *const kinds[] = {"site", "platform"};
    const char *s = json_string_value(value);
    size_t i;

    for (i = 0; s && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(s, kinds[i])) {
            *(const char **)ret = kinds[i];
            return APR_SUCCESS;
        }
    return wrong(r, where, "must be site or platform");
}

static apr_status_t read_strings(reader_t *r, const char *where, const json_t *value, void *ret)
{
    pv_strings_t list = {0};
    size_t i;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return wrong(r, where, "must be a list of at most 64 texts");
    list.s = apr_pcalloc(r->p, (json_array_size(value) + 1) * sizeof(*list.s));
    json_array_foreach(value, i, item)
    {
        apr_status_t rv = read_text(r, where, item, &list.s[list.n++]);
        if (rv)
            return rv;
    }
    *(pv_strings_t *)ret = list;
    return APR_SUCCESS;
}

/* Files inside a code base: relative, and never out of it. */
static apr_status_t read_files(reader_t *r, const char *where, const json_t *value, void *ret)
{
    pv_strings_t list = {0};
    apr_status_t rv = read_strings(r, where, value, &list);
    int i;

    for (i = 0; !rv && i < list.n; i++) {
        char *save, *comp;
        if (list.s[i][0] == '/')
            rv = wrong(r, where, "must be relative to the docroot");
        for (comp = apr_strtok(apr_pstrdup(r->p, list.s[i]), "/", &save); comp && !rv;
             comp = apr_strtok(NULL, "/", &save))
            if (!strcmp(comp, "..") || !strcmp(comp, "."))
                rv = wrong(r, where, "must not contain . or ..");
    }
    if (!rv)
        *(pv_strings_t *)ret = list;
    return rv;
}

/* Reads OBJECT into BASE by ROWS; wants every required key and no other than theirs. */
static apr_status_t read_rows(reader_t *r, const char *where, const json_t *object, const row_t *rows, int n,
                              void *base)
{
    const char *key;
    json_t *value;
    int i;

    if (!json_is_object(object))
        return wrong(r, *where ? where : "the file", "must be an object");
    json_object_foreach((json_t *)object, key, value)
    {
        for (i = 0; i < n && strcmp(rows[i].name, key); i++)
            ;
        if (i == n)
            return wrong(r, below(r, where, key), "there is no such key");
    }
    for (i = 0; i < n; i++) {
        const char *at = below(r, where, rows[i].name);
        apr_status_t rv = APR_SUCCESS;

        value = json_object_get(object, rows[i].name);
        if (value)
            rv = rows[i].read(r, at, value, (char *)base + rows[i].offset);
        else if (rows[i].required)
            rv = wrong(r, at, "is missing");
        if (rv)
            return rv;
    }
    return APR_SUCCESS;
}

#define ROWS(rows) (rows), (int)(sizeof(rows) / sizeof((rows)[0]))

static const row_t probe_rows[] = {
    {"path", 1, offsetof(pv_manifest_t, path), read_path},
    {"title", 1, offsetof(pv_manifest_t, title), read_flag},
};

static apr_status_t read_probe(reader_t *r, const char *where, const json_t *value, void *ret)
{
    return read_rows(r, where, value, ROWS(probe_rows), ret);
}

static const row_t verb_rows[] = {
    {"deadline", 1, offsetof(pv_verb_t, deadline), read_seconds},
    {"net", 0, offsetof(pv_verb_t, net), read_flag},
    {"kind", 1, offsetof(pv_verb_t, kind), read_kind},
    {"label", 1, offsetof(pv_verb_t, label), read_text},
    {"permission", 0, offsetof(pv_verb_t, permission), read_text},
    {"run", 0, offsetof(pv_verb_t, run), read_run},
    {"args", 0, offsetof(pv_verb_t, args), read_strings},
};

/* Has the task `run` of this kind of object such a field, besides the verb? */
static int is_arg(const char *kind, const char *name)
{
    const pv_task_row_t *task = pv_task_find("run", strcmp(kind, "site") ? PV_PLATFORM : PV_SITE);
    int i = 0;

    while (i < task->nfields && strcmp(task->field[i].name, name))
        i++;
    return i < task->nfields && strcmp(name, "verb");
}

static apr_status_t check_args(reader_t *r, const char *where, const pv_verb_t *verb)
{
    int i;

    if (!verb->run && verb->args.n > 0)
        return wrong(r, below(r, where, "args"), "goes only with run");
    for (i = 0; i < verb->args.n; i++)
        if (!is_arg(verb->run, verb->args.s[i]))
            return wrong(r, below(r, where, "args"), "must be fields of the task run besides its verb");
    return APR_SUCCESS;
}

/* What was cut off is simply done again: there is nothing from which a live object could be made anew. */
static apr_status_t read_verb(reader_t *r, const char *where, const json_t *value, pv_verb_t *verb)
{
    apr_status_t rv = read_rows(r, where, value, ROWS(verb_rows), verb);

    if (!rv && verb->run && verb->kind != PV_REPEAT)
        rv = wrong(r, below(r, where, "run"), "a verb that people ask for by itself must be of kind REPEAT");
    return rv ? rv : check_args(r, where, verb);
}

static apr_status_t read_verbs(reader_t *r, const char *where, const json_t *value, void *ret)
{
    pv_manifest_t *m = ret;
    pv_verb_t *verb;
    const char *name;
    json_t *item;

    if (!json_is_object(value) || json_object_size(value) > LIST_MAX)
        return wrong(r, where, "must be an object with at most 64 verbs");
    verb = apr_pcalloc(r->p, (json_object_size(value) + 1) * sizeof(*verb));
    json_object_foreach((json_t *)value, name, item)
    {
        apr_status_t rv;
        if (!*name || strlen(name) > 32 || name[strspn(name, WORD_CHARS)])
            return wrong(r, below(r, where, name), "a verb is 1 to 32 small letters, digits and underscores");
        verb[m->nverbs].name = apr_pstrdup(r->p, name);
        rv = read_verb(r, below(r, where, name), item, &verb[m->nverbs++]);
        if (rv)
            return rv;
    }
    m->verb = verb;
    return APR_SUCCESS;
}

static const row_t manifest_rows[] = {
    {"v", 1, 0, read_version},
    {"name", 1, offsetof(pv_manifest_t, app), read_name},
    {"label", 1, offsetof(pv_manifest_t, label), read_text},
    {"databases", 1, offsetof(pv_manifest_t, databases), read_strings},
    {"marker", 1, offsetof(pv_manifest_t, marker), read_files},
    {"data", 0, offsetof(pv_manifest_t, data), read_files},
    {"except", 0, offsetof(pv_manifest_t, except), read_files},
    {"fields", 0, offsetof(pv_manifest_t, fields), read_strings},
    {"required", 0, offsetof(pv_manifest_t, required), read_strings},
    {"link", 1, offsetof(pv_manifest_t, link), read_flag},
    {"php", 1, offsetof(pv_manifest_t, php), read_flag},
    {"probe", 1, 0, read_probe},
    {"verbs", 1, 0, read_verbs},
};

static apr_status_t manifest_parse(const pv_manifest_t **ret, reader_t *r, const char *file)
{
    pv_manifest_t *m = apr_pcalloc(r->p, sizeof(*m));
    json_error_t bad;
    apr_status_t rv;
    json_t *json = json_load_file(file, JSON_REJECT_DUPLICATES, &bad);

    if (!json && json_error_code(&bad) == json_error_cannot_open_file)
        return pv_fail(r->err, PV_SCHEMA, "app", "there is no driver '%s': %s cannot be read", r->app, file);
    if (!json)
        return wrong(r, apr_psprintf(r->p, "line %d", bad.line), bad.text);
    rv = read_rows(r, "", json, ROWS(manifest_rows), m);
    json_decref(json);
    if (!rv && m->marker.n == 0)
        rv = wrong(r, "marker", "must name at least one file");
    if (!rv)
        *ret = m;
    return rv;
}

apr_status_t pv_manifest_read(const pv_manifest_t **ret, const char *apps_dir, const char *app, pv_err_t *err,
                              apr_pool_t *p)
{
    reader_t r = {app, p, err};
    pv_app_t name;

    if (pv_app_parse(&name, app, strlen(app)))
        return pv_fail(err, PV_SCHEMA, "app", "must be the name of an installed driver");
    return manifest_parse(ret, &r, apr_pstrcat(p, apps_dir, "/", name.s, "/manifest.json", NULL));
}

static int by_app(const void *a, const void *b)
{
    const pv_manifest_t *const *l = a, *const *r = b;
    return strcmp((*l)->app.s, (*r)->app.s);
}

static int is_driver(const char *apps_dir, const char *name, apr_pool_t *p)
{
    pv_app_t app;
    apr_finfo_t info;

    return pv_app_parse(&app, name, strlen(name)) == APR_SUCCESS &&
           apr_stat(&info, apr_pstrcat(p, apps_dir, "/", name, "/manifest.json", NULL), APR_FINFO_TYPE, p) ==
               APR_SUCCESS;
}

apr_status_t pv_manifest_list(const pv_manifest_t ***ret, int *n, const char *apps_dir, pv_err_t *err, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, 8, sizeof(const pv_manifest_t *));
    const pv_manifest_t *one;
    DIR *dir = opendir(apps_dir);
    struct dirent *entry;
    pv_err_t why;

    if (!dir)
        return pv_fail(err, PV_INTERNAL, NULL, "AppsDir %s cannot be read: %s", apps_dir, strerror(errno));
    while ((entry = readdir(dir))) {
        if (!is_driver(apps_dir, entry->d_name, p))
            continue;
        if (pv_manifest_read(&one, apps_dir, entry->d_name, &why, p) == APR_SUCCESS)
            APR_ARRAY_PUSH(list, const pv_manifest_t *) = one;
        else
            pv_log("manifest.broken", "app=%s why=%s", pv_log_quote(entry->d_name, p), pv_log_quote(why.text, p));
    }
    closedir(dir);
    qsort(list->elts, (size_t)list->nelts, (size_t)list->elt_size, by_app);
    *ret = (const pv_manifest_t **)list->elts;
    *n = list->nelts;
    return APR_SUCCESS;
}

const pv_verb_t *pv_manifest_verb(const pv_manifest_t *m, const char *name)
{
    int i;

    for (i = 0; i < m->nverbs; i++)
        if (!strcmp(m->verb[i].name, name))
            return &m->verb[i];
    return NULL;
}

int pv_strings_have(const pv_strings_t *strings, const char *s)
{
    int i;

    for (i = 0; i < strings->n; i++)
        if (!strcmp(strings->s[i], s))
            return 1;
    return 0;
}

const char *pv_strings_join(const pv_strings_t *strings, const char *between, apr_pool_t *p)
{
    const char *text = "";
    int i;

    for (i = 0; i < strings->n; i++)
        text = apr_pstrcat(p, text, i ? between : "", strings->s[i], NULL);
    return text;
}

json_t *pv_strings_json(const pv_strings_t *strings)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < strings->n; i++)
        json_array_append_new(list, json_string(strings->s[i]));
    return list;
}
