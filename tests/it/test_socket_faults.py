"""The cases of the socket that need a daemon in trouble: a follower that never reads, a stuck object, a start that is not over,
too much at once. S10, S12, S14 and S15."""

import json
import os
import signal
import subprocess

import pytest

from lab import Lab
from lab.lab import FAULT_BUILD
from lab.wire import Wire, new_id, new_key


@pytest.fixture(scope="module")
def lab():
    with Lab(build=FAULT_BUILD) as made:
        made.start().with_server().with_static().with_tiny()
        yield made


@pytest.fixture
def path(lab):
    return f"{lab.run}/admin/socket"


def _tiny(*fields):
    return ["install", "@new.test", "platform=@platform_tiny", "db_server=@server_main", "title=New", *fields]


def _hang(lab):
    """A job whose driver never ends, and its site."""
    job = lab.submit(*_tiny("profile=hang"))
    lab.await_(lambda: any("it hangs" in line["text"] for line in lab.log(job)), 30, "the driver's line")
    return job, lab.site("new.test")


def test_s10_a_follower_that_never_reads_is_dropped_and_can_go_on_where_it_was(lab, path):
    before = lab.inventory()
    with Wire(path) as deaf:
        hello = deaf.hello()
        deaf.put({"op": "follow", "id": 2, "journal": hello["journal"], "after": hello["last"]})
        lab.must(*_tiny("profile=loud"))
        seen = [line["ev"] for line in deaf.closed() if line.get("ev")]
    last = lab.must("show", "@new.test") and lab.must("list", "job")[-1]["last"]
    assert seen == list(range(hello["last"] + 1, seen[-1] + 1)) and seen[-1] < last
    with Wire(path) as again:
        again.hello()
        assert again.ask("follow", journal=hello["journal"], after=seen[-1])["ok"] is True
        assert again.line()["ev"] == seen[-1] + 1
    site = lab.site("new.test")
    lab.must("delete", "@new.test")
    lab.await_inventory(before)
    with Wire(path) as late:  # S5
        late.hello()
        for task in ("verify", "disable", "delete", "backup"):
            reply = late.ask("submit", key=new_key(), type=task, object=site["id"], revision=0)
            assert reply["code"] == "NO_OBJECT", reply


def test_s12_a_stuck_object_is_locked_until_doctor_takes_it_up_again(lab):
    """Its undo cannot remove a file that somebody nailed down."""
    lab.logs.expect("job.stuck", "state=stuck", "state=failed", "state=cancelled")
    before = lab.inventory()
    job, site = _hang(lab)
    pin = f"{lab.folder}/sites/{site['id']}/data/pin"
    with open(pin, "w", encoding="utf-8"):
        subprocess.run(["chattr", "+i", pin], check=True)
    try:
        lab.must("cancel", str(job))
        row = lab.await_state(job, "stuck", seconds=120)
        assert row["code"] == "UNDO_FAILED" and row["text"]
        locked = lab.must("verify", "@new.test", code=6)
        assert locked["code"] == "LOCKED" and "doctor" in locked["fix"]
        assert any("new.test" in str(found) for found in lab.must("doctor", code=1))
    finally:
        subprocess.run(["chattr", "-i", pin], check=True)
    lab.provision("doctor", "--repair")
    assert lab.await_end(job)["state"] in ("failed", "cancelled")
    lab.await_inventory(before)


def test_s14_a_daemon_that_is_not_ready_takes_no_task(lab, path):
    lab.logs.expect("it closed its socket")  # as it ends
    platform = lab.must("show", "@platform_pages")["id"]
    lab.stop()
    lab.fault("config.preflight", "stop")
    lab.start_daemon()
    lab.await_(lambda: os.path.exists(path) and not lab.armed(), 30, "the publisher stopped")
    with Wire(path) as early:
        assert early.hello()["state"] == "recovering"
        reply = early.ask("submit", key=new_key(), type="install", object=new_id("s"), revision=0, name="early.test", platform=platform)
        assert reply["code"] == "RETRY_LATER"
    for process in lab.processes("provisiond"):
        process.kill(signal.SIGCONT)
    lab.until_ready()
    assert lab.must("list", "site") == []


def test_s14_a_journal_without_room_takes_no_task_until_it_has_some(lab, path):
    """The file system of the journal is full: nothing new, what is there can still be read, and then all goes on by itself."""
    lab.logs.expect("journal", "it closed its socket", "its engine has ended", "JOURNAL_UNAVAILABLE")
    lab.stop()
    state = f"{lab.folder}/state"
    os.rename(state, f"{state}.kept")
    os.mkdir(state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=0711", "lab", state], check=True)
    try:
        subprocess.run(["cp", "-a", f"{state}.kept/.", state], check=True)
        lab.start_daemon()
        lab.until_ready()
        platform = lab.must("show", "@platform_pages")
        with open(f"{state}/full", "wb") as hog:
            with pytest.raises(OSError):
                while True:
                    hog.write(b"x" * 65536)
                    hog.flush()
        with Wire(path) as early:
            early.hello()
            reply = early.ask("submit", key=new_key(), type="install", object=new_id("s"), revision=0, name="full.test",
                              platform=platform["id"])
            while reply["ok"]:  # as long as what it had left lasts
                reply = early.ask("submit", key=new_key(), type="verify", object=platform["id"], revision=platform["revision"])
            assert reply["code"] == "JOURNAL_UNAVAILABLE", reply
            assert lab.must("list", "platform")
        os.unlink(f"{state}/full")
        lab.await_(lambda: lab.provision("install", "@room.test", "platform=@platform_pages", "title=Room").code == 0, 60, "an install")
        lab.must("delete", "@room.test")
        lab.inventory()  # waits until the trash is empty
        lab.stop()
    finally:
        subprocess.run(["umount", "-l", state], check=True)
        os.rmdir(state)
        os.rename(f"{state}.kept", state)
    lab.start_daemon()
    lab.until_ready()


@pytest.mark.parametrize("point, there", [("job.accept", 0), ("event.commit", 5)])
def test_tasks_that_come_together_are_accepted_all_or_none_and_none_is_answered_before(lab, path, point, there):
    """Killed when the first of them was taken in, and when all of them were written; asked for again, each is done once."""
    lab.logs.expect("it closed its socket", "its engine has ended", "engine.exit")
    before, platform = lab.inventory(), lab.must("show", "@platform_pages")["id"]
    tasks = [{"op": "submit", "key": new_key(), "type": "install", "object": new_id("s"), "revision": 0, "name": f"burst{n}.test",
              "platform": platform, "title": "Burst"} for n in range(5)]
    burst = b"".join(json.dumps({**task, "id": n}).encode() + b"\n" for n, task in enumerate(tasks, 2))
    with Wire(path) as first:
        first.hello()
        lab.fault(point)
        first.put(burst)
        assert first.closed() == [] and not lab.armed()
    lab.until_ready()
    keys = {row["key"] for row in lab.must("list", "job")}
    assert sum(task["key"] in keys for task in tasks) == there
    with Wire(path) as second:
        second.hello()
        second.put(burst)
        assert [bool(second.line().get("dup")) for _ in tasks] == [there > 0] * 5
    rows = {row["key"]: row["job"] for row in lab.must("list", "job")}
    assert [lab.await_end(rows[task["key"]])["state"] for task in tasks] == ["success"] * 5
    for task in tasks:
        lab.must("delete", f"@{task['name']}")
    lab.await_inventory(before)


def test_s15_the_65th_request_under_way_is_busy(lab, path):
    with Wire(path, seconds=60) as eager, Wire(path) as other:
        eager.hello()
        other.hello()
        eager.put(b"".join(b'{"op":"doctor","id":%d}\n' % n for n in range(2, 102)))
        ends, codes = 0, set()
        while ends < 100:
            line = eager.line()
            ends += bool(line.get("end")) or line.get("ok") is False
            codes.add(line.get("code", ""))
        assert codes == {"", "BUSY"}
        assert other.ask("status")["ok"] is True
