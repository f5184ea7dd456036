"""What the integration and the crash tests share: labs, and the watch over their logs."""

import os
import sys

import pytest

sys.path.insert(0, f"{os.path.dirname(__file__)}/it")

from lab import Lab  # noqa: E402
from lab.panel import Office, alone  # noqa: E402


def pytest_configure(config):
    assert os.geteuid() == 0, "the integration tests start a daemon of root: run them as root"


@pytest.fixture(scope="session", autouse=True)
def session():
    yield
    Lab.end_session()


@pytest.fixture(scope="module")
def lab():
    """A running daemon with the server @server_main, for the tests of one module."""
    with Lab() as made:
        yield made.start().with_server()


@pytest.fixture(scope="session")
def world():
    """A machine as it should be: two WordPress sites and a static one, made from the command line alone. Tests that use it leave it
    as they found it."""
    with Lab() as made:
        made.start().with_server().with_wordpress().with_static()
        made.install_wordpress("one.test")
        made.install_wordpress("two.test")
        made.install("three.test", "pages")
        yield made


@pytest.fixture(scope="module")
def panel():
    """A running panel without a daemon, for the tests of one module."""
    with alone() as made:
        yield made.start()


@pytest.fixture(scope="module")
def office(panel):
    """That panel with people and objects: an administrator, two clients with a site each."""
    return Office(panel)


@pytest.fixture(autouse=True)
def no_unexpected_warnings(request):
    """A line of warning level that a test did not expect fails it."""
    labs = [request.getfixturevalue(name) for name in ("lab", "world", "panel") if name in request.fixturenames]
    for made in labs:
        made.logs.skip()
    yield
    for made in labs:
        assert not made.logs.unexpected()
