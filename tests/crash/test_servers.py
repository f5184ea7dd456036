"""What an install works with is killed in the middle of it, not the daemon: a server, a worker. It ends done, or undone."""

import os

import pytest

from lab.processes import Process
from tasks import HOST, INSTALL
from yard import STAYS


@pytest.fixture(name="yard")
def fixture_yard(yards):
    with yards.lent() as yard:
        yard.lab.logs.expect("event=", "AH0", r"\bH[MT]0", "exited on signal", "NOTICE", "WARNING")
        yield yard


def site_or_nothing(yard, asked):
    """Done: the site is served, and deleting it leaves nothing. Undone: nothing is there."""
    asked.communicate(timeout=120)
    yard.lab.until_ready()
    yard.settle()
    assert yard.lab.must("doctor") == []
    if asked.returncode == 0:
        assert yard.page() == (200, True)
        yard.home()
    assert yard.differences(yard.ground, False) == []


@pytest.mark.parametrize("name", ["provisiond-dba", "apache2", "php-fpm8.2"])
@pytest.mark.parametrize("step", ["database", "driver", "publish", "served"])
def test_a_server_killed_in_the_middle_of_an_install_does_not_leave_half(yard, name, step):
    lab = yard.lab
    lab.fault(f"step.intent:{step}", "stop")
    asked = lab.begin(*yard.words(INSTALL), "--json")
    lab.await_(yard.stopped, 30, f"the engine stopped at {step}")
    for process in lab.processes(name):
        process.kill()
    lab.engine().kill(18)
    site_or_nothing(yard, asked)
    lab.await_(lambda: lab.get(STAYS)[0] == 200, 10, "the other site")


def workers(lab, word):
    ids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return [p for p in map(Process, ids) if p.alive and any(lab.folder in w for w in p.words) and word in p.words]


def test_a_worker_killed_in_the_middle_fails_the_job_and_leaves_nothing(yard):
    asked = yard.lab.begin(*yard.words(INSTALL), "profile=hang", "--json")
    for process in yard.lab.await_(lambda: workers(yard.lab, f"{yard.lab.folder}/apps/tiny/driver.php"), 30, "the worker"):
        process.kill()
    site_or_nothing(yard, asked)
    assert asked.returncode == 5 and yard.lab.gone(HOST)
