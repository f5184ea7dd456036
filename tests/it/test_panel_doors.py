"""The doors: passwords, sessions, links, what follows wrong logins, and what every answer carries."""

import concurrent.futures
import re
import time

import pytest

from lab.panel import Browser, alone

RIGHT = "correct horse battery"
DAY = 86400 * 1000000


@pytest.fixture
def ann(office):
    """Ann's browser, her password set; her account and address have no wrong logins."""
    office.panel.rows("DELETE FROM login_delay")
    office.panel.logs.expect("HM0024")
    office.ann.log_in(office.panel.setup("link", "ann"))
    old = {"old": RIGHT} if office.ann.get("/account").text.count('name="old"') else {}
    answer = office.ann.post("/account/password", {**old, "new": RIGHT})
    assert answer.status == 303, answer
    office.ann.get("/account")
    yield office.ann
    office.panel.rows("DELETE FROM login_delay")


def log_in(panel, login, password, headers=None):
    browser = Browser(panel)
    return browser, browser.post("/login", {"login": login, "password": password}, headers)


def words(answer):
    return re.search(r'role="alert"[^>]*>([^<]*)<', answer.text)[1]


def test_name_or_mail_and_password_open_the_panel(ann, panel):
    for login in ("ann", "Ann", "ann@example.org"):
        browser, answer = log_in(panel, login, RIGHT)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert browser.get("/sites").status == 200


@pytest.mark.parametrize("login, password", [("nobody", RIGHT), ("ann", RIGHT + "x"), ("ann", ""), ("root'--", RIGHT), ("<script>alert(1)</script>", RIGHT),
                                             ("\u0430nn", RIGHT), ("ann", "x" * 1000), ("x" * 255, RIGHT)])  # fmt: skip
def test_a_wrong_login_says_one_thing(ann, office, login, password):
    """The form again, with what was typed as text, and no word about which of the two was wrong."""
    before = office.panel.inventory()
    _, answer = log_in(office.panel, login, password)
    after = office.panel.inventory()
    assert "<script>alert" not in answer.text
    if password:
        assert (answer.status, words(answer)) == (403, "name or password is wrong")
        assert 'name="password"' in answer.text
    else:
        assert answer.status == 422
    assert {table for table in after if after[table] != before[table]} <= {"login_delay"}
    assert not answer.cookies


@pytest.mark.parametrize("password, status", [("x" * (1 << 20), 413), ("x" * 2000, 422), ("a\0b", 400)])
def test_a_password_is_no_file(ann, office, password, status):
    with office.unchanged():
        try:
            assert log_in(office.panel, "ann", password)[1].status == status
        except (BrokenPipeError, ConnectionResetError):
            assert status == 413


def test_every_byte_of_a_password_counts(ann, office):
    """bcrypt cuts at 72 bytes: longer ones are refused, not cut."""
    with office.unchanged():
        ann.get("/account")
        assert ann.post("/account/password", {"old": RIGHT, "new": "x" * 73}).status == 422
        assert ann.post("/account/password", {"old": RIGHT, "new": "x" * 11}).status == 422
        assert ann.post("/account/password", {"old": "wrong", "new": "x" * 20}).status == 403
    assert ann.post("/account/password", {"old": RIGHT, "new": "x" * 72}).status == 303
    try:
        assert log_in(office.panel, "ann", "x" * 73)[1].status == 403
        assert log_in(office.panel, "ann", "x" * 71 + "y")[1].status == 403
        assert log_in(office.panel, "ann", "x" * 72)[1].status == 303
    finally:
        ann.get("/account")
        assert ann.post("/account/password", {"old": "x" * 72, "new": RIGHT}).status == 303


def test_an_unknown_name_costs_what_a_wrong_password_costs(ann, panel):
    """Each of the two is one bcrypt; without it an unknown one would be thirty times as quick. Of some in turn the quickest are
    compared, since the machine has other work."""
    best = {"ann": 9.0, "nobody": 9.0}
    for _ in range(6):
        for login in best:
            panel.rows("DELETE FROM login_delay")
            begin = time.monotonic()
            assert log_in(panel, login, "wrong wrong wrong")[1].status == 403
            best[login] = min(best[login], time.monotonic() - begin)
    assert 0.6 < best["ann"] / best["nobody"] < 1.6, best


# Wrong logins


def test_after_five_wrong_ones_an_account_waits(ann, panel):
    """Twice as long each time, whatever address a header claims; who is logged in, or has a link, is not touched."""
    for n in range(5):
        assert log_in(panel, "ann", "wrong", {"X-Forwarded-For": f"10.0.0.{n}", "CF-Connecting-IP": f"10.1.0.{n}"})[1].status == 403
    for login in ("ann", "ann@example.org", "ANN"):
        answer = log_in(panel, login, RIGHT, {"X-Forwarded-For": "10.2.0.1"})[1]
        assert answer.status == 429 and f"try again in {answer.headers['Retry-After']} second" in words(answer)
    rows = dict(panel.rows("SELECT who, tries FROM login_delay"))
    assert rows == {"a:ann": 5, "p:127.0.0.1": 5}
    assert ann.get("/sites").status == 200
    panel.rows("DELETE FROM login_delay WHERE who LIKE 'p:%'")
    assert log_in(panel, "ann", RIGHT)[1].status == 429  # by the account alone
    panel.rows("UPDATE login_delay SET until_t = until_t - 600000000")
    begin = time.time()
    assert log_in(panel, "ann", "wrong")[1].status == 403
    ((tries, until),) = panel.rows("SELECT tries, until_t FROM login_delay WHERE who = 'a:ann'")
    assert tries == 6 and 3.5 < until / 1e6 - begin < 14
    panel.rows("UPDATE login_delay SET until_t = until_t - 600000000, tries = 60")
    assert log_in(panel, "ann", "wrong")[1].status == 403
    ((until,),) = panel.rows("SELECT until_t FROM login_delay WHERE who = 'a:ann'")
    assert 880 < until / 1e6 - time.time() <= 901
    panel.rows("DELETE FROM login_delay WHERE who LIKE 'p:%'")
    panel.rows("UPDATE login_delay SET until_t = until_t - 1000000000")
    assert log_in(panel, "ann", RIGHT)[1].status == 303
    assert panel.rows("SELECT * FROM login_delay WHERE who = 'a:ann'") == []


def test_an_address_waits_whomever_it_tries(ann, panel):
    for n in range(5):
        assert log_in(panel, f"somebody{n}", "wrong")[1].status == 403
    assert log_in(panel, "ann", RIGHT)[1].status == 429
    assert Browser(panel).log_in(panel.setup("link", "ann")).get("/sites").status == 200


def test_wrong_logins_at_once_all_count(ann, panel):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: log_in(panel, "ann", "wrong")[1].status, range(8)))
    ((tries,),) = panel.rows("SELECT tries FROM login_delay WHERE who = 'a:ann'")
    assert tries == answers.count(403) >= 5


# Sessions


def test_a_login_makes_a_new_session(ann, panel):
    """A cookie that was there before is worth nothing after it, and so is that of a logged-out session."""
    browser = Browser(panel)
    browser.cookies["hm"] = "A" * 43
    browser.post("/login", {"login": "ann", "password": RIGHT})
    first = browser.cookies["hm"]
    assert first != "A" * 43
    browser.get("/account")
    browser.log_in(panel.setup("link", "ann"))
    second = browser.cookies["hm"]
    assert second != first
    for old in ("A" * 43, first):
        assert panel.ask("GET", "/sites", headers={"Cookie": f"hm={old}"}).headers["Location"] == "/login"
    assert browser.post("/logout").headers["Location"] == "/login"
    assert "hm" not in browser.cookies
    assert panel.ask("GET", "/sites", headers={"Cookie": f"hm={second}"}).headers["Location"] == "/login"


@pytest.mark.parametrize("cookie, status", [("hm={0}; hm={0}", 200), ("hm=x; hm={0}", 303), ("__Host-hm={0}", 303), ("hm={0}x", 303), ("hm=", 303),
                                            ("hm={0}; x=" + "y" * 8300, 400)])  # fmt: skip
def test_a_strange_cookie_is_nobodys(ann, office, cookie, status):
    office.panel.logs.expect("AH00011.*more than once")
    with office.unchanged():
        answer = office.panel.ask("GET", "/sites", headers={"Cookie": cookie.format(ann.cookies["hm"])})
        assert answer.status == status


def test_a_cookie_with_a_nul_is_no_request(ann, panel):
    assert panel.raw(f"GET /sites HTTP/1.1\r\nHost: {panel.host}\r\nConnection: close\r\nCookie: hm=a\0b\r\n\r\n".encode()).startswith(b"HTTP/1.1 400")


def test_a_session_ends_after_half_an_hour_idle_and_twelve_hours_in_all(ann, panel):
    minute = 60 * 1000000
    now = int(time.time() * 1e6)
    for used, created, alive in ((29, 29, True), (31, 31, False), (1, 719, True), (1, 721, False)):
        panel.rows("UPDATE session SET used = ?, created = ? WHERE account = (SELECT id FROM account WHERE login = 'ann')", now - used * minute,
                   now - created * minute)
        assert (ann.get("/sites").status == 200) == alive, (used, created)
    panel.rows("UPDATE session SET used = ?, created = ?", now - 10 * minute, now - 10 * minute)
    assert ann.get("/sites").status == 200
    assert panel.rows("SELECT COUNT(*) FROM session WHERE used > ?", now - minute) == [(1,)]  # hers was touched


def test_a_new_password_ends_the_other_sessions(ann, panel):
    other, _ = log_in(panel, "ann", RIGHT)
    ann.get("/account")
    assert ann.post("/account/password", {"old": RIGHT, "new": RIGHT}).status == 303
    assert other.get("/sites").headers["Location"] == "/login"
    assert ann.get("/sites").status == 200


def test_who_is_disabled_is_out_at_once(ann, office, panel):
    """By the account or by its client: session, password and link."""
    (account,) = panel.rows("SELECT id FROM account WHERE login = 'ann'")[0]
    for path in (f"/users/{account}", f"/clients/{office.ann_id}"):
        noun = "user" if "users" in path else "client"

        def change(state):
            row = office.api.get(path).json[noun]
            fields = {"revision": str(row["revision"]), "state": state, "mail": row["mail"]}
            fields.update({"role": "client"} if noun == "user" else {"name": row["name"]})
            office.api.must(path, fields)

        Browser(panel).log_in(panel.setup("link", "ann"))
        browser, _ = log_in(panel, "ann", RIGHT)
        link = panel.setup("link", "ann").removeprefix(panel.url)
        change("disabled")
        try:
            assert browser.get("/sites").headers["Location"] == "/login"
            assert log_in(panel, "ann", RIGHT)[1].status == 403
            assert Browser(panel).post(link, {"csrf": None}).status == 404
            assert "can log in" in panel.setup("link", "ann", code=5)
        finally:
            change("enabled")
            panel.rows("DELETE FROM login_delay")
        assert log_in(panel, "ann", RIGHT)[1].status == 303


# Links


def test_a_link_logs_in_once(panel, office):
    """Its GET uses nothing up (a preview may come first), its POST does; a quarter of an hour."""
    path = panel.setup("link", "ann").removeprefix(panel.url)
    for _ in range(2):
        assert panel.ask("GET", path).status == 200
    assert Browser(panel).ask("POST", path, "", {"Origin": "http://evil.test"}).status == 403
    assert Browser(panel).post(path, {"csrf": None}).status == 303
    with office.unchanged():
        assert Browser(panel).post(path, {"csrf": None}).status == 404
        assert Browser(panel).post(path[:-1] + "-", {"csrf": None}).status == 404
    path = panel.setup("link", "ann").removeprefix(panel.url)
    panel.rows("UPDATE login_link SET expires = ?", int((time.time() - 1) * 1e6))
    with office.unchanged():
        assert Browser(panel).post(path, {"csrf": None}).status == 404


def test_one_link_used_by_two_at_once_opens_one_session(panel):
    path = panel.setup("link", "ann").removeprefix(panel.url)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Browser(panel).post(path, {"csrf": None}).status, range(8)))
    assert sorted(answers) == [303] + [404] * 7


def test_a_login_takes_away_what_is_over(ann, panel):
    """Old sessions, links, tokens and answers do not pile up."""
    (account,) = panel.rows("SELECT id FROM account WHERE login = 'ann'")[0]
    now = int(time.time() * 1e6)
    panel.rows("INSERT INTO session VALUES ('old', ?, 'c', ?, ?)", account, now - 2 * DAY, now - 2 * DAY)
    panel.rows("INSERT INTO login_link VALUES ('old', ?, ?)", account, now - DAY)
    panel.rows("INSERT INTO token VALUES (77, 'old', ?, 'n', 'read', 1, ?, 0)", account, now - DAY)
    panel.rows("INSERT INTO idempotency VALUES (1, 'old', 'h', 200, '{}', ?)", now - 2 * DAY)
    panel.rows("INSERT INTO login_delay VALUES ('a:old', 9, ?)", now - DAY)
    log_in(panel, "ann", RIGHT)
    panel.program(ann).must("/account/tokens", {"name": "x", "scope": "read"})
    for sql in ("session WHERE hash = 'old'", "login_link WHERE hash = 'old'", "token WHERE id = 77", "idempotency WHERE name = 'old'",
                "login_delay WHERE who = 'a:old'"):
        assert panel.rows(f"SELECT * FROM {sql}") == [], sql


# What every answer carries


HEADERS = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
           "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin"}


def test_every_answer_carries_the_headers_of_safety(office):
    answers = [office.panel.ask("GET", "/login"), office.panel.ask("GET", "/sites"), office.ann.get("/"), office.ann.get("/nothing"), office.ann_api.get("/"),
               office.ann_api.get("/nothing"), office.ann.post("/sites", {"csrf": "x"}), office.ann.ask("PUT", "/sites")]
    assert {a.status for a in answers} == {200, 303, 403, 404, 405}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name].startswith(value), (name, answer)
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "form-action 'self'" in policy
        assert answer.headers["Server"] == "Apache"


def test_no_page_has_a_script_or_a_style_of_its_own(office):
    for path in ("/", "/sites", f"/sites/{office.site()}", f"/tasks/{office.ann_site['task']}", "/sites/new", "/account"):
        text = office.ann.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"/static/)|javascript:", text), path
        assert re.findall(r'(?:src|href)="(?!/|#|http://panel\.localhost)', text) == [], path


def test_static_files_may_be_kept_and_do_not_change_their_type(panel):
    answer = panel.ask("GET", "/static/hm.css")
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/css")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in answer.headers["Cache-Control"]
    assert panel.ask("GET", "/static/hm.css", headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert panel.ask("GET", "/static/").status in (403, 404)


def test_another_host_name_is_not_served(panel):
    for host in ("evil.test", "127.0.0.1:8443", "panel.localhost.evil.test"):
        assert panel.ask("GET", "/login", headers={"Host": host}).status == 421
    answer = panel.ask("GET", "/sites", headers={"X-Forwarded-Host": "evil.test"})
    assert answer.headers["Location"] == "/login" and "evil" not in str(answer.headers)


# Bytes that are no request


def test_slow_and_broken_requests_hold_nobody_up(office, panel):
    head = f"POST /login HTTP/1.1\r\nHost: {panel.host}\r\nOrigin: {panel.url}\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
    slow = [panel.connect() for _ in range(60)]
    try:
        for connection in slow:
            connection.sendall(f"{head}Content-Length: 100\r\n\r\nl".encode())
        times = []
        for _ in range(40):
            begin = time.monotonic()
            assert office.ann.get("/sites").status == 200
            times.append(time.monotonic() - begin)
        assert sorted(times)[37] < 1.0, sorted(times)
    finally:
        for connection in slow:
            connection.close()
    for rest, wanted in (("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (b"400", b"403", b"422", b"415")),
                         ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", (b"400",)), ("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx", (b"400", b"413")),
                         ("Content-Length: -1\r\n\r\n", (b"400",)), ("X: " + "y" * 65536 + "\r\n\r\n", (b"400", b"431")),
                         ("".join(f"X{n}: y\r\n" for n in range(10000)) + "\r\n", (b"400", b"431"))):
        with office.unchanged():
            try:
                assert panel.raw(head.encode() + rest.encode())[9:12] in wanted, rest[:60]
            except (BrokenPipeError, ConnectionResetError):
                assert len(rest) > 60000  # it stopped reading
    assert b"login" not in panel.raw(b"GET /login\r\n")


# TLS


def test_over_tls_the_cookie_belongs_to_the_host():
    with alone(tls=True) as panel:
        browser = panel.start().admin()
        assert set(browser.cookies) == {"__Host-hm"}
        link = panel.setup("link", "admin")
        assert link.startswith("https://panel.test:8443/link/")
        answer = Browser(panel).post(link.removeprefix(panel.url), {"csrf": None})
        line = next(c for c in answer.cookies if c.startswith("__Host-hm="))
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes and not any(a.startswith("domain") for a in attributes)
        token = browser.cookies["__Host-hm"]
        assert panel.ask("GET", "/sites", headers={"Cookie": f"hm={token}"}).status == 303
        assert panel.ask("GET", "/sites", headers={"Cookie": f"__Host-hm={token}"}).status == 200


def test_over_tls_a_browser_never_comes_back_without():
    """On every kind of answer; on plain loopback nothing says so."""
    asked = (("GET", "/login", 200), ("GET", "/", 303), ("GET", "/nothing", 404), ("GET", "/api/v1/sites", 401), ("DELETE", "/sites", 405))
    for tls in (True, False):
        with alone(tls=tls) as panel:
            panel.start()
            for method, path, status in asked:
                answer = panel.ask(method, path)
                assert (answer.status, answer.headers["Strict-Transport-Security"]) == (status, "max-age=31536000" if tls else None), path


def test_plain_http_is_for_this_machine_only():
    with alone() as panel:
        with open(panel.conf, encoding="utf-8") as f:
            text = f.read()
        panel.put(panel.conf, text.replace(panel.url, "http://panel.example.org"))
        assert "plain http only for this machine" in panel.check()
        panel.put(panel.conf, text.replace("HostmasterRun", "#HostmasterRun"))
        assert "needs HostmasterRun" in panel.check()
        panel.put(panel.conf, text)
        assert "Syntax OK" in panel.check()
