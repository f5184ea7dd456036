/*
 * Sets of packages. A release that is known costs two statements an item, so that a large platform is taken in quickly;
 * releases and packages that nothing has any more go with the instances.
 */
#include "model/package.h"
#include "proto/names.h"
#include "proto/utf8.h"
#include "stmts.h"
#include <apr_strings.h>
#include <string.h>

/* An item as its columns hold it. */
typedef struct {
    char type[16 + 1], name[128 + 1], version[64 + 1], path[255 + 1], label[128 + 1], schema[32 + 1];
    const char *status, *sort;
    const char *app;
} item_t;

static void text_read(char *to, size_t size, const json_t *json, const char *name)
{
    const char *s = hm_row_s(json, name);
    pv_utf8_clean(to, size, s, strlen(s));
    for (size_t n = strlen(to); n > 0 && to[n - 1] == ' '; n--)
        to[n - 1] = '\0';
}

/* 0 for what has no name, or a type that is no word. */
static int item_read(item_t *item, const char *object, const char *app, const json_t *json, apr_pool_t *p)
{
    text_read(item->type, sizeof(item->type), json, "type");
    text_read(item->name, sizeof(item->name), json, "name");
    text_read(item->version, sizeof(item->version), json, "version");
    text_read(item->path, sizeof(item->path), json, "path");
    text_read(item->label, sizeof(item->label), json, "label");
    text_read(item->schema, sizeof(item->schema), json, "schema");
    item->status = object[0] != PV_SITE                               ? ""
                   : strcmp(hm_row_s(json, "status"), "enabled") == 0 ? "enabled"
                                                                      : "disabled";
    item->app = app;
    item->sort = apr_pstrcat(p, item->name, "/", item->type, "/", app, NULL);
    return item->name[0] && item->type[0] && item->type[strspn(item->type, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static apr_status_t package_make(int64_t *ret, hm_db_t *db, const item_t *item, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_package_find(db, &rows, err, item->sort);
    if (rv != APR_SUCCESS)
        return rv;
    *ret = hm_row_n(json_array_get(rows, 0), "id");
    if (*ret)
        return APR_SUCCESS;
    *ret = hm_db_id();
    return hm_sql_package_add(db, err, *ret, item->sort, item->app, item->type, item->name);
}

/* The release of an item, made where it is new. */
static apr_status_t release_make(int64_t *ret, hm_db_t *db, const item_t *item, pv_err_t *err)
{
    json_t *rows;
    int64_t package;
    apr_status_t rv = hm_sql_package_release_find(db, &rows, err, item->sort, item->version);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    *ret = hm_row_n(row, "id");
    package = hm_row_n(row, "package");
    if (*ret == 0 && (rv = package_make(&package, db, item, err)) == APR_SUCCESS) {
        *ret = hm_db_id();
        rv = hm_sql_package_release_add(db, err, *ret, package, item->version);
    }
    /* Everybody sees a package's label, so only platforms give it one. */
    if (rv == APR_SUCCESS && !item->status[0] && strcmp(hm_row_s(row, "label"), item->label) != 0)
        rv = hm_sql_package_label(db, err, item->label, package);
    return rv;
}

static apr_status_t item_take(hm_db_t *db, const char *object, const item_t *item, int64_t scan, pv_err_t *err)
{
    int64_t release;
    apr_status_t rv = release_make(&release, db, item, err);
    if (rv != APR_SUCCESS)
        return rv;
    return hm_sql_package_instance_add(db, err, object, scan, item->path, item->status, item->schema, item->label,
                                       release, object, scan, item->path);
}

/* Drops what OBJECT has of other scans than SCAN: what was never shown, or ALL; and releases and packages with it that
 * nothing else has. */
static apr_status_t others_drop(hm_db_t *db, const char *object, int64_t scan, int all, pv_err_t *err)
{
    json_t *rows, *row;
    size_t i;
    apr_status_t rv = hm_sql_package_release_orphans(db, &rows, err, object, scan, all, scan, all);
    if (rv == APR_SUCCESS)
        rv = hm_sql_package_instance_drop(db, err, object, scan, all);
    if (rv != APR_SUCCESS)
        return rv;
    json_array_foreach(rows, i, row)
    {
        int64_t package = hm_row_n(row, "package");
        if (rv == APR_SUCCESS)
            rv = hm_sql_package_release_delete(db, err, hm_row_n(row, "id"));
        if (rv == APR_SUCCESS)
            rv = hm_sql_package_delete(db, err, package, package);
    }
    return rv;
}

/* How many items of SCAN have come already. A new scan makes an end of what came of one that never ended. */
static apr_status_t scan_get(hm_db_t *db, const char *object, int64_t scan, int64_t *items, pv_err_t *err)
{
    json_t *rows;
    *items = 0;
    apr_status_t rv = hm_sql_package_scan_get(db, &rows, err, object);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    if (row == NULL)
        return hm_sql_package_scan_add(db, err, object, scan, 0);
    if (hm_row_n(row, "scan") != scan)
        return others_drop(db, object, scan, 0, err);
    *items = hm_row_n(row, "items");
    return APR_SUCCESS;
}

static apr_status_t app_of(hm_db_t *db, const char *object, const char **app, pv_err_t *err)
{
    json_t *rows;
    apr_status_t rv = hm_sql_package_app_of(db, &rows, err, object, object);
    if (rv == APR_SUCCESS)
        *app = hm_row_s(json_array_get(rows, 0), "app");
    return rv;
}

apr_status_t hm_packages_take(hm_db_t *db, const json_t *event, pv_err_t *err, apr_pool_t *p)
{
    const char *object = hm_row_s(event, "object"), *app = "";
    int64_t scan = hm_row_n(event, "scan"), come;
    item_t item;
    size_t i;
    json_t *json;
    apr_status_t rv = scan_get(db, object, scan, &come, err);
    if (rv == APR_SUCCESS)
        rv = app_of(db, object, &app, err);
    json_array_foreach(json_object_get(event, "items"), i, json)
    {
        if (rv == APR_SUCCESS && come++ < HM_PACKAGES_MAX && item_read(&item, object, app, json, p))
            rv = item_take(db, object, &item, scan, err);
    }
    return rv == APR_SUCCESS ? hm_sql_package_scan_take(db, err, scan, come, object) : rv;
}

apr_status_t hm_packages_end(hm_db_t *db, const json_t *event, pv_err_t *err)
{
    const char *object = hm_row_s(event, "object");
    int64_t scan = hm_row_n(event, "scan"), come;
    apr_status_t rv = scan_get(db, object, scan, &come, err);
    if (rv != APR_SUCCESS || come < hm_row_n(event, "count"))
        return rv;
    if ((rv = others_drop(db, object, scan, 1, err)) == APR_SUCCESS)
        rv = hm_sql_package_instance_show(db, err, object, scan);
    return rv == APR_SUCCESS ? hm_sql_package_scan_end(db, err, hm_row_n(event, "at"), scan, come, object) : rv;
}

apr_status_t hm_packages_forget(hm_db_t *db, const char *object, pv_err_t *err)
{
    apr_status_t rv = others_drop(db, object, -1, 1, err);
    return rv == APR_SUCCESS ? hm_sql_package_scan_delete(db, err, object) : rv;
}
