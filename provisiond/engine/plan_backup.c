/*
 * Plans of backups and restores. What a backup holds is known from its row; which of it a restore brings, and whether
 * there is a live site beside which it is built, is decided here once.
 */
#include "engine/journal_backup.h"
#include "engine/plan.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static void put(pv_planner_t *m, const char *name, const char *value)
{
    json_object_set_new(m->job->plan, name, json_string(value));
}

/* A new random name for an archive or a tree. */
static apr_status_t put_random(pv_planner_t *m, const char *name)
{
    pv_bid_t bid;

    if (pv_bid_make(&bid))
        return pv_fail(m->err, PV_INTERNAL, NULL, "the kernel has no randomness to give");
    put(m, name, bid.s);
    return APR_SUCCESS;
}

apr_status_t pv_plan_archive(pv_planner_t *m, const char *description)
{
    pv_plan_flag(m, "backup", 1);
    pv_plan_flag(m, "dump", pv_props_flag(m->job->plan, "database"));
    put(m, "description", description);
    json_object_set_new(m->job->plan, "at", json_integer((json_int_t)pv_journal_now()));
    return put_random(m, "bid");
}

apr_status_t pv_plan_backup(pv_planner_t *m)
{
    apr_status_t rv = pv_plan_site_relations(m, m->job->have);

    return rv ? rv : pv_plan_archive(m, pv_fields_str(m->fields, "description", ""));
}

/* The backup that the request names, if it is one of this site. */
static apr_status_t find_backup(pv_planner_t *m, pv_backup_t **ret)
{
    const char *s = pv_fields_str(m->fields, "bid", "");
    pv_bid_t bid;

    if (pv_bid_parse(&bid, s, strlen(s)) || pv_backup_find(ret, m->j, &bid, m->p) ||
        !pv_id_eq(&(*ret)->site, &m->job->object))
        return pv_fail(m->err, PV_NO_OBJECT, "bid", "the site has no backup %s", s);
    put(m, "bid", bid.s);
    return APR_SUCCESS;
}

apr_status_t pv_plan_backup_delete(pv_planner_t *m)
{
    pv_backup_t *backup;

    return find_backup(m, &backup);
}

/* Which parts come out of the archive: those that were asked for and are in it. */
static apr_status_t choose_parts(pv_planner_t *m, const pv_backup_t *backup, int anew)
{
    const char *only = pv_fields_str(m->fields, "only", "");
    int database = strcmp(only, "files") != 0 && backup->database;

    if (!strcmp(only, "database") && !backup->database)
        return pv_fail(m->err, PV_SCHEMA, "only", "backup %s holds no database", backup->bid.s);
    if (*only && anew)
        return pv_fail(m->err, PV_SCHEMA, "only", "a deleted site can only be restored as a whole");
    pv_plan_flag(m, "files", strcmp(only, "database") != 0);
    pv_plan_flag(m, "reload", database);
    pv_plan_flag(m, "olddb", database && !anew);
    pv_plan_flag(m, "oldtree", strcmp(only, "database") != 0 && !anew);
    return APR_SUCCESS;
}

/* The generation of the database after the restore; the one before it stays until the new one is served. */
static void choose_database(pv_planner_t *m, int anew)
{
    const char *old = pv_props_str(m->job->have, "dbgen");

    put(m, "dbgen_old", anew ? "" : old);
    if (pv_props_flag(m->job->plan, "reload"))
        pv_props_set(m->job->want, "dbgen", apr_psprintf(m->p, "%lu", strtoul(old, NULL, 10) + 1));
}

apr_status_t pv_plan_restore(pv_planner_t *m)
{
    int anew = m->self->deleted;
    pv_backup_t *backup;
    apr_status_t rv;

    if (anew)
        put(m, "state", "enabled");
    json_object_set_new(m->job->plan, "revision", json_integer((json_int_t)m->self->revision));
    pv_plan_flag(m, "anew", anew);
    pv_plan_flag(m, "trash", !strcmp(m->self->state, "deleted"));
    if ((rv = find_backup(m, &backup)) || (rv = choose_parts(m, backup, anew)))
        return rv;
    put(m, "sha256", backup->sha256);
    json_object_set_new(m->job->plan, "bytes", json_integer((json_int_t)backup->bytes));
    choose_database(m, anew);
    if ((rv = pv_plan_site_relations(m, m->job->want)) || (rv = pv_plan_name(m, pv_props_str(m->job->plan, "name"))) ||
        (rv = pv_plan_site_names(m)))
        return rv;
    if (pv_props_flag(m->job->plan, "reload") && !pv_props_flag(m->job->plan, "move"))
        return pv_fail(m->err, PV_SCHEMA, "only", "the driver %s has no verb move, which tells a site its new database",
                       m->job->app.s);
    return put_random(m, "build");
}
