"""What a tenant's code started on the side ends with its site: disabled, deleted, restored, or taken back by a failed install."""

import base64
import contextlib
import os
import shutil
import signal
import subprocess

import pytest

from lab import Lab
from lab.lab import TREE
from root import FIRST_UID, World

# Started by a request: leaves its parent, its session and its signals behind, and then by chains, each of whose links only begets
# the next, by a process whose first thread has ended, and by files without end goes on.
WEED = r"""
import ctypes, os, signal, sys, threading
folder = sys.argv[1]
if os.fork() or os.setsid() is None and os.fork():
    os._exit(0)
for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)

def chain(kind):
    n = 0
    while True:
        try:
            if os.fork():
                os._exit(0)
        except BlockingIOError:
            continue
        n += 1
        open(f"{folder}/{kind}{n % 50}", "w").close()

for kind in "abcd":
    if os.fork() == 0:
        chain(kind)
threading.Thread(target=signal.pause).start()
open(f"{folder}/ready", "w").close()
ctypes.CDLL(None).pthread_exit(None)
"""
SOW = """<?php
$tmp = getenv('PV_TMP', true);
file_put_contents("$tmp/weed.py", base64_decode('%s'));
exec('/usr/bin/python3 ' . escapeshellarg("$tmp/weed.py") . ' ' . escapeshellarg(getenv('PV_DATA', true) . '/files') . ' >/dev/null 2>&1');
"""


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        made.start().with_server().with_tiny().with_static()
        made.install("stays.test", "pages")
        yield made


@pytest.fixture
def site(lab):
    """A site in whose pool something has been sown that grows."""
    lab.install("weeds.test", "tiny", "db_server=@server_main")
    made = lab.site("weeds.test")
    path = f"{lab.folder}/platforms/tiny/sow.php"
    with open(path, "w", encoding="utf-8") as f:
        f.write(_sow())
    yield made
    os.unlink(path)
    if not lab.gone("weeds.test"):
        lab.must("delete", "@weeds.test")


def _sow():
    return SOW % base64.b64encode(WEED.encode()).decode()


def _of(lab, site):
    return [p for p in lab.processes() if p.uid == site["uid"]]


def _grown(lab, site):
    """The pids of what grows, once it does."""
    lab.get("weeds.test", "/sow.php")
    lab.await_(lambda: os.path.exists(f"{lab.folder}/sites/{site['id']}/data/files/ready") and len(_of(lab, site)) >= 3, 20, "weeds")
    return {p.pid for p in _of(lab, site)}


# By root itself, as the engine would ask

SITE, UID = "saaaaaaaaaaaa", FIRST_UID + 60  # which no other test has
BLADE = """
import contextlib, os, signal, sys
if sys.argv[1] == "real":
    os.setresuid(%d, %d, %d)
print("up", flush=True)
while sys.argv[1] == "killer":
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
sys.stdin.read()
"""
# Holds a process at its exit: PTRACE_SEIZE with PTRACE_O_TRACEEXIT.
TRACER = """
import ctypes, sys
assert ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), 0, 0x40) == 0
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture(name="solo")
def fixture_solo():
    with World() as made:
        yield made.start()


@contextlib.contextmanager
def _grass(kind, uid):
    """A process that stays until it is mown."""
    words = ["/usr/bin/python3", "-c", BLADE % (UID, uid, uid), kind]
    who = {} if kind == "real" else {"user": uid, "group": uid, "extra_groups": []}
    blade = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, **who)
    try:
        assert blade.stdout.readline() == b"up\n"
        yield blade
    finally:
        blade.kill()
        blade.wait()
        blade.stdin.close()
        blade.stdout.close()


@pytest.mark.parametrize("kind", ["plain", "real", "killer"])
def test_every_process_of_the_uid_is_ended_and_no_other(solo, kind):
    """Also one that has another uid besides, and one that kills all that has its own."""
    assert solo.engine.ask("site_dirs", SITE, "MAKE", UID).code == "OK"
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_grass("plain", uid)) for uid in (UID - 1, UID + 1, 65534, 33, 0)]
        blade = stack.enter_context(_grass(kind, UID + 2 if kind == "real" else UID))
        for _ in range(2):
            assert solo.engine.ask("evict", SITE).code == "OK"
        assert blade.wait(1) == -signal.SIGKILL
        assert [other.poll() for other in others] == [None] * 5
    assert [line for line in solo.logged().splitlines() if "op=evict" in line and "code=OK" in line]


def test_a_site_without_a_uid_and_what_is_no_site_ends_nobody(solo):
    with _grass("plain", UID) as blade:
        assert solo.engine.ask("evict", SITE).code == "OK"
        for word in ("paaaaaaaaaaaa", "0", "", f"{UID}", "root"):
            assert solo.engine.ask("evict", word).code == "SCHEMA"
        assert solo.dba.ask("evict", SITE).code == "UNKNOWN_OP"
        (solo.folder / f"state/ids/{SITE}").symlink_to("65534")  # as root alone could
        assert solo.engine.ask("evict", SITE).code == "OK"
        assert blade.poll() is None


def test_a_process_that_does_not_end_is_named(solo):
    """One that the kernel holds until somebody has looked at it."""
    assert solo.engine.ask("site_dirs", SITE, "MAKE", UID).code == "OK"
    with _grass("plain", UID) as blade:
        tracer = subprocess.Popen(["/usr/bin/python3", "-c", TRACER, str(blade.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert tracer.stdout.readline() == b"holds\n"
        reply = solo.engine.ask("evict", SITE)
        assert (reply.code, reply.detail) == ("NOT_ENDED", f"process {blade.pid} of uid {UID} does not end")
        tracer.communicate(b"\n")
        assert solo.engine.ask("evict", SITE).code == "OK"


# By tasks


def test_a_disabled_site_runs_nothing_more(lab, site):
    with lab.probing("stays.test", text="Title of stays.test"):
        assert _grown(lab, site)
        lab.must("disable", "@weeds.test")
        assert _of(lab, site) == []
    assert lab.get("weeds.test")[0] == 503
    lab.must("enable", "@weeds.test")
    assert lab.get("weeds.test")[0] == 200


def test_a_deleted_site_runs_nothing_more_and_its_folders_go(lab, site):
    _grown(lab, site)
    lab.must("delete", "@weeds.test", "backup=no")
    assert _of(lab, site) == []
    lab.inventory()  # waits until the trash is empty
    assert not os.path.exists(f"{lab.folder}/sites/{site['id']}")


def test_a_restored_site_runs_nothing_of_before(lab, site):
    lab.must("backup", "@weeds.test")
    (bid,) = [row["bid"] for row in lab.must("list", "backup") if row["site"] == site["id"]]
    _grown(lab, site)
    lab.logs.expect("exited on signal 9")  # PHP-FPM's word for it
    lab.must("restore", "@weeds.test", f"bid={bid}")
    assert {p.name for p in _of(lab, site)} <= {"php-fpm8.2"}
    assert lab.get("weeds.test")[0] == 200 and os.listdir(f"{lab.folder}/sites/.next") == []
    assert not os.path.exists(f"{lab.folder}/sites/{site['id']}/data/files/ready")


def test_an_install_that_is_taken_back_leaves_nothing_running(lab):
    """Its page is not as it should be, but its code has run."""
    lab.logs.expect("NOT_SERVED", "state=failed")
    source = f"{lab.folder}/sources/sown"
    shutil.copytree(f"{TREE}/tests/it/sources/tiny", source)
    with open(f"{source}/index.php", "w", encoding="utf-8") as f:
        f.write(_sow())
    lab.open_to_all("sources")
    lab.must("verify", "@platform_sown", "server=@server_main", f"place={lab.folder}/platforms/sown", f"source={source}")
    before = lab.inventory()
    lab.install("weeds.test", "sown", "db_server=@server_main", code=5)
    assert [p for p in lab.processes() if lab.first_uid <= p.uid <= lab.last_uid] == []
    lab.await_inventory(before)
