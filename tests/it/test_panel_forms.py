"""Bad input in forms, by hand and by API: it is refused beside its field, and no row changes."""

import concurrent.futures
import html
import re
import urllib.parse

import pytest

from lab.panel import Browser

L63 = "a" * 63
LONG = f"{L63}.{L63}.{L63}.{'a' * 61}"  # 253 bytes


def refused(office, path, fields, status=422, field=None):
    """Both doors refuse FIELDS and name FIELD; nothing changes; the page shows the form with what was typed, as text."""
    with office.unchanged():
        answer = office.api.post(path, fields)
        assert answer.status == status, (fields, answer)
        assert field is None or field in answer.json["field"] or field in answer.json["detail"], answer
        page = office.admin.post(path, {k: "\n".join(v) if isinstance(v, list) else v for k, v in fields.items()})
        assert page.status == status, (fields, page)
    return page


def site(office, **fields):
    return {"name": "new.test", "platform": office.platform, **fields}


NAMES = [
    "a.test\nServerAlias *", "a.test\r\nx", "a\u2028.test", "a\u0085.test",  # F1
    "a.test\\", "${PATH}.test", "%{HTTP_HOST}", "a.test#x", '"a.test"', "<a.test>",  # F2
    "../../etc", "a/b.test", ".", "..", " ", "\t",  # F3
    f"{L63}a.test", LONG + "a",  # F4
    "xn--a\u00e4.test", "xn--.test",  # F5
    "*.test", "*",  # F6
    "localhost", "10.0.0.1", "[::1]", "com", "_dmarc.a.test",  # F7
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_a_bad_host_name_is_refused_beside_its_field(office, name):
    page = refused(office, "/sites", site(office, name=name), field="name")
    assert 'class="wrong"' in page.text
    assert html.escape(name).replace("&#x27;", "&#39;") in page.text or any(c < " " or c > "\x7f" for c in name)


def test_an_empty_name_is_required(office):
    assert "required" in refused(office, "/sites", site(office, name=""), field="name").text


def test_the_longest_name_is_a_name(office):
    assert office.add_site(office.api, LONG)["site"]["name"] == LONG


@pytest.mark.parametrize("name", ["ann.test", "ANN.TEST", "ann.test.", "www.bob.test"])
def test_a_name_in_use_is_refused_however_it_is_written(office, name):
    refused(office, "/sites", site(office, name=name), field="name")


def test_the_panels_own_name_is_no_sites(office):
    refused(office, "/sites", site(office, name="Panel.localhost"), field="name")
    refused(office, "/sites", site(office, aliases=["panel.localhost"]), field="aliases")


@pytest.mark.parametrize("aliases", [
    ["bob.test"], ["www.bob.test"], ["x.test", "x.test"], ["new.test"], ["a.test b.test", "*.test"],
    [f"a{n}.test" for n in range(251)]], ids=lambda aliases: aliases[0])  # fmt: skip
def test_a_bad_alias_is_refused(office, aliases):
    refused(office, "/sites", site(office, aliases=aliases), field="aliases")


def test_ten_thousand_aliases_are_too_long(office):
    refused(office, "/sites", site(office, aliases=[f"alias{n}.test" for n in range(10001)]), status=413)


def test_two_who_want_one_name_at_once_make_one_site(office):
    """One is created, the other is told; there is one task."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda api: api.post("/sites", site(office, name="race.test")), (office.ann_api, office.bob_api)))
    assert sorted(a.status for a in answers) == [201, 422]
    assert office.panel.rows("SELECT COUNT(*) FROM task WHERE label = 'race.test'") == [(1,)]
    assert office.panel.rows("SELECT COUNT(*) FROM site WHERE name = 'race.test'") == [(1,)]


TITLES = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "{site.id}", "a & b's"]


@pytest.mark.parametrize("title", TITLES)
def test_text_is_shown_as_text_everywhere(office, title):
    made = office.add_site(office.ann_api, f"t{TITLES.index(title)}.test", title=title)["site"]["id"]
    shown = html.escape(title).replace("&#x27;", "&#39;")
    for path in (f"/sites/{made}", "/sites", f"/sites?find=t{TITLES.index(title)}"):
        text = office.ann.get(path).text
        assert shown in text
        assert title not in text or title == shown
    assert office.ann_api.get(f"/sites/{made}").json["site"]["title"] == title


@pytest.mark.parametrize("title", ["x" * 256, "x" * 60000, "a\x07b", "a\nb", "a\x1b[31m", "a\u0085b"])
def test_a_title_has_its_limits(office, title):
    refused(office, "/sites", site(office, title=title), field="title")


@pytest.mark.parametrize("mail", ["x@y.test\nBcc: z@y.test", "a@b|id", "-oQ/tmp@x.test", '"a b"@x.test', "a@" + "b" * 320, "plain", "@", "a@", "@b.test"])
def test_a_bad_mail_address_is_refused(office, mail):
    refused(office, "/sites", site(office, admin_name="root", admin_mail=mail), field="admin_mail")
    refused(office, "/users", {"login": "carl", "mail": mail, "role": "administrator"}, field="mail")


@pytest.mark.parametrize("target", ["http://x/\nRewriteRule", "//evil", "javascript:alert(1)", "http://a b", "http://user@panel/", "x" * 2001,
                                    "https://evil.test/", "elsewhere.test"])  # fmt: skip
def test_a_redirect_leads_to_a_name_of_the_site(office, target):
    refused(office, "/sites", site(office, redirect=target), field="redirect")


# Who sends it


def other_csrf(office):
    office.bob.get("/account")
    return office.bob.csrf


FORGED = {
    "no token": lambda o: ({"csrf": None}, {}),
    "another's token": lambda o: ({"csrf": other_csrf(o)}, {}),
    "an older session's token": lambda o: ({"csrf": o.older_csrf}, {}),
    "an origin of another port": lambda o: ({}, {"Origin": "http://panel.localhost:8444"}),
    "an origin of another scheme": lambda o: ({}, {"Origin": "https://panel.localhost:8443"}),
    "origin null": lambda o: ({}, {"Origin": "null"}),
    "another site": lambda o: ({}, {"Origin": None, "Sec-Fetch-Site": "cross-site"}),
    "the same site only": lambda o: ({}, {"Origin": None, "Sec-Fetch-Site": "same-site"}),
}


@pytest.fixture(scope="module")
def older(office):
    """Ann logs in a second time: the first session's token is of no use in it."""
    office.ann.get("/account")
    office.older_csrf = office.ann.csrf
    office.ann.log_in(office.panel.setup("link", "ann"))
    assert office.ann.csrf != office.older_csrf
    return office


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_form_changes_nothing(older, kind):
    fields, headers = FORGED[kind](older)
    older.ann.get("/account")
    for path, more in ((f"/sites/{older.site()}/tasks", {"type": "verify"}), ("/sites", site(older, name="forged.test")),
                       ("/account/tokens", {"name": "x", "scope": "write"}), ("/logout", {})):
        with older.unchanged():
            head = {k: v for k, v in {"Origin": older.panel.url, **headers}.items() if v is not None}
            pairs = {k: v for k, v in {"csrf": older.ann.csrf, **more, **fields}.items() if v is not None}
            answer = older.ann.ask("POST", path, urllib.parse.urlencode(pairs), {"Content-Type": "application/x-www-form-urlencoded", **head})
            assert answer.status == 403, (path, answer)


def test_the_page_itself_may_send_the_form(older):
    older.ann.get("/account")
    assert older.ann.post(f"/sites/{older.site()}/tasks", {"type": "verify"}).status == 303


def test_only_post_changes(office, panel):
    """GET, HEAD, OPTIONS, PUT, DELETE and TRACE on what changes something do not; an override header is not heard."""
    paths = (f"/sites/{office.site()}/tasks", "/account/tokens", "/logout")
    with office.unchanged():
        for path in paths:
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
                answer = office.ann.ask(method, path)
                assert answer.status == 405, (method, path, answer)
            assert office.ann.ask("GET", path, headers={"X-HTTP-Method-Override": "POST"}).status == 405
            assert office.ann.ask("GET", path).headers["Allow"] == "POST"


# Whose it is

ALIEN = ["p" + "a" * 12, "s" + "a" * 12, "-1", "0", str(2**63), "1 OR 1=1", "1e3", "0x1", "", "../x"]


@pytest.mark.parametrize("value", ALIEN)
def test_an_id_of_nothing_and_no_id_at_all_are_answered_alike(office, value):
    """In a path and in a body: the same 404 for what is missing, another's or malformed."""
    missing = office.ann_api.get("/sites/s" + "b" * 12)
    with office.unchanged():
        for path in (f"/sites/{urllib.parse.quote(value, safe='')}", f"/sites/{office.site('bob')}", f"/tasks/{office.bob_site['task']}"):
            answer = office.ann_api.get(path)
            assert answer.status == 404, answer
            assert value == "../x" or value == "" or answer.json == missing.json
        answer = office.ann_api.post("/sites", site(office, platform=value))
        assert answer.status == (422 if value == "" else 404)
        if value not in ("", str(office.ann_id)):
            answer = office.ann_api.post("/sites", site(office, client=value))
            assert answer.status == 404
            assert answer.json["detail"] == office.ann_api.post("/sites", site(office, client=str(office.bob_id))).json["detail"]


def test_an_array_as_an_id_is_no_field(office):
    with office.unchanged():
        office.ann.get("/account")
        assert office.ann.post("/sites", {**site(office), "client[]": "1"}).status == 400
        assert office.ann_api.post("/sites", site(office, client=["1"])).status == 422


def test_a_client_acts_only_on_what_is_its_own(office):
    """Every way to another's site and task is a 404, and so is all that is for administrators."""
    other, task = office.site("bob"), office.bob_site["task"]
    with office.unchanged():
        for path in (f"/sites/{other}", f"/sites/{other}/edit", f"/tasks/{task}", f"/tasks/{task}/log", "/servers", "/clients", "/users",
                     f"/servers/{office.server}", "/platforms/new", f"/clients/{office.ann_id}"):
            assert (office.ann_api.get(path).status, office.ann.get(path).status) == (404, 404), path
        for path, body in ((f"/sites/{other}", {"revision": "1"}), (f"/sites/{other}/tasks", {"type": "delete"}), (f"/tasks/{task}/retry", {}),
                           (f"/tasks/{task}/cancel", {}), ("/clients", {"name": "x"}), ("/servers", {"name": "x"}), ("/notices/1/dismiss", {})):
            assert office.ann_api.post(path, body).status == 404, path
            office.ann.get("/account")
            assert office.ann.post(path, body).status == 404, path


def test_a_servers_and_a_platforms_task_are_for_administrators_to_act_on(office):
    """A user of the client that such tasks belong to sees them, and no more."""
    link = office.api.must("/users", {"login": "staff", "mail": "staff@example.org", "role": "client", "client": "1"})["secret"]
    staff = Browser(office.panel).log_in(link)
    program = office.panel.program(staff)
    with office.unchanged():
        for made in (office.server, office.platform):
            task = office.panel.rows("SELECT id FROM task WHERE object = ?", made)[0][0]
            assert program.get(f"/tasks/{task}").json["can"] == {"retry": False, "cancel": False}
            for act in ("retry", "cancel"):
                staff.get("/account")
                assert (program.post(f"/tasks/{task}/{act}", {}).status, staff.post(f"/tasks/{task}/{act}", {}).status) == (404, 404)


@pytest.mark.parametrize("more", [{"is_admin": "1"}, {"quota": "9"}, {"state": "enabled"}, {"Name": "b.test"}, {"csrf2": "x"}])
def test_a_field_that_is_not_in_the_form_is_refused(office, more):
    refused(office, "/sites", {**site(office), **more}, status=400, field=next(iter(more)))


def test_a_request_without_fields_takes_none(office):
    with office.unchanged():
        assert office.ann_api.post(f"/tasks/{office.ann_site['task']}/cancel", {"force": "1"}).status == 400


# Twice, and too late


def test_two_hundred_clicks_on_verify_are_one_task(office):
    made = office.add_site(office.ann_api, "clicks.test")["site"]["id"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: office.ann_api.must(f"/sites/{made}/tasks", {"type": "verify"})["task"], range(200)))
    assert len(set(answers)) == 1
    assert office.panel.rows("SELECT COUNT(*) FROM task WHERE object = ? AND type = 'verify'", made) == [(1,)]


def test_delete_twice_is_one_task(office):
    made = office.add_site(office.ann_api, "twice.test")["site"]["id"]
    office.ann.get("/account")
    pages = [office.ann.post(f"/sites/{made}/tasks", {"type": "delete"}).headers["Location"] for _ in range(2)]
    assert pages[0] == pages[1]


def test_what_has_ended_cannot_be_cancelled(office):
    made = office.add_site(office.ann_api, "late.test")
    assert office.ann_api.post(f"/tasks/{made['task']}/cancel").status == 202
    with office.unchanged():
        answer = office.ann_api.post(f"/tasks/{made['task']}/cancel")
        assert (answer.status, answer.json["code"]) == (409, "TOO_LATE")
    assert office.ann_api.post(f"/tasks/{made['task']}/retry").status == 202
    with office.unchanged():
        assert office.ann_api.post(f"/tasks/{made['task']}/retry").status == 412


# Logs


def log_of(office, name, lines):
    """A task whose attempt has these log lines."""
    task = office.add_site(office.ann_api, name)["task"]
    (attempt,) = office.panel.rows("SELECT id FROM attempt WHERE task = ?", task)[0]
    for n, text in enumerate(lines, 1):
        office.panel.rows("INSERT INTO log VALUES (?, ?, 1700000000000000, 'output', 'driver', ?)", attempt, n, text)
    return task


def test_a_log_line_is_text_whatever_it_holds(office):
    lines = ["</pre><script>alert(1)</script>", "\x1b[31mred", "\x1b]0;title\x07", "a\\xffb", "tab\there"]
    task = log_of(office, "log.test", lines)
    text = office.ann.get(f"/tasks/{task}").text
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert [row["text"] for row in office.ann_api.get(f"/tasks/{task}/log").json["lines"]] == lines


def test_a_window_of_a_log_is_at_most_a_mebibyte(office):
    """All lines come, in windows, each once."""
    task = log_of(office, "long.test", [f"{n:05d} " + "x" * 8000 for n in range(400)])
    after, seen = 0, []
    while True:
        answer = office.ann_api.get(f"/tasks/{task}/log?after={after}")
        assert len(answer.body) <= 1 << 20
        seen += [int(row["text"][:5]) for row in answer.json["lines"]]
        after = answer.json["log"]["after"]
        if not answer.json["log"]["more"]:
            break
    assert seen == list(range(400))
    assert len(office.ann.get(f"/tasks/{task}").body) <= 2 << 20


@pytest.mark.parametrize("after", ["-1", str(2**63), "x", "1.5", "0x1", "1 "])
def test_a_log_begins_after_a_whole_number(office, after):
    path = f"/tasks/{office.ann_site['task']}/log?after={urllib.parse.quote(after)}"
    with office.unchanged():
        assert office.ann_api.get(path).status == 400
        assert office.ann.get(path).status == 400
