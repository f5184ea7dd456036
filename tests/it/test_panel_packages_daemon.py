"""Packages from the driver to the page: a platform and a site are verified, and the panel shows what they have; a deleted site's go."""

import os

import pytest

from lab import Lab, until
from lab.panel import USER, following


@pytest.fixture(scope="module")
def lab():
    with Lab(PanelUsers=USER) as made:
        made.start().with_server().with_tiny()
        made.install("tiny.test", "tiny", "db_server=@server_main")
        yield made


@pytest.fixture(scope="module")
def panel(lab):
    with following(lab) as made:
        yield made


@pytest.fixture(scope="module")
def api(panel):
    program = panel.program(panel.admin())
    program.must("/servers", {"name": "local", "http": "apache", "http_port": "80"})
    return program


def _packages(api):
    return {row["name"]: (row["app"], row["platforms"], row["sites"]) for row in api.get("/packages?limit=500").json["packages"]}


def test_what_the_driver_lists_is_in_the_panel(lab, panel, api):
    listed = {f"m{n}": ("tiny", 1, 1) for n in range(120)}
    until(lambda: _packages(api) == listed, 60, "the packages of a platform and of a site")
    site = api.get("/sites?find=tiny.test").json["sites"][0]["id"]
    (group,) = [group for group in api.get(f"/sites/{site}").json["packages"] if group["rows"]]
    assert (group["type"], group["count"], group["rows"][0]["label"], group["rows"][0]["path"]) == ("module", 120, "Module 0", "modules/m0")
    data = f"{lab.folder}/sites/{site}/data"
    for name, kept in (("spoiled", 1), ("empty", 0)):
        with open(f"{data}/{name}", "w", encoding="utf-8"):
            pass
        task = api.must(f"/sites/{site}/tasks", {"type": "verify"})["task"]
        until(lambda task=task: api.get(f"/tasks/{task}").json["task"]["ended"], 60, "the verify")
        os.unlink(f"{data}/{name}")
        assert api.get(f"/sites/{site}").json["package_count"] == 120 * kept, name
    lab.must("verify", "@tiny.test")
    until(lambda: _packages(api) == listed, 60, "the site's packages again")
    lab.must("delete", "@tiny.test")
    until(lambda: set(_packages(api).values()) == {("tiny", 1, 0)}, 30, "the site's packages gone")
