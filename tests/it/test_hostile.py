"""Code of a tenant that means ill: what it does in a worker, in its pool and in its files harms nobody else."""

import os
import re
import shutil
import subprocess

import pytest

from lab import Lab
from lab.lab import TREE

MIB = 1024 * 1024

# Takes what the worker sends, and writes to it without end.
EAR = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
_, fds, _, _ = socket.recv_fds(c, 8, 4)
c.send(b"x")
end = fds[os.fork() == 0]
while True:
    os.write(end, b"x\\n" * 32768)
"""


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        made.start().with_server()
        shutil.copytree(f"{TREE}/tests/it/apps/hostile", f"{made.folder}/apps/hostile")
        os.makedirs(f"{made.folder}/sources/hostile")
        for name in ("hostile.txt", "index.html"):
            open(f"{made.folder}/sources/hostile/{name}", "wb").close()
        made.open_to_all("apps", "sources")
        made.must("verify", "@platform_hostile", "server=@server_main", f"place={made.folder}/platforms/hostile",
                  f"source={made.folder}/sources/hostile")
        yield made


def _memory(lab):
    """The most that the engine ever had."""
    with open(f"/proc/{lab.engine().pid}/status", encoding="ascii") as f:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)[1]) * 1024


def _attack(lab, profile):
    lab.logs.expect("event=job.end")
    return lab.submit("install", "@evil.test", "platform=@platform_hostile", f"profile={profile}")


@pytest.mark.parametrize("profile", ["errors", "packages"])
def test_a_flood_from_a_worker_costs_no_memory(lab, profile):
    before = _memory(lab)
    row = lab.await_end(_attack(lab, profile))
    assert row["state"] == "failed"
    assert _memory(lab) - before < 32 * MIB
    assert os.path.getsize(f"{lab.folder}/state/journal/journal.db") < 64 * MIB


def test_a_pipe_that_was_handed_out_of_the_jail_stops_nobody(lab):
    job = _attack(lab, "smuggle")
    data = lab.await_(lambda: [f"{lab.folder}/sites/{i}/data" for i in os.listdir(f"{lab.folder}/sites") if len(i) == 13])[0]
    uid = lab.await_(lambda: os.path.exists(data) and os.stat(data).st_uid)
    ear = subprocess.Popen(["/usr/bin/python3", "-c", EAR, f"{data}/ear"], user=uid, group=uid, extra_groups=[], start_new_session=True)
    try:
        assert lab.await_end(job, 30)["state"] == "failed"
    finally:
        os.killpg(ear.pid, 9)
        ear.wait()
