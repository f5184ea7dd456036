/*
 * The database process takes exactly the rows of dbops.def: every argument of every operation, right and wrong.
 */
#include "unit.h"

#include "dba/dba.h"
#include <stdlib.h>
#include <string.h>

#define SERVER "vaaaaaaaaaaaa"
#define SITE   "sabcdefghijkl"
#define LONG   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 65 bytes */

typedef struct {
    uint16_t op;
    const char *arg[7];
    pv_code_t code;
    const char *field;
} row_t;

static const row_t rows[] = {
    {PV_DBOP_ping, {SERVER}, PV_OK, ""},
    {PV_DBOP_ids, {SERVER}, PV_OK, ""},
    {PV_DBOP_create, {SERVER, SITE, "1"}, PV_OK, ""},
    {PV_DBOP_grant, {SERVER, SITE, "4294967295"}, PV_OK, ""},
    {PV_DBOP_probe, {SERVER, SITE, "1", "DATABASE"}, PV_OK, ""},
    {PV_DBOP_probe, {SERVER, SITE, "1", "GRANT"}, PV_OK, ""},
    {PV_DBOP_service, {SERVER, "mariadb", "socket"}, PV_OK, ""},
    {PV_DBOP_service, {SERVER, "mariadb", "socket", "", "", ""}, PV_OK, ""},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "db.example.org", "3306", "main"}, PV_OK, ""},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "::1", "", "main"}, PV_OK, ""},
    {0, {NULL}, PV_UNKNOWN_OP, ""},
    {PV_DGRAM_REPLY, {"0", "0", "0", ""}, PV_UNKNOWN_OP, ""},
    {PV_DBOP_ping, {NULL}, PV_SCHEMA, "server"},
    {PV_DBOP_ping, {""}, PV_SCHEMA, "server"},
    {PV_DBOP_ping, {SITE}, PV_SCHEMA, "server"},
    {PV_DBOP_ping, {SERVER, "more"}, PV_SCHEMA, ""},
    {PV_DBOP_create, {SERVER, SERVER, "1"}, PV_SCHEMA, "site"},
    {PV_DBOP_create, {SERVER, "s'OR'1'='1'--", "1"}, PV_SCHEMA, "site"},
    {PV_DBOP_create, {SERVER, SITE, "0"}, PV_SCHEMA, "dbgen"},
    {PV_DBOP_create, {SERVER, SITE, "01"}, PV_SCHEMA, "dbgen"},
    {PV_DBOP_create, {SERVER, SITE, "4294967296"}, PV_SCHEMA, "dbgen"},
    {PV_DBOP_create, {SERVER, SITE}, PV_SCHEMA, "dbgen"},
    {PV_DBOP_probe, {SERVER, SITE, "1", "database"}, PV_SCHEMA, "part"},
    {PV_DBOP_service, {SERVER, "mysql", "socket"}, PV_SCHEMA, "type"},
    {PV_DBOP_service, {SERVER, "mariadb", "none"}, PV_SCHEMA, "auth"},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "a b", "", "main"}, PV_SCHEMA, "host"},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "h", "65536", "main"}, PV_SCHEMA, "port"},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "h", "", "../main"}, PV_SCHEMA, "secret"},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "h", "", LONG}, PV_SCHEMA, "secret"},
    {PV_DBOP_service, {SERVER, "mariadb", "password", "h"}, PV_SCHEMA, "secret"},
};

static pv_dgram_t message(const row_t *row)
{
    pv_dgram_t m = {.head = {.op = row->op, .seq = 1}};
    for (; m.head.argc < COUNT(row->arg) && row->arg[m.head.argc]; m.head.argc++) {
        m.arg[m.head.argc].s = row->arg[m.head.argc];
        m.arg[m.head.argc].len = (uint32_t)strlen(row->arg[m.head.argc]);
    }
    return m;
}

static void test_a_call_is_a_row_of_the_table_or_an_error_that_names_the_argument(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_err_t err = {0};
        pv_dbcall_t *call = NULL;
        const pv_dgram_t m = message(&rows[i]);
        apr_status_t rv = pv_dbcall_parse(&call, &m, &err, *state);
        if (err.code != rows[i].code || strcmp(err.field, rows[i].field) != 0)
            fail_msg("row %zu: %s %s %s", i, pv_error_row(err.code)->name, err.field, err.text);
        assert_int_equal(rv == APR_SUCCESS, rows[i].code == PV_OK);
        assert_true((call != NULL) == (rv == APR_SUCCESS)); /* touched on success only */
        free(call);
    }
}

static void test_the_database_is_named_by_the_ids(void **state)
{
    const row_t row = {PV_DBOP_create, {SERVER, SITE, "4294967295"}, PV_OK, ""};
    const pv_dgram_t m = message(&row);
    pv_dbcall_t *call;
    pv_err_t err;
    assert_int_equal(pv_dbcall_parse(&call, &m, &err, *state), APR_SUCCESS);
    assert_string_equal(call->db.s, SITE "d4294967295");
    assert_string_equal(call->site.s, SITE);
    assert_string_equal(call->server.s, SERVER);
    assert_string_equal(call->row->name, "create");
    free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_is_a_row_of_the_table_or_an_error_that_names_the_argument),
        TEST(test_the_database_is_named_by_the_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
