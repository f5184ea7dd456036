"""What a platform's type takes is asked for, and what its daemon would refuse is refused beside the field; its verbs are tasks; and what they
report is shown, an address that opens a door only while it may."""

import json
import re
import time

import pytest

from lab import until
from lab.teller import Teller

FIELDS = ["language", "title", "admin_name", "admin_mail"]
VERBS = [{"verb": "cron", "label": "Run cron", "run": "site", "permission": "run_cron"},
         {"verb": "login", "label": "Login link", "run": "site", "permission": "run_login", "args": "admin_name"},
         {"verb": "closed", "label": "Close it", "run": "site", "permission": "run_closed", "args": "maintenance"},
         {"verb": "tidy", "label": "Tidy up", "run": "platform", "permission": "run_tidy"}]  # fmt: skip


@pytest.fixture(scope="module")
def typed(office):
    """Two types that are known, a platform of each; one more whose type is not; a second database server; and one on another machine."""
    office.learns("cms", "The CMS", ["mariadb"], FIELDS, ["admin_mail"], VERBS)
    office.learns("pages", "Plain pages", fields=["title"])
    office.blog, office.plain, office.other = (office.add_platform(*row) for row in (("blog", "cms"), ("plain", "pages"), ("other", "strange")))
    for name, more in (("away", {"socket": "/run/away"}), ("db", {}), ("old", {})):
        made = office.api.must("/servers", {"name": name, "db": "mariadb", "db_auth": "socket", **more})
        setattr(office, name, made["server"]["id"])
    office.panel.rows("UPDATE service SET type = 'antique' WHERE server = ?", office.old)
    return office


def inputs(view):
    return {field["name"]: field for field in view["form"]["fields"] if field["type"] != "hidden"}


# The choice


def test_the_only_platform_is_taken_at_once(office, panel):
    """Before there is one, that is said, with the way to it."""
    view = office.api.get("/sites/new").json
    assert view["platforms"] == [] and "form" not in view
    assert "No platform is ready yet" in office.ann.get("/sites/new").text
    panel.rows("UPDATE platform SET state = 'verified' WHERE id = ?", office.platform)
    assert "form" in office.api.get("/sites/new").json
    panel.rows("UPDATE platform SET state = 'new' WHERE id = ?", office.platform)


def test_only_what_was_verified_is_offered(typed):
    """And no more than that is asked at first."""
    for api in (typed.api, typed.ann_api):
        view = api.get("/sites/new").json
        assert [(row["name"], row["label"]) for row in view["platforms"]] == [("blog", "The CMS"), ("other", "strange"), ("plain", "Plain pages")]
        assert "form" not in view
    text = typed.ann.get("/sites/new").text
    assert f'href="/sites/new?platform={typed.blog}"' in text and typed.platform not in text


@pytest.mark.parametrize("platform", ["p" + "b" * 12, "x", "../x", "1 OR 1=1"])
def test_a_platform_that_is_none_has_no_form(typed, platform):
    assert typed.api.get(f"/sites/new?platform={platform.replace(' ', '+')}").status == 404


# The form


def test_the_form_has_what_the_type_takes(typed):
    view = typed.api.get(f"/sites/new?platform={typed.blog}").json
    assert view["form"]["chosen"] == {"name": "blog", "label": "The CMS", "version": "1.0", "href": "/sites/new"}
    fields = inputs(view)
    assert set(fields) == {"name", "db_server", "client", "title", "language", "admin_name", "admin_mail", "aliases", "redirect"}
    assert {name for name, field in fields.items() if field["required"]} == {"name", "db_server", "admin_mail"}
    assert [row["label"] for row in fields["db_server"]["options"]] == ["main", "db"], "those of its daemon that fit, its own first"
    assert fields["db_server"]["value"] == typed.server and fields["admin_mail"]["value"] == "admin@example.org"
    assert set(inputs(typed.api.get(f"/sites/new?platform={typed.plain}").json)) == {"name", "client", "title", "aliases", "redirect"}


def test_a_clients_person_has_no_client_to_choose(typed):
    fields = inputs(typed.ann_api.get(f"/sites/new?platform={typed.blog}").json)
    assert "client" not in fields and fields["admin_mail"]["value"] == "ann@example.org"


def test_the_prefilled_form_is_taken_as_it_is(typed):
    """With no more than a name typed in: the first try."""
    page = typed.ann.get(f"/sites/new?platform={typed.blog}").text
    selected = re.search(r'name="db_server".*?value="(\w+)" selected', page, re.S)[1]
    mail = re.search(r'name="admin_mail"[^>]*value="([^"]*)"', page)[1]
    answer = typed.ann.post("/sites", {"name": "first.test", "platform": typed.blog, "db_server": selected, "admin_mail": mail, "title": "",
                                       "language": "", "admin_name": "", "aliases": "", "redirect": ""})  # fmt: skip
    assert answer.status == 303 and answer.headers["Location"].startswith("/tasks/")


def test_where_the_type_is_not_known_all_is_asked(typed):
    """As long as no daemon was seen, its word is awaited."""
    for platform in (typed.other, typed.platform):
        view = typed.api.get(f"/sites/new?platform={platform}").json
        assert "chosen" not in view["form"] and {"profile", "db_server", "platform"} <= set(inputs(view))
    assert typed.api.post("/sites", {"name": "unknown.test", "platform": typed.other, "profile": "any"}).status == 201


# What is refused


WRONG = {
    "no database server": ("blog", {"db_server": ""}, {"db_server": "The CMS needs a database server"}),
    "a database of another kind": ("blog", {"db_server": "old"}, {"db_server": "old offers no database that The CMS can use: mariadb"}),
    "a database on another machine": ("blog", {"db_server": "away"}, {"db_server": "it has no database on the platform's machine"}),
    "no database is needed": ("plain", {"db_server": "db"}, {"db_server": "Plain pages has no database"}),
    "a field is missing": ("blog", {"admin_mail": ""}, {"admin_mail": "The CMS needs one"}),
    "a field is not taken": ("blog", {"profile": "minimal"}, {"profile": "The CMS takes none"}),
    "everything at once": ("plain", {"db_server": "db", "profile": "x", "admin_name": "y", "admin_mail": "none", "name": "Bad_Name"},
                           {"db_server": "Plain pages has no database", "profile": "Plain pages takes none", "admin_name": "Plain pages takes none",
                            "admin_mail": "", "name": ""}),  # fmt: skip
    "names too": ("blog", {"db_server": "db", "name": "bob.test", "aliases": "www.bob.test", "redirect": "elsewhere.test"},
                  {"name": "bob.test is in use already", "aliases": "www.bob.test is in use already"}),
}  # fmt: skip


def sent(office, platform, fields):
    good = {"name": "new.test", "platform": getattr(office, platform)}
    if platform == "blog":
        good.update(db_server=office.server, admin_mail="a@b.test")
    return {**good, **fields, **({"db_server": getattr(office, fields["db_server"])} if fields.get("db_server") else {})}


def wrong_beside(page):
    """The fields of a form that have an error beside them, with that."""
    return {re.search(r'name="(\w+)"', part)[1]: re.search(r'class="wrong">([^<]*)<', part)[1].replace("&#39;", "'")
            for part in page.text.split('<div class="field"')[1:] if 'class="wrong"' in part}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_the_daemon_would_refuse_is_refused_at_once(typed, case):
    platform, fields, wrong = WRONG[case]
    body = sent(typed, platform, fields)
    with typed.unchanged():
        answer = typed.api.post("/sites", body)
        assert (answer.status, answer.json["code"]) in ((422, "SCHEMA"), (422, "NAME_IN_USE"))
        for field, text in wrong.items():
            assert f"{field}: {text}" in answer.json["detail"]
        typed.admin.get("/account")
        page = typed.admin.post("/sites", body)
        assert page.status == 422
    beside = wrong_beside(page)
    assert set(beside) == set(wrong) and all(text in beside[field] for field, text in wrong.items())


def test_the_same_holds_for_a_second_try(typed):
    site = typed.add_site(typed.ann_api, "again.test")  # on a platform of which nothing is known
    path, task = f"/sites/{site['site']['id']}", site["task"]
    typed.panel.rows("UPDATE task SET state = 'failed', ended = created, open_key = NULL WHERE id = ?", task)
    typed.panel.rows("UPDATE site SET busy = '', last = 'failed' WHERE id = ?", site["site"]["id"])
    assert "profile" in inputs(typed.ann_api.get(f"{path}/again").json)
    assert [row["href"] for row in typed.ann_api.get(f"{path}/again?platform=").json["platforms"]][0] == f"{path}/again?platform={typed.blog}"
    view = typed.ann_api.get(f"{path}/again?platform={typed.blog}").json
    fields = {field["name"]: field["value"] for field in view["form"]["fields"]}
    assert (fields["platform"], fields["name"], fields["db_server"], fields["admin_mail"]) == (typed.blog, "again.test", typed.server, "ann@example.org")
    assert view["form"]["chosen"]["href"] == f"{path}/again?platform="
    with typed.unchanged():
        answer = typed.ann_api.post(f"{path}/again", {**fields, "db_server": "", "admin_mail": "", "profile": "x"})
        assert answer.status == 422
        assert all(f"{name}: The CMS" in answer.json["detail"] for name in ("db_server", "admin_mail", "profile"))
    fields.pop("aliases")
    assert typed.ann_api.post(f"{path}/again", fields).status == 202


def test_types_are_a_choice(typed):
    field = inputs(typed.api.get("/platforms/new").json)["app"]
    assert [(row["value"], row["label"]) for row in field["options"]] == [("", "found out"), ("pages", "Plain pages"), ("cms", "The CMS")]


# Verbs


@pytest.fixture(scope="module")
def site(typed):
    """A site of Ann's that is installed, on a platform with verbs."""
    made = typed.add_site(typed.ann_api, "run.test", platform=typed.blog, db_server=typed.server, admin_mail="a@b.test")
    typed.panel.rows("UPDATE task SET state = 'success', ended = created, open_key = NULL WHERE id = ?", made["task"])
    typed.panel.rows("UPDATE site SET state = 'enabled', busy = '' WHERE id = ?", made["site"]["id"])
    return f"/sites/{made['site']['id']}"


def end_all(office):
    office.panel.rows("UPDATE task SET state = 'success', ended = created, open_key = NULL WHERE type = 'run'")
    office.panel.rows("UPDATE site SET busy = ''")


def test_a_site_shows_the_verbs_of_its_type(typed, site):
    verbs = typed.ann_api.get(site).json["verbs"]
    assert [(row["verb"], row["label"], row["first"]) for row in verbs] == [("login", "Login link", True), ("cron", "Run cron", False),
                                                                           ("closed", "Close it", False)]  # fmt: skip
    assert [(i["name"], i["options"]) for row in verbs for i in row["inputs"]] == [("admin_name", []), ("maintenance", ["on", "off"])]
    assert "verbs" not in typed.ann_api.get(f"/sites/{typed.site()}").json
    assert [row["verb"] for row in typed.api.get(f"/platforms/{typed.blog}").json["verbs"]] == ["tidy"]
    assert "verbs" not in typed.ann_api.get(f"/platforms/{typed.blog}").json


def test_a_verb_is_a_task_with_its_label(typed, site):
    """One of its kind at a time; another verb is another task; its name stands wherever the task does."""
    end_all(typed)
    first, again, other = (typed.ann_api.must(f"{site}/tasks", {"type": "run", "verb": verb})["task"] for verb in ("cron", "cron", "login"))
    assert first == again != other
    assert typed.ann_api.get(f"/tasks/{first}").json["task"]["title"] == "Run cron"
    assert [row["title"] for row in typed.ann_api.get(site).json["tasks"]][:2] == ["Login link", "Run cron"]
    for path in ("/", "/tasks", "/tasks?state=open", site, f"/tasks/{first}"):
        assert "Run cron" in typed.ann.get(path).text, path
    assert typed.ann_api.get(site).json["site"]["shown"] == "running"
    typed.ann.get(site)
    answer = typed.ann.post(f"{site}/tasks", {"type": "run", "verb": "login", "admin_name": ""})
    assert answer.headers["Location"] == f"/tasks/{other}"
    platform = typed.api.must(f"/platforms/{typed.blog}/tasks", {"type": "run", "verb": "tidy"})["task"]
    assert typed.api.get(f"/tasks/{platform}").json["task"]["title"] == "Tidy up"
    assert typed.ann_api.post(f"/platforms/{typed.blog}/tasks", {"type": "run", "verb": "tidy"}).status == 404


def test_the_same_verb_with_other_values_waits_for_its_end(typed, site):
    end_all(typed)
    first = typed.ann_api.must(f"{site}/tasks", {"type": "run", "verb": "closed", "maintenance": "on"})["task"]
    assert typed.ann_api.must(f"{site}/tasks", {"type": "run", "verb": "closed", "maintenance": "on"})["task"] == first
    with typed.unchanged():
        answer = typed.ann_api.post(f"{site}/tasks", {"type": "run", "verb": "closed", "maintenance": "off"})
        assert (answer.status, answer.json["code"]) == (412, "STALE") and "other values" in answer.json["detail"]
    ((args,),) = typed.panel.rows("SELECT args FROM task WHERE id = ?", first)
    assert json.loads(args) == {"verb": "closed", "maintenance": "on"}


BAD_RUNS = [({"verb": ""}, "verb"), ({}, "verb"), ({"verb": "move"}, "verb"), ({"verb": "tidy"}, "verb"), ({"verb": "x" * 65}, "verb"),
            ({"verb": "a b"}, "verb"), ({"verb": "cron", "admin_name": "x"}, "admin_name"), ({"verb": "closed", "maintenance": "perhaps"}, "maintenance"),
            ({"verb": "login", "maintenance": "on"}, "maintenance"), ({"verb": "login", "admin_name": "a b"}, "admin_name"),
            ({"type": "verify", "verb": "cron"}, "verb"), ({"type": "delete", "maintenance": "on"}, "maintenance"),
            ({"type": "install"}, "type"), ({"type": "ran", "verb": "cron"}, "type"), ({"type": ""}, "type")]  # fmt: skip


@pytest.mark.parametrize("fields, field", BAD_RUNS, ids=str)
def test_a_verb_that_cannot_be_run_is_refused(typed, site, fields, field):
    """By both doors, naming the field; nothing is queued."""
    end_all(typed)
    with typed.unchanged():
        answer = typed.ann_api.post(f"{site}/tasks", {"type": "run", **fields})
        assert (answer.status, answer.json["field"]) == (422, field), answer
        typed.ann.get(site)
        assert typed.ann.post(f"{site}/tasks", {"type": "run", **fields}).status == 422
        assert typed.bob_api.post(f"{site}/tasks", {"type": "run", **fields}).status == 404
        assert typed.api.post(f"/servers/{typed.server}/tasks", {"type": "run", "verb": "cron"}).status == 422


# What they report


def ran(office, site, at, *results):
    """A login task that has ended at that time, with what its verb reported; told by the daemon's events."""
    end_all(office)
    task = office.ann_api.must(f"{site}/tasks", {"type": "run", "verb": "login"})["task"]
    ((key,),) = office.panel.rows("SELECT job_key FROM attempt WHERE task = ?", task)
    common = {"job": 7, "key": key, "object": site[-13:], "at": at}
    with Teller(office.panel, f"teller{task}") as teller:
        teller.tell({"kind": "state", "state": "running", **common}, *({"kind": "result", "name": n, "value": v, **common} for n, v in results),
                    {"kind": "state", "state": "success", "code": "OK", **common})  # fmt: skip
    return task


def test_a_verb_that_fails_is_noticed_by_its_name(typed, site):
    end_all(typed)
    task = typed.ann_api.must(f"{site}/tasks", {"type": "run", "verb": "login"})["task"]
    ((key,),) = typed.panel.rows("SELECT job_key FROM attempt WHERE task = ?", task)
    with Teller(typed.panel, "teller of failure") as teller:
        teller.tell({"kind": "state", "state": "failed", "code": "DRIVER_FAILED", "text": "no such user", "job": 7, "key": key, "object": site[-13:]})
    assert [row["text"] for row in typed.api.get("/").json["notices"]] == ["Login link run.test failed: The CMS's own code reported an error."]


def now():
    return int(time.time() * 1e6)


def test_what_a_verb_reported_is_shown(typed, site):
    """Told twice is told once; what has no place for a name is left out; a link is one only when it is an address of the web."""
    link = "https://run.test/login?token=a&b=<c>"
    task = ran(typed, site, now(), ("login_url", "http://old.test/"), ("login_url", link), ("version", "6.1 <b>"), ("bad_url", "javascript:alert(1)"), ("n" * 65, "x"))
    view = typed.ann_api.get(f"/tasks/{task}").json
    rows = {row["name"]: row for row in view["results"]}
    assert set(rows) == {"login_url", "version", "bad_url"}
    assert (rows["login_url"]["value"], rows["login_url"]["link"], rows["login_url"]["expired"]) == (link, True, False)
    assert not rows["bad_url"]["link"] and rows["login_url"]["label"] == "login"
    text = typed.ann.get(f"/tasks/{task}").text
    assert '<a class="button" target="_blank" rel="noreferrer noopener" href="https://run.test/login?token=a&amp;b=&lt;c&gt;">Open</a>' in text
    assert "6.1 &lt;b&gt;" in text and 'href="javascript' not in text
    assert typed.bob_api.get(f"/tasks/{task}").status == 404


def test_a_token_that_may_read_is_shown_no_address_that_opens_a_door(typed, site):
    """Whoever followed it could change the site."""
    link = "https://run.test/login?token=secret"
    task = ran(typed, site, now(), ("login_url", link), ("version", "6.1"))
    reader = typed.panel.program(typed.ann, scope="read")
    answer = reader.get(f"/tasks/{task}")
    rows = {row["name"]: row for row in answer.json["results"]}
    assert link not in answer.text and not rows["login_url"]["link"] and rows["version"]["value"] == "6.1"
    assert link in typed.ann_api.get(f"/tasks/{task}").text


def test_an_address_that_opens_a_door_is_gone_after_a_quarter_of_an_hour(typed, site):
    """From the page, from the API, and from the database, where nothing but the attempt's request may keep it."""
    link = "https://run.test/late-0123456789"
    task = ran(typed, site, now() - 901 * 10**6, ("login_url", link), ("version", "6.1"))
    for answer in (typed.ann_api.get(f"/tasks/{task}"), typed.ann.get(f"/tasks/{task}")):
        assert link not in answer.text and "expired" in answer.text and "6.1" in answer.text
    row = typed.ann_api.get(f"/tasks/{task}").json["results"][0]
    assert (row["name"], row["value"], row["link"], row["expired"]) == ("login_url", "", False, True)
    until(lambda: link not in str(typed.panel.inventory()), 20, "the link being emptied")
    assert typed.ann_api.get(f"/tasks/{task}").json["results"][0]["expired"]
    fresh = ran(typed, site, now() - 880 * 10**6, ("login_url", link))
    assert typed.ann_api.get(f"/tasks/{fresh}").json["results"][0]["value"] == link


def test_an_open_task_looks_again_by_itself(typed, site):
    """Without JavaScript, as long as it is open."""
    end_all(typed)
    task = typed.ann_api.must(f"{site}/tasks", {"type": "run", "verb": "cron"})["task"]
    refresh = '<noscript><meta http-equiv="refresh"'
    assert refresh in typed.ann.get(f"/tasks/{task}").text
    done = ran(typed, site, now())
    assert refresh not in typed.ann.get(f"/tasks/{done}").text
