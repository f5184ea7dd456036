"""What the integration tests share: one lab a module, and the watch over its logs."""

import os
import sys

import pytest

sys.path.insert(0, f"{os.path.dirname(__file__)}/it")

from lab import Lab  # noqa: E402


def pytest_configure(config):
    assert os.geteuid() == 0, "the integration tests start a daemon of root: run them as root"


@pytest.fixture(scope="session", autouse=True)
def session():
    yield
    Lab.end_session()


@pytest.fixture(scope="module")
def lab():
    """A running daemon with a server @server_main; a module may widen it with a fixture of its own name."""
    with Lab() as made:
        yield made.start().with_server()


@pytest.fixture(autouse=True)
def no_unexpected_warnings(request):
    """A line of warning level that a test did not expect fails it."""
    made = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    if made:
        made.logs.skip()
    yield
    if made:
        assert not made.logs.unexpected()
