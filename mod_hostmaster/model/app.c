/*
 * The rows of types. What a daemon tells is kept as it told it; what does not fit is left out, as if the driver were
 * not there.
 */
#include "model/app.h"
#include "db.h"
#include "parse.h"
#include "proto/message.h"
#include "stmts.h"
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 255

static int fits(const char *s)
{
    return s[0] && pv_text_check(s, strlen(s), LABEL_MAX) == APR_SUCCESS;
}

/* Words and verbs of a list, without what is none. */
static json_t *list_make(const json_t *told)
{
    json_t *list = json_array(), *entry;
    size_t i;
    json_array_foreach(told, i, entry)
    {
        const char *word = json_string_value(entry);
        if (word ? fits(word) : fits(hm_row_s(entry, "verb")) && fits(hm_row_s(entry, "label")))
            json_array_append(list, entry);
    }
    return list;
}

/* A row of the daemon's list as one of ours; NULL where it is none. */
static json_t *row_make(const json_t *told)
{
    static const char *const parts[] = {"databases", "fields", "required", "verbs"};
    const char *name = hm_row_s(told, "app"), *label = hm_row_s(told, "label");
    pv_app_t app;
    json_t *spec = json_object(), *row = NULL;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        json_object_set_new(spec, parts[i], list_make(json_object_get(told, parts[i])));
    char *text = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && fits(label) && pv_app_parse(&app, name, strlen(name)) == APR_SUCCESS)
        row = json_pack("{s:s, s:s, s:s}", "name", name, "label", label, "spec", text);
    free(text);
    json_decref(spec);
    return row;
}

static apr_status_t rows_replace(hm_db_t *db, const char *socket, const json_t *rows, pv_err_t *err)
{
    size_t i;
    json_t *row;
    apr_status_t rv = hm_db_begin(db, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = hm_sql_app_delete_of(db, err, socket);
    json_array_foreach(rows, i, row)
    {
        if (rv == APR_SUCCESS)
            rv = hm_sql_app_add(db, err, socket, hm_row_s(row, "name"), hm_row_s(row, "label"), hm_row_s(row, "spec"));
    }
    if (rv == APR_SUCCESS)
        return hm_db_commit(db, err);
    hm_db_rollback(db);
    return rv;
}

apr_status_t hm_apps_take(hm_db_t *db, const char *socket, const json_t *told, pv_err_t *err)
{
    json_t *now, *one, *rows = json_array();
    size_t i;
    json_array_foreach(told, i, one)
    {
        json_t *row = row_make(one);
        if (row)
            json_array_append_new(rows, row);
    }
    apr_status_t rv = hm_sql_app_list_of(db, &now, err, socket);
    if (rv == APR_SUCCESS && !json_equal(now, rows))
        rv = rows_replace(db, socket, rows, err);
    json_decref(rows);
    return rv;
}

apr_status_t hm_app_of(const json_t **ret, hm_db_t *db, const char *platform, pv_err_t *err)
{
    json_t *rows, *spec;
    apr_status_t rv = hm_sql_app_of(db, &rows, err, platform);
    if (rv != APR_SUCCESS)
        return rv;
    json_t *row = json_array_get(rows, 0);
    const char *text = hm_row_s(row, "spec");
    *ret = NULL;
    if (row == NULL || (rv = pv_json_parse(&spec, text, strlen(text), err)) != APR_SUCCESS)
        return rv;
    json_object_del(row, "spec");
    json_object_update(row, spec);
    json_decref(spec);
    *ret = row;
    return APR_SUCCESS;
}

int hm_app_has(const json_t *app, const char *list, const char *word)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(app, list), i, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), word) == 0)
            return 1;
    }
    return 0;
}

const json_t *hm_app_verb(const json_t *app, const char *verb, pv_kind_t kind)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(app, "verbs"), i, row)
    {
        if (strcmp(hm_row_s(row, "verb"), verb) == 0 && strcmp(hm_row_s(row, "run"), pv_kind_name(kind)) == 0)
            return row;
    }
    return NULL;
}

int hm_verb_takes(const json_t *verb, const char *field)
{
    return hm_words_have(hm_row_s(verb, "args"), field);
}
