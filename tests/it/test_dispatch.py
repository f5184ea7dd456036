"""The queue between panel and daemon: whatever of the panel is killed or restarted, each task is done once and its log is whole.

Points of the dispatcher are armed as the daemon's are: the panel's child that comes by takes the file away and kills itself, and
httpd starts another one.
"""

import contextlib
import fcntl
import http.client
import os
import secrets
import sqlite3
import statistics
import time

import pytest
from lab import Lab, processes, until
from lab.lab import FAULT_BUILD
from lab.panel import USER, following

POINTS = ["panel.claimed", "panel.submitted", "panel.applied", "panel.committed"]


@pytest.fixture(scope="module")
def lab():
    with Lab(build=FAULT_BUILD, PanelUsers=USER) as made:
        made.start().with_server().with_static()
        yield made


@pytest.fixture(scope="module")
def panel(lab):
    with following(lab, build=FAULT_BUILD) as made:
        os.makedirs(f"{made.folder}/run/faults", mode=0o777)
        os.chmod(f"{made.folder}/run/faults", 0o777)
        yield made


@pytest.fixture(scope="module")
def api(panel):
    program = panel.program(panel.admin())
    program.must("/servers", {"name": "local", "http": "apache", "http_port": "80"})
    until(lambda: panel.rows("SELECT id FROM platform WHERE name = 'pages' AND state = 'verified'"), 60, "what the daemon had, in the panel")
    program.platform = panel.rows("SELECT id FROM platform WHERE name = 'pages'")[0][0]
    return program


def _insist(api, path, body):
    """A call is made again with its key when the child that had it died: it counts once."""
    key, answer = secrets.token_hex(8), []

    def answered():
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            answer[:] = [api.post(path, body, key=key)]
        return answer and answer[0].status < 500

    until(answered, 30, "an answer")
    assert answer[0].status in (200, 201, 202), answer[0]
    return answer[0].json


def _add(api, names):
    return [_insist(api, "/sites", {"name": name, "platform": api.platform, "title": name})["task"] for name in names]


def _ended(panel, tasks):
    marks = ",".join("?" * len(tasks))
    rows = panel.rows(f"SELECT state FROM task WHERE id IN ({marks}) AND ended > 0", *tasks)
    return [row[0] for row in rows] if len(rows) == len(tasks) else None


def _events(lab, key):
    """The lines that a job's events are in a log, in their order, out of the daemon's own journal."""
    with contextlib.closing(sqlite3.connect(f"file:{lab.folder}/state/journal/journal.db?mode=ro", uri=True, timeout=10)) as db:
        rows = db.execute("SELECT kind, json_extract(body, '$.text'), json_extract(body, '$.state') FROM event"
                          " WHERE job = (SELECT id FROM job WHERE key = ?) AND kind IN ('log', 'step') ORDER BY seq", (key,)).fetchall()
    return [f"undone: {text}" if state == "undone" else text for kind, text, state in rows
            if kind == "log" or (text and state in ("started", "undone"))]


def _whole(lab, panel, tasks):
    """Each task is one job, and its log has each of the job's lines once, in order."""
    for task in tasks:
        (attempt, key), = panel.rows("SELECT id, job_key FROM attempt WHERE task = ?", task)
        told = _events(lab, key)
        until(lambda: len(panel.rows("SELECT n FROM log WHERE attempt = ?", attempt)) >= len(told), 30, "the last lines")
        assert [row[0] for row in panel.rows("SELECT text FROM log WHERE attempt = ? ORDER BY n", attempt)] == told and told
    assert panel.rows("SELECT COUNT(*) FROM attempt") == panel.rows("SELECT COUNT(DISTINCT job) FROM attempt WHERE job > 0")


@pytest.mark.parametrize("point", POINTS)
def test_a_child_killed_at_a_point_of_the_dispatcher_loses_and_doubles_nothing(lab, panel, api, point):
    path = f"{panel.folder}/run/faults/{point}"
    panel.put(path, "kill")
    os.chmod(path, 0o666)
    tasks = _add(api, [f"{point.split('.')[1]}{n}.test" for n in range(3)])
    until(lambda: _ended(panel, tasks), 90, f"the end of three tasks around {point}")
    assert not os.path.exists(path), "planned, but nobody was killed"
    assert _ended(panel, tasks) == ["success"] * 3
    _whole(lab, panel, tasks)


def test_twenty_gracefuls_of_both_httpds_during_installs_lose_and_double_no_line(lab, panel, api):
    with open(f"{lab.run}/httpd/httpd.pid", encoding="ascii") as f:
        sites = int(f.read())
    tasks = []
    for n in range(20):
        tasks += _add(api, [f"graceful{n}.test"])
        panel.graceful()
        with contextlib.suppress(ProcessLookupError):
            os.kill(sites, 10)
    until(lambda: _ended(panel, tasks), 180, "the end of twenty installs")
    assert _ended(panel, tasks) == ["success"] * 20
    _whole(lab, panel, tasks)


def _held(file):
    """Does somebody hold the lock of an open file?"""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.lockf(file, fcntl.LOCK_UN)
    return False


def test_two_followers_at_once_count_each_event_once(lab, panel, api):
    """A lock keeps it to one. Where that is lost, the cursor decides whose batch counts; events that are taken in twice are log lines twice."""
    path = f"{panel.folder}/run/follow"
    with open(path, "r+b") as first:
        os.unlink(path)
        children = [process for process in processes.of_lab(lab.netns.inode, panel.folder) if process.parent == panel.process.pid]
        assert len(children) >= 2
        children[0].kill()
        until(lambda: os.path.exists(path), 30, "the lock file of a new child")
        with open(path, "r+b") as second:
            until(lambda: _held(first) and _held(second), 30, "two followers")
            tasks = _add(api, [f"two{n}.test" for n in range(8)])
            until(lambda: _ended(panel, tasks), 90, "the end of eight installs")
            assert _held(first) and _held(second)
    assert _ended(panel, tasks) == ["success"] * 8
    _whole(lab, panel, tasks)
    panel.stop()
    panel.start()


def test_a_panel_that_is_killed_whole_goes_on_where_it_was(lab, panel, api):
    panel.logs.expect("AH00098")  # the pid file of who was killed
    tasks = _add(api, [f"whole{n}.test" for n in range(5)])
    panel.kill()
    panel.start()
    until(lambda: _ended(panel, tasks), 90, "the end of five installs")
    assert _ended(panel, tasks) == ["success"] * 5
    _whole(lab, panel, tasks)


def test_tasks_that_wait_for_others_keep_nobody_else_waiting(panel, api):
    """More of them than are read at a time: a platform's open task, which nobody runs, comes before those of its sites."""
    sites = [row[0] for row in panel.rows("SELECT id FROM site WHERE state = 'enabled' ORDER BY id LIMIT 25")]
    server = panel.rows("SELECT id FROM server WHERE name = 'local'")[0][0]
    assert len(sites) == 25
    panel.rows("INSERT INTO task (id, type, object, label, server, client, origin, state, attempts, created, open_key)"
               " VALUES (1, 'verify', ?, 'pages', ?, 1, 'user', 'queued', 1, 1, 'held')", api.platform, server)
    waiting = [api.must(f"/sites/{site}/tasks", {"type": "verify"})["task"] for site in sites]
    free = api.must(f"/servers/{server}/tasks", {"type": "verify"})["task"]
    until(lambda: _ended(panel, [free]), 60, "the end of what waits for nothing")
    assert not _ended(panel, waiting[:1])
    panel.rows("DELETE FROM task WHERE id = 1")
    until(lambda: _ended(panel, waiting), 90, "the end of those that waited")
    assert _ended(panel, waiting + [free]) == ["success"] * 26


def test_a_task_runs_soon_after_it_was_committed(panel, api):
    """No limit in time is asserted: the figures are printed, for who runs this with -s."""
    site = panel.rows("SELECT id FROM site WHERE state = 'enabled' ORDER BY id LIMIT 1")[0][0]
    took = []
    for _ in range(20):
        before = time.time()
        task = api.must(f"/sites/{site}/tasks", {"type": "verify"})["task"]
        until(lambda task=task: _ended(panel, [task]), 60, "the end of a verify")
        created, started = panel.rows("SELECT created, started FROM task WHERE id = ?", task)[0]
        assert before * 1e6 <= created <= started
        took.append((started - created) / 1000)
    took.sort()
    print(f"committed -> running: p50={statistics.median(took):.1f} ms p99={took[-1]:.1f} ms of {len(took)}")
