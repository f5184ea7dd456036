"""Every row of routes.def: whom its two doors let in. A route that is added is tried here without a line of its own."""

import re
import urllib.parse

import pytest

from lab.lab import TREE
from lab.panel import Browser

BACKUP = "b" + "c" * 12
OWN = ("{site}", "{backup}", "/tasks/{id}", "/account/tokens/{id}")  # what is one client's: another's is a 404


def _routes():
    with open(f"{TREE}/mod_hostmaster/routes.def", encoding="utf-8") as f:
        rows = re.findall(r'^ROUTE\((\w+), *"([^"]*)", *(\w+), *(\w+), *(\w+), *(\w+),', f.read(), re.M)
    assert len(rows) > 50
    return rows


ROUTES = _routes()


@pytest.fixture(scope="module")
def bobs(office):
    """Bob has one of each thing that a path can name; an address as he would ask for it."""
    panel = office.panel
    panel.rows("INSERT INTO backup VALUES (?, ?, ?, ?, 'bob.test', '', 'pages', '1.0', 1, 9, ?, 1, 1, 1)", BACKUP, office.site("bob"), office.bob_id,
               office.server, "0" * 64)
    ((account, token),) = panel.rows("SELECT account.id, token.id FROM account, token WHERE login = 'bob' AND token.account = account.id")
    office.reader = panel.program(office.ann, scope="read")
    office.ids = {"/tasks/": office.bob_site["task"], "/clients/": office.bob_id, "/users/": account, "/account/tokens/": token}
    return office


def _path(office, path):
    for name, value in {"site": office.site("bob"), "backup": BACKUP, "platform": office.platform, "server": office.server, "token": "x" * 43}.items():
        path = path.replace("{" + name + "}", value)
    return path.replace("{id}", str(next((i for start, i in office.ids.items() if path.startswith(start)), 1)))


def _page(browser, method, path, **headers):
    """As the page itself would ask, with its token."""
    if method == "GET":
        return browser.get(path)
    browser.get("/account")
    return browser.post(path, headers=headers)


def _wrong(asked):
    """All that answered otherwise, at once."""
    wrong = [(name, answer.status, wanted) for name, answer, wanted in asked if answer.status not in wanted]
    assert wrong == []


def test_another_s_and_what_is_an_administrator_s_is_not_there(bobs):
    asked = []
    with bobs.unchanged():
        for method, path, doors, name, who, _ in ROUTES:
            if who != "ADMIN" and not any(own in path for own in OWN):
                continue
            at = _path(bobs, path)
            if doors != "API":
                asked.append((f"{name} page", _page(bobs.ann, method, at), [404]))
            if doors != "PAGE":
                asked.append((f"{name} api", bobs.ann_api.get(at) if method == "GET" else bobs.ann_api.post(at, {}), [404]))
    assert len(asked) > 60
    _wrong(asked)


def test_nobody_gets_nothing(bobs):
    """A page leads to the login, the API says 401, also to a cookie, which is no token."""
    asked, stranger, panel = [], Browser(bobs.panel), bobs.panel
    cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in bobs.admin.cookies.items())}
    with bobs.unchanged():
        for method, path, doors, name, who, _ in ROUTES:
            at = _path(bobs, path)
            if who == "ANYBODY":
                continue
            if doors != "API":
                asked.append((f"{name} page", stranger.ask(method, at, "", {"Origin": panel.url} if method == "POST" else {}), [303, 401, 403]))
                if method == "GET":
                    assert asked[-1][1].status == 303 and asked[-1][1].headers["Location"].endswith("/login"), name
            if doors != "PAGE":
                for head in ({}, cookie, {"Authorization": "Bearer " + "x" * 43}):
                    head = {**head, "Idempotency-Key": f"{name}{len(asked)}", "Content-Type": "application/json"}
                    asked.append((f"{name} api", panel.ask(method, f"/api/v1{at}", "{}" if method == "POST" else None, head), [401]))
    _wrong(asked)


def test_what_changes_something_needs_the_page_s_own_token_and_origin(bobs):
    """By an administrator's session, who may do all of it."""
    asked = []
    bobs.admin.get("/account")
    with bobs.unchanged():
        for method, path, doors, name, _, csrf in ROUTES:
            if method != "POST" or doors == "API" or csrf != "CSRF":
                continue
            at, url = _path(bobs, path), bobs.panel.url
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            for kind, token, head in (("no token", "", {"Origin": url}), ("another's token", "a" * 43, {"Origin": url}),
                                      ("another's page", bobs.admin.csrf, {"Origin": "https://evil.test"}),
                                      ("another's site", bobs.admin.csrf, {"Sec-Fetch-Site": "cross-site"})):
                asked.append((f"{name}: {kind}", bobs.admin.ask("POST", at, urllib.parse.urlencode({"csrf": token}), {**form, **head}), [403]))
    assert len(asked) > 80
    _wrong(asked)


def test_a_program_that_may_read_or_has_no_key_changes_nothing(bobs):
    asked = []
    with bobs.unchanged():
        for method, path, doors, name, _, _ in ROUTES:
            if method != "POST" or doors == "PAGE":
                continue
            at = _path(bobs, path)
            asked.append((f"{name}: a key is missing", bobs.api.ask("POST", at, {}), [400]))
            asked.append((f"{name}: a reader", bobs.reader.post(at, {}), [403, 404]))
    assert len(asked) >= 48
    _wrong(asked)
