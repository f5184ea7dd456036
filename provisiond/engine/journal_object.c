/*
 * Objects in the journal: contexts, the host names they own, uids. Every change of an object is told by an event in the
 * same transaction.
 */
#include "engine/journal_event.h"
#include "engine/journal_stmt.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "id, name, uid, revision, state, props, deleted"

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM context WHERE id = ?1";
static const char SQL_FIND_NAME[] = "SELECT " COLUMNS " FROM context WHERE name = ?1 AND deleted = 0";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM context WHERE kind = ?1 AND id > ?2 AND deleted = 0 ORDER BY id LIMIT ?3";
static const char SQL_COUNT[] = "SELECT count(*) FROM context WHERE kind = ?1 AND deleted = 0";
static const char SQL_USERS[] = "SELECT " COLUMNS " FROM context WHERE deleted = 0"
                                " AND json_extract(props, '$.' || ?1) = ?2 ORDER BY id";
static const char SQL_TRASH[] =
    "SELECT " COLUMNS " FROM context WHERE deleted > 0 AND deleted < ?1 AND state = 'deleted' ORDER BY id LIMIT ?2";
static const char SQL_PURGED[] = "UPDATE context SET state = 'purged' WHERE id = ?1 AND deleted > 0";
static const char SQL_SAVE[] = "INSERT INTO context (id, name, kind, uid, revision, state, props, changed, deleted)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET name = ?2,"
                               " uid = ?4, revision = ?5, state = ?6, props = ?7, changed = ?8, deleted = ?9";
static const char SQL_DISCARD[] = "DELETE FROM context WHERE id = ?1 AND state = 'new'";
static const char SQL_UID_USED[] = "SELECT 1 FROM context WHERE uid = ?1 LIMIT 1";
static const char SQL_HOST_OWNER[] = "SELECT site FROM host WHERE name = ?1";
static const char SQL_HOST_CLAIM[] = "INSERT OR IGNORE INTO host (name, site) VALUES (?1, ?2)";
static const char SQL_HOST_FREE[] = "DELETE FROM host WHERE site = ?1";

/* ---- reading ---- */

static pv_object_t *from_row(sqlite3_stmt *q, apr_pool_t *p)
{
    pv_object_t *o = apr_pcalloc(p, sizeof(*o));
    apr_cpystrn(o->id.s, (const char *)sqlite3_column_text(q, 0), sizeof(o->id.s));
    o->name.kind = pv_id_kind(&o->id);
    apr_cpystrn(o->name.s, (const char *)sqlite3_column_text(q, 1), sizeof(o->name.s));
    o->uid = (uid_t)pv_sql_num(q, 2);
    o->revision = (uint64_t)pv_sql_num(q, 3);
    o->state = pv_sql_text(q, 4, p);
    o->props = pv_sql_json(q, 5, p);
    o->deleted = pv_sql_num(q, 6) != 0;
    return o;
}

static apr_status_t one(pv_object_t **ret, sqlite3_stmt *q, apr_pool_t *p)
{
    if (!pv_sql_row(q))
        return APR_NOTFOUND;
    *ret = from_row(q, p);
    pv_sql_end(q);
    return APR_SUCCESS;
}

static apr_status_t many(pv_object_t ***ret, int *n, sqlite3_stmt *q, apr_pool_t *p)
{
    apr_array_header_t *rows = apr_array_make(p, 16, sizeof(pv_object_t *));
    while (pv_sql_row(q))
        APR_ARRAY_PUSH(rows, pv_object_t *) = from_row(q, p);
    *ret = (pv_object_t **)(void *)rows->elts;
    *n = rows->nelts;
    return APR_SUCCESS;
}

apr_status_t pv_object_find(pv_object_t **ret, pv_journal_t *j, const pv_id_t *id, apr_pool_t *p)
{
    return one(ret, pv_sql_query(j, SQL_FIND, "t", id->s), p);
}

apr_status_t pv_object_find_name(pv_object_t **ret, pv_journal_t *j, const char *context, apr_pool_t *p)
{
    return one(ret, pv_sql_query(j, SQL_FIND_NAME, "t", context), p);
}

apr_status_t pv_object_list(pv_object_t ***ret, int *n, pv_journal_t *j, pv_kind_t kind, const char *after, int limit,
                            apr_pool_t *p)
{
    return many(ret, n, pv_sql_query(j, SQL_LIST, "ttl", pv_kind_name(kind), after, (int64_t)limit), p);
}

apr_status_t pv_object_trash(pv_object_t ***ret, int *n, pv_journal_t *j, int64_t before, int limit, apr_pool_t *p)
{
    return many(ret, n, pv_sql_query(j, SQL_TRASH, "ll", before, (int64_t)limit), p);
}

int pv_object_count(pv_journal_t *j, pv_kind_t kind)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_COUNT, "t", pv_kind_name(kind));
    int n = pv_sql_row(q) ? (int)pv_sql_num(q, 0) : 0;
    pv_sql_end(q);
    return n;
}

apr_status_t pv_object_users(int *count, pv_object_t **first, pv_journal_t *j, const char *name, const char *value,
                             apr_pool_t *p)
{
    pv_object_t **rows;
    apr_status_t rv = many(&rows, count, pv_sql_query(j, SQL_USERS, "tt", name, value), p);
    *first = *count > 0 ? rows[0] : NULL;
    return rv;
}

/* ---- changing ---- */

json_t *pv_object_json(const pv_object_t *object, apr_pool_t *p)
{
    json_t *json = json_pack("{ss ss ss sI sI ss sb}", "id", object->id.s, "kind", pv_kind_name(object->name.kind),
                             "context", object->name.s, "uid", (json_int_t)object->uid, "revision",
                             (json_int_t)object->revision, "state", object->state, "deleted", object->deleted);
    if (object->props)
        json_object_update_missing(json, object->props);
    return pv_json_keep(json, p);
}

/* The event's own fields say which object it is. */
static apr_status_t tell(pv_journal_t *j, const pv_object_t *object, pv_err_t *err)
{
    apr_pool_t *p;
    apr_pool_create(&p, NULL);
    json_t *body = json_deep_copy(pv_object_json(object, p));
    json_object_del(body, "id");
    json_object_set_new(body, "type", json_string(pv_kind_name(object->name.kind)));
    json_object_del(body, "kind");
    apr_status_t rv = pv_event_add(j, "object", NULL, &object->id, body, err);
    apr_pool_destroy(p);
    return rv;
}

static apr_status_t name_free(pv_journal_t *j, const pv_object_t *object, pv_err_t *err)
{
    apr_pool_t *p;
    pv_object_t *other;
    apr_pool_create(&p, NULL);
    apr_status_t rv = APR_SUCCESS;
    if (!object->deleted && pv_object_find_name(&other, j, object->name.s, p) == APR_SUCCESS &&
        !pv_id_eq(&other->id, &object->id))
        rv = pv_fail(err, PV_NAME_IN_USE, "name", "%s is the name of %s", object->name.s, other->id.s);
    apr_pool_destroy(p);
    return rv;
}

apr_status_t pv_object_save(pv_journal_t *j, const pv_object_t *object, pv_err_t *err)
{
    apr_status_t rv = name_free(j, object, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_t *none = json_object();
    int64_t now = pv_journal_now();
    rv = pv_sql_run(j, NULL, err, SQL_SAVE, "tttlltjll", object->id.s, object->name.s, pv_kind_name(object->name.kind),
                    (int64_t)object->uid, (int64_t)object->revision, object->state,
                    object->props ? object->props : none, now, object->deleted ? now : (int64_t)0);
    json_decref(none);
    return rv == APR_SUCCESS ? tell(j, object, err) : rv;
}

apr_status_t pv_object_discard(pv_journal_t *j, const pv_id_t *id, pv_err_t *err)
{
    pv_object_t gone = {.id = *id, .name = {.kind = pv_id_kind(id)}, .state = "undone", .deleted = 1};
    int64_t changed;
    apr_status_t rv = pv_sql_run(j, &changed, err, SQL_DISCARD, "t", id->s);
    return rv == APR_SUCCESS && changed ? tell(j, &gone, err) : rv;
}

apr_status_t pv_object_purged(pv_journal_t *j, const pv_id_t *id, pv_err_t *err)
{
    return pv_sql_run(j, NULL, err, SQL_PURGED, "t", id->s);
}

/* ---- host names ---- */

apr_status_t pv_host_owner(pv_id_t *ret, pv_journal_t *j, const char *name)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_HOST_OWNER, "t", name);
    if (!pv_sql_row(q))
        return APR_NOTFOUND;
    apr_cpystrn(ret->s, (const char *)sqlite3_column_text(q, 0), sizeof(ret->s));
    pv_sql_end(q);
    return APR_SUCCESS;
}

apr_status_t pv_host_claim(pv_journal_t *j, const pv_id_t *site, const char *const *names, int n, pv_err_t *err)
{
    apr_status_t rv = pv_sql_run(j, NULL, err, SQL_HOST_FREE, "t", site->s);
    for (int i = 0; i < n && rv == APR_SUCCESS; i++) {
        pv_id_t owner;
        rv = pv_sql_run(j, NULL, err, SQL_HOST_CLAIM, "tt", names[i], site->s);
        if (rv == APR_SUCCESS && pv_host_owner(&owner, j, names[i]) == APR_SUCCESS && !pv_id_eq(&owner, site))
            return pv_fail(err, PV_NAME_IN_USE, i == 0 ? "name" : "aliases", "%s belongs to site %s", names[i],
                           owner.s);
    }
    return APR_SUCCESS;
}

/* ---- uids ---- */

/* An adopted platform has brought its own. */
static int uid_used(pv_journal_t *j, uid_t uid)
{
    sqlite3_stmt *q = pv_sql_query(j, SQL_UID_USED, "l", (int64_t)uid);
    int used = pv_sql_row(q);
    if (used)
        pv_sql_end(q);
    return used;
}

apr_status_t pv_uid_take(uid_t *ret, pv_journal_t *j, uid_t first, uid_t last, pv_err_t *err)
{
    apr_pool_t *p;
    apr_pool_create(&p, NULL);
    const char *taken = pv_meta_get(j, "uid", p);
    uid_t next = taken ? (uid_t)strtoul(taken, NULL, 10) + 1 : first;
    if (next < first)
        next = first;
    while (next <= last && uid_used(j, next))
        next++;
    apr_status_t rv;
    if (next > last)
        rv = pv_fail(err, PV_INTERNAL, NULL, "UidRange %u-%u is used up; widen it in provisiond.conf", first, last);
    else
        rv = pv_meta_set(j, "uid", apr_psprintf(p, "%u", next), err);
    if (rv == APR_SUCCESS)
        *ret = next;
    apr_pool_destroy(p);
    return rv;
}
