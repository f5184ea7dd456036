"""Code of a tenant that means ill: what it does in a worker, in its pool and in its files harms nobody else."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import zlib

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


# Takes the descriptors of its own uid's archiver, from outside of the jail, for as long as that runs; says what it got.
THIEF = """
import ctypes, os
def archiver():
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/cmdline", "rb") as f, open(f"/proc/{p}/status") as status:
                if f.read().endswith(b"provision-worker\\0pack\\0") and f"Uid:\\t{os.getuid()}\\t" in status.read():
                    return int(p)
        except OSError:
            pass
libc = ctypes.CDLL(None, use_errno=True)
pid = None
print("looks", flush=True)
while not pid:
    pid = archiver()
pidfd, tries, got = libc.syscall(434, pid, 0), 0, set()
while os.path.exists(f"/proc/{pid}"):
    for fd in (3, 4):
        if libc.syscall(438, pidfd, fd, 0) >= 0:
            got.add(fd)
    tries += 1
print(tries > 10, sorted(got))
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


def test_a_process_of_the_site_cannot_take_the_archive_that_its_backup_is_written_to(lab):
    lab.with_static().install("thief.test", "pages")
    data = f"{lab.folder}/sites/{lab.site('thief.test')['id']}/data"
    uid = str(os.stat(data).st_uid)
    with open(f"{data}/large", "wb") as f:
        f.truncate(512 * MIB)
    os.chmod(f"{data}/large", 0o644)
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "/usr/bin/python3", "-c", THIEF]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as thief:
        assert thief.stdout.readline() == "looks\n"
        lab.must("backup", "@thief.test")
        assert thief.stdout.read() == "True []\n"
    lab.must("delete", "@thief.test", "backup=no")


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


# In a pool: what a plugin could do

GATE = "<?php fopen(getenv('PV_DATA', true) . '/gate', 'r'); echo 'through';"
FORKS = """<?php
file_put_contents(getenv('PV_TMP', true) . '/forks.py', <<<'PY'
import os, signal
pids = []
try:
    while len(pids) < 400:
        pid = os.fork()
        pid or signal.pause()
        pids.append(pid)
except BlockingIOError:
    pass
for pid in pids:
    os.kill(pid, signal.SIGKILL)
print(len(pids))
PY);
echo shell_exec('/usr/bin/python3 ' . getenv('PV_TMP', true) . '/forks.py');
unlink(getenv('PV_TMP', true) . '/forks.py');
"""
FORGE = r"""<?php
fwrite(fopen('php://stderr', 'w'), "[01-Jan-2030 00:00:00] ALERT: [pool %s] forged\n");
"""


@contextlib.contextmanager
def _plugin(world, code):
    """PHP of a tenant in the code base; its path, a new one for each code: PHP looks at a file again after two seconds only."""
    name = f"/wp-content/plugin{zlib.crc32(code.encode())}.php"
    path = f"{world.folder}/platforms/wordpress{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(code)
    try:
        yield name
    finally:
        os.unlink(path)


def test_visitors_of_a_site_whose_php_hangs_do_not_keep_others_from_theirs(world):
    world.logs.expect("AH00941", "max_children")
    data = f"{world.folder}/sites/{world.site('one.test')['id']}/data"
    os.mkfifo(f"{data}/gate")
    os.chmod(f"{data}/gate", 0o644)
    visitors = []
    with _plugin(world, GATE) as path:
        try:
            for _ in range(450):  # MaxRequestWorkers is 400
                with world.netns.entered():
                    visitors.append(socket.create_connection(("127.0.0.1", 80), timeout=20))
                visitors[-1].send(f"GET {path} HTTP/1.0\r\nHost: one.test\r\n\r\n".encode())
            assert world.get("three.test")[0] == 200
        finally:
            with open(f"{data}/gate", "wb"):
                answers = [v.recv(12) for v in visitors]
            os.unlink(f"{data}/gate")
            for v in visitors:
                v.close()
    assert answers.count(b"HTTP/1.1 200") >= 8 and answers.count(b"HTTP/1.1 503") > 100


def test_a_site_has_a_limited_number_of_processes(world):
    with _plugin(world, FORKS) as path:
        status, text = world.get("one.test", path)
    assert status == 200 and 0 < int(text) < 256


def test_what_a_pool_writes_to_the_common_log_says_whose_it_is(world):
    world.logs.expect("forged")
    mine, other = world.site("one.test")["id"], world.site("two.test")["id"]
    with _plugin(world, FORGE % other) as path:
        assert world.get("one.test", path)[0] == 200

    def lines():
        with open(f"{world.folder}/log/php-fpm.log", encoding="utf-8") as f:
            return [line for line in f if "forged" in line]

    assert f"[pool {mine}] child" in world.await_(lines)[0]


def test_no_site_reads_what_visitors_of_another_asked_for(world):
    world.get("two.test", "/?key=onlyforme")
    uid = world.site("one.test")["uid"]
    for name in ("access.log", "error.log"):
        path = f"{world.folder}/log/httpd/{name}"
        done = subprocess.run(["cat", path], user=uid, group=uid, extra_groups=[], capture_output=True)
        assert b"Permission denied" in done.stderr and not done.stdout
