"""One view, two renderings: each page is its template over the JSON of the same address, field by field."""

import re
import time

import pytest

from lab.lab import TREE
from lab.panel import Browser
from lab.render import Page, read
from lab.teller import Teller, package, whole

BACKUP = "b" + "a" * 12


def routes():
    with open(f"{TREE}/mod_hostmaster/routes.def", encoding="utf-8") as f:
        rows = re.findall(r'^ROUTE\((\w+), *"([^"]*)", *(\w+), *(\w+), *(\w+), *\w+, *[^"]*"([^"]*)"', f.read(), re.M)
    return [(path, name, page) for method, path, doors, name, _, page in rows if method == "GET" and doors == "BOTH"] + [
        ("/sites/new?platform={platform}", "site_new_there", "form")]  # fmt: skip


@pytest.fixture(scope="module")
def full(office):
    """Every column of the objects holds something; a task of each kind of end, with steps, lines and a notice."""
    panel, site = office.panel, office.site()
    day = int(time.time() * 1e6) - 3 * 86400 * 1000000
    panel.rows("UPDATE site SET title = 'Ann''s <site>', redirect = 'www.ann.test', state = 'enabled', verified = ?, db_name = 'sannd1', db_server = ?, "
               "url = 'http://ann.test/', version = '6.1 & up', language = 'en' WHERE id = ?", day, office.server, site)
    panel.rows("UPDATE platform SET state = 'verified', verified = ?, seen_app = 'pages', version = '1.0'", day)
    office.learns("pages", "The <pages>", ["mariadb"], ["title", "admin_mail"], ["admin_mail"],
                  [{"verb": "cron", "label": "Run <cron>", "run": "site", "args": ""},
                   {"verb": "login", "label": "Log in", "run": "site", "args": "admin_name maintenance"},
                   {"verb": "tidy", "label": "Tidy up", "run": "platform"}])
    office.add_platform("more", "unknown")
    panel.rows("UPDATE server SET state = 'enabled', verified = ?, addresses = '127.0.0.1 ::1'", day)
    task = office.ann_site["task"]
    panel.rows("UPDATE task SET state = 'failed', started = ?, ended = ?, code = 'DB_DENIED', open_key = NULL WHERE id = ?", day, day + 2500000, task)
    panel.rows("UPDATE attempt SET state = 'failed', code = 'DB_DENIED', field = 'db_secret', text = 'the <server> said no', started = ?, ended = ?, "
               "done = 3, total = 11 WHERE task = ?", day, day + 2500000, task)
    (attempt,) = panel.rows("SELECT id FROM attempt WHERE task = ?", task)[0]
    for n, level in enumerate(("info", "warning", "error"), 1):
        panel.rows("INSERT INTO log VALUES (?, ?, ?, ?, 'database', ?)", attempt, n, day + n, level, f"line {n} of <b>")
    panel.rows("UPDATE site SET busy = '', last = 'failed' WHERE id = ?", site)
    panel.rows("INSERT INTO notice VALUES (5, 'task', ?, 'Install of ann.test failed: \"denied\"', 0, ?)", task, day)
    panel.rows("UPDATE account SET seen = ?", day)
    for bid, made in ((BACKUP, day), ("b" + "b" * 12, day + 1)):
        panel.rows("INSERT INTO backup VALUES (?, ?, 1, ?, 'ann.test', 'before <b>', 'pages', '1.0', 1, 123456, ?, ?, 1, 1)", bid, site, office.server,
                   "0" * 64, made)
    office.api.post(f"/tasks/{task}/retry")
    panel.rows("UPDATE task SET state = 'failed', ended = ?, open_key = NULL WHERE id = ?", day + 9000000, task)
    panel.rows("UPDATE attempt SET state = 'failed', code = 'DEADLINE', phase = 'waits for the database', ended = ? WHERE task = ? AND n = 2", day, task)
    with Teller(panel) as teller:
        teller.tell(*whole(office.platform, 1, package("cms", "6.1 & up", "core", label="The <CMS>"), package("mod", "1.0", label="A <module>"),
                           package("plain", kind="theme")))  # fmt: skip
        teller.tell(*whole(site, 2, package("mod", "0.9", status="enabled", schema="8001", label="A <module>"), package("off", status="disabled")))
    for name, value, expires in (("login_url", "http://ann.test/?a=1&b=2", 4102444800000000), ("reset_url", "http://ann.test/", day), ("state", "<up>", 0)):
        panel.rows("INSERT INTO result VALUES (?, ?, ?, ?)", attempt, name, value, expires)
    never = office.add_site(office.ann_api, "failed.test", title="never was", db_server=office.server, admin_mail="a@ann.test")
    office.failed = never["site"]["id"]
    panel.rows("UPDATE task SET state = 'failed', ended = ?, open_key = NULL WHERE id = ?", day, never["task"])
    panel.rows("UPDATE site SET busy = '', last = 'failed' WHERE id = ?", office.failed)
    for kind, more in (("platform", {"server": office.server, "place": "0:never"}), ("server", {"http": "apache", "http_port": "81"})):
        made = office.api.must(f"/{kind}s", {"name": "never", **more})
        panel.rows("UPDATE task SET state = 'failed', ended = ?, open_key = NULL WHERE id = ?", day, made["task"])
        panel.rows(f"UPDATE {kind} SET busy = '', last = 'failed' WHERE id = ?", made[kind]["id"])
        setattr(office, f"failed_{kind}", made[kind]["id"])
    for table in ("task", "attempt", "account", "client", "site", "platform", "token"):
        panel.rows(f"UPDATE {table} SET created = ?", day)
    return office


def filled(full, path):
    """A route's path with an object of each word."""
    ids = {"/clients": lambda: full.ann_id, "/users": lambda: full.panel.rows("SELECT id FROM account WHERE login = 'bob'")[0][0],
           "/packages": lambda: full.panel.rows("SELECT id FROM package WHERE name = 'mod'")[0][0]}  # fmt: skip
    number = ids.get(path[: path.find("/", 1)], lambda: full.ann_site["task"])()
    never = "/again" in path
    return path.format(site=full.failed if never else full.site(), platform=full.failed_platform if never else full.platform,
                       server=full.failed_server if never else full.server, backup=BACKUP, id=number)  # fmt: skip


@pytest.mark.parametrize("path, name, page", routes(), ids=[name for _, name, _ in routes()])
@pytest.mark.parametrize("who", ["administrator", "client"])
def test_a_page_shows_what_its_json_says(full, path, name, page, who):
    """Nothing is on a page that the API does not give, and each value stands where the template says, as it is."""
    panel = full.panel
    browser, program = (full.admin, full.api) if who == "administrator" else (full.ann, full.ann_api)
    address = filled(full, path) + ("?attempt=1" if name in ("task_view", "task_log") else "")
    answer, shown = program.get(address), browser.get(address)
    assert answer.status == shown.status, (answer, shown)
    if answer.status != 200:
        assert (who, answer.status) == ("client", 404)
        return
    shared = {"csrf": browser.csrf, "layout": "full", "on": {path.split("/")[1] or "dashboard": "1"},
              "open": program.get("/").json["counts"]["open"], "actor": {"login": "admin" if who == "administrator" else "ann", "admin": who == "administrator"}}
    tokens = read(shown.text)
    assert len(tokens) > 50
    assert tokens == Page(f"{panel.folder}/templates/html", answer.json, shared).render(answer.json.get("form") and "form" or page)
    assert browser.ask("GET", address, headers={"Accept": "application/json"}).json.keys() == answer.json.keys()


@pytest.mark.parametrize("path, name, page", routes(), ids=[name for _, name, _ in routes()])
def test_a_page_is_well_formed_and_has_one_heading(full, path, name, page):
    """As a browser reads it: each id once, each field with its label, each image with its words."""
    text = full.admin.get(filled(full, path)).text
    ids = re.findall(r'\sid="([^"]*)"', text)
    assert len(ids) == len(set(ids)), ids
    if page != "log":
        assert len(re.findall("<h1", text)) == 1
    assert text.startswith("<!DOCTYPE html>") and re.search(r"<title>[^<]+</title>", text)
    for field in re.findall(r"<(?:input|select|textarea)[^>]*>", text):
        named = re.search(r'\sid="([^"]*)"', field)
        assert 'type="hidden"' in field or "aria-label" in field or (named and f'for="{named[1]}"' in text), field
    assert not re.search(r"\{[a-z_]+(\.[a-z_]+)*\}|hm:", text)


def test_head_is_get_without_its_body(full):
    for path in ("/", f"/sites/{full.site()}"):
        got, head = full.admin.get(path), full.admin.ask("HEAD", path)
        assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", got.headers["Content-Type"])


def test_who_is_not_logged_in_is_led_to_the_login(panel):
    for path, _, _ in routes():
        answer = Browser(panel).get(path.replace("{site}", "s" + "a" * 12).replace("{platform}", "p" + "a" * 12).replace("{server}", "v" + "a" * 12)
                                    .replace("{backup}", BACKUP).replace("{id}", "1"))  # fmt: skip
        assert (answer.status, answer.headers["Location"]) == (303, "/login"), path


def test_the_sites_of_one_release_are_a_page_too(full):
    path = filled(full, "/packages/{id}") + "?version=0.9"
    view = full.api.get(path).json
    shared = {"csrf": full.admin.csrf, "layout": "full", "on": {"packages": "1"}, "open": full.api.get("/").json["counts"]["open"],
              "actor": {"login": "admin", "admin": True}}  # fmt: skip
    assert view["sites"] and read(full.admin.get(path).text) == Page(f"{full.panel.folder}/templates/html", view, shared).render("package")
