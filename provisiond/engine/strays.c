/*
 * What exists and belongs to nobody: folders, trash, configuration files and databases whose id no object accounts for.
 * Only told, never repaired: deleting what we do not know is for people.
 */
#include "engine/doctor.h"
#include "engine/ops.h"
#include "engine/parts.h"
#include "engine/props.h"
#include <apr_strings.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX (16 * 1024 * 1024)

typedef enum { LIVE, GONE } owner_t; /* what an object must be to account for it */

static const struct {
    const char *word;
    owner_t owner;
    const char *thing, *detail;
} lists[] = {
    {"SITES", LIVE, "folder", "a folder in SitesRoot that belongs to no site"},
    {"PLATFORMS", LIVE, "folder", "a registered platform folder that belongs to no platform"},
    {"TRASH", GONE, "trash", "a folder in the trash that belongs to nothing that was deleted"},
    {"VHOSTS", LIVE, "vhost", "a virtual host that belongs to no site"},
    {"POOLS", LIVE, "pool", "a PHP-FPM pool that belongs to no site"},
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

typedef struct {
    pv_doctor_t *doctor;
    void (*done)(pv_doctor_t *doctor);
    apr_pool_t *p; /* an answer's, cleared after it */
    size_t list;
    pv_id_t server; /* the last database server asked */
} strays_t;

static void next_list(strays_t *s);
static void next_server(strays_t *s);

/* Does an object account for what carries its id? A new one is there and not yet recorded. SERVER: it must have its
 * database there. */
static int accounted(const strays_t *s, const pv_id_t *id, owner_t owner, const pv_id_t *server)
{
    pv_object_t *object;

    if (pv_object_find(&object, s->doctor->engine->journal, id, s->p))
        return 0;
    if (server && strcmp(pv_props_str(object->props, "db_server"), server->s))
        return 0;
    return (owner == GONE) == object->deleted || !strcmp(object->state, "new");
}

/* The ids in the answer's descriptor, a line each. */
static char *lines_of(const pv_call_t *call, apr_pool_t *p)
{
    struct stat st;
    size_t size;
    char *text;

    if (call->nfds < 1 || fstat(call->fd[0], &st) || st.st_size > LIST_MAX)
        return apr_pstrdup(p, "");
    size = (size_t)st.st_size;
    text = apr_pcalloc(p, size + 1);
    return pread(call->fd[0], text, size, 0) == (ssize_t)size ? text : apr_pstrdup(p, "");
}

static void tell(strays_t *s, const pv_call_t *call, owner_t owner, const pv_id_t *server, const char *thing,
                 const char *detail)
{
    char *save, *line;
    pv_id_t id;

    for (line = apr_strtok(lines_of(call, s->p), "\n", &save); line; line = apr_strtok(NULL, "\n", &save))
        if (pv_id_parse(&id, line, strlen(line)) == APR_SUCCESS && !accounted(s, &id, owner, server))
            pv_doctor_row(s->doctor, &id, "", thing, detail, 0);
}

static void listed(pv_call_t *call, const pv_reply_t *reply)
{
    strays_t *s = call->ctx;
    size_t i = s->list++;
    static const pv_id_t none;

    if (reply->code == PV_OK)
        tell(s, call, lists[i].owner, NULL, lists[i].thing, lists[i].detail);
    else
        pv_doctor_row(s->doctor, &none, "", lists[i].thing, reply->detail, 0);
    next_list(s);
}

static void next_list(strays_t *s)
{
    pv_call_t *call;

    apr_pool_clear(s->p);
    if (s->list == LISTS) {
        next_server(s);
        return;
    }
    call = pv_call_make(s->doctor->engine, NULL);
    pv_call_root(call, PV_ROOT_ids);
    pv_dgram_str(call->out, lists[s->list].word);
    pv_call_run(call, listed, s);
}

/* A server that does not answer has been told of by its own probe. */
static void served(pv_call_t *call, const pv_reply_t *reply)
{
    strays_t *s = call->ctx;

    if (reply->code == PV_OK)
        tell(s, call, LIVE, &s->server, "database",
             apr_pstrcat(s->p, "a database or login on server ", s->server.s, " that belongs to no site", NULL));
    next_server(s);
}

static void next_server(strays_t *s)
{
    pv_object_t **row;
    pv_call_t *call;
    int n;

    for (;;) {
        apr_pool_clear(s->p);
        n = 0;
        pv_object_list(&row, &n, s->doctor->engine->journal, PV_SERVER, s->server.s, 1, s->p);
        if (n == 0) {
            s->done(s->doctor);
            return;
        }
        s->server = row[0]->id;
        if (*pv_props_str(row[0]->props, "db"))
            break;
    }
    call = pv_call_make(s->doctor->engine, NULL);
    pv_call_dba(call, PV_DBA_ids);
    pv_dgram_str(call->out, s->server.s);
    pv_call_run(call, served, s);
}

void pv_doctor_strays(pv_doctor_t *doctor, void (*done)(pv_doctor_t *doctor))
{
    strays_t *s = apr_pcalloc(doctor->sink->p, sizeof(*s));

    s->doctor = doctor;
    s->done = done;
    apr_pool_create(&s->p, doctor->sink->p);
    next_list(s);
}
