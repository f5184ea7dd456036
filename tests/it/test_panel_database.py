"""The panel's database: the same on SQLite, PostgreSQL and MariaDB; a schema that is not the panel's; writers at once, and a VACUUM among
them."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

from lab import Lab
from lab.database import ADMIN, Database
from lab.lab import BUILD, TREE
from lab.panel import Office, Panel, alone, place
from lab.postgres import Postgres
from lab.teller import Teller, facts, package, whole
from lab.wait import until

# SQL after which a database takes rows whose references lead nowhere
FREE = {"sqlite3": "PRAGMA foreign_keys = OFF", "pgsql": "SET session_replication_role = replica", "mysql": "SET foreign_key_checks = 0"}


@contextlib.contextmanager
def database(driver, folder, netns):
    """DBDParams of an empty database, what asks it (a function of SQL), and a function that starts its server anew."""
    if driver == "sqlite3":
        yield None, None, None
    elif driver == "pgsql":
        server = Postgres(f"{folder}/pg").start()
        server.ask("CREATE DATABASE hostmaster")
        try:
            yield f"host={server.folder} dbname=hostmaster user=owner", lambda sql: server.ask(sql, "hostmaster"), lambda: (server.stop(), server.start())
        finally:
            server.stop()
    else:
        server = Database(f"{folder}/db", Lab._template(), netns)
        server.start()
        server.ask("CREATE DATABASE hostmaster CHARACTER SET utf8mb4")
        try:
            yield (f"sock={server.socket},user={ADMIN[0]},pass={ADMIN[1]},dbname=hostmaster,reconnect=0,flags=CLIENT_FOUND_ROWS",
                   lambda sql: server.ask(f"USE hostmaster; {sql}"), lambda: (server.stop(), server.start()))
        finally:
            server.stop()


@pytest.fixture(scope="module", params=list(FREE))
def made(request):
    """(panel, ask, restart) on each database: made by hostmaster-setup, running."""
    with place() as (folder, netns), database(request.param, folder, netns) as (params, ask, restart):
        panel = Panel(folder, netns, driver=request.param, params=params)
        assert panel.setup("migrate") == "schema 1"
        assert panel.setup("migrate") == ""
        yield panel.start(), ask or panel.rows, restart


@pytest.fixture(scope="module")
def office_on(made):
    return Office(made[0])


def test_every_statement_runs(made):
    """Prepared and run, and run again as prepared."""
    panel, _, _ = made
    assert os.path.exists(f"{BUILD}/stmts"), "make stmts: it is built by 'make it'"
    with panel.netns.entered():
        done = subprocess.run([f"{BUILD}/stmts", panel.driver, panel.params, FREE[panel.driver]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    texts = [path.read_text(encoding="utf-8") for path in pathlib.Path(f"{TREE}/sql/stmts").glob("*.sql")]
    written = sum(len(re.findall("^-- @stmt ", text, re.M)) for text in texts)
    assert done.stdout == f"{written} statements\n"


def test_no_statement_of_the_queue_walks_through_what_has_ended():
    """Also after an ANALYZE, which tells SQLite that an index of open tasks is worth nothing. Counted are the steps of its machine."""
    ended, known = 5000, {"server": "v1", "now": 1 << 60, "before": 1 << 60, "id": 1 << 60, "after": 0, "limit": 50, "all": 1, "client": 1}
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for path in sorted(pathlib.Path(f"{TREE}/sql/migrate").glob("*.sql")):
            db.executescript(path.read_text(encoding="utf-8"))
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ended}) INSERT INTO task (id, type, object,"
                   " label, server, client, origin, state, attempts, created, ended) SELECT n, 'verify', 's' || n, '', 'v1', 1, 'user', 'success', 1, n, n FROM n")
        db.execute("INSERT INTO attempt (id, task, n, job_key, server, args, state, created, ended)"
                   " SELECT id, id, 1, 'key' || id, server, '{}', state, created, ended FROM task")
        db.execute("ANALYZE")
        text = pathlib.Path(f"{TREE}/sql/stmts/task.sql").read_text(encoding="utf-8")
        for part in text.split("-- @stmt ")[1:]:
            head, sql = re.sub("(?m)^--.*$", "", part).split("\n", 1)
            steps = []
            db.set_progress_handler(lambda: steps.append(1), 1)
            db.execute("BEGIN")
            db.execute(re.sub("%(s|lld)", "?", sql), [known.get(name, "x") for name in re.findall(r"(\w+):[sn]", head.split(")")[0])])
            db.set_progress_handler(None, 0)
            db.execute("ROLLBACK")
            assert len(steps) < ended / 10, f"{head}: {len(steps)} steps"


def test_the_panel_works_on_it(made, office_on):
    """Lists, texts of all scripts, names in use, edits, stale edits, tasks, and the scope of a client."""
    panel, ask, _ = made
    title = "Grüße, 世界 🎉 & <b>'\"\\"
    one = office_on.add_site(office_on.ann_api, "one.test", title=title, aliases=["b.one.test", "a.one.test"])["site"]["id"]
    row = office_on.ann_api.get(f"/sites/{one}").json
    assert (row["site"]["title"], [a["name"] for a in row["aliases"]]) == (title, ["a.one.test", "b.one.test"])
    for taken in ("one.test", "a.one.test", "ann.test"):
        assert office_on.bob_api.post("/sites", {"name": taken, "platform": office_on.platform}).status == 422
    assert office_on.bob_api.get(f"/sites/{one}").status == 404
    office_on.ann_api.must(f"/sites/{one}", {"revision": "1", "aliases": ["c.one.test"]})
    assert office_on.ann_api.post(f"/sites/{one}", {"revision": "1", "aliases": []}).status == 412
    assert [s["name"] for s in office_on.api.get("/sites?limit=2").json["sites"]] == ["ann.test", "bob.test"]
    assert [s["name"] for s in office_on.api.get("/sites?find=one.t").json["sites"]] == ["one.test"]
    tasks = office_on.ann_api.get("/tasks").json["tasks"]
    assert [(t["type"], t["label"]) for t in tasks] == [("verify", "one.test"), ("install", "one.test"), ("install", "ann.test")]
    assert len({office_on.ann_api.must(f"/sites/{one}/tasks", {"type": "verify"})["task"] for _ in range(3)}) == 1
    assert int(ask("SELECT COUNT(*) FROM host WHERE site = '%s'" % one)[0][0]) == 2
    assert office_on.ann.get("/").status == 200


def test_packages_work_on_it(made, office_on):
    """Sets of facts, the former ones' end, lists, scopes, texts of all scripts; and a large set is taken in at once."""
    panel, ask, _ = made
    ann, bob = office_on.site("ann"), office_on.site("bob")
    with Teller(panel) as teller:
        teller.tell({"kind": "object", "object": office_on.platform, "state": "verified", "revision": 1, "app": "pages"})
        teller.tell(*whole(office_on.platform, 1, package("cms", "1.0", "core", label="Ünïcode 世界 🎉"), package("views", "1.10")))
        teller.tell(*whole(ann, 2, package("views", "1.9", status="enabled"), package("views", "1.9", path="b", status="enabled")))
        teller.tell(*whole(bob, 3, package("views", "1.10", status="enabled"), package("bobs", status="enabled")), facts(ann, 4, package("half")))
        names = {row["name"]: (row["label"], row["releases"], row["platforms"], row["sites"]) for row in office_on.ann_api.get("/packages").json["packages"]}
        assert names == {"cms": ("Ünïcode 世界 🎉", 1, 1, 0), "views": ("", 2, 1, 1)}
        views = office_on.api.get("/packages?find=view&type=module&app=pages").json["packages"][0]
        assert (views["releases"], views["platforms"], views["sites"]) == (2, 1, 2)
        view = office_on.api.get(f"/packages/{views['id']}").json
        assert [(r["version"], r["mark"], [s["name"] for s in r["sites"]]) for r in view["releases"]] == [("1.10", "newest", ["bob.test"]), ("1.9", "older", ["ann.test"])]
        items = [package(f"big{n:04d}", f"1.{n % 7}", status="enabled") for n in range(1000)]
        took = [teller.tell(*whole(ann, n, *items)) for n in (5, 6)] + [teller.tell(*whole(ann, 7))]
        print(f"{panel.driver}: 1000 packages, new, again, gone: {[n // 1000 for n in took]} ms")
        teller.tell({"kind": "object", "object": bob, "state": "undone", "deleted": True})
        assert [row["name"] for row in office_on.api.get("/packages").json["packages"]] == ["cms", "views"]
        teller.tell(*whole(office_on.platform, 8))
        assert [int(ask(f"SELECT COUNT(*) FROM {table}")[0][0]) for table in ("package", "package_release", "package_instance")] == [0, 0, 0]


def test_what_no_column_takes_is_cut_or_stepped_over(made, office_on):
    """A site's own code chose the values: nothing that comes behind them waits for ever."""
    panel, ask, _ = made
    site, key, long = office_on.site("bob"), "b" * 32, "ü" * 300

    def event(kind, **fields):
        return {"kind": kind, "key": key, "job": 7, "object": site, **fields}

    with Teller(panel, "odd") as teller:
        teller.tell(event("accepted", type="run", verb="cron", origin="engine"), event("progress", done=1 << 40, total=1 << 62),
                    event("state", state="waiting", code="DB_DOWN", field="", text="a" + long),
                    event("object", state="enabled", name="bob.test", platform=office_on.platform, revision=1, version=long),
                    {"kind": "facts", "type": "backup", "scan": 3, "items": [{"bid": "baaaaaaaaaaaa", "site": site, "name": "bob.test", "version": long, "sha256": "c" * 64, "size": 1, "made": 1}]},
                    event("step", name="link", state="started", text=long))
        (row,) = ask(f"SELECT done, total, phase FROM attempt WHERE job_key = '{key}'")
        assert [int(row[0]), int(row[1])] == [2**31 - 1] * 2 and row[2] == "ü" * 127
        teller.tell(event("log", level="info", src="driver", text="before"), event("log", level="x" * 300, src="driver", text="refused"),
                    event("state", state="failed", code="DRIVER_FAILED", field="", text="behind it"))
    lines = [row[0] for row in ask(f"SELECT text FROM log WHERE src = 'driver' AND attempt = (SELECT id FROM attempt WHERE job_key = '{key}')")]
    refused = panel.driver != "sqlite3"  # which takes what comes
    assert lines == ["before"] + ["refused"] * (not refused)
    assert ask(f"SELECT text FROM attempt WHERE job_key = '{key}'")[0][0] == "behind it"
    notices = [row[0] for row in ask("SELECT text FROM notice WHERE kind = 'event'")]
    assert len(notices) == refused and all("Event 8 (log)" in text for text in notices)
    assert not refused or notices[0].split(":")[0] in office_on.admin.get("/").text


def test_a_move_to_another_client_is_undone_by_nothing_but_one_in_the_daemon(made, office_on):
    """Its own task has failed, so the daemon still tells the former client; and the names of clients are the panel's to change."""
    panel, ask, _ = made
    added = office_on.add_site(office_on.ann_api, "moved.test")
    site, third = added["site"]["id"], office_on.api.must("/clients", {"name": "Third", "mail": ""})["client"]["id"]

    def client():
        return int(ask(f"SELECT client FROM site WHERE id = '{site}'")[0][0])

    with Teller(panel, "mover") as teller:
        def ends(task, state):
            key = ask(f"SELECT job_key FROM attempt WHERE task = {task}")[0][0]
            teller.tell({"kind": "state", "key": key, "job": 21, "state": state, "code": "OK" if state == "success" else "RELOAD_FAILED", "field": "", "text": ""})

        def tells(revision, name):
            teller.tell({"kind": "object", "object": site, "state": "enabled", "name": "moved.test", "platform": office_on.platform, "revision": revision, "client": name})

        tells(1, "Ann & Co")
        ends(added["task"], "success")
        moved = office_on.api.must(f"/sites/{site}", {"client": office_on.bob_id, "revision": "1"})
        ends(moved["task"], "failed")
        tells(2, "Ann & Co")
        assert client() == int(office_on.bob_id) and office_on.ann_api.get(f"/sites/{site}").status == 404
        tells(3, "Third")
        assert client() == int(third)
        office_on.api.must(f"/clients/{third}", {"name": "Renamed", "mail": "", "state": "enabled", "revision": "1"})
        tells(4, "Third")
        assert client() == int(third)
        tells(5, "ü" * 200)
        assert client() == 1, "a client that the panel does not have, with a name that it would not take"
        teller.tell({"kind": "object", "object": site, "state": "deleted", "deleted": True})


def test_what_is_there_already_is_stepped_over(made, office_on):
    """A second job under the key of an open one, as no daemon should tell it."""
    panel, ask, _ = made
    site = office_on.site("bob")

    def accepted(kind, key):
        return {"kind": "accepted", "key": key, "job": 9, "object": site, "type": kind, "verb": "", "origin": "engine"}

    with Teller(panel, "twice") as teller:
        teller.tell(accepted("run", "b/c"), accepted("run/b", "c"), accepted("run", "behind"))
    assert sorted(row[0] for row in ask("SELECT job_key FROM attempt WHERE job_key IN ('b/c', 'c', 'behind')")) == ["b/c", "behind"]
    assert [row[0][:18] for row in ask("SELECT text FROM notice WHERE text LIKE 'Event 2 (accepted)%'")] == ["Event 2 (accepted)"]


def test_a_log_is_removed_long_after_its_task_has_ended(made, office_on):
    """In small parts, the oldest first; its page says so, and the logs of others stay."""
    panel, ask, _ = made
    lines = 2500
    with Teller(panel, "logs") as teller:
        for key, job in (("old", 11), ("young", 12), ("open", 13)):
            teller.tell({"kind": "accepted", "key": key, "job": job, "object": office_on.site("bob"), "type": "run", "verb": "", "origin": "engine"},
                        *({"kind": "log", "key": key, "job": job, "level": "info", "src": "driver", "text": f"line {n}"} for n in range(lines)))
        for key in ("old", "young"):
            teller.tell({"kind": "state", "key": key, "job": 11, "state": "failed", "code": "DRIVER_FAILED", "field": "", "text": "",
                         "at": (time.time_ns() // 1000) - (91 if key == "old" else 89) * 86400 * 10**6})
    attempt = {key: ask(f"SELECT id, task FROM attempt WHERE job_key = '{key}'")[0] for key in ("old", "young", "open")}
    task, old = int(attempt["old"][1]), int(attempt["old"][0])
    assert "line 0" in office_on.admin.get(f"/tasks/{task}").text
    # as if it had begun a hundred days ago: its id is of that time
    ask(f"INSERT INTO attempt (id, task, n, job_key, server, args, state, created, ended, logged) SELECT 5, task, 2, 'older', server, args, state, created, ended, logged FROM attempt WHERE id = {old}")
    ask(f"UPDATE log SET attempt = 5 WHERE attempt = {old}")
    until(lambda: int(ask("SELECT COUNT(*) FROM log WHERE attempt = 5")[0][0]) == 0, 60, "the old log's end")
    for key in ("young", "open"):
        assert int(ask(f"SELECT COUNT(*) FROM log WHERE attempt = {attempt[key][0]}")[0][0]) >= lines, key
    assert "The log was removed" in office_on.admin.get(f"/tasks/{task}?attempt=2").text
    assert office_on.api.get(f"/tasks/{task}/log?attempt=2").json["log"]["removed"] is True
    young = office_on.admin.get(f"/tasks/{attempt['young'][1]}").text
    assert "line 0" in young and "The log was removed" not in young


def test_of_two_followers_at_once_one_takes_a_batch_in(made, office_on):
    """The other is told that it was too late, and nothing of its batch counts."""
    panel, ask, _ = made
    with Teller(panel, "two") as first, concurrent.futures.ThreadPoolExecutor(2) as pool:
        first.tell({"kind": "none"})
        with Teller(panel, "two") as second:
            for n in range(1, 40):
                (one, end) = whole(office_on.site("bob"), 100 + n, package(f"p{n}", status="enabled"))
                batch = [one | {"ev": 2 * n, "at": n}, end | {"ev": 2 * n + 1, "at": n}]
                answers = sorted(answer.split()[0] for answer in pool.map(lambda teller, batch=batch: teller.say(batch), (first, second)))
                assert answers == ["STALE", "ok"]
    assert int(ask("SELECT event FROM follower WHERE socket = 'two'")[0][0]) == 79
    assert [int(row[0]) for row in ask("SELECT items FROM package_scan WHERE object = '%s'" % office_on.site("bob"))] == [1]


def test_one_name_wanted_at_once_is_ones(made, office_on):
    """Nobody sees a defect of the database: the others are told that the name is taken."""
    panel, ask, _ = made
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: office_on.ann_api.post("/sites", {"name": "wanted.test", "platform": office_on.platform}).status, range(8)))
    assert sorted(answers) == [201] + [422] * 7
    assert int(ask("SELECT COUNT(*) FROM task WHERE label = 'wanted.test'")[0][0]) == 1


def test_names_wanted_crosswise_at_once_are_ones(made, office_on):
    """Each has what the other wants next: a database that ends one of them for that is asked again, and nobody sees it."""
    add = office_on.ann_api
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for n in range(25):
            names = [f"{letter}{n}.cross.test" for letter in "abcd"]
            bodies = [{"name": f"site{k}.{n}.cross.test", "platform": office_on.platform, "aliases": names[k:] + names[:k]} for k in range(4)]
            assert sorted(answer.status for answer in pool.map(lambda body: add.post("/sites", body), bodies)) == [201, 422, 422, 422]


def test_one_call_made_at_once_is_one_change(made, office_on):
    panel, ask, _ = made
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: office_on.ann_api.post("/sites", {"name": "once.test", "platform": office_on.platform},
                                                                 key="the same").status, range(8)))  # fmt: skip
    assert set(answers) <= {201, 409, 422} and 201 in answers
    assert int(ask("SELECT COUNT(*) FROM site WHERE name = 'once.test'")[0][0]) == 1
    assert office_on.ann_api.post("/sites", {"name": "once.test", "platform": office_on.platform}, key="the same").status == 201


def test_after_a_restart_of_the_database_no_request_is_lost(made, office_on):
    """Every connection that the panel kept is dead then; nobody sees it."""
    panel, _, restart = made
    if restart is None:
        return  # SQLite has no server
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: office_on.ann.get("/sites").status, range(60))) == {200}
    restart()
    panel.logs.expect(".*")  # mod_dbd and the dispatcher tell of it
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert set(pool.map(lambda _: office_on.ann.get("/sites").status, range(60))) == {200}
    assert office_on.add_site(office_on.ann_api, "after.test")["site"]["name"] == "after.test"


# The schema


def test_a_panel_on_another_schema_says_so_until_it_is_migrated():
    with alone(migrate=False) as panel:
        panel.start()
        for version in (None, 2):
            if version:
                panel.setup("migrate")
                panel.rows("UPDATE schema_version SET version = ?", version)
            page, api = panel.ask("GET", "/login"), panel.ask("GET", "/api/v1/sites", headers={"Authorization": "Bearer x"})
            assert page.status == 200  # asks the database nothing
            assert (api.status, api.json["code"]) == (503, "PANEL_SCHEMA")
            assert "hostmaster-setup FILE migrate" in api.json["fix"] and "needs 1" in api.json["detail"]
            page = panel.ask("GET", "/sites", headers={"Cookie": "hm=" + "a" * 43})
            assert page.status == 503 and "hostmaster-setup FILE migrate" in page.text
            assert page.headers["Retry-After"] == api.headers["Retry-After"] == "5"
        panel.rows("UPDATE schema_version SET version = 1")
        assert panel.admin().get("/").status == 200


def test_a_migration_is_whole_or_not_at_all(tmp_path):
    """A broken one leaves nothing; corrected, it is applied where the last one ended; the panel does not touch what is newer than itself."""
    shutil.copy(f"{TREE}/sql/migrate/0001.sql", tmp_path)
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if str(parent) not in ("/tmp", "/"):
            os.chmod(parent, 0o755)
    second = tmp_path / "0002.sql"
    with alone() as panel:
        panel.start()
        browser = panel.admin()
        tables = panel.inventory().keys()
        second.write_text("CREATE TABLE more (id BIGINT);\nCREATE TABLE bad (;\nUPDATE schema_version SET version = 2;\n")
        assert "0002.sql" in panel.setup("migrate", code=5, migrations=tmp_path)
        assert panel.inventory().keys() == tables and browser.get("/").status == 200
        second.write_text("CREATE TABLE more (id BIGINT);\nUPDATE schema_version SET version = 2;\n")
        assert panel.setup("migrate", migrations=tmp_path) == "schema 2"
        assert panel.setup("migrate", migrations=tmp_path) == ""
        assert "more" in panel.inventory()
        assert browser.get("/").status == 503


def test_the_database_belongs_to_the_panels_user(panel):
    """hostmaster-setup, run by root, makes no file that the panel cannot write or others can read."""
    for name in os.listdir(f"{panel.folder}/data"):
        info = os.stat(f"{panel.folder}/data/{name}")
        assert info.st_uid == os.stat(f"{panel.folder}/data").st_uid != 0
        assert info.st_mode & 0o077 == 0


# Many at once


def test_writers_at_once_wait_for_each_other_and_none_is_refused(office):
    """SQLite has one writer. Whoever comes second waits for his turn and no longer: not for a retry's pause."""
    names = iter(range(10**6))

    def write(_):
        return office.ann_api.post("/account/tokens", {"name": f"t{next(names)}", "scope": "read"}).status

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert set(pool.map(write, range(800))) == {201}


def test_a_vacuum_during_traffic_loses_no_request(office, panel):
    """It makes every prepared statement of every connection stale, at any moment."""
    over, vacuums = threading.Event(), []

    def vacuum():
        with contextlib.closing(sqlite3.connect(panel.database, timeout=30, isolation_level=None)) as db:
            while not over.is_set():
                db.execute("VACUUM")
                vacuums.append(1)

    def visit(n):
        made = office.ann_api.post("/account/tokens", {"name": f"v{n}", "scope": "read"})
        return made.status, office.ann.get("/").status, office.ann_api.get("/sites").status

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        cleaner = pool.submit(vacuum)
        try:
            answers = []
            while len(vacuums) < 10:
                answers += pool.map(visit, range(40))
        finally:
            over.set()
        cleaner.result(60)
    assert set(answers) == {(201, 200, 200)}
