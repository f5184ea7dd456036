/*
 * The template engine: whatever a value holds it stays a value, what a template says wrong is named with file and line,
 * and every template that is shipped is right.
 */
#include "template.h"
#include "template_node.h"
#include "unit.h"
#include <apr_file_io.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "<hm:page title=\"{title}\" xmlns:hm=\"urn:hostmaster\">"
#define TAIL "</hm:page>"

static const char *folder_of(const char *const *files, apr_pool_t *p)
{
    char *folder = apr_pstrdup(p, "/tmp/t_panel.XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (; files[0]; files += 2) {
        apr_file_t *f;
        const char *path = apr_pstrcat(p, folder, "/", files[0], NULL);
        assert_int_equal(apr_file_open(&f, path, APR_WRITE | APR_CREATE, APR_OS_DEFAULT, p), APR_SUCCESS);
        apr_file_puts(files[1], f);
        apr_file_close(f);
    }
    return folder;
}

static void folder_end(const char *folder, const char *const *files, apr_pool_t *p)
{
    for (; files[0]; files += 2)
        unlink(apr_pstrcat(p, folder, "/", files[0], NULL));
    rmdir(folder);
}

/* What BODY makes of the JSON text VIEW, without the doctype. */
static const char *made(const char *body, const char *view, apr_pool_t *p)
{
    const char *const files[] = {
        "layout.xml", "<b xmlns:hm=\"urn:hostmaster\"><hm:content/></b>",
        "page.xml",   apr_pstrcat(p, HEAD, body, TAIL, NULL),
        "part.xml",   "<hm:part xmlns:hm=\"urn:hostmaster\">[<i hm:text=\"row.x\"/>]</hm:part>",
        NULL};
    const char *folder = folder_of(files, p);
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(p);
    apr_bucket_brigade *bb = apr_brigade_create(p, alloc);
    json_t *json = json_loads(view, 0, NULL), *globals = json_pack("{s:s}", "csrf", "C<");
    hm_templates_t *t;
    pv_err_t err = {0};
    char *text;
    apr_size_t len;
    assert_non_null(json);
    if (hm_templates_load(&t, folder, &err, p) != APR_SUCCESS)
        fail_msg("%s", err.text);
    folder_end(folder, files, p);
    assert_int_equal(hm_template_run(t, "page", json, globals, bb, &err, p), APR_SUCCESS);
    assert_int_equal(apr_brigade_pflatten(bb, &text, &len, p), APR_SUCCESS);
    json_decref(json);
    json_decref(globals);
    text = apr_pstrmemdup(p, text, len);
    static const char before[] = "<!DOCTYPE html>\n<b>", after[] = "</b>";
    assert_memory_equal(text, before, sizeof(before) - 1);
    text += sizeof(before) - 1;
    text[strlen(text) - (sizeof(after) - 1)] = '\0';
    return text;
}

static void a_value_stays_a_value(void **state)
{
    static const struct {
        const char *body, *view, *out;
    } rows[] = {
        /* text */
        {"<p hm:text=\"a\"/>", "{\"a\": \"<script>alert('1')</script> & \\\"\"}",
         "<p>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": \"{b} {{7*7}} &lt;\"}", "<p>{b} {{7*7}} &amp;lt;</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": \"x\\u001b[31m\\u0007\\ty\\nz\\u007f\"}",
         "<p>x\xef\xbf\xbd[31m\xef\xbf\xbd\ty\nz\xef\xbf\xbd</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": \"\xc3\xa9\xf0\x9f\x8e\x89\"}", "<p>\xc3\xa9\xf0\x9f\x8e\x89</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": -12}", "<p>-12</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": true}", "<p>true</p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": false}", "<p></p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": null}", "<p></p>"},
        {"<p hm:text=\"a\"/>", "{\"a\": [1], \"b\": {}}", "<p></p>"},
        {"<p hm:text=\"a.b.c\"/>", "{\"a\": {\"b\": \"x\"}}", "<p></p>"},
        {"<p hm:text=\"#csrf\"/>", "{\"csrf\": \"no\"}", "<p>C&lt;</p>"},
        /* attributes */
        {"<p hm:title=\"{a}\"/>", "{\"a\": \"\\\"><img src=x onerror=alert(1)>\"}",
         "<p title=\"&quot;&gt;&lt;img src=x onerror=alert(1)&gt;\"></p>"},
        {"<p hm:data-x=\"a{a}b{c}\"/>", "{\"a\": \"' '\", \"c\": 5}", "<p data-x=\"a&#39; &#39;b5\"></p>"},
        {"<input hm:checked=\"a\" hm:disabled=\"b\"/>", "{\"a\": 1, \"b\": 0}", "<input checked>"},
        /* links: data inside them means nothing in them */
        {"<a hm:href=\"/s/{a}/e?x={a}\"/>", "{\"a\": \"../a b/?#&=+%;:@'\\\"<\xc3\xa9\"}",
         "<a "
         "href=\"/s/..%2Fa%20b%2F%3F%23%26%3D%2B%25%3B%3A%40%27%22%3C%C3%A9/"
         "e?x=..%2Fa%20b%2F%3F%23%26%3D%2B%25%3B%3A%40%27%22%3C%C3%A9\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"https://a.test/?b=c&d\"}", "<a href=\"https://a.test/?b=c&amp;d\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"/sites/x\"}", "<a href=\"/sites/x\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"javascript:alert(1)\"}", "<a href=\"#\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \" javascript:alert(1)\"}", "<a href=\"#\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"//evil.test\"}", "<a href=\"#\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"/\\\\evil.test\"}", "<a href=\"#\"></a>"},
        {"<a hm:href=\"{a}\"/>", "{\"a\": \"data:text/html,x\"}", "<a href=\"#\"></a>"},
        {"<form hm:action=\"/x/{a}\"/>", "{\"a\": \"\"}", "<form action=\"/x/\"></form>"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(made(rows[i].body, rows[i].view, *state), rows[i].out);
}

static void words_do_what_they_say(void **state)
{
    static const struct {
        const char *body, *view, *out;
    } rows[] = {
        {"<p hm:if=\"a\">y</p><p hm:unless=\"a\">n</p>", "{\"a\": \"0\"}", "<p>y</p>"},
        {"<p hm:if=\"a\">y</p><p hm:unless=\"a\">n</p>", "{\"a\": 0}", "<p>n</p>"},
        {"<p hm:if=\"a\">y</p><p hm:unless=\"a\">n</p>", "{\"a\": []}", "<p>n</p>"},
        {"<p hm:if=\"a\">y</p><p hm:unless=\"a\">n</p>", "{\"a\": {\"b\": 1}}", "<p>y</p>"},
        {"<p hm:if=\"a\">y</p><p hm:unless=\"a\">n</p>", "{}", "<p>n</p>"},
        {"<p hm:if=\"a=failed\">y</p>", "{\"a\": \"failed\"}", "<p>y</p>"},
        {"<p hm:if=\"a=failed\">y</p>", "{\"a\": \"fail\"}", ""},
        {"<i hm:each=\"row in a\" hm:text=\"row.x\"/>",
         "{\"a\": [{\"x\": \"1\"}, {\"x\": \"<\"}], \"row\": {\"x\": 9}}", "<i>1</i><i>&lt;</i>"},
        {"<i hm:each=\"row in a\" hm:if=\"row.x\" hm:text=\"row.x\"/>", "{\"a\": [{\"x\": 0}, {\"x\": 2}]}",
         "<i>2</i>"},
        {"<i hm:each=\"row in a\"><u hm:each=\"k in row.k\" hm:text=\"k.x\"/><hm:group hm:text=\"row.x\"/></i>",
         "{\"a\": [{\"k\": [{\"x\": 1}], \"x\": 5}]}", "<i><u>1</u></i>"},
        {"<hm:group hm:each=\"row in a\" hm:include=\"part\"/>", "{\"a\": [{\"x\": 1}, {\"x\": 2}]}",
         "[<i>1</i>][<i>2</i>]"},
        {"<br/><img alt=\"&lt;\"/>a &amp; b<!-- c -->", "{}", "<br><img alt=\"&lt;\">a &amp; b"},
        {"<time hm:text=\"t|iso\"/><b hm:text=\"t|date\"/><i hm:text=\"n|number\"/><u hm:text=\"s|first\"/>",
         "{\"t\": 1700000000000000, \"n\": 1234567, \"s\": \"\xc3\xa9x\"}",
         "<time>2023-11-14T22:13:20Z</time><b>2023-11-14</b><i>1,234,567</i><u>\xc3\xa9</u>"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(made(rows[i].body, rows[i].view, *state), rows[i].out);
}

static void what_is_wrong_is_named_with_file_and_line(void **state)
{
    static const struct {
        const char *page, *says;
    } rows[] = {
        {HEAD "\n\n<p>" TAIL, "bad.xml:3: "},
        {HEAD "\n<p hm:text=\"a|shout\"/>" TAIL, "bad.xml:2: no such filter: shout"},
        {HEAD "\n<p hm:text=\"a..b\"/>" TAIL, "bad.xml:2: not a path: a..b"},
        {HEAD "\n<p hm:text=\"a.b.c.d.e.f.g\"/>" TAIL, "bad.xml:2: not a path"},
        {HEAD "\n<p hm:title=\"{a\"/>" TAIL, "bad.xml:2: '{' without '}'"},
        {HEAD "\n\n<p hm:each=\"rows\"/>" TAIL, "bad.xml:3: hm:each wants \"NAME in PATH\""},
        {HEAD "\n<hm:loop/>" TAIL, "bad.xml:2: no such element: hm:loop"},
        {HEAD "<p onclick=\"x()\"/>" TAIL, "bad.xml:1: scripts and styles stand in files, not in onclick="},
        {HEAD "<p hm:onclick=\"{a}\"/>" TAIL, "not in onclick="},
        {HEAD "<p hm:style=\"{a}\"/>" TAIL, "not in style="},
        {HEAD "<p hm:include=\"nothing\"/>" TAIL, "hm:include of a template that is not there: nothing"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const files[] = {"layout.xml", "<b xmlns:hm=\"urn:hostmaster\"/>", "bad.xml", rows[i].page, NULL};
        const char *folder = folder_of(files, *state);
        hm_templates_t *t = NULL;
        pv_err_t err = {0};
        assert_int_not_equal(hm_templates_load(&t, folder, &err, *state), APR_SUCCESS);
        folder_end(folder, files, *state);
        if (strstr(err.text, rows[i].says) == NULL)
            fail_msg("'%s' is not in '%s'", rows[i].says, err.text);
        assert_null(t);
    }
}

static void a_folder_needs_a_layout(void **state)
{
    static const char *const none[] = {NULL};
    const char *folder = folder_of(none, *state);
    hm_templates_t *t;
    pv_err_t err = {0};
    assert_int_not_equal(hm_templates_load(&t, folder, &err, *state), APR_SUCCESS);
    assert_non_null(strstr(err.text, "layout.xml is missing"));
    rmdir(folder);
    assert_int_not_equal(hm_templates_load(&t, folder, &err, *state), APR_SUCCESS);
    assert_non_null(strstr(err.text, "cannot be opened"));
}

/* All of them are read, and what a route names is there. */
static void every_shipped_template_is_right(void **state)
{
    static const char *const named[] = {
#define ROUTE(method, path, doors, name, who, csrf, limit, template, takes, help) template,
#include "routes.def"
#undef ROUTE
    };
    hm_templates_t *t;
    pv_err_t err = {0};
    if (hm_templates_load(&t, "templates/html", &err, *state) != APR_SUCCESS)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT(named); i++)
        if (named[i][0] && apr_hash_get(t->page, named[i], APR_HASH_KEY_STRING) == NULL)
            fail_msg("%s.xml is not there", named[i]);
}

/* A template that includes itself ends. */
static void an_endless_include_ends(void **state)
{
    static const char *const files[] = {"layout.xml", "<b xmlns:hm=\"urn:hostmaster\"><hm:content/></b>", "page.xml",
                                        HEAD "x<i hm:include=\"page\"/>" TAIL, NULL};
    const char *folder = folder_of(files, *state);
    apr_bucket_brigade *bb = apr_brigade_create(*state, apr_bucket_alloc_create(*state));
    hm_templates_t *t;
    pv_err_t err = {0};
    apr_off_t length;
    json_t *view = json_object();
    assert_int_equal(hm_templates_load(&t, folder, &err, *state), APR_SUCCESS);
    assert_int_equal(hm_template_run(t, "page", view, view, bb, &err, *state), APR_SUCCESS);
    apr_brigade_length(bb, 1, &length);
    assert_in_range(length, 10, 200);
    json_decref(view);
    folder_end(folder, files, *state);
}

static void filters_take_any_value(void **state)
{
    static const char *const names[] = {"time", "clock", "date", "iso", "duration", "ago", "number", "bytes", "first"};
    json_t *values[] = {NULL,
                        json_null(),
                        json_true(),
                        json_string(""),
                        json_string("x"),
                        json_integer(0),
                        json_integer(-1),
                        json_integer(INT64_MAX),
                        json_integer(INT64_MIN),
                        json_array(),
                        json_object(),
                        json_real(1.5)};
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t k = 0; k < COUNT(values); k++)
            assert_non_null(hm_filter_find(names[i])(values[k], *state));
    for (size_t k = 0; k < COUNT(values); k++)
        json_decref(values[k]);
    assert_null(hm_filter_find("shout"));
}

static void filters_speak_plainly(void **state)
{
    static const struct {
        const char *filter;
        int64_t value;
        const char *text;
    } rows[] = {{"duration", 0, ""},
                {"duration", 1500000, "1.5 s"},
                {"duration", 61000000, "1 min 1 s"},
                {"duration", 3660000000, "1 h 1 min"},
                {"duration", 172800000000, "2 d"},
                {"time", 1700000000000000, "2023-11-14 22:13:20"},
                {"clock", 1700000000000000, "22:13:20"},
                {"date", 0, ""},
                {"ago", 0, "never"},
                {"number", 999, "999"},
                {"number", 1000, "1,000"},
                {"number", -1000, "-1,000"},
                {"number", -100, "-100"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *value = json_integer(rows[i].value);
        assert_string_equal(hm_filter_find(rows[i].filter)(value, *state), rows[i].text);
        json_decref(value);
    }
    static const struct {
        int64_t seconds;
        const char *text;
    } past[] = {{1, "just now"},       {30, "30 seconds ago"}, {90, "1 minute ago"},
                {7300, "2 hours ago"}, {86500, "1 day ago"},   {29 * 86400 + 50, "29 days ago"}};
    for (size_t i = 0; i < COUNT(past); i++) {
        json_t *value = json_integer(apr_time_now() - past[i].seconds * APR_USEC_PER_SEC);
        assert_string_equal(hm_filter_find("ago")(value, *state), past[i].text);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_stays_a_value),
        TEST(words_do_what_they_say),
        TEST(what_is_wrong_is_named_with_file_and_line),
        TEST(a_folder_needs_a_layout),
        TEST(every_shipped_template_is_right),
        TEST(an_endless_include_ends),
        TEST(filters_take_any_value),
        TEST(filters_speak_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
