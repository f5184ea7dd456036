"""kill -9 at every step of a backup, a restore and a backup_delete: each ends done or undone, and the live site is never half."""

import itertools
import os

import pytest

from lab import Lab, difference
from lab.lab import FAULT_BUILD
from test_matrix import _killed, _steps

HOST = "c.test"
MOMENTS = ["step.intent", "step.effect", "step.done"] if os.environ.get("PV_CRASH") == "all" else ["step.effect"]

STAY = {"secret", "link", "pool", "vhost"}  # found as they should be, so they never begin


@pytest.fixture(scope="module", name="yard")
def fixture_yard():
    with Lab(build=FAULT_BUILD) as lab:
        lab.start().with_server().with_tiny()
        lab.install(HOST, "tiny", "db_server=@server_main")
        lab.must("backup", f"@{HOST}")
        yield lab


def rows(lab):
    return lab.must("list", "backup")


def archives(lab):
    return sorted(os.listdir(f"{lab.folder}/backups"))


def known(lab):
    return sorted(f"{row['site']}.{row['bid']}.tar.zst" for row in rows(lab))


def served(lab):
    return lab.get(HOST)[1]


KILLS = itertools.count(1)


def killed(lab, point, *words):
    """A kid that keeps dying young waits longer each time: a new root has not seen it die."""
    if next(KILLS) % 3 == 0:
        lab.restart()
    return _killed(lab, point, "engine", *words)


def outcome(lab, before, code):
    """Undone: all is as before. Done: it is served, nothing differs from what should be, nothing is left over beside it."""
    if code != 0:
        lab.await_inventory(before)
    assert f"Title of {HOST}" in served(lab) and lab.must("doctor") == [] and archives(lab) == known(lab)
    site = lab.site(HOST)
    assert lab.database.databases() == [f"{site['id']}d{site['dbgen']}"] and os.listdir(f"{lab.folder}/sites/.next") == []


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("only", [[], ["only=database"]], ids=["whole", "database"])
def test_a_restore_killed_at_each_step(yard, moment, only):
    words = ["restore", f"@{HOST}", f"bid={rows(yard)[0]['bid']}", *only]
    for step in set(_steps(yard, *words)) - STAY:
        before = yard.inventory()
        code = killed(yard, f"{moment}:{step}", *words)
        assert yard.armed() == [], f"{moment}:{step} killed nothing"
        outcome(yard, before, code)


@pytest.mark.parametrize("moment", ["undo.effect", "undo.done"])
def test_the_undo_of_a_restore_killed_at_each_step(yard, moment):
    """The page lacks what a visitor must see, so that all is taken back from the last step on."""
    words = ["restore", f"@{HOST}", f"bid={rows(yard)[0]['bid']}"]
    page = f"{yard.folder}/platforms/tiny/index.php"
    before, kept = yard.inventory(), open(page, encoding="utf-8").read()
    for step in ("names", "beside", "newdb", "unpack", "rewire", "switch"):
        try:
            with open(page, "w", encoding="utf-8") as f:
                f.write("<?php http_response_code(500);")
            assert killed(yard, f"{moment}:{step}", *words) == 5
        finally:
            with open(page, "w", encoding="utf-8") as f:
                f.write(kept)
        assert yard.armed() == []
        yard.await_inventory(before)
        outcome(yard, before, 5)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_backup_and_its_deletion_killed_at_each_step(yard, moment):
    for step in _steps(yard, "backup", f"@{HOST}"):
        before, had = yard.inventory(), rows(yard)
        code = killed(yard, f"{moment}:{step}", "backup", f"@{HOST}")
        assert yard.armed() == [] and difference(before, yard.inventory()) == []
        assert archives(yard) == known(yard) and len(rows(yard)) == len(had) + (code == 0)
    for step in ("unnote", "unkeep"):
        yard.must("backup", f"@{HOST}")
        bid = sorted(rows(yard), key=lambda row: row["made"])[-1]["bid"]
        assert killed(yard, f"{moment}:{step}", "backup_delete", f"@{HOST}", f"bid={bid}") == 0
        assert archives(yard) == known(yard) and bid not in [row["bid"] for row in rows(yard)]
