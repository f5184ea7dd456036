"""make demo, as a person runs it on a machine with an httpd of its own: in a network of its own, twice, with a taken port, and gone again."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from lab import processes
from lab.lab import BUILD, TREE
from lab.netns import Netns
from lab.wait import until

PORTS = (8080, 8081, 8082)


class Demo:
    """A demo in a folder and a network of its own."""

    def __init__(self):
        self.netns, self.folder = Netns(), f"{tempfile.mkdtemp(prefix='pvdm', dir='/srv')}/d"
        os.chmod(os.path.dirname(self.folder), 0o755)

    def run(self, command, code=0, **env):
        with self.netns.entered():
            done = subprocess.run([sys.executable, "-B", f"{TREE}/tests/demo/demo.py", command], capture_output=True, text=True, timeout=400,
                                  env={**os.environ, "O": BUILD, "DEMO_DIR": self.folder, **env}, stdin=subprocess.DEVNULL)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.splitlines() if code == 0 else done.stderr

    def get(self, url):
        """Status and text of an address under .localhost, as a browser on this machine asks for it."""
        host, _, path = url.removeprefix("http://").partition("/")
        with self.netns.entered(), contextlib.closing(http.client.HTTPConnection("127.0.0.1", int(host.rpartition(":")[2]), timeout=30)) as c:
            c.request("GET", f"/{path}", headers={"Host": host})
            answer = c.getresponse()
            return answer.status, answer.read().decode()

    def api(self, path):
        """What the panel's API says, with the token that the demo keeps."""
        with open(f"{self.folder}/etc/token", encoding="utf-8") as f:
            token = f.read().strip()
        with self.netns.entered(), contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORTS[0], timeout=30)) as c:
            c.request("GET", f"/api/v1{path}", headers={"Host": f"localhost:{PORTS[0]}", "Authorization": f"Bearer {token}"})
            return json.loads(c.getresponse().read())

    def alive(self):
        return processes.of_lab(self.netns.inode, self.folder)

    def pids(self):
        """The servers' parents, which a second start leaves alone."""
        return {p.pid for p in self.alive() if p.parent == 1}

    def listens(self):
        with self.netns.entered(), open("/proc/thread-self/net/tcp", encoding="utf-8") as f:
            return {int(line.split()[1].split(":")[1], 16) for line in f if " 0A " in line}

    def close(self):
        processes.end_all(self.netns.inode, self.folder)
        self.netns.close()
        shutil.rmtree(os.path.dirname(self.folder))


def machine():
    """What of the machine a demo could have left traces in."""
    files = {}
    for top, _, names in os.walk("/etc"):
        for path in (f"{top}/{name}" for name in names):
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    files[path] = hashlib.sha256(f.read()).hexdigest()
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return {"etc": files, "mounts": [line for line in f if "/srv/pvdm" in line], "shm": sorted(n for n in os.listdir("/dev/shm") if "pvdm" in n)}


@pytest.fixture
def demo():
    made = Demo()
    yield made
    made.close()


def check_addresses(demo, lines):
    """The last four lines: a login link, two sites that answer, and a command line that lists them."""
    assert [line.split()[0] for line in lines] == ["panel", "site", "site", "command"]
    panel, blog, pages = (line.split()[1] for line in lines[:3])
    assert "@blog.localhost" in subprocess.run(lines[3].split()[2:], capture_output=True, text=True, check=True).stdout
    assert "Log in" in demo.get(panel)[1]
    for url, text in ((blog, "A blog"), (pages, "Pages")):
        status, body = demo.get(url)
        assert status == 200 and f"<title>{text}" in body.replace("\n", "")
    return panel


def test_a_demo_comes_stays_and_goes_without_a_trace(demo):
    before = machine()
    first = check_addresses(demo, demo.run("start")[-4:])
    assert demo.listens() == set(PORTS)
    with open(f"{demo.folder}/etc/provisiond.conf", encoding="utf-8") as f:
        rows = [line.split() for line in f if " /" in line and not line.startswith("#")]
    assert {name for name, path in rows if not path.startswith(demo.folder)} <= {"SourceRoot", "PhpProgram", "FpmProgram", "HttpdProgram"}
    pids = demo.pids()
    lines = demo.run("start")
    assert len(lines) == 4 and check_addresses(demo, lines) != first
    assert demo.pids() == pids, "a second start leaves all as it is"
    demo.run("stop")
    until(lambda: not demo.alive(), 20, "the children of what was ended")
    assert demo.listens() == set() and os.path.exists(demo.folder)
    check_addresses(demo, demo.run("start")[-4:])
    demo.run("clean")
    assert demo.alive() == [] and demo.listens() == set() and not os.path.exists(demo.folder)
    assert machine() == before


@pytest.mark.parametrize("port", PORTS)
def test_a_taken_port_is_named_before_anything_starts(demo, port):
    with demo.netns.entered(), socket.create_server(("127.0.0.1", port)):
        started = time.monotonic()
        said = demo.run("start", code=1)
    assert f"port {port} is taken" in said and "make demo DEMO_" in said
    assert demo.alive() == [] and not os.path.exists(demo.folder) and time.monotonic() - started < 30


def test_its_tasks_have_a_person_an_attempt_and_a_log(demo):
    """The sites were made by the queue, not beside it."""
    demo.run("start")
    rows = demo.api("/tasks")["tasks"]
    assert {row["label"] for row in rows} == {"main", "wordpress", "pages", "blog.localhost", "pages.localhost"}
    for row in rows:
        view = demo.api(f"/tasks/{row['id']}")
        assert (row["state"], row["login"], row["origin"], view["task"]["attempts"]) == ("success", "admin", "api", 1), row
        assert view["lines"] and view["attempt"]["logged"] == len(view["lines"]), row
