/*
 * provisiond.conf: defaults, every kind of value, who may have written it, and that all wrong lines are named at once.
 * Runs as root like the daemon, so that files of other owners can be made.
 */
#include "unit.h"

#include "conf.h"
#include <apr_strings.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Users that exist nowhere, so that the test needs no account. */
#define USERS "EngineUser 61001\nDbaUser 61002\nSitesUser 61003\n"

static char folder[64], file[96];

static int setup(void **state)
{
    strcpy(folder, "/tmp/pv-conf-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof(file), "%s/provisiond.conf", folder);
    return pool_make(state);
}

static int teardown(void **state)
{
    unlink(file);
    rmdir(folder);
    return pool_end(state);
}

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fwrite(text, 1, len, f);
    fclose(f);
    chmod(file, 0644);
}

static const pv_conf_t *read_conf(const char *text, int daemon, pv_err_t *err, apr_pool_t *p)
{
    const pv_conf_t *conf = NULL;
    *err = (pv_err_t){0};
    write_file(text, strlen(text));
    apr_status_t rv = pv_conf_read(&conf, file, daemon, err, p);
    assert_int_equal(rv == APR_SUCCESS, conf != NULL);
    assert_int_equal(err->code, conf ? PV_OK : PV_CONFIG);
    return conf;
}

static void test_defaults(void **state)
{
    pv_err_t err;
    const pv_conf_t *conf = read_conf(USERS, 1, &err, *state);
    assert_string_equal(err.text, "");
    assert_string_equal(conf->RunDir, "/run/provision");
    assert_int_equal(conf->PlatformRoot.n, 1);
    assert_string_equal(conf->PlatformRoot.path[0], "/srv/platforms");
    assert_int_equal(conf->UidRange.first, 70000);
    assert_int_equal(conf->UidRange.last, 99999);
    assert_int_equal(conf->Workers, 4);
    assert_int_equal(conf->AllowLocalhost, 0);
    assert_string_equal(conf->HttpdUnit, "");
    assert_int_equal(conf->PanelUsers.n, 0);
    assert_int_equal(conf->AdminUsers.n, 1);
    assert_int_equal(conf->AdminUsers.user[0].uid, 0);
    assert_string_equal(conf->file, file);
}

static void test_every_kind_of_value(void **state)
{
    pv_err_t err;
    const pv_conf_t *conf = read_conf("# a comment\n"
                                      "\n"
                                      "  RunDir \t /run/x \r\n"
                                      "PlatformRoot /a\nPlatformRoot /b/c\n"
                                      "UidRange 80000-80009\n"
                                      "Workers 64\nTrashTime 0\nAllowLocalhost on\nHttpdUnit provision-httpd.service\n"
                                      "PanelUsers 61004 daemon\nAdminUsers root 61005" /* no newline at the end */
                                      "\n" USERS,
                                      1, &err, *state);
    assert_string_equal(err.text, "");
    assert_string_equal(conf->RunDir, "/run/x");
    assert_int_equal(conf->PlatformRoot.n, 2); /* instead of the default, in their order */
    assert_string_equal(conf->PlatformRoot.path[1], "/b/c");
    assert_int_equal(conf->UidRange.first, 80000);
    assert_int_equal(conf->UidRange.last, 80009);
    assert_int_equal(conf->Workers, 64);
    assert_int_equal(conf->TrashTime, 0);
    assert_int_equal(conf->AllowLocalhost, 1);
    assert_string_equal(conf->HttpdUnit, "provision-httpd.service");
    assert_int_equal(conf->PanelUsers.n, 2);
    assert_int_equal(conf->PanelUsers.user[0].gid, 61004); /* no name: the uid again */
    assert_int_equal(conf->PanelUsers.user[1].uid, 1);
    assert_int_equal(conf->AdminUsers.n, 2);
    assert_int_equal(conf->EngineUser.uid, 61001);
}

static void test_wrong_lines(void **state)
{
    static const struct {
        const char *in, *text; /* what the error says after the file's name, from its beginning */
    } rows[] = {
        {"Foo 1\n", "Foo: there is no such directive (line 1)"},
        {"workers 1\n", "workers: there is no such directive (line 1)"},
        {"\nWorkers\n", "Workers: needs a value (line 2)"},
        {"Workers 3\nWorkers 4\n", "Workers: stands there twice (lines 1 and 2)"},
        {"Workers 0\n", "Workers: must be 1 to 64"},
        {"Workers 65\n", "Workers: must be 1 to 64"},
        {"Workers four\n", "Workers: must be a whole number (line 1)"},
        {"Workers -1\n", "Workers: must be a whole number"},
        {"Workers 99999999999999999999\n", "Workers: must be a whole number"},
        {"FpmMasters 17\n", "FpmMasters: must be 1 to 16"},
        {"RunDir run\n", "RunDir: must be an absolute path"},
        {"RunDir /\n", "RunDir: must be an absolute path"},
        {"RunDir /run/\n", "RunDir: must be an absolute path"},
        {"RunDir /run//x\n", "RunDir: must be an absolute path"},
        {"RunDir /run/../x\n", "RunDir: must be an absolute path"},
        {"RunDir /run/a b\n", "RunDir: must be an absolute path"},
        {"RunDir \"/run\"\n", "RunDir: must be an absolute path"},
        {"RunDir /run/${X}\n", "RunDir: must be an absolute path"},
        {"RunDir /run/x\\\n", "RunDir: must be an absolute path"},
        {"RunDir /run/345678901234567890123456789012345678901\n", "RunDir: must have at most 40 bytes"},
        {"UidRange 70000\n", "UidRange: must be FIRST-LAST"},
        {"UidRange 0-99\n", "UidRange: must be FIRST-LAST"},
        {"UidRange 80000-70000\n", "UidRange: must be FIRST-LAST"},
        {"UidRange 65000-65534\n", "UidRange: must not hold 65534 or 65535"},
        {"UidRange 65535-65600\n", "UidRange: must not hold 65534 or 65535"},
        {"AllowLocalhost yes\n", "AllowLocalhost: must be on or off"},
        {"HttpdUnit a b\n", "HttpdUnit: must be one word"},
        {"PanelUsers daemon nobody-of-that-name\n", "PanelUsers: there is no user 'nobody-of-that-name' (line 1)"},
        {"PanelUsers 70001\n", "PanelUsers: must hold no uid of UidRange"},
        {"UidRange 61000-61009\n", "EngineUser: must not lie in UidRange; DbaUser: must not lie in UidRange"},
        {"Foo 1\nWorkers x\n", "Foo: there is no such directive (line 1); Workers: must be a whole number (line 2)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pv_err_t err;
        char *want = apr_psprintf(*state, "%s: %s", file, rows[i].text);
        assert_null(read_conf(apr_pstrcat(*state, rows[i].in, USERS, NULL), 1, &err, *state));
        if (strncmp(err.text, want, strlen(want)) != 0)
            fail_msg("%s gave %s", rows[i].in, err.text);
    }
}

static void test_the_service_accounts_are_three_and_none_is_root(void **state)
{
    pv_err_t err;
    assert_null(read_conf("EngineUser 0\nDbaUser 61002\nSitesUser 61002\n", 1, &err, *state));
    assert_non_null(strstr(err.text, "EngineUser: must not be root"));
    assert_non_null(strstr(err.text, "SitesUser: must be another user than DbaUser"));
    assert_string_equal(err.field, "EngineUser");
}

static void test_too_many_paths_or_users(void **state)
{
    pv_err_t err;
    char *text = USERS, *users = "PanelUsers";
    for (int i = 0; i <= PV_CONF_PATHS; i++) {
        text = apr_psprintf(*state, "%sSourceRoot /s%d\n", text, i);
        users = apr_psprintf(*state, "%s %d", users, 61100 + i);
    }
    assert_null(read_conf(text, 1, &err, *state));
    assert_non_null(strstr(err.text, "SourceRoot: stands there too often"));
    assert_null(read_conf(apr_pstrcat(*state, USERS, users, "\n", NULL), 1, &err, *state));
    assert_non_null(strstr(err.text, "PanelUsers: at most 16 users"));
}

static void test_a_client_needs_no_users_and_no_owner(void **state)
{
    pv_err_t err;
    const pv_conf_t *conf = read_conf("EngineUser nobody-of-that-name\nRunDir /run/x\n", 0, &err, *state);
    assert_string_equal(conf->RunDir, "/run/x");
    assert_int_equal(conf->AdminUsers.n, 0);
    chmod(file, 0666);
    assert_int_equal(pv_conf_read(&conf, file, 0, &err, *state), APR_SUCCESS);
}

static void test_a_file_that_others_could_have_written_is_refused(void **state)
{
    static const struct {
        const char *what;
        mode_t file, folder;
        uid_t file_uid, folder_uid;
        int good;
    } rows[] = {
        {"as it should be", 0644, 0755, 0, 0, 1},
        {"group may write", 0664, 0755, 0, 0, 0},
        {"all may write", 0646, 0755, 0, 0, 0},
        {"not root's", 0644, 0755, 61001, 0, 0},
        {"all may write beside it", 0644, 0777, 0, 0, 0},
        {"group may write beside it", 0644, 0775, 0, 0, 0},
        {"folder not root's", 0644, 0755, 0, 61001, 0},
        {"a sticky folder protects root's entries", 0644, 01777, 0, 0, 1},
    };
    if (getuid() != 0)
        skip(); /* only root can give files away */
    for (size_t i = 0; i < COUNT(rows); i++) {
        const pv_conf_t *conf;
        pv_err_t err;
        write_file(USERS, strlen(USERS));
        assert_int_equal(chmod(file, rows[i].file) | chown(file, rows[i].file_uid, 0), 0);
        assert_int_equal(chmod(folder, rows[i].folder) | chown(folder, rows[i].folder_uid, 0), 0);
        if ((pv_conf_read(&conf, file, 1, &err, *state) == APR_SUCCESS) != rows[i].good)
            fail_msg("%s: %s", rows[i].what, rows[i].good ? err.text : "was taken");
        assert_int_equal(chmod(folder, 0755) | chown(folder, 0, 0) | chown(file, 0, 0), 0);
    }
}

static void test_files_that_are_none(void **state)
{
    const pv_conf_t *conf;
    pv_err_t err;
    assert_int_equal(pv_conf_read(&conf, "/nowhere/provisiond.conf", 1, &err, *state), APR_EGENERAL);
    assert_string_equal(err.text, "/nowhere/provisiond.conf: No such file or directory");
    assert_int_equal(pv_conf_read(&conf, folder, 0, &err, *state), APR_EGENERAL);
    assert_int_equal(err.code, PV_CONFIG);
    write_file("Workers 3\0\n", 11);
    assert_int_equal(pv_conf_read(&conf, file, 0, &err, *state), APR_EGENERAL);
    write_file(apr_pcalloc(*state, 70000), 70000);
    assert_int_equal(pv_conf_read(&conf, file, 0, &err, *state), APR_EGENERAL);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FILE_TEST(test_defaults),
        FILE_TEST(test_every_kind_of_value),
        FILE_TEST(test_wrong_lines),
        FILE_TEST(test_the_service_accounts_are_three_and_none_is_root),
        FILE_TEST(test_too_many_paths_or_users),
        FILE_TEST(test_a_client_needs_no_users_and_no_owner),
        FILE_TEST(test_a_file_that_others_could_have_written_is_refused),
        FILE_TEST(test_files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
