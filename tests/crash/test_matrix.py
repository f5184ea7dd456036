"""kill -9 at every journaled point of an install and a delete: it ends done or undone, never half, and other sites lose nothing.

The points come from the plan that the daemon itself shows, so a new step is killed without a line here. Every armed point must
have fired: planned = killed. A round installs with one kill and deletes with another. Without PV_CRASH=all each step's effect is
cut off from its engine, and each step's intent from its root; with it every moment kills either.
"""

import os
import subprocess

import pytest

from lab import Lab
from lab.lab import FAULT_BUILD
from lab.processes import Process

MOMENTS = ["step.intent", "step.effect", "step.done"]
VICTIMS = ["engine", "root"]
ALL = os.environ.get("PV_CRASH") == "all"
CASES = [(moment, victim) for moment in MOMENTS for victim in VICTIMS] if ALL else [("step.effect", "engine"), ("step.intent", "root")]
INSTALL = ["install", "@c.test", "platform=@platform_tiny", "db_server=@server_main", "title=Title of c.test"]


@pytest.fixture(scope="module")
def lab():
    with Lab(build=FAULT_BUILD) as made:
        made.start().with_server().with_static().with_tiny()
        made.install("stays.test", "pages")
        yield made


@pytest.fixture(autouse=True)
def crashes_are_expected(lab):
    lab.logs.expect("event=", "AH0", "exited on signal")
    lab.before = lab.inventory()
    yield
    lab.disarm()
    if not lab.gone("c.test"):  # what a failed test left is not the next one's failure
        lab.provision("delete", "@c.test")


def _steps(lab, *words):
    return [row["step"] for row in lab.must("plan", *words) if "step" in row]


def _killed(lab, point, victim, *words):
    """Runs a task while POINT kills VICTIM, and starts the daemon again where that was root; gives the exit code. The engine may
    not kill root, so it stops there, and root is killed from outside."""
    lab.fault(point, "kill" if victim == "engine" else "stop")
    asked = lab.begin(*words, "--json")
    if victim == "root":
        lab.await_(lambda: not lab.armed() and lab.engine().state == "T", 30, f"the engine stopped at {point}")
        lab.kill()
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


def _sweep(lab, rounds, run):
    """RUN each round; all that went wrong is told at once, and every point that was armed has fired."""
    wrong = []
    with lab.probing("stays.test", text="Title of stays.test"):
        for n, points in enumerate(rounds):
            if n % 2 == 1:  # a kid that keeps dying young waits longer each time: a new root has not seen it die
                lab.restart()
            try:
                run(*points)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                wrong.append(f"{points}: {error}")
            if lab.armed():
                wrong.append(f"{points}: {lab.armed()} killed nothing")
                lab.disarm()
            if wrong and not lab.gone("c.test"):
                lab.provision("delete", "@c.test")
                break
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("moment, victim", CASES)
def test_an_install_and_a_delete_killed_at_each_step_end_done_or_undone(lab, moment, victim):
    install = _steps(lab, *INSTALL)
    lab.must(*INSTALL)
    delete = _steps(lab, "delete", "@c.test")
    lab.must("delete", "@c.test")

    def run(first, second):
        if _killed(lab, first, victim, *INSTALL) != 0:
            lab.await_inventory(lab.before)
            lab.must(*INSTALL)
        assert "<title>Title of c.test" in lab.get("c.test")[1]
        assert lab.must("doctor") == []
        if _killed(lab, second, victim, "delete", "@c.test") != 0:
            assert lab.must("doctor") == []
            lab.must("delete", "@c.test")
        lab.await_inventory(lab.before)

    assert len(install) >= len(delete)
    _sweep(lab, [(f"{moment}:{step}", f"{moment}:{delete[i % len(delete)]}") for i, step in enumerate(install)], run)


@pytest.mark.parametrize("moment", ["undo.effect", "undo.done"] if ALL else ["undo.effect"])
def test_an_undo_killed_at_each_step_is_done_again_and_leaves_nothing(lab, moment):
    """The driver's page lacks its title, so the job fails at its last step and takes back all others."""
    failing = [*INSTALL, "profile=untitled"]

    def run(point):
        assert _killed(lab, point, "engine", *failing) == 5
        lab.await_inventory(lab.before)

    undone = [step for step in _steps(lab, *INSTALL) if step in ("dirs", "secret", "database", "link", "pool", "vhost", "names")]
    _sweep(lab, [(f"{moment}:{step}",) for step in undone], run)


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
            lab.daemon.wait(30)
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
