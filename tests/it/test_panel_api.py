"""The API: bodies, doors and pages of lists that are not as they should be, calls that come twice, and its own description."""

import concurrent.futures
import json
import re
import secrets
import subprocess

import pytest

from lab.lab import TREE


def sent(office, body, status, code=None, field=None, headers=None, path="/sites"):
    with office.unchanged():
        answer = office.ann_api.post(path, body if isinstance(body, bytes) else json.dumps(body), headers=headers)
        assert answer.status == status, (body[:80] if isinstance(body, bytes) else body, answer)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert code is None or answer.json["code"] == code
        assert field is None or answer.json["field"] == field
    return answer


NO_JSON = [b"", b" ", b"name=a.test", b"\xef\xbb\xbf{}", b"{} x", b"{}{}", b'{"name": NaN}', b'{"name": Infinity}', b"// c\n{}", b'{"a": /* c */ "b"}',
           b"[]", b'"x"', b"null", b"{'name': 'a'}", b'{"name": "a",}', b'{"name": "\\ud800"}', b'{"name": "\\u0000"}', b'{"na\\u0000me": "x"}',
           b'{"name": "\xff"}', b'{"name": "\xc0\xaf"}', b'{"name": "\xed\xa0\x80"}', b'{"name": "a", "name": "b"}', b'{"name": 1e999}',
           b"[" * 10000, b'{"a":' * 10000]  # fmt: skip


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_no_json_object_is_a_400(office, body):
    detail = sent(office, body, 400, "SCHEMA").json["detail"]
    assert detail


def test_the_place_of_the_mistake_is_named(office):
    assert "byte 10" in sent(office, b'{"name": }', 400).json["detail"]


@pytest.mark.parametrize("body", [b'{"x": "' + b"y" * (20 << 20) + b'"}', b'{"n": ' + b"9" * (1 << 20) + b"}",
                                  b"{" + b",".join(b'"k%d":"v"' % n for n in range(100000)) + b"}"], ids=["string", "digits", "keys"])  # fmt: skip
def test_a_body_that_is_too_long_is_a_413(office, body):
    try:
        assert office.ann_api.post("/sites", body).status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the panel closed before it was all sent


@pytest.mark.parametrize("value", [1.5, True, None, {}, {"a": 1}, [1], [["a"]], [None]])
def test_a_value_of_another_type_is_named(office, value):
    sent(office, {"name": value, "platform": office.platform}, 422, "SCHEMA", "name")


@pytest.mark.parametrize("number", [b"-0", b"9007199254740993", b"12"])
def test_a_whole_number_is_its_digits(office, number):
    answer = sent(office, b'{"client": ' + number + b', "name": "n.test", "platform": "' + office.platform.encode() + b'"}', 404)
    assert answer.json["field"] == "client"


@pytest.mark.parametrize("body", [{"unknown": "x"}, {"Name": "x.test"}, {"csrf": "x"}])
def test_an_unknown_key_is_a_400(office, body):
    sent(office, body, 400, "SCHEMA", next(iter(body)))


def test_more_than_enough_keys_are_refused(office):
    sent(office, {f"k{n}": "v" for n in range(65)}, 400)


# Who asks


def test_only_a_bearer_token_opens_the_api(office, panel):
    """No cookie, no token in the query, no other scheme, no header with more in it."""
    token = office.ann_api.token
    with office.unchanged():
        assert panel.ask("GET", "/api/v1/sites").status == 401
        assert panel.ask("GET", "/api/v1/sites").headers["WWW-Authenticate"] == "Bearer"
        assert office.ann.ask("GET", "/api/v1/sites").status == 401
        assert panel.ask("GET", f"/api/v1/sites?access_token={token}").status in (400, 401)
        assert panel.ask("GET", f"/api/v1/sites?token={token}").status in (400, 401)
        for header in (f"Basic {token}", token, f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer ", "Bearer", f"Bearer  {token}"):
            assert panel.ask("GET", "/api/v1/sites", headers={"Authorization": header}).status == 401, header
        folded = panel.raw(f"GET /api/v1/sites HTTP/1.1\r\nHost: {panel.host}\r\nConnection: close\r\n"
                           f"Authorization: Bearer x\rX: y\r\n\r\n".encode())
        assert folded.startswith(b"HTTP/1.1 400")
    assert office.ann_api.get("/sites").status == 200


def test_a_token_ends(office, panel):
    """Expired, revoked, of a disabled account, of a disabled client: 401."""
    program = panel.program(office.ann)
    (number,) = panel.rows("SELECT id FROM token ORDER BY id DESC LIMIT 1")[0]
    panel.rows("UPDATE token SET expires = 1 WHERE id = ?", number)
    assert program.get("/sites").status == 401
    panel.rows("UPDATE token SET expires = 4102444800000000 WHERE id = ?", number)
    assert program.get("/sites").status == 200
    for table, where in (("account", "login = 'ann'"), ("client", "name = 'Ann & Co'")):
        panel.rows(f"UPDATE {table} SET state = 'disabled' WHERE {where}")
        assert program.get("/sites").status == 401
        panel.rows(f"UPDATE {table} SET state = 'enabled' WHERE {where}")
        assert program.get("/sites").status == 200
    assert office.bob_api.post(f"/account/tokens/{number}/delete").status == 404
    assert office.ann_api.post(f"/account/tokens/{number}/delete").status == 200
    assert program.get("/sites").status == 401


def test_a_token_that_may_read_changes_nothing(office, panel):
    reader = panel.program(office.ann, scope="read")
    assert reader.get("/sites").status == 200
    with office.unchanged():
        assert reader.post("/sites", {"name": "r.test", "platform": office.platform}).status == 403
        assert reader.post(f"/sites/{office.site()}/tasks", {"type": "delete"}).status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
                                  "application/json; charset=latin1", None])  # fmt: skip
def test_json_is_called_json(office, kind):
    with office.unchanged():
        answer = office.ann_api.post("/sites", {"name": "c.test", "platform": office.platform}, headers={"Content-Type": kind})
        assert answer.status == 415


def test_json_may_name_its_charset(office):
    for n, kind in enumerate(("application/json; charset=utf-8", 'application/json;charset="UTF-8"', "Application/JSON")):
        assert office.ann_api.post("/sites", {"name": f"cs{n}.test", "platform": office.platform}, headers={"Content-Type": kind}).status == 201


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind, body, status", [
    ("multipart/form-data; boundary=x", b"--x--", 415), (f"{FORM}; charset=latin1", b"type=verify", 415), ("application/json", b"{}", 415),
    (FORM, b"type=%ff", 400), (FORM, b"type=\xff", 400), (FORM, b"type=%c0%af", 400), (FORM, b"type=%ed%a0%80", 400), (FORM, b"type=a%00b", 400),
    (FORM, b"ty%00pe=a", 400), (FORM, b"type=%zz", 400), (FORM, b"type=%4", 400), (FORM, b"type=verify&type=delete", 400), (FORM, b"=x", 400)])  # fmt: skip
def test_a_forms_bytes_are_a_form(office, kind, body, status):
    """Before the body is looked at by anybody, it must be one."""
    office.ann.get("/account")
    if kind.startswith(FORM):
        body = b"csrf=" + office.ann.csrf.encode() + b"&" + body
    with office.unchanged():
        answer = office.ann.ask("POST", f"/sites/{office.site()}/tasks", body, {"Content-Type": kind, "Origin": office.panel.url})
        assert answer.status == status, answer


# Twice


def test_the_same_call_twice_is_one_change_and_one_answer(office):
    body = {"name": "again.test", "platform": office.platform}
    key = secrets.token_hex(8)
    first = office.ann_api.post("/sites", body, key)
    assert first.status == 201
    with office.unchanged():
        second = office.ann_api.post("/sites", body, key)
        assert (second.status, second.json) == (201, first.json)
        other = office.ann_api.post("/sites", {**body, "name": "other.test"}, key)
        assert (other.status, other.json["code"]) == (409, "KEY_CONFLICT")
        assert office.ann_api.post("/account/tokens", {"name": "x", "scope": "read"}, key).status == 409
    assert office.bob_api.post("/sites", {**body, "name": "bobs.test"}, key).status == 201  # another's key is another key


def test_a_call_is_repeated_when_its_object_is_gone(office, panel):
    made = office.add_site(office.ann_api, "gone.test")["site"]["id"]
    key = secrets.token_hex(8)
    first = office.ann_api.post(f"/sites/{made}/tasks", {"type": "delete"}, key)
    panel.rows("DELETE FROM host WHERE site = ?", made)
    panel.rows("DELETE FROM site WHERE id = ?", made)
    second = office.ann_api.post(f"/sites/{made}/tasks", {"type": "delete"}, key)
    assert (second.status, second.json) == (first.status, first.json)


def test_what_is_shown_once_is_not_kept(office, panel):
    key = secrets.token_hex(8)
    first = office.ann_api.post("/account/tokens", {"name": "once", "scope": "read"}, key)
    assert len(first.json["secret"]) == 43
    assert "secret" not in office.ann_api.post("/account/tokens", {"name": "once", "scope": "read"}, key).json
    assert first.json["secret"] not in str(panel.inventory())


@pytest.mark.parametrize("key", ["", "x" * 129, "x" * 10240, "\u00e4"])
def test_a_key_has_one_to_128_characters(office, key):
    with office.unchanged():
        answer = office.ann_api.post("/sites", {"name": "k.test", "platform": office.platform}, headers={"Idempotency-Key": key.encode("latin1")})
        assert answer.status == 400


def test_a_change_without_a_key_is_refused(office):
    with office.unchanged():
        answer = office.ann_api.post("/sites", {"name": "k.test", "platform": office.platform}, headers={"Idempotency-Key": None})
        assert (answer.status, answer.json["field"]) == (400, "Idempotency-Key")


def test_a_thousand_calls_with_one_key_are_one_task(office, panel):
    key, body = secrets.token_hex(8), {"name": "thousand.test", "platform": office.platform}
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: office.ann_api.post("/sites", body, key), range(1000)))
    assert {a.status for a in answers} == {201}
    assert len({a.body for a in answers}) == 1
    assert panel.rows("SELECT COUNT(*) FROM task WHERE label = 'thousand.test'") == [(1,)]


# Lists


@pytest.mark.parametrize("query", ["limit=-1", "limit=0", "limit=1000000000", "limit=501", "limit=x", "limit=", "limit=1&limit=2", "sort=id%3Bdrop",
                                   "page=1", "after=%ff", "find=%00"])  # fmt: skip
def test_a_lists_query_is_checked(office, query):
    with office.unchanged():
        assert office.ann_api.get(f"/sites?{query}").status == 400
        assert office.ann.get(f"/sites?{query}").status == 400


def test_a_list_comes_in_pages_each_row_once(office):
    whole = [row["name"] for row in office.api.get("/sites?limit=500").json["sites"]]
    seen, after = [], ""
    while True:
        answer = office.api.get(f"/sites?limit=3&after={after}").json
        assert len(answer["sites"]) <= 3
        seen += [row["name"] for row in answer["sites"]]
        after = answer.get("next")
        if after is None:
            break
    assert seen == whole and len(whole) > 3


def test_a_cursor_of_another_list_is_no_number(office):
    assert office.api.get("/tasks?after=ann.test").status == 400


@pytest.mark.parametrize("find, names", [("%25", []), ("_", []), ("nn.t", ["ann.test"]), ("!", []), ("%5C", []), ("'", [])])
def test_a_filter_means_what_it_says(office, find, names):
    assert [row["name"] for row in office.ann_api.get(f"/sites?find={find}").json["sites"]] == names


def test_an_older_revision_changes_nothing(office):
    path = f"/sites/{office.site()}"
    revision = office.ann_api.get(path).json["site"]["revision"]
    office.ann_api.must(path, {"revision": str(revision), "aliases": ["new.ann.test"]})
    with office.unchanged():
        answer = office.ann_api.post(path, {"revision": str(revision), "aliases": ["newer.ann.test"]})
        assert (answer.status, answer.json["code"], answer.json["field"]) == (412, "STALE", "revision")
        office.ann.get(f"{path}/edit")
        page = office.ann.post(path, {"revision": str(revision), "aliases": "newer.ann.test"})
        assert page.status == 412 and "somebody else" in page.text


# Addresses


@pytest.mark.parametrize("path, status", [
    ("//api/v1/sites", (200, 404)), ("/api//v1/sites", (200, 404)), ("/api/v1/sites/", 404), ("/api/v1/sites/..%2fservers", 404), ("/api/v1/", 200),
    ("/api/v1/sites/%2e%2e/servers", 404), ("/api/v1/sites/../servers", 404), ("/api/v1/sites;jsessionid=1", 404), ("/API/V1/sites", 404),
    ("/api/v1/Sites", 404), ("/api/v1", 404), ("/api/v2/sites", 404), ("/api/v1/sites%00", (400, 404)), ("/api/v1/login", 404), ("/api/v1/link/x", 404),
    ("/openapi.json", 404), ("/api/v1/static/hm.css", 404)])  # fmt: skip
def test_an_address_is_exact_or_a_404(office, path, status):
    """Whatever its spelling, what needs an administrator stays closed to a client."""
    with office.unchanged():
        answer = office.panel.ask("GET", path, headers={"Authorization": f"Bearer {office.ann_api.token}"})
        assert answer.status in (status if isinstance(status, tuple) else (status,)), answer
        assert b"servers" not in answer.body or path == "/api/v1/"


def test_no_answer_holds_a_secret(office, panel):
    """All GETs of the description, as an administrator and as a client: no hash, no key; and a client's hold nothing of the other's."""
    office.admin.get("/account")
    office.admin.post("/account/password", {"new": "a long password of admin"})
    kept = [value for sql in ("SELECT password FROM account", "SELECT hash FROM session", "SELECT csrf FROM session", "SELECT hash FROM token",
                              "SELECT job_key FROM attempt", "SELECT hash FROM idempotency") for (value,) in panel.rows(sql) if value]
    assert len(kept) > 10
    words = {"site": office.site(), "platform": office.platform, "server": office.server, "backup": "b" + "a" * 12, "token": "x"}
    for path, methods in office.api.get("/openapi.json").json["paths"].items():
        if "get" not in methods or path == "/openapi.json":
            continue
        number = office.ann_id if path.startswith("/clients") else office.ann_site["task"]
        whole = path.format(**words, id=number)
        for api in (office.api, office.ann_api):
            answer = api.get(whole)
            assert not [value for value in kept if value in answer.text], (whole, answer)
        assert "bob" not in answer.text.lower(), answer


# The description


def test_the_description_tells_what_the_routes_are(office, panel):
    """Each row of routes.def that has a door to the API is there, with its form's fields, and nothing else."""
    with open(f"{TREE}/mod_hostmaster/routes.def", encoding="utf-8") as f:
        rows = re.findall(r'^ROUTE\((\w+), *"([^"]*)", *(\w+), *(\w+), *(\w+), *(\w+), *[^"]*"[^"]*", *"([^"]*)"', f.read(), re.M)
    macros = ("FORM(...)=", "INPUT(form, field, label, value, need, ...)=ROW form field need")
    expanded = subprocess.run(["gcc", "-E", "-P", *(f"-D{macro}" for macro in macros), "-xc", f"{TREE}/mod_hostmaster/forms.def"],
                              check=True, capture_output=True, text=True).stdout  # fmt: skip
    inputs = re.findall(r"ROW (\w+) (\w+) (REQ|OPT)", expanded)
    document = panel.ask("GET", "/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1") and document["servers"] == [{"url": f"{panel.url}/api/v1"}]
    there = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert there == {(method, path) for method, path, doors, *_ in rows if doors != "PAGE"}
    for method, path, doors, name, _, csrf, takes in rows:
        if doors == "PAGE":
            continue
        operation = document["paths"][path][method.lower()]
        assert operation["operationId"] == name
        parameters = {(p["name"], p["in"]) for p in operation["parameters"]}
        assert {(word, "path") for word in re.findall(r"{(\w+)}", path)} <= parameters
        assert (("Idempotency-Key", "header") in parameters) == (csrf != "NONE")
        if csrf == "NONE":
            assert {(word, "query") for word in takes.split()} <= parameters
        elif takes:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert set(schema["properties"]) == {field for form, field, _ in inputs if form == takes}
            assert set(schema["required"]) == {field for form, field, need in inputs if form == takes and need == "REQ"}
    assert document["paths"]["/openapi.json"]["get"]["security"] == []
