/*
 * From a datagram to a checked call, and from its outcome to the reply. The engine is not trusted here: a message that
 * is not exactly a row of dbops.def is answered with SCHEMA, and whatever it says can name nothing but a site's own
 * database.
 */
#include "dba/dba.h"
#include "dba/mariadb.h"
#include "proto/task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pv_dbop_row_t rows[] = {
#define DBOP(name, number, args, silence, help) {#name, PV_DBOP_##name, args, silence},
#include "dba/dbops.def"
#undef DBOP
};

static const struct {
    const char *name;
    apr_status_t (*run)(pv_dbrun_t *run);
} types[] = {{"mariadb", pv_mariadb_run}};

/* One argument's text, in the message. */
typedef struct {
    const char *s;
    size_t len;
} arg_t;

static int arg_is(arg_t arg, const char *word)
{
    return arg.len == strlen(word) && memcmp(arg.s, word, arg.len) == 0;
}

static apr_status_t parse_id(pv_id_t *ret, arg_t arg, pv_kind_t kind)
{
    pv_id_t id;
    if (pv_id_parse(&id, arg.s, arg.len) != APR_SUCCESS || pv_id_kind(&id) != kind)
        return APR_EINVAL;
    *ret = id;
    return APR_SUCCESS;
}

static apr_status_t parse_server(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    return parse_id(&call->server, arg, PV_SERVER);
}

static apr_status_t parse_site(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    return parse_id(&call->site, arg, PV_SITE);
}

static apr_status_t parse_dbgen(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    uint64_t gen;
    if (pv_num_parse(&gen, arg.s, arg.len, 1, UINT32_MAX) != APR_SUCCESS)
        return APR_EINVAL;
    snprintf(call->db.s, sizeof(call->db.s), "%sd%u", call->site.s, (unsigned)gen);
    return APR_SUCCESS;
}

static apr_status_t parse_also(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    pv_dbname_t db = call->db;
    apr_status_t rv = parse_dbgen(call, arg, tmp);
    call->also = call->db;
    call->db = db;
    return rv;
}

static apr_status_t parse_type(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (arg_is(arg, types[i].name)) {
            call->where.run = types[i].run;
            return APR_SUCCESS;
        }
    return APR_EINVAL;
}

static apr_status_t parse_auth(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    call->where.password = arg_is(arg, "password");
    return call->where.password || arg_is(arg, "socket") ? APR_SUCCESS : APR_EINVAL;
}

static apr_status_t parse_host(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    const char *host;
    pv_err_t err;
    if (pv_value_check(&host, PV_VALUE_HOST, arg.s, arg.len, &err, tmp) != APR_SUCCESS)
        return APR_EINVAL;
    snprintf(call->where.host, sizeof(call->where.host), "%s", host);
    return APR_SUCCESS;
}

static apr_status_t parse_port(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    uint64_t port;
    if (pv_num_parse(&port, arg.s, arg.len, 1, 65535) != APR_SUCCESS)
        return APR_EINVAL;
    call->where.port = (unsigned)port;
    return APR_SUCCESS;
}

static apr_status_t parse_secret(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    return pv_comp_parse(&call->where.secret, arg.s, arg.len);
}

static apr_status_t parse_part(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp)
{
    call->part = arg_is(arg, "GRANT") ? PV_DBPART_GRANT : PV_DBPART_DATABASE;
    return call->part == PV_DBPART_GRANT || arg_is(arg, "DATABASE") ? APR_SUCCESS : APR_EINVAL;
}

/* The words that the third column of dbops.def is made of. */
static const struct {
    const char *name;
    apr_status_t (*parse)(pv_dbcall_t *call, arg_t arg, apr_pool_t *tmp);
    const char *want;
} kinds[] = {
    {"server", parse_server, "the id of a server"},
    {"site", parse_site, "the id of a site"},
    {"dbgen", parse_dbgen, "a number from 1 to 4294967295"},
    {"also", parse_also, "a number from 1 to 4294967295"},
    {"type", parse_type, "mariadb"},
    {"auth", parse_auth, "socket or password"},
    {"host", parse_host, "a host name or an address"},
    {"port", parse_port, "a number from 1 to 65535"},
    {"secret", parse_secret, "the name of a file in SecretsDir"},
    {"part", parse_part, "DATABASE or GRANT"},
};

/* Parses one argument by its WORD in dbops.def, such as "host?". */
static apr_status_t parse_arg(pv_dbcall_t *call, const char *word, size_t len, arg_t arg, pv_err_t *err,
                              apr_pool_t *tmp)
{
    int optional = word[len - 1] == '?';
    len -= optional;
    if (optional && arg.len == 0)
        return APR_SUCCESS;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i].name) != len || memcmp(kinds[i].name, word, len) != 0)
            continue;
        if (arg.s && kinds[i].parse(call, arg, tmp) == APR_SUCCESS)
            return APR_SUCCESS;
        return pv_fail(err, PV_SCHEMA, kinds[i].name, "%s: must be %s", kinds[i].name, kinds[i].want);
    }
    return pv_fail(err, PV_INTERNAL, NULL, "dbops.def names an argument that has no parser: %.*s", (int)len, word);
}

static const pv_dbop_row_t *row_find(unsigned number)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

static apr_status_t parse_args(pv_dbcall_t *call, const pv_dgram_t *m, pv_err_t *err, apr_pool_t *tmp)
{
    unsigned n = 0;
    for (const char *word = call->row->args; *word; n++) {
        size_t len = strcspn(word, " ");
        arg_t arg = {NULL, 0};
        if (n < m->head.argc)
            arg = (arg_t){m->arg[n].s, m->arg[n].len};
        apr_status_t rv = parse_arg(call, word, len, arg, err, tmp);
        if (rv != APR_SUCCESS)
            return rv;
        word += len + (word[len] == ' ');
    }
    if (m->head.argc > n)
        return pv_fail(err, PV_SCHEMA, NULL, "%s takes at most %u arguments, not %u", call->row->name, n, m->head.argc);
    if (call->where.password && !call->where.secret.s[0])
        return pv_fail(err, PV_SCHEMA, "secret", "secret: auth=password needs the name of a file in SecretsDir");
    return APR_SUCCESS;
}

apr_status_t pv_dbcall_parse(pv_dbcall_t **ret, const pv_dgram_t *m, pv_err_t *err, apr_pool_t *tmp)
{
    const pv_dbop_row_t *row = row_find(m->head.op);
    if (!row)
        return pv_fail(err, PV_UNKNOWN_OP, NULL, "operation %u", m->head.op);
    pv_dbcall_t *call = calloc(1, sizeof(*call));
    if (!call)
        return pv_fail(err, PV_BUSY, NULL, "the database process has no memory left");
    call->head = m->head;
    call->row = row;
    apr_status_t rv = parse_args(call, m, err, tmp);
    if (rv != APR_SUCCESS)
        free(call);
    else
        *ret = call;
    return rv;
}

/* One line; TEXT has no control characters (pv_fail), and its quotes are made harmless. */
static void log_failure(const pv_dgram_head_t *to, pv_code_t code, const char *text)
{
    char quoted[sizeof(((pv_err_t *)0)->text)];
    snprintf(quoted, sizeof(quoted), "%s", text);
    for (char *c = quoted; (c = strchr(c, '"'));)
        *c = '\'';
    fprintf(stderr, "event=dba.fail op=%u seq=%u job=%llu code=%s text=\"%s\"\n", to->op, to->seq,
            (unsigned long long)to->job, pv_error_row(code)->name, quoted);
}

void pv_dba_answer(const pv_dba_t *dba, const pv_dgram_head_t *to, pv_dbrun_t *run, apr_status_t rv)
{
    pv_reply_t reply = {.code = rv == APR_SUCCESS ? PV_OK : run->err.code, .a = run->state};
    const char *detail = rv == APR_SUCCESS ? run->detail : run->err.text;
    snprintf(reply.detail, sizeof(reply.detail), "%s", detail ? detail : "");
    if (rv != APR_SUCCESS)
        log_failure(to, reply.code, reply.detail);
    /* A failed send means that the engine is gone: main sees that at once and ends. */
    pv_dgram_reply_send(dba->engine, to, &reply, &run->fd, run->fd >= 0);
    if (run->fd >= 0)
        close(run->fd);
}
