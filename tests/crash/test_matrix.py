"""kill -9 at every journaled point of an install and a delete: it ends done or undone, never half, and other sites lose nothing.

The points come from the plan that the daemon itself shows, so a new step is killed without a line here. Every armed point must
have fired: planned = killed. PV_CRASH=all kills root at every point too, not only after each effect.
"""

import os

import pytest

from lab import Lab
from lab.lab import FAULT_BUILD
from lab.processes import Process

MOMENTS = ["step.intent", "step.effect", "step.done"]
VICTIMS = {"engine": "kill", "root": "parent"}
CASES = [(moment, victim) for moment in MOMENTS for victim in VICTIMS
         if victim == "engine" or moment == "step.effect" or os.environ.get("PV_CRASH") == "all"]
INSTALL = ["install", "@c.test", "platform=@platform_tiny", "db_server=@server_main", "title=Title of c.test"]


@pytest.fixture(scope="module")
def lab():
    with Lab(build=FAULT_BUILD) as made:
        made.start().with_server().with_static().with_tiny()
        made.install("stays.test", "pages")
        yield made


@pytest.fixture(autouse=True)
def crashes_are_expected(lab):
    lab.logs.expect("event=")
    lab.before = lab.inventory()
    yield
    lab.disarm()


def _steps(lab, *words):
    return [row["step"] for row in lab.must("plan", *words) if "step" in row]


def _killed(lab, point, victim, *words):
    """Runs a task while POINT kills VICTIM, and starts the daemon again where that was root; gives the exit code."""
    lab.fault(point, VICTIMS[victim])
    asked = lab.begin(*words, "--json")
    if victim == "root":
        lab.daemon.wait(60)
        lab.start_daemon()
    out, err = asked.communicate(timeout=120)
    assert out, err
    lab.until_ready()
    return asked.returncode


def _site_or_nothing(lab, code):
    """Done: the site is served, nothing differs from what should be, and deleting it leaves nothing. Undone: nothing is there."""
    if code == 0:
        assert "<title>Title of c.test" in lab.get("c.test")[1]
        assert lab.must("doctor") == []
        lab.must("delete", "@c.test")
    lab.await_inventory(lab.before)


def _sweep(lab, points, victim, run):
    """RUN at each point; all that went wrong is told at once, and every point has fired."""
    wrong = []
    with lab.probing("stays.test", text="Title of stays.test"):
        for point in points:
            try:
                run(point, victim)
            except AssertionError as error:
                wrong.append(f"{point}: {error}")
            if lab.armed():
                wrong.append(f"{point}: nothing was killed")
                lab.disarm()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("moment, victim", CASES)
def test_an_install_killed_at_each_step_ends_done_or_undone(lab, moment, victim):
    def run(point, who):
        _site_or_nothing(lab, _killed(lab, point, who, *INSTALL))

    _sweep(lab, [f"{moment}:{step}" for step in _steps(lab, *INSTALL)], victim, run)


@pytest.mark.parametrize("moment, victim", CASES)
def test_a_delete_killed_at_each_step_ends_done_or_undone(lab, moment, victim):
    lab.must(*INSTALL)
    steps = _steps(lab, "delete", "@c.test")
    lab.must("delete", "@c.test")

    def run(point, who):
        lab.must(*INSTALL)
        if _killed(lab, point, who, "delete", "@c.test") != 0:
            lab.must("delete", "@c.test")
        lab.await_inventory(lab.before)

    _sweep(lab, [f"{moment}:{step}" for step in steps], victim, run)


@pytest.mark.parametrize("moment", ["undo.effect", "undo.done"])
def test_an_undo_killed_at_each_step_is_done_again_and_leaves_nothing(lab, moment):
    """The driver's page lacks its title, so the job fails at its last step and takes back all others."""
    failing = [*INSTALL, "profile=untitled"]

    def run(point, who):
        assert _killed(lab, point, who, *failing) == 5
        lab.await_inventory(lab.before)

    undone = [step for step in _steps(lab, *INSTALL) if step in ("dirs", "secret", "database", "link", "pool", "vhost", "names")]
    _sweep(lab, [f"{moment}:{step}" for step in undone], "engine", run)


@pytest.mark.parametrize("point", ["job.accept", "event.commit", "reply"])
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_around_the_acceptance_loses_and_doubles_nothing(lab, point, victim):
    jobs = len(lab.must("list", "job"))
    code = _killed(lab, point, victim, *INSTALL)
    assert not lab.armed()
    assert code == 0 and len(lab.must("list", "job")) == jobs + 1
    _site_or_nothing(lab, code)


@pytest.mark.parametrize("point", ["config.preflight", "config.swapped", "config.signalled"])
@pytest.mark.parametrize("action", ["kill", "parent"], ids=["publisher", "root"])
def test_a_publication_killed_in_the_middle_is_finished_or_reversed(lab, point, action):
    with lab.probing("stays.test", text="Title of stays.test"):
        lab.fault(point, action)
        asked = lab.begin(*INSTALL, "--json")
        if action == "parent":
            lab.daemon.wait(60)
            lab.start_daemon()
        asked.communicate(timeout=120)
        lab.until_ready()
        assert not lab.armed()
    _site_or_nothing(lab, asked.returncode)


def _stopped(lab, step, *words):
    """The engine, stopped right before STEP's effect, and the task that waits for it."""
    lab.fault(f"step.intent:{step}", "stop")
    asked = lab.begin(*words, "--json")
    lab.await_(lambda: lab.engine().state == "T", 30, f"the engine stopped at {step}")
    return asked, lab.engine()


@pytest.mark.parametrize("name", ["provisiond-dba", "apache2", "php-fpm8.2"])
@pytest.mark.parametrize("step", ["database", "driver", "publish", "served"])
def test_a_server_killed_in_the_middle_of_an_install_does_not_leave_half(lab, name, step):
    asked, engine = _stopped(lab, step, *INSTALL)
    for process in lab.processes(name):
        process.kill()
    engine.kill(18)
    asked.communicate(timeout=120)
    lab.await_(lambda: lab.get("stays.test")[0] == 200, 10, "the other site")
    _site_or_nothing(lab, asked.returncode)


def test_a_worker_killed_in_the_middle_fails_the_job_and_leaves_nothing(lab):
    asked = lab.begin(*INSTALL, "profile=hang", "--json")
    for process in lab.await_(lambda: _workers(lab), 30, "the worker"):
        process.kill()
    asked.communicate(timeout=120)
    assert asked.returncode == 5
    lab.await_inventory(lab.before)


def _workers(lab):
    ids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [p for p in map(Process, ids) if p.alive and f"{lab.folder}/apps/tiny/driver.php" in p.words]
