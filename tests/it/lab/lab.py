"""The lab itself: folders and configuration, the daemon, the command line, and what a test asks of them."""

import contextlib
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from . import database, inventory, processes
from .logs import Logs
from .netns import Netns
from .prober import probing
from .wait import until

TREE = os.path.abspath(f"{__file__}/../../../..")
BUILD = os.path.abspath(os.environ.get("PV_BUILD", f"{TREE}/build"))
FAULT_BUILD = f"{BUILD}/fault"
PROGRAMS = ("provisiond", "provisiond-engine", "provisiond-dba", "provision-worker", "provision", "mod_hostmaster.so")
BASE = "/srv"
ENGINE_UID, DBA_USER, PANEL_UID, ADMIN_UID = 61001, "news", 61002, 61003
FIRST_UID, UIDS, RANGES = 100000, 2000, 200  # above those of other tests


class Done:
    """How a run of the command line ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


def _remove_leftovers():
    """Ends and removes the labs of test runs that were killed: nobody holds their lock any more."""
    for name in os.listdir(BASE):
        folder = f"{BASE}/{name}"
        if not re.fullmatch(r"pv[a-z0-9_]{8}", name) or not os.path.exists(f"{folder}/lock"):
            continue
        with open(f"{folder}/lock", "rb") as lock:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for namespace in processes.namespaces_of(folder):
                    processes.end_all(namespace, folder)
                _remove(folder)


def own_uids():
    """The first of UIDS uids that no other lab on this machine uses, and the lock that keeps them: a daemon ends processes by uid."""
    for n in range(RANGES):
        lock = open(f"{tempfile.gettempdir()}/pv-uids-{n}", "wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return FIRST_UID + n * UIDS, lock
        except BlockingIOError:
            lock.close()
    raise AssertionError(f"{RANGES} labs run on this machine")


def _remove(folder):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounts = [line.split()[1] for line in f]
    for mount in sorted((m for m in mounts if m.startswith(folder + "/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=True)
    shutil.rmtree(folder)


class Lab:
    template = None  # MariaDB's data folder of this session

    def __init__(self, build=BUILD, sites_size=None, **settings):
        _remove_leftovers()
        self.folder = tempfile.mkdtemp(prefix="pv", dir=BASE)
        self.lock = open(f"{self.folder}/lock", "wb")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.first_uid, self.uids_lock = own_uids()
        self.last_uid = self.first_uid + UIDS - 1
        os.chmod(self.folder, 0o755)
        self.netns, self.daemon = Netns(), None
        self.run = f"{self.folder}/run"
        self.conf = f"{self.folder}/provisiond.conf"
        self.httpd_conf = f"{self.folder}/httpd.conf"
        self.logs = Logs(f"{self.folder}/log")
        for name in ("run", "state", "sites", "platforms", "sources", "secrets", "log", "log/httpd", "bin"):
            os.mkdir(f"{self.folder}/{name}", 0o755)
        if sites_size:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sites_size},mode=0755", "lab", f"{self.folder}/sites"], check=True)
        self._copy_product(build)
        self._write_configuration(settings)
        self.database = database.Database(f"{self.folder}/db", self._template(), self.netns)

    # Folders and configuration

    @classmethod
    def _template(cls):
        if not cls.template:
            folder = tempfile.mkdtemp(prefix="pv-db-")
            os.chmod(folder, 0o755)
            database.make_template(f"{folder}/data", DBA_USER)
            cls.template = f"{folder}/data"
        return cls.template

    @classmethod
    def end_session(cls):
        if cls.template:
            shutil.rmtree(os.path.dirname(cls.template))
            cls.template = None

    def _copy_product(self, build):
        for name in PROGRAMS:
            shutil.copy(f"{build}/{name}", f"{self.folder}/bin/{name}")
            os.chmod(f"{self.folder}/bin/{name}", 0o711 if name == "provision-worker" else 0o755)
        for source, name in ((f"{TREE}/provisiond/apps", "apps"), (f"{TREE}/templates", "templates")):
            shutil.copytree(source, f"{self.folder}/{name}")
        self.open_to_all("apps", "templates")

    def open_to_all(self, *names):
        """What root owns and everybody may read, whatever the umask of the checkout was."""
        for name in names:
            subprocess.run(["chown", "-R", "root:root", f"{self.folder}/{name}"], check=True)
            subprocess.run(["chmod", "-R", "u=rwX,go=rX", f"{self.folder}/{name}"], check=True)

    def _write_configuration(self, settings):
        folder = self.folder
        rows = {
            "RunDir": self.run, "StateDir": f"{folder}/state", "SitesRoot": f"{folder}/sites",
            "PlatformRoot": [f"{folder}/platforms"], "SourceRoot": ["/usr/share", f"{folder}/sources"],
            "BackupRoot": f"{folder}/backups", "SecretsDir": f"{folder}/secrets", "LogDir": f"{folder}/log", "AppsDir": f"{folder}/apps",
            "TemplatesDir": f"{folder}/templates", "ProgramDir": f"{folder}/bin", "EngineUser": ENGINE_UID, "DbaUser": DBA_USER,
            "SitesUser": "www-data", "PanelUsers": PANEL_UID, "AdminUsers": f"root {ADMIN_UID}",
            "UidRange": f"{self.first_uid}-{self.last_uid}", "HttpdConfig": self.httpd_conf,
            "HttpdPidFile": f"{self.run}/httpd/httpd.pid", "DbSocket": f"{folder}/db/s", "WaitLimit": 60, "TrashTime": 0, "ReloadGap": 0,
            "AllowLocalhost": "on", **settings}
        with open(self.conf, "w", encoding="utf-8") as f:
            for name, value in rows.items():
                f.writelines(f"{name} {item}\n" for item in (value if isinstance(value, list) else [value]))
        with open(f"{TREE}/conf/httpd.conf", encoding="utf-8") as f:
            text = f.read()
        for name, value in (("RUN", self.run), ("STATE", f"{folder}/state"), ("LOG", f"{folder}/log/httpd"),
                            ("HOSTMASTER", f"{folder}/bin/mod_hostmaster.so")):
            text, n = re.subn(rf"^(Define {name}\s+).*$", rf"\g<1>{value}", text, flags=re.M)
            assert n == 1, name
        with open(self.httpd_conf, "w", encoding="utf-8") as f:
            f.write(text)
        with open(f"{folder}/secrets/tcp", "w", encoding="utf-8") as f:
            f.write("\n".join(database.ADMIN) + "\n")
        os.chmod(f"{folder}/secrets/tcp", 0o600)
        os.chmod(f"{folder}/secrets", 0o700)

    # The daemon

    def start(self):
        """Starts MariaDB where it does not run, and the daemon; returns when it is ready for tasks."""
        if not self.database.process or self.database.process.poll() is not None:
            self.database.start()
        self.start_daemon()
        self.until_ready()
        return self

    def start_daemon(self):
        with self.netns.entered(), open(f"{self.folder}/log/provisiond.log", "ab") as log:
            self.daemon = subprocess.Popen([f"{self.folder}/bin/provisiond", "-c", self.conf], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log)

    def until_ready(self):
        def ready():
            assert self.daemon.poll() is None, f"provisiond ended with {self.daemon.returncode}:\n{self.daemon_log()[-3000:]}"
            done = self.provision("status", "--json")
            return done.code == 0 and done.json.get("state") == "ready"

        until(ready, 60, "provisiond being ready")

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(30) == 0, self.daemon_log()[-3000:]

    def kill(self):
        """kill -9 of root, and with it of all that it takes along."""
        self.daemon.kill()
        self.daemon.wait(30)

    def restart(self):
        if self.daemon.poll() is None:
            self.stop()
        self.start_daemon()
        self.until_ready()

    def daemon_log(self):
        with open(f"{self.folder}/log/provisiond.log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def processes(self, name=None):
        """Live processes of the lab, those of one name or all."""
        return [p for p in processes.of_lab(self.netns.inode, self.folder) if name is None or p.name == name[:15]]

    def engine(self):
        return until(lambda: self.processes("provisiond-engine"), 30, "an engine")[0]

    # The command line

    def provision(self, *words, **options):
        """Runs the real command line to its end."""
        done = subprocess.run([f"{self.folder}/bin/provision", "--config", self.conf, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=options.pop("timeout", 300), **options)
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *words):
        """The same, not waited for."""
        return subprocess.Popen([f"{self.folder}/bin/provision", "--config", self.conf, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def must(self, *words, code=0):
        """Runs a task or a question that has to end with CODE (None: with any); gives its JSON."""
        done = self.provision(*words, "--json")
        assert code is None or done.code == code, f"provision {' '.join(words)}: {done!r}\n{self.daemon_log()[-1200:]}"
        return done.json

    def submit(self, *words):
        """The number of the job, without waiting for it."""
        return self.must(*words, "--no-wait")["job"]

    def job(self, number):
        return self.must("show", str(number))

    def await_state(self, number, *states, seconds=60):
        """The job's row when it has come to one of the states."""
        return until(lambda: (row := self.job(number))["state"] in states and row, seconds, f"job {number} in {states}")

    def await_end(self, number, seconds=120):
        return self.await_state(number, "success", "warning", "failed", "cancelled", "stuck", seconds=seconds)

    def await_(self, check, seconds=30, what="what was awaited"):
        return until(check, seconds, what)

    def log(self, number):
        """What a job said: its log lines."""
        return [e for e in self.provision("log", str(number), "--json").lines if e["kind"] == "log"]

    # The standard objects

    def with_server(self, **fields):
        fields = {"http": "apache", "http_port": "80", "db": "mariadb", "db_auth": "socket", **fields}
        self.must("verify", "@server_main", *(f"{k}={v}" for k, v in fields.items() if v is not None))
        return self

    def with_static(self, name="pages"):
        """A static platform of one page, copied from the lab's source folder."""
        os.makedirs(f"{self.folder}/sources/{name}", exist_ok=True)
        with open(f"{self.folder}/sources/{name}/index.html", "w", encoding="utf-8") as f:
            f.write("<!DOCTYPE html>\n<html lang=\"en\"><head><title>@TITLE@</title></head><body></body></html>\n")
        self.open_to_all("sources")
        self.must("verify", f"@platform_{name}", "server=@server_main", f"place={self.folder}/platforms/{name}",
                  f"source={self.folder}/sources/{name}")
        return self

    def with_tiny(self):
        """The platform of the test driver: dropped in beside the others, without a rebuild."""
        here = f"{TREE}/tests/it"
        shutil.copytree(f"{here}/apps/tiny", f"{self.folder}/apps/tiny", dirs_exist_ok=True)
        shutil.copytree(f"{here}/sources/tiny", f"{self.folder}/sources/tiny", dirs_exist_ok=True)
        self.open_to_all("apps", "sources")
        self.must("verify", "@platform_tiny", "server=@server_main", f"place={self.folder}/platforms/tiny",
                  f"source={self.folder}/sources/tiny")
        return self

    def with_wordpress(self, name="wordpress"):
        self.must("verify", f"@platform_{name}", "server=@server_main", f"place={self.folder}/platforms/{name}",
                  "source=/usr/share/wordpress")
        return self

    def install(self, host, platform, *fields, code=0):
        row = self.must("install", f"@{host}", f"platform=@platform_{platform}", f"title=Title of {host}", *fields, code=code)
        return row

    def install_wordpress(self, host, platform="wordpress", code=0):
        return self.install(host, platform, "db_server=@server_main", "admin_name=editor", "admin_mail=editor@example.org", code=code)

    def site(self, host):
        return self.must("show", f"@{host}")

    def gone(self, host):
        return self.provision("show", f"@{host}").code == 3

    # The world

    def get(self, host, path="/", port=80, seconds=20):
        """Status and body of a GET, on a new connection from inside the namespace."""
        with self.netns.entered():
            connection = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        client = http.client.HTTPConnection(host, port, timeout=seconds)
        client.sock = connection
        with contextlib.closing(client):
            client.request("GET", path, headers={"Host": host, "Connection": "close"})
            answer = client.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def probing(self, host, path="/", text=""):
        return probing(self, host, path, text)

    def inventory(self):
        """What stands there, once the trash of deleted objects has been emptied."""
        until(lambda: not any(os.listdir(t) for t in self._trashes()), 60, "the trash being emptied")
        return inventory.take(self)

    def _trashes(self):
        return [path for path in (f"{self.folder}/{tree}/.trash" for tree in ("sites", "platforms")) if os.path.isdir(path)]

    def await_inventory(self, wanted, seconds=90):
        """Waits until all is as it was: retired PHP-FPM masters take their time. Shows the differences where it is not."""
        last = []

        def same():
            last[:] = inventory.difference(wanted, self.inventory())
            return not last

        try:
            until(same, seconds)
        except AssertionError:
            raise AssertionError("the inventory differs:\n" + "\n".join(last)) from None

    def fault(self, point, action="kill"):
        """Arms a named point of the fault build: kill, stop or parent, once."""
        folder = f"{self.run}/faults"
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o777)
        with open(f"{folder}/{point}", "w", encoding="utf-8") as f:
            f.write(action + "\n")
        os.chmod(f"{folder}/{point}", 0o666)

    def armed(self):
        """Points that have not fired."""
        folder = f"{self.run}/faults"
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def disarm(self):
        for point in self.armed():
            os.unlink(f"{self.run}/faults/{point}")

    # The end

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends and removes everything, in whatever state it is; asks nobody."""
        with contextlib.suppress(ProcessLookupError):
            if self.daemon:
                self.daemon.kill()
                self.daemon.wait(30)
        processes.end_all(self.netns.inode, self.folder)
        if self.database.process:
            self.database.process.wait(30)
        self.netns.close()
        if not os.environ.get("PV_KEEP"):
            _remove(self.folder)
        self.lock.close()  # until then nobody else takes it for left over
        self.uids_lock.close()
