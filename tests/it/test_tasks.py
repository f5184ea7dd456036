"""Verify, disable, enable, plan and doctor; and the ten drifts, each found, named and repaired."""

import os
import re
import signal

import pytest

from lab import difference


@pytest.fixture(scope="module")
def tiny(world):
    """A site with everything on it, to be spoiled."""
    world.with_tiny().install("tiny.test", "tiny", "db_server=@server_main")
    yield world.site("tiny.test")
    world.must("delete", "@tiny.test")
    world.must("delete", "@platform_tiny")


def _warnings(world, job):
    return [line["text"] for line in world.log(job) if line["level"] == "warning"]


def _folder(world, site):
    return f"{world.folder}/sites/{site['id']}"


def _append(path, text):
    with open(path, "a", encoding="utf-8") as f:
        f.write(text)


def _relink(path, target):
    os.unlink(path)
    os.symlink(target, path)


def _httpd(world):
    with open(f"{world.run}/httpd/httpd.pid", encoding="utf-8") as f:
        return int(f.read() or 0)


def _stop_httpd(world, site):
    """Kills it as often as root starts it at once; after that root waits for some seconds before each new start."""
    for last in (False, False, True):
        pid = _httpd(world)
        os.kill(pid, signal.SIGKILL)
        if not last:
            world.await_(lambda: os.path.exists(f"{world.run}/httpd/httpd.pid") and _httpd(world) not in (0, pid), 30, "a new httpd")


DRIFTS = {
    "folder mode": ("dirs", lambda w, s: os.chmod(f"{_folder(w, s)}/private", 0o777)),
    "data owner": ("dirs", lambda w, s: os.chown(f"{_folder(w, s)}/data", 0, 0)),
    "secret mode": ("secret", lambda w, s: os.chmod(f"{_folder(w, s)}/etc/db", 0o444)),
    "secret missing": ("secret", lambda w, s: os.unlink(f"{_folder(w, s)}/etc/db")),
    "extra grant": ("grant", lambda w, s: w.database.ask(f"GRANT SELECT ON mysql.* TO '{s['id']}'@'localhost'")),
    "login gone": ("database", lambda w, s: w.database.ask(f"DROP USER '{s['id']}'@'localhost'")),
    "vhost edited": ("vhost", lambda w, s: _append(f"{w.folder}/state/httpd/live/{s['id']}.conf", "# by hand\n")),
    "pool removed": ("pool", lambda w, s: os.unlink(f"{w.folder}/state/fpm/live/{s['id']}.conf")),
    "link elsewhere": ("link", lambda w, s: _relink(f"{w.folder}/platforms/tiny/sites/{s['id']}", "/etc")),
    "httpd stopped": ("httpd", _stop_httpd),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_verify_finds_names_and_repairs_a_drift(world, tiny, name):
    thing, plant = DRIFTS[name]
    world.logs.expect("unit=httpd", "AH00")
    plant(world, tiny)
    row = world.must("verify", "@tiny.test", code=1)
    assert row["state"] == "warning"
    assert any(re.match(rf"drift: {thing}\b", text) for text in _warnings(world, row["job"])), _warnings(world, row["job"])
    assert "Title of tiny.test" in world.get("tiny.test")[1]
    assert world.must("verify", "@tiny.test")["state"] == "success"
    assert world.must("doctor") == []


def test_doctor_names_a_drift_and_repairs_it_when_told(world, tiny):
    before = world.inventory()
    os.chmod(f"{_folder(world, tiny)}/private", 0o777)
    rows = world.must("doctor", code=1)
    assert [(row["name"], row["repairable"]) for row in rows] == [("@tiny.test", True)] and "0777" in rows[0]["detail"]
    world.provision("doctor", "--repair")
    world.await_(lambda: world.must("doctor", code=None) == [], 60, "doctor finding nothing")
    world.await_inventory(before)


def test_doctor_names_what_belongs_to_nobody(world):
    stray = f"{world.folder}/sites/saaaaaaaaaaaa"
    os.mkdir(stray, 0o711)
    try:
        assert any("saaaaaaaaaaaa" in str(row) for row in world.must("doctor", code=1))
    finally:
        os.rmdir(stray)


def test_a_disabled_site_answers_503_until_it_is_enabled(world, tiny):
    before = world.inventory()
    with world.probing("three.test", text="Title of three.test"):
        assert world.must("disable", "@tiny.test")["state"] == "success"
        assert world.get("tiny.test")[0] == 503
        assert world.site("tiny.test")["state"] == "disabled"
        assert world.must("verify", "@tiny.test")["state"] == "success"
        assert world.get("tiny.test")[0] == 503
        assert world.must("enable", "@tiny.test")["state"] == "success"
        assert world.get("tiny.test")[0] == 200
    world.await_inventory(before)


def test_a_second_verify_finds_nothing_and_changes_nothing(world):
    before = world.inventory()
    for context in ("@server_main", "@platform_wordpress", "@platform_pages", "@one.test", "@three.test"):
        assert world.must("verify", context)["state"] == "success", context
    world.await_inventory(before)


@pytest.mark.parametrize("words", [["verify", "@one.test"], ["disable", "@one.test"], ["delete", "@one.test"],
                                   ["verify", "@server_main"], ["verify", "@platform_pages"]], ids=" ".join)
def test_a_plan_of_every_task_changes_nothing(world, words):
    before = world.inventory()
    assert any("step" in row for row in world.must("plan", *words))
    assert difference(before, world.inventory()) == []


def test_jobs_of_one_object_run_one_after_the_other_and_others_beside_them(world, tiny):
    numbers = [world.submit("verify", "@tiny.test") for _ in range(3)]
    numbers.append(world.submit("verify", "@three.test"))
    rows = [world.await_end(number) for number in numbers]
    assert [row["state"] for row in rows] == ["success"] * 4
    same = rows[:3]
    assert all(a["ended"] <= b["started"] for a, b in zip(same, same[1:]))


def test_a_daemon_that_restarts_goes_on_serving_and_knows_everything(world):
    before = world.inventory()
    with world.probing("one.test", text="Title of one.test"):
        world.restart()
    assert {row["context"] for row in world.must("list", "site")} >= {"@one.test", "@two.test", "@three.test"}
    world.await_inventory(before)
