"""What the tests of the drivers stand on: runs of a verb as root's worker does them, folders and database of a site, a
server of PHP in the place of the site's pool."""

import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import types

import pytest
from lab.wait import until

TOP = pathlib.Path(__file__).resolve().parents[2]
APPS = TOP / "provisiond/apps"
PHP = "/usr/bin/php8.2"
APP_OF = {"pages": "static", "wp": "wordpress", "d7": "drupal7", "d10": "drupal", "tiny": "tinycms"}  # by a folder's name
PLATFORM_UID, SITE_UID, OTHER_UID = 79001, 79002, 79003
PASSWORD = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"


def connects(family, address):
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


class Run:
    """A verb's run: exit code, log, report lines by kind."""

    def __init__(self, code, log, lines):
        self.code, self.log, self.lines = code, log, lines

    def of(self, kind):
        return [line for line in self.lines if line["t"] == kind]

    @property
    def facts(self):
        return {line["name"]: line["value"] for line in self.of("fact")}

    @property
    def ok(self):
        """Success, as provision-driver(7) defines it."""
        return self.code == 0 and self.lines[-1:] == [{"t": "end", "ok": True}] and not self.of("error")

    @property
    def error(self):
        return self.of("error")[-1] if self.of("error") else None


def as_uid(uid):
    return ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def run_driver(folder, verb, request, uid):
    """As root's worker does: descriptors 0 to 3, an environment from nothing, the site's uid, no group, no network."""
    read, write = os.pipe()
    high = fcntl.fcntl(write, fcntl.F_DUPFD, 50)
    os.close(write)
    argv = ["/usr/bin/unshare", "--net", *as_uid(uid), "--no-new-privs"]
    argv += [PHP, "-c", f"{folder}/php.ini", f"{folder}/driver.php", verb]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",
           "PHP_INI_SCAN_DIR": ""}
    body = request if isinstance(request, bytes) else json.dumps({"v": 1, "verb": verb, **request}).encode()
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                             pass_fds=(3,), preexec_fn=lambda: os.dup2(high, 3))
    os.close(high)
    log, _ = child.communicate(body, timeout=300)
    with os.fdopen(read) as report:
        lines = [json.loads(line) for line in report]
    return Run(child.returncode, log.decode(errors="replace"), lines)


class Database:
    def __init__(self, top):
        self.data, self.socket, self.child = top / "db", top / "db/s", None
        self.data.mkdir()
        shutil.chown(self.data, "nobody")
        self.options = ["--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.data}", "--user=nobody"]
        argv = ["mariadb-install-db", *self.options, "--force", "--skip-test-db", "--auth-root-authentication-method=normal"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        argv = ["/usr/sbin/mariadbd", *self.options, f"--socket={self.socket}", f"--log-error={self.data}/log"]
        self.child = subprocess.Popen([*argv, "--skip-networking", "--innodb-buffer-pool-size=32M"])
        until(lambda: connects(socket.AF_UNIX, str(self.socket)))

    def stop(self):
        self.child.terminate()
        self.child.wait(30)

    def sql(self, text, name=""):
        argv = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B", "-e", text, name]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Site:
    """The folders of a site as root makes them, its secret, its database, and the request that names them."""

    def __init__(self, machine, sid, uid, root, uri="a.test"):
        self.machine, self.id, self.uid, self.root = machine, sid, uid, root
        self.top = machine.top / "sites" / sid
        self.top.mkdir(mode=0o711, parents=True)
        self.data = self.top / "data"
        for name, mode in (("data", 0o750), ("private", 0o700), ("tmp", 0o700)):
            (self.top / name).mkdir()
            os.chown(self.top / name, uid, uid)
            (self.top / name).chmod(mode)
        (self.top / "etc").mkdir(mode=0o711)
        self.secret = self.top / "etc/db"
        self.secret.write_text(PASSWORD + "\n")
        os.chown(self.secret, uid, uid)
        self.secret.chmod(0o400)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.uri = uri
        self.args = {}
        self.db = {"type": "mariadb", "socket": str(machine.db.socket), "name": f"{sid}d1", "user": sid,
                   "secret_file": str(self.secret)}

    @property
    def host(self):
        return f"{self.uri}:{self.port}"

    def request(self, **args):
        return {"platform": {"id": "paaaaaaaaaaaa", "root": str(self.root), "app": "", "version": ""},
                "site": {"id": self.id, "uri": self.uri, "url": f"http://{self.host}", "aliases": [],
                         "data": str(self.data), "private": str(self.top / "private"), "tmp": str(self.top / "tmp"),
                         "title": ""},
                "db": self.db, "args": args}

    def run(self, verb, **args):
        return run_driver(self.machine.apps / self.machine.app_of(self.root), verb, self.request(**args), self.uid)

    def make_database(self):
        self.machine.db.sql(f"DROP DATABASE IF EXISTS {self.id}d1; CREATE DATABASE {self.id}d1 CHARACTER SET utf8mb4;"
                          f"CREATE OR REPLACE USER {self.id}@localhost IDENTIFIED BY '{PASSWORD}';"
                          f"GRANT ALL ON {self.id}d1.* TO {self.id}@localhost")

    def sql(self, text):
        return self.machine.db.sql(text, f"{self.id}d1")

    def serve(self, docroot):
        """PHP's own server as the site's pool: its uid, its two variables."""
        router = self.machine.top / "router.php"
        argv = [*as_uid(self.uid), PHP, "-S", f"127.0.0.1:{self.port}", "-t", str(docroot), str(router)]
        child = subprocess.Popen(argv, env={"PV_SITE": self.id, "PV_DATA": str(self.data)}, cwd=docroot,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.machine.children.append(child)
        until(lambda: connects(socket.AF_INET, ("127.0.0.1", self.port)))
        return child

    def fetch(self, path="/", method="GET", body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request(method, path, body, {"Host": self.host, **(headers or {})})
        answer = c.getresponse()
        text = answer.read().decode(errors="replace")
        return types.SimpleNamespace(status=answer.status, headers=answer.headers, text=text)


# What a sites httpd does for a CMS: files as they are, all else is the front page's program.
ROUTER = """<?php
$file = $_SERVER['DOCUMENT_ROOT'] . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (is_file($file)) return false;
if (is_dir($file) && is_file("$file/index.php") && $file !== "$_SERVER[DOCUMENT_ROOT]/") return false;
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['DOCUMENT_ROOT'] . '/index.php';
require $_SERVER['DOCUMENT_ROOT'] . '/index.php';
"""


def on_platform(machine, root, verb, app=None, uid=PLATFORM_UID):
    """Runs a verb of a platform."""
    request = {"platform": {"id": "paaaaaaaaaaaa", "root": str(root)}, "args": {}}
    return run_driver(machine.apps / (app or machine.app_of(root)), verb, request, uid)


@contextlib.contextmanager
def made_machine():
    if os.geteuid() != 0:
        pytest.fail("needs root: the drivers run as other uids")
    top = pathlib.Path(tempfile.mkdtemp(prefix="pvdr", dir="/tmp"))
    machine = Machine(top)
    try:
        yield machine
    finally:
        machine.close()
        shutil.rmtree(top)


class Machine:
    def __init__(self, top):
        top.chmod(0o711)
        self.top, self.children = top, []
        self.apps = top / "apps"
        shutil.copytree(APPS, self.apps)
        (top / "router.php").write_text(ROUTER)
        self.db = Database(top)
        self.db.start()

    @staticmethod
    def app_of(root):
        return next(app for start, app in APP_OF.items() if root.name.startswith(start))

    def code(self, name, source="/usr/share/wordpress"):
        """A resolved copy of a code base without settings of its own, as the copy worker leaves it: a platform's."""
        root = self.top / name
        root.mkdir()
        owner = [f"--owner=:{PLATFORM_UID}", f"--group=:{PLATFORM_UID}"]
        leave = ["--exclude=./wp-config.php", "--exclude=./.htaccess", "--exclude=tests"]
        with subprocess.Popen(["tar", "-C", source, "-ch", *owner, *leave, "."], stdout=subprocess.PIPE) as pack:
            subprocess.run(["tar", "-C", root, "-xp", "--numeric-owner"], stdin=pack.stdout, check=True)
        assert pack.returncode == 0
        return root

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.db.stop()
