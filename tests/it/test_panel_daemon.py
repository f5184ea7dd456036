"""The panel follows a daemon: what the command line does is seen, and wanted from then on; a daemon that was away, that is two servers, or
that has another journal than before. (What is killed or restarted in the panel itself: test_dispatch.py.)"""

import contextlib
import json
import os

import pytest

from lab import Lab, until
from lab.panel import USER, following


@pytest.fixture(scope="module")
def lab():
    with Lab(PanelUsers=USER) as made:
        made.start()
        os.makedirs(f"{made.folder}/sources/pages")
        with open(f"{made.folder}/sources/pages/index.html", "w", encoding="utf-8"):
            pass
        made.open_to_all("sources")
        yield made


@pytest.fixture(scope="module")
def panel(lab):
    with following(lab) as made:
        yield made


@pytest.fixture(scope="module")
def api(panel):
    return panel.program(panel.admin())


@pytest.fixture(scope="module")
def pages(api):
    """A platform of static pages on the server main."""
    server = api.must("/servers", {"name": "main", "http": "apache", "http_port": "80", "db": "mariadb", "db_auth": "socket"})["server"]["id"]
    made = api.must("/platforms", {"name": "pages", "server": server, "place": "0:pages", "source": "1:pages"})
    until(lambda: ended(api, made["task"]) == "success", 60, "the platform")
    return made["platform"]["id"]


def ended(api, task):
    """The state of a task that has ended."""
    with contextlib.suppress(ConnectionError):
        row = api.get(f"/tasks/{task}").json["task"]
        return row["state"] if row["ended"] else None
    return None


def add_site(api, name, platform):
    return api.must("/sites", {"name": name, "platform": platform})["task"]


def told(lab, job):
    """What the daemon says of a job, as the panel keeps it: its log, and the steps that began or were undone."""
    lines = []
    for e in lab.provision("log", str(job), "--json").lines:
        if e["kind"] == "log":
            lines.append(e["text"])
        elif e["kind"] == "step" and e["text"] and e["state"] in ("started", "undone"):
            lines.append("undone: " * (e["state"] == "undone") + e["text"])
    return lines


def kept(panel, attempt):
    return [row[0] for row in panel.rows("SELECT text FROM log WHERE attempt = ? ORDER BY n", attempt)]


def check_logs(lab, panel):
    """Each job is one attempt, whose log is the daemon's, line by line."""

    seen = []

    def same():
        """Both at once: the daemon has jobs of its own, such as emptying the trash."""
        attempts = panel.rows("SELECT id, job FROM attempt WHERE job > 0")
        panels = {job: kept(panel, attempt) for attempt, job in attempts}
        seen[:] = panels, {row["job"]: told(lab, row["job"]) for row in lab.must("list", "job")}, len(attempts)
        return seen[0] == seen[1]

    with contextlib.suppress(AssertionError):
        until(same, 30)
    assert seen[0] == seen[1] and seen[2] == len(seen[1])


def test_a_daemon_that_was_away_is_followed_from_where_it_was(lab, panel, api, pages):
    lab.logs.expect("event=kid.kill .*closed its socket")
    lab.stop()
    task = add_site(api, "away.test", pages)
    until(lambda: "unreachable" in api.get("/servers").text, 30, "the panel seeing that the daemon is away")
    assert ended(api, task) is None
    lab.start_daemon()
    lab.until_ready()
    assert until(lambda: ended(api, task), 60, "the install") == "success"
    check_logs(lab, panel)


def test_what_the_command_line_does_is_seen(lab, panel, api, pages):
    lab.must("install", "@cli.test", "platform=@platform_pages")
    until(lambda: "cli.test" in api.get("/sites").text, 30, "the site in the panel")
    site = next(row for row in api.get("/sites").json["sites"] if row["name"] == "cli.test")
    view = api.get(f"/sites/{site['id']}").json
    assert (view["site"]["state"], view["site"]["url"], view["tasks"][0]["origin"]) == ("enabled", "http://cli.test/", "command")
    assert view["tasks"][0]["label"] == "cli.test"
    lab.must("verify", "@cli.test", "aliases=www.cli.test", "redirect=www.cli.test")
    until(lambda: api.get(f"/sites/{site['id']}").json["site"]["redirect"], 30, "the changed names in the panel")
    task = api.must(f"/sites/{site['id']}/tasks", {"type": "verify"})["task"]
    assert until(lambda: ended(api, task), 60, "the panel's own verify") == "success"
    assert lab.site("cli.test")["aliases"] == ["www.cli.test"], "the panel wants what the command line did"
    check_logs(lab, panel)
    lab.must("delete", "@cli.test")
    until(lambda: "cli.test" not in api.get("/sites").text, 30, "the site's end in the panel")
    check_logs(lab, panel)


def test_the_types_are_those_of_the_daemons_drivers(lab, panel, api, pages):
    """Also one that is dropped in: known when a platform was verified, without a restart of anything."""

    def types():
        fields = {field["name"]: field for field in api.get("/platforms/new").json["form"]["fields"]}
        return {row["value"]: row["label"] for row in fields["app"]["options"]}

    told = {row["app"]: row["label"] for row in lab.must("list", "app")}
    assert until(types, 30) == {"": "found out", **told} and "tiny" not in told
    before = panel.rows("SELECT rowid, * FROM app")
    lab.with_tiny()
    until(lambda: types().get("tiny") == "Test pages", 30, "the new type")
    assert api.get("/platforms").json["platforms"][-1]["app_label"] == "Test pages"
    rows = panel.rows("SELECT name, spec FROM app WHERE name = 'tiny'")
    assert json.loads(rows[0][1])["fields"] == ["title", "profile"]
    again = panel.rows("SELECT rowid, * FROM app")
    assert {row[2] for row in again} - {row[2] for row in before} == {"tiny"}
    lab.must("verify", "@platform_pages")
    until(lambda: api.get(f"/platforms/{pages}").json["tasks"][0]["ended"], 30, "the verify in the panel")
    assert panel.rows("SELECT rowid, * FROM app") == again, "what has not changed is not written again"


def test_a_verb_of_the_command_line_is_seen_with_what_it_found(lab, panel, api, pages):
    lab.must("install", "@verb.test", "platform=@platform_pages", "title=A <title>")
    job = lab.must("run", "@verb.test", "verb=status")
    site = next(row for row in until(lambda: api.get("/sites?find=verb.test").json["sites"], 30, "the site in the panel"))
    task = until(lambda: (row := api.get(f"/sites/{site['id']}").json["tasks"][0])["type"] == "run" and row["ended"] and row, 30, "the run in the panel")
    assert (task["title"], task["verb"], task["origin"], task["state"]) == ("Status", "status", "command", "success")
    assert {row["name"]: row["value"] for row in api.get(f"/tasks/{task['id']}").json["results"]} == job["results"]
    task = api.must(f"/sites/{site['id']}/tasks", {"type": "run", "verb": "status"})["task"]
    assert until(lambda: ended(api, task), 60, "the panel's own") == "success"
    assert {row["name"]: row["value"] for row in api.get(f"/tasks/{task}").json["results"]}["title"] == job["results"]["title"]
    check_logs(lab, panel)


def test_two_servers_of_one_daemon_share_its_events(lab, panel, api, pages):
    second = api.must("/servers", {"name": "second", "http": "apache", "http_port": "80"})
    assert until(lambda: ended(api, second["task"]), 60, "the second server") == "success"
    task = add_site(api, "shared.test", pages)
    assert until(lambda: ended(api, task), 60, "the install") == "success"
    check_logs(lab, panel)


def test_a_restored_journal_is_taken_as_it_is(lab, panel, api, pages):
    """Another journal than the one that was followed: a snapshot, and from there on its events."""
    panel.rows("UPDATE follower SET journal = 'another', event = 7")
    panel.stop()
    panel.start()
    task = add_site(api, "after.test", pages)
    assert until(lambda: ended(api, task), 60, "the install") == "success"
    until(lambda: "connected" in api.get("/servers").text, 30, "the panel following again")
    assert {row["state"] for row in api.get("/sites").json["sites"]} == {"enabled"}
