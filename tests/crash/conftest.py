"""Labs for the crash tests, one a process of the test run, and the line in which their numbers end."""

import contextlib
import dataclasses
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from matrix import TALLY, Tally, sweep  # noqa: E402
from yard import Yard  # noqa: E402


class Yards:
    """A lab of each sort, while nothing went wrong in it."""

    def __init__(self):
        self.made = {}

    def close(self, keeps):
        if keeps in self.made:
            self.made.pop(keeps).lab.close()

    @contextlib.contextmanager
    def lent(self, keeps=False):
        """One to work in. Where that fails, the next one is new, and what the daemon said is shown."""
        if keeps not in self.made:
            self.made[keeps] = Yard(keeps)
        yard = self.made[keeps]
        yard.lab.logs.skip()
        try:
            yield yard
            assert not yard.lab.logs.unexpected()
        except BaseException:
            print(yard.lab.daemon_log()[-12000:])
            self.close(keeps)
            raise

    def sweep(self, task, choose):
        with self.lent(task.keeps) as yard:
            wrong = sweep(yard, task, choose)
            assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def yards():
    made = Yards()
    yield made
    made.close(False)
    made.close(True)


# Each process of the run counts for itself; the first one adds up, and says it last.


def pytest_testnodedown(node):
    if "crash" in getattr(node, "workeroutput", {}):
        TALLY.add(Tally(**node.workeroutput["crash"]))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["crash"] = dataclasses.asdict(TALLY)
    elif not TALLY.clean:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config):
    if not hasattr(config, "workeroutput") and TALLY.planned:
        print(TALLY)
