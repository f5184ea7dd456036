/*
 * The parsers of names.h, a row an odd input. Rows marked with a letter and number are bad inputs that broke other
 * panels.
 */
#include "unit.h"

#include "proto/names.h"
#include "proto/punycode.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

/* Every parser with one shape: gives the value's text, or NULL. Input is copied to exactly its length, so that ASan
 * sees a byte read too many. */
typedef const char *parse_fn(char *to, const char *s, size_t len);

#define PARSER(type)                                                                                                   \
    static const char *type(char *to, const char *s, size_t len)                                                       \
    {                                                                                                                  \
        pv_##type##_t v;                                                                                               \
        return pv_##type##_parse(&v, s, len) == APR_SUCCESS ? strcpy(to, v.s) : NULL;                                  \
    }
PARSER(id)
PARSER(bid)
PARSER(key)
PARSER(app)
PARSER(comp)
PARSER(domain)
PARSER(addr)
PARSER(label)
PARSER(context)

static const char *place(char *to, const char *s, size_t len)
{
    pv_place_t v;
    return pv_place_parse(&v, s, len) == APR_SUCCESS ? pv_place_text(to, &v) : NULL;
}

typedef struct {
    const char *in;
    const char *out; /* NULL: refused; SAME: as it came */
} row_t;

static const char SAME[] = "";

static void try_all(parse_fn *parse, const row_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char to[PV_PLACE_TEXT];
        size_t len = strlen(rows[i].in);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, rows[i].in, len);
        const char *out = parse(to, exact, len);
        const char *want = rows[i].out == SAME ? rows[i].in : rows[i].out;
        free(exact);
        if (!out != !want || (out && strcmp(out, want) != 0))
            fail_msg("'%s' gave '%s', not '%s'", rows[i].in, out ? out : "(refused)", want ? want : "(refused)");
    }
}

static void test_host_names(void **state)
{
    static const row_t rows[] = {
        {"a.test", SAME},
        {"WWW.Example.ORG", "www.example.org"},
        {"A.TEST", "a.test"}, /* F5 */
        {"1.example.org", SAME},
        {"a-b--c.example.org", SAME},
        {L63 ".test", SAME},
        {L63 "x.test", NULL}, /* F4 */
        {"xn--bcher-kva.example", SAME},
        {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
        {"example.xn--p1ai", SAME},
        {"xn--.test", NULL},
        {"xn--a.test", NULL},        /* F5: U+0080, a control character */
        {"xn--abc-.test", NULL},     /* ends in a hyphen */
        {"xn--99999999.test", NULL}, /* beyond Unicode */
        {"xn--bcher-kv!.test", NULL},
        {"a.test\nServerAlias *", NULL}, /* F1 */
        {"a.test\n", NULL},
        {"a.test%0d%0aServerAlias", NULL},
        {"a\xe2\x80\xa8.test", NULL},
        {"a\xc2\x85.test", NULL},
        {"a.test\\", NULL}, /* F2 */
        {"${PATH}.test", NULL},
        {"%{HTTP_HOST}.test", NULL},
        {"a.test#x", NULL},
        {"\"a.test\"", NULL},
        {"<a.test>", NULL},
        {"../../etc", NULL}, /* F3 */
        {"a/b.test", NULL},
        {".", NULL},
        {"..", NULL},
        {"", NULL},
        {" ", NULL},
        {"\t", NULL},
        {"a.test ", NULL},
        {"a.test.", NULL}, /* F5 */
        {".a.test", NULL},
        {"a..test", NULL},
        {"b\xc3\xbc"
         "cher.example",
         NULL},
        {"\xd0\xb0.test", NULL},
        {"*.test", NULL},    /* F6 */
        {"localhost", NULL}, /* F7 */
        {"com", NULL},
        {"10.0.0.1", NULL},
        {"10.0.0.0x1", NULL},
        {"[::1]", NULL},
        {"::1", NULL},
        {"_dmarc.a.test", NULL},
        {"-a.test", NULL},
        {"a-.test", NULL},
        {"a.-test", NULL},
        {"a.1", NULL},
    };
    try_all(domain, rows, COUNT(rows));
}

static void test_a_host_name_has_at_most_253_bytes(void **state)
{
    char name[260], to[PV_PLACE_TEXT];
    snprintf(name, sizeof(name), "%s.%s.%s.%.59s.b", L63, L63, L63, L63);
    assert_int_equal(strlen(name), 253);
    assert_string_equal(domain(to, name, 253), name);
    snprintf(name, sizeof(name), "%s.%s.%s.%.60s.b", L63, L63, L63, L63);
    assert_null(domain(to, name, 254)); /* F4 */
}

static void test_a_nul_is_never_part_of_a_name(void **state)
{
    char to[PV_PLACE_TEXT];
    parse_fn *const all[] = {id, bid, key, app, comp, domain, addr, label, context, place};
    static const char *const good[] = {"saaaaaaaaaaaa",
                                       "baaaaaaaaaaaa",
                                       "0123456789abcdef0123456789abcdef",
                                       "app",
                                       "comp",
                                       "a.test",
                                       "127.0.0.1",
                                       "label",
                                       "@a.test",
                                       "0:a"};
    for (size_t i = 0; i < COUNT(all); i++) {
        char bad[64] = "";
        size_t len = strlen(good[i]);
        memcpy(bad, good[i], len);
        assert_string_equal(all[i](to, bad, len), good[i]);
        assert_null(all[i](to, bad, len + 1));
        bad[len - 1] = '\0';
        assert_null(all[i](to, bad, len));
    }
}

static void test_ids_and_keys(void **state)
{
    static const row_t ids[] = {
        {"sabcdefghijkl", SAME},
        {"p234567abcdef", SAME},
        {"vzzzzzzzzzzzz", SAME},
        {"babcdefghijkl", NULL},
        {"sabcdefghijk", NULL},
        {"sabcdefghijklm", NULL},
        {"sabcdefghijk1", NULL},
        {"sabcdefghijk8", NULL},
        {"Sabcdefghijkl", NULL},
        {"sABCDEFGHIJKL", NULL},
        {"", NULL},
        {"-1", NULL}, /* S5 */
        {"9223372036854775807", NULL},
    };
    static const row_t bids[] = {{"babcdefghijkl", SAME}, {"sabcdefghijkl", NULL}};
    static const row_t keys[] = {
        {"0123456789abcdef0123456789abcdef", SAME},
        {"00000000000000000000000000000001", SAME},
        {"00000000000000000000000000000000", NULL}, /* S7 */
        {"0123456789abcdef0123456789abcde", NULL},
        {"0123456789abcdef0123456789abcdef0", NULL},
        {"0123456789ABCDEF0123456789ABCDEF", NULL},
        {"0123456789abcdef0123456789abcdeg", NULL},
        {"", NULL},
    };
    try_all(id, ids, COUNT(ids));
    try_all(bid, bids, COUNT(bids));
    try_all(key, keys, COUNT(keys));
}

static void test_components_apps_and_labels(void **state)
{
    static const row_t comps[] = {
        {"drupal-10.2_x", SAME}, {"A", SAME},   {"..", NULL},  {".hidden", NULL}, {"-rf", NULL},   {"_x", NULL},
        {"a/b", NULL},           {"a b", NULL}, {"a\n", NULL}, {"", NULL},        {L63 "x", SAME}, {L63 "xy", NULL},
        {"a:b", NULL},           {"a~", NULL},
    };
    static const row_t apps[] = {
        {"static", SAME},
        {"drupal7", SAME},
        {"aaaaaaaaaaaaaaaa", SAME},
        {"aaaaaaaaaaaaaaaaa", NULL},
        {"Static", NULL},
        {"a-b", NULL},
        {"../x", NULL},
        {"", NULL},
    };
    static const row_t labels[] = {
        {"web-1", SAME}, {"a", SAME}, {"1", SAME},   {"abcdefghijklmnopqrstuvwxyzabcdef", SAME},  {"-a", NULL},
        {"a-", NULL},    {"A", NULL}, {"a_b", NULL}, {"abcdefghijklmnopqrstuvwxyzabcdefg", NULL}, {"", NULL},
        {"a.b", NULL},
    };
    try_all(comp, comps, COUNT(comps));
    try_all(app, apps, COUNT(apps));
    try_all(label, labels, COUNT(labels));
}

static void test_addresses_become_canonical(void **state)
{
    static const row_t rows[] = {
        {"127.0.0.1", SAME},
        {"::1", SAME},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::ffff:1.2.3.4", SAME},
        {"127.1", NULL},
        {"1.2.3.256", NULL},
        {"01.2.3.4", NULL},
        {"1.2.3.4 ", NULL},
        {"[::1]", NULL},
        {"fe80::1%eth0", NULL},
        {"a.test", NULL},
        {"", NULL},
        {"*", NULL},
    };
    try_all(addr, rows, COUNT(rows));
}

static void test_places(void **state)
{
    static const row_t rows[] = {
        {"0:a", SAME},         {"15:a/b/c/d:web", SAME},
        {"0:a/b/c/d/e", NULL}, {"16:a", NULL},
        {"00:a", NULL},        {"-1:a", NULL},
        {"0:", NULL},          {"0", NULL},
        {":a", NULL},          {"", NULL},
        {"0:/a", NULL},        {"0:a/", NULL},
        {"0:a//b", NULL},      {"0:a/../b", NULL},
        {"0:../etc", NULL},    {"0:a:", NULL},
        {"0:a:b/c", NULL},     {"0:a:b:c", NULL},
        {"0:a:..", NULL},      {"/etc", NULL},
        {"0:a b", NULL},       {"3:" L63 "x/" L63 "x/" L63 "x/" L63 "x:" L63 "x", SAME},
    };
    try_all(place, rows, COUNT(rows));
}

static void test_context_names(void **state)
{
    static const row_t rows[] = {
        {"@server_master", SAME},
        {"@platform_drupal-10", SAME},
        {"@www.Example.org", "@www.example.org"},
        {"@server_", NULL},
        {"@server_A", NULL},
        {"@platform_a.b", NULL},
        {"@localhost", NULL},
        {"@", NULL},
        {"www.example.org", NULL},
        {"", NULL},
        {"@@a.test", NULL},
    };
    pv_context_t c;
    try_all(context, rows, COUNT(rows));
    assert_int_equal(pv_context_parse(&c, "@server_a", 9), APR_SUCCESS);
    assert_int_equal(c.kind, PV_SERVER);
    assert_int_equal(pv_context_parse(&c, "@platform_a", 11), APR_SUCCESS);
    assert_int_equal(c.kind, PV_PLATFORM);
    assert_int_equal(pv_context_parse(&c, "@a.test", 7), APR_SUCCESS);
    assert_int_equal(c.kind, PV_SITE);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *in;
        uint64_t min, max;
        int good;
    } rows[] = {
        {"0", 0, 0, 1},
        {"18446744073709551615", 0, UINT64_MAX, 1},
        {"18446744073709551616", 0, UINT64_MAX, 0},
        {"99999999999999999999999", 0, UINT64_MAX, 0},
        {"", 0, 9, 0},
        {"01", 0, 9, 0},
        {"-1", 0, 9, 0},
        {"+1", 0, 9, 0},
        {" 1", 0, 9, 0},
        {"1e3", 0, 9999, 0},
        {"0x1", 0, 9, 0},
        {"4", 5, 9, 0},
        {"10", 5, 9, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t n = 7;
        apr_status_t rv = pv_num_parse(&n, rows[i].in, strlen(rows[i].in), rows[i].min, rows[i].max);
        assert_int_equal(rv == APR_SUCCESS, rows[i].good);
        assert_true(rows[i].good || n == 7); /* untouched on failure */
    }
}

static void test_text_is_utf8_without_controls(void **state)
{
    static const struct {
        const char *in;
        int good;
    } rows[] = {
        {"", 1},
        {"Gr\xc3\xbc\xc3\x9f"
         "e \xe2\x82\xac \xf0\x9f\x98\x80",
         1},
        {"<script>\"'&;`", 1},
        {"a\nb", 0},
        {"a\x7f", 0},
        {"\xc2\x85", 0},         /* U+0085 */
        {"\xe2\x80\xa8", 0},     /* U+2028 */
        {"\xe2\x80\xa9", 0},     /* U+2029 */
        {"\xc0\x80", 0},         /* overlong NUL */
        {"\xe0\x80\xaf", 0},     /* overlong slash */
        {"\xf0\x80\x80\xaf", 0}, /* the same in four bytes */
        {"\xed\xa0\x80", 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf8\x88\x80\x80\x80", 0},
        {"\x80", 0},
        {"\xc3", 0},
        {"\xe2\x82", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(pv_text_check(rows[i].in, strlen(rows[i].in), 64) == APR_SUCCESS, rows[i].good);
    assert_int_equal(pv_text_check("abc", 3, 3), APR_SUCCESS);
    assert_int_equal(pv_text_check("abcd", 4, 3), APR_EINVAL);
    assert_int_equal(pv_text_check("a\0b", 3, 3), APR_EINVAL);
}

static void test_localhost_is_told_apart(void **state)
{
    pv_domain_t d;
    assert_int_equal(pv_domain_parse(&d, "a.localhost", 11), APR_SUCCESS);
    assert_true(pv_domain_is_localhost(&d));
    assert_int_equal(pv_domain_parse(&d, "a.notlocalhost", 14), APR_SUCCESS);
    assert_false(pv_domain_is_localhost(&d));
    assert_int_equal(pv_domain_parse(&d, "localhost.org", 13), APR_SUCCESS);
    assert_false(pv_domain_is_localhost(&d));
}

static void test_made_names_are_good_and_new(void **state)
{
    static const pv_kind_t kinds[] = {PV_SERVER, PV_PLATFORM, PV_SITE};
    pv_id_t a, b, parsed;
    pv_key_t k, l, key;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        assert_int_equal(pv_id_make(&a, kinds[i]), APR_SUCCESS);
        assert_int_equal(pv_id_make(&b, kinds[i]), APR_SUCCESS);
        assert_int_equal(pv_id_parse(&parsed, a.s, strlen(a.s)), APR_SUCCESS);
        assert_int_equal(pv_id_kind(&a), kinds[i]);
        assert_true(pv_id_eq(&a, &parsed) && !pv_id_eq(&a, &b));
    }
    assert_int_equal(pv_key_make(&k), APR_SUCCESS);
    assert_int_equal(pv_key_make(&l), APR_SUCCESS);
    assert_int_equal(pv_key_parse(&key, k.s, strlen(k.s)), APR_SUCCESS);
    assert_string_not_equal(k.s, l.s);
    assert_string_equal(pv_kind_name(PV_SERVER), "server");
    assert_string_equal(pv_kind_name(PV_PLATFORM), "platform");
    assert_string_equal(pv_kind_name(PV_SITE), "site");
}

/* The samples of RFC 3492 section 7.1, in the lower case that host names have. */
static void test_punycode_samples_of_the_rfc(void **state)
{
    static const struct {
        const char *in;
        uint32_t out[24];
    } rows[] = {
        {"egbpdaj6bu4bxfgehfvwxn",
         {0x644, 0x64a, 0x647, 0x645, 0x627, 0x628, 0x62a, 0x643, 0x644, 0x645, 0x648, 0x634, 0x639, 0x631, 0x628,
          0x64a, 0x61f}},
        {"ihqwcrb4cv8a8dqg056pqjye", {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48, 0x4e0d, 0x8bf4, 0x4e2d, 0x6587}},
        {"2-u9tlzr9756bt3uc0v", {0x3072, 0x3068, 0x3064, 0x5c4b, 0x6839, 0x306e, 0x4e0b, '2'}},
        {"d9juau41awczczp", {0x305d, 0x306e, 0x30b9, 0x30d4, 0x30fc, 0x30c9, 0x3067}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t c[64] = {0};
        int n = pv_punycode_decode(c, 64, rows[i].in, strlen(rows[i].in));
        assert_in_range(n, 1, 24);
        assert_memory_equal(c, rows[i].out, (size_t)n * sizeof(c[0]));
        assert_true(n == 24 || rows[i].out[n] == 0);
        assert_int_equal(pv_punycode_decode(c, (size_t)n - 1, rows[i].in, strlen(rows[i].in)), -1); /* no room */
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_a_host_name_has_at_most_253_bytes),
        cmocka_unit_test(test_a_nul_is_never_part_of_a_name),
        cmocka_unit_test(test_ids_and_keys),
        cmocka_unit_test(test_components_apps_and_labels),
        cmocka_unit_test(test_addresses_become_canonical),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_context_names),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_text_is_utf8_without_controls),
        cmocka_unit_test(test_localhost_is_told_apart),
        cmocka_unit_test(test_made_names_are_good_and_new),
        cmocka_unit_test(test_punycode_samples_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
