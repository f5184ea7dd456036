"""make demo: the whole system on a machine with nothing but Debian's packages, and gone again afterwards.

    demo.py start      installs the build into one folder, starts its servers there, and makes two sites through the panel
    demo.py stop       ends all of it
    demo.py clean      and removes the folder

Everything lies in DEMO_DIR and listens on 127.0.0.1: DEMO_PANEL_PORT, DEMO_SITES_PORT and DEMO_DB_PORT. There are no accounts and no
systemd units: the servers are started here, as numeric users, and known by the pid files that they write. What stands there
after a start was made by the panel's task queue over its HTTP API; a second start finds it and changes nothing.
"""

import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

TREE = os.path.abspath(f"{__file__}/../../..")
DIR = os.path.abspath(os.environ.get("DEMO_DIR", "/srv/hostmaster-demo"))
ENGINE, DBA, PANEL, DATABASE = 69001, 69002, 69003, 69004  # uids, and gids of the same numbers
UIDS = "510000-519999"  # not the default: what a provisiond of this machine runs as is not ours to end
FOLDERS = {"run": 0, "run/httpd": 0, "run/panel-httpd": PANEL, "state": 0, "sites": 0, "platforms": 0, "sources": 0, "log": 0,
           "log/httpd": 0, "log/panel": PANEL, "db": DATABASE, "panel": PANEL}  # each with its owner
SW = f"{DIR}/sw"
LOGIN, MAIL = "admin", "admin@example.org"


class Wrong(Exception):
    """What a person has to know, in words."""


def ports():
    """By name: as the environment says, as they were when this folder was made, or the usual ones."""
    found = {"DEMO_PANEL_PORT": 8080, "DEMO_SITES_PORT": 8081, "DEMO_DB_PORT": 8082}
    if os.path.exists(f"{DIR}/etc/ports"):
        found = json.loads(read(f"{DIR}/etc/ports"))
    return {name: int(os.environ.get(name, number)) for name, number in found.items()}


def say(text):
    print(text, flush=True)


def run(*words, **options):
    """A program that has to succeed; its output."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL if "input" not in options else None, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(words[:3])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def until(check, seconds, what):
    """Waits for CHECK to give something true, and gives that."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not (got := check()):
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds} seconds; the logs are in {DIR}/log")
        pause.wait(0.1)
    return got


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


PORTS = ports()
PANEL_PORT, SITES_PORT, DB_PORT = PORTS.values()
PANEL_URL = f"http://localhost:{PANEL_PORT}"


# --- files: the installed build, and the configuration of this folder ---


def install():
    """As `make install` does, but below DIR; the configuration is then told where this folder's things are."""
    for name in os.listdir(f"{DIR}/etc") if os.path.isdir(f"{DIR}/etc") else []:
        if name.endswith(".conf"):  # `make install` keeps a configuration that is there
            os.unlink(f"{DIR}/etc/{name}")
    run("make", "-s", "-C", TREE, "install", "DESTDIR=/", f"O={os.environ.get('O', 'build')}", f"prefix={SW}", f"sysconfdir={DIR}/etc",
        f"moduledir={SW}/modules")
    for name, owner in FOLDERS.items():
        os.makedirs(f"{DIR}/{name}", 0o755, exist_ok=True)
        os.chown(f"{DIR}/{name}", owner, owner)
    os.makedirs(f"{DIR}/etc/secrets", 0o700, exist_ok=True)
    write(f"{DIR}/etc/ports", json.dumps(PORTS))
    os.makedirs(f"{DIR}/sources/pages", exist_ok=True)
    write(f"{DIR}/sources/pages/index.html", "")  # the driver's starter page stands for it


def configure():
    """Writes what `make install` cannot know."""
    settings = {
        "RunDir": f"{DIR}/run", "StateDir": f"{DIR}/state", "SitesRoot": f"{DIR}/sites", "PlatformRoot": f"{DIR}/platforms",
        "BackupRoot": f"{DIR}/backups", "UidRange": UIDS, "SecretsDir": f"{DIR}/etc/secrets", "LogDir": f"{DIR}/log",
        "EngineUser": ENGINE, "DbaUser": DBA, "SitesUser": "www-data",
        "PanelUsers": PANEL, "HttpdPidFile": f"{DIR}/run/httpd/httpd.pid", "DbSocket": f"{DIR}/db/socket", "TrashTime": 0,
        "AllowLocalhost": "on"}
    conf = f"{DIR}/etc/provisiond.conf"
    text = re.sub(rf"^#?({'|'.join(settings)})\b.*\n", "", read(conf), flags=re.M)
    text = re.sub(r"^SourceRoot .*\n", "", text, flags=re.M)
    rows = [*settings.items(), ("SourceRoot", "/usr/share"), ("SourceRoot", f"{DIR}/sources")]
    write(conf, text + "".join(f"{name} {value}\n" for name, value in rows))
    define(f"{DIR}/etc/httpd.conf", RUN=f"{DIR}/run", STATE=f"{DIR}/state", LOG=f"{DIR}/log/httpd")
    define(f"{DIR}/etc/panel-httpd.conf", RUN=f"{DIR}/run/panel-httpd", LOG=f"{DIR}/log/panel")
    write(f"{DIR}/etc/panel.conf", f"""# The demo's panel.
Listen 127.0.0.1:{PANEL_PORT}
HostmasterPanel {PANEL_URL}
HostmasterTemplates {SW}/share/provision/templates/html
HostmasterRun {DIR}/run/panel-httpd
HostmasterSocket {DIR}/run/panel/socket
DBDriver sqlite3
DBDParams {DIR}/panel/panel.db
DBDInitSQL "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL"
""")


def define(path, **values):
    """Sets the Defines of an httpd configuration, and the port of the sites."""
    text = read(path)
    for name, value in values.items():
        text = re.sub(rf"^(Define {name}\s+).*$", rf"\g<1>{value}", text, flags=re.M)
    text = re.sub(r"^(User|Group) hostmaster\n", "", text, flags=re.M)  # the panel's httpd is started as its user
    text = re.sub(r"^Listen \S+$", f"Listen 127.0.0.1:{SITES_PORT}", text, flags=re.M)
    write(path, re.sub(r"^<VirtualHost \*:\d+>$", f"<VirtualHost *:{SITES_PORT}>", text, flags=re.M))


def make_database():
    """MariaDB's own tables, and the login that the daemon administers with; its password is in SecretsDir. A server that starts
    deletes what others have in its folder for temporary files: it is not /tmp."""
    if os.path.exists(f"{DIR}/db/data/mysql"):
        return
    as_user = {"user": DATABASE, "group": DATABASE, "extra_groups": []}
    password = secrets.token_hex(24)
    run("mariadb-install-db", "--no-defaults", f"--datadir={DIR}/db/data", f"--tmpdir={DIR}/db/data", "--force",
        "--skip-test-db", "--auth-root-authentication-method=socket", **as_user)
    grants = "".join(f"CREATE USER demo@'{host}' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO demo@'{host}' WITH GRANT OPTION;\n"
                     for host in ("localhost", "127.0.0.1"))
    run("mariadbd", "--no-defaults", "--bootstrap", f"--datadir={DIR}/db/data", f"--tmpdir={DIR}/db/data", "--silent-startup",
        input="FLUSH PRIVILEGES;\n" + grants, **as_user)
    write(f"{DIR}/etc/secrets/main", f"demo\n{password}\n", 0o600)


def make_panel():
    """The panel's tables, its first administrator, and the token that this program uses."""
    setup("migrate")
    if not os.path.exists(f"{DIR}/etc/token"):
        setup("admin", LOGIN, MAIL)
        write(f"{DIR}/etc/token", setup("token", LOGIN, "make demo"), 0o600)


def setup(*words):
    """hostmaster-setup as the panel's user, whose the database is."""
    return run(f"{SW}/sbin/hostmaster-setup", f"{DIR}/etc/panel.conf", *words, user=PANEL, group=PANEL, extra_groups=[],
               env={"HOSTMASTER_MIGRATIONS": f"{SW}/share/provision/migrate"})


# --- services: how each is started, and the pid file by which it is known ---


class Service:
    def __init__(self, name, pidfile, words, user=0, port=None, writes_pid=True):
        self.name, self.pidfile, self.words, self.user, self.port, self.writes_pid = name, pidfile, words, user, port, writes_pid

    def pid(self):
        """Its number while it runs, 0 otherwise; another process that has got the number since does not count."""
        try:
            number = int(read(self.pidfile))
            with open(f"/proc/{number}/cmdline", encoding="utf-8", errors="replace") as f:
                return number if DIR in f.read() else 0
        except (OSError, ValueError):
            return 0

    def start(self):
        if self.pid():
            return
        say(f"starting {self.name}")
        with open(f"{DIR}/log/{self.name}.log", "ab") as log:
            started = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
                                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
                                       **({"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}))
        if not self.writes_pid:
            write(self.pidfile, f"{started.pid}\n")
        until(lambda: self.answers(started), 60, f"{self.name} answering")

    def answers(self, started):
        if started.poll():
            raise Wrong(f"{self.name} ended with {started.returncode}; see {DIR}/log")
        return self.pid() and (not self.port or listens(self.port))

    def stop(self):
        pid = self.pid()
        if not pid:
            return
        say(f"ending {self.name}")
        os.kill(pid, signal.SIGTERM)
        until(lambda: not self.pid(), 60, f"the end of {self.name}")


def services():
    return [
        Service("mariadb", f"{DIR}/db/pid", ["mariadbd", "--no-defaults", f"--datadir={DIR}/db/data", f"--socket={DIR}/db/socket",
                                             f"--tmpdir={DIR}/db/data", f"--pid-file={DIR}/db/pid",
                                             "--bind-address=127.0.0.1", f"--port={DB_PORT}",
                                             "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF"],
                DATABASE, DB_PORT),
        Service("provisiond", f"{DIR}/run/provisiond.pid", [f"{SW}/sbin/provisiond", "-c", f"{DIR}/etc/provisiond.conf"], 0, SITES_PORT, False),
        Service("panel", f"{DIR}/run/panel-httpd/httpd.pid", ["apache2", "-f", f"{DIR}/etc/panel-httpd.conf", "-k", "start"], PANEL, PANEL_PORT),
    ]


def left_running():
    """What provisiond started and leaves alone when it ends: the sites' httpd and the masters of PHP-FPM."""
    folder = f"{DIR}/run/fpm"
    masters = [f"{path}/{name}" for path, _, names in os.walk(folder) for name in names if name.endswith(".pid")]
    yield Service("httpd", f"{DIR}/run/httpd/httpd.pid", [])
    yield from (Service("php-fpm", path, []) for path in masters)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def check_ports():
    """Before anything is started: a port that somebody else has is named, with the way round it."""
    if os.path.exists(f"{DIR}/etc/ports") and json.loads(read(f"{DIR}/etc/ports")) != PORTS:
        raise Wrong(f"{DIR} was made for other ports: make demo-clean first, or choose another DEMO_DIR")
    for (name, port), service in zip(PORTS.items(), (services()[2], next(left_running()), services()[0])):
        if not service.pid() and not is_free(port):
            raise Wrong(f"port {port} is taken by something else; choose another one: make demo {name}=NUMBER")


# --- the panel, from outside: its API ---


def call(method, path, body=None):
    """The JSON that the panel answers; a problem is told in its own words."""
    client = http.client.HTTPConnection("127.0.0.1", PANEL_PORT, timeout=30)
    headers = {"Host": f"localhost:{PANEL_PORT}", "Authorization": f"Bearer {read(f'{DIR}/etc/token').strip()}",
               "Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
    client.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
    answer = client.getresponse()
    value = json.loads(answer.read())
    client.close()
    if answer.status >= 400:
        raise Wrong(f"{method} {path}: {answer.status}: {json.dumps(value)}")
    return value


def await_task(number):
    task = until(lambda: (view := call("GET", f"/tasks/{number}"))["task"]["ended"] and view, 300, f"the end of task {number}")
    if task["task"]["state"] not in ("success", "warning"):
        raise Wrong(f"{task['task']['title']} {task['task']['label']}: {json.dumps(task.get('problem'))}\n{PANEL_URL}/tasks/{number}")


def ensure(kind, good, **fields):
    """The id of that server, platform or site, and whether it is new: the one that is there, or one that is added now. A task of it that
    failed in an earlier start is tried again."""
    found = [row for row in call("GET", f"/{kind}s?limit=100")[f"{kind}s"] if row["name"] == fields["name"]]
    if found and found[0]["state"] == good and not found[0]["busy"]:
        return found[0]["id"], False
    say(f"adding {kind} {fields['name']}")
    row = found[0] if found else call("POST", f"/{kind}s", fields)[kind]
    task = call("GET", f"/{kind}s/{row['id']}")["tasks"][0]
    if task["state"] in ("failed", "cancelled"):
        call("POST", f"/tasks/{task['id']}/retry", {})
    await_task(task["id"])
    return row["id"], not found


def make_sites():
    server, _ = ensure("server", "verified", name="main", http="apache", http_port=str(SITES_PORT), db="mariadb", db_auth="password",
                    db_host="127.0.0.1", db_port=str(DB_PORT), db_secret="main")
    blog, _ = ensure("platform", "verified", name="wordpress", server=server, place="0:wordpress", source="0:wordpress")
    pages, _ = ensure("platform", "verified", name="pages", server=server, place="0:pages", source="1:pages")
    _, new_blog = ensure("site", "enabled", name="blog.localhost", platform=blog, db_server=server, title="A blog", admin_name="editor", admin_mail=MAIL)
    _, new_pages = ensure("site", "enabled", name="pages.localhost", platform=pages, title="Pages")
    return {"blog.localhost": new_blog, "pages.localhost": new_pages}


def fetch(host):
    """Asks for the site as a visitor does."""
    client = http.client.HTTPConnection("127.0.0.1", SITES_PORT, timeout=30)
    client.request("GET", "/", headers={"Host": f"{host}:{SITES_PORT}"})
    status = client.getresponse().status
    client.close()
    if status != 200:
        raise Wrong(f"http://{host}:{SITES_PORT}/ answered {status}")


# --- the three commands ---


def start():
    if os.geteuid() != 0:
        raise Wrong("make demo needs root: it runs a daemon that gives each site a user of its own")
    check_ports()
    if not any(service.pid() for service in services()):
        install()
    configure()
    make_database()
    make_panel()
    for service in services():
        service.start()
    hosts = make_sites()
    say(f"panel {setup('link', LOGIN).strip()}")
    for host, fresh in hosts.items():
        if fresh:
            fetch(host)
        say(f"site http://{host}:{SITES_PORT}/")
    say(f"command line {SW}/bin/provision --config {DIR}/etc/provisiond.conf list")


def stop():
    for service in (*reversed(services()), *left_running()):
        service.stop()


def clean():
    stop()
    shutil.rmtree(DIR, ignore_errors=True)


if __name__ == "__main__":
    try:
        {"start": start, "stop": stop, "clean": clean}[sys.argv[1]]()
    except (Wrong, OSError) as wrong:
        sys.exit(f"demo: {wrong}")
