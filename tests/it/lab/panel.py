"""The panel of a lab: its own httpd with the product's configuration, a database of its own, made by hostmaster-setup, and people
who use it: browsers with cookies and forms, programs with tokens."""

import contextlib
import fcntl
import html.parser
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import urllib.parse

from . import processes
from .lab import BASE, BUILD, TREE, _remove, _remove_leftovers
from .logs import Logs
from .netns import Netns
from .wait import until

PORT = 8443
USER = "list"  # of the panel's httpd: one that every Debian has and nobody uses
# What grows whatever happens, or is the dispatcher's, which looks for its daemon all the time: not part of an inventory.
HISTORY = ("audit", "follower", "notice")
COLUMNS = {"attempt": "id, task, n, job_key, cancel"}


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cookies(self):
        return self.headers.get_all("Set-Cookie") or []

    def __repr__(self):
        return f"{self.status}\n{self.headers}{self.body[:2000].decode(errors='replace')}"


class Forms(html.parser.HTMLParser):
    """The hidden csrf field of a page."""

    def __init__(self, text):
        super().__init__()
        self.csrf = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        row = dict(attrs)
        if tag == "input" and row.get("name") == "csrf":
            self.csrf = row["value"]


class Browser:
    """A person: keeps cookies, sends the page's token and origin with every form."""

    def __init__(self, panel):
        self.panel, self.cookies, self.csrf = panel, {}, None

    def ask(self, method, path, body=None, headers=None):
        head = dict(headers or {})
        if self.cookies and "Cookie" not in head:
            head["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.panel.ask(method, path, body, head)
        for line in answer.cookies:
            name, value = line.split(";")[0].split("=", 1)
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def get(self, path, **headers):
        answer = self.ask("GET", path, headers=headers)
        if answer.headers.get_content_type() == "text/html":
            self.csrf = Forms(answer.text).csrf or self.csrf
        return answer

    def post(self, path, fields=None, headers=None):
        """As a browser sends a form; FIELDS None: only the token. A csrf among them replaces it."""
        pairs = {"csrf": self.csrf, **(fields or {})}
        body = urllib.parse.urlencode({name: value for name, value in pairs.items() if value is not None})
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.panel.url,
                                             **(headers or {})})

    def log_in(self, link):
        """By a one-time link, as its page says: with a button."""
        path = link.removeprefix(self.panel.url)
        assert self.get(path).status == 200
        answer = self.post(path, {"csrf": None})
        assert answer.status == 303, answer
        self.get("/account")
        return self


class Program:
    """A program with a token."""

    def __init__(self, panel, token):
        self.panel, self.token = panel, token

    def ask(self, method, path, body=None, headers=None):
        head = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            head.setdefault("Content-Type", "application/json")
        return self.panel.ask(method, f"/api/v1{path}", body, {k: v for k, v in head.items() if v is not None})

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def post(self, path, body=None, key=None, headers=None):
        return self.ask("POST", path, body, {"Idempotency-Key": key or secrets.token_hex(8), **(headers or {})})

    def must(self, path, body=None, status=(200, 201, 202)):
        answer = self.post(path, body)
        assert answer.status in status, answer
        return answer.json


class Panel:
    """One panel in FOLDER and NETNS. With tls its httpd has a certificate of its own making."""

    def __init__(self, folder, netns, driver="sqlite3", params=None, tls=False, build=BUILD, daemon=None):
        self.folder, self.netns, self.tls = f"{folder}/panel", netns, tls
        self.host = "panel.test" if tls else "panel.localhost"
        self.url = f"{'https' if tls else 'http'}://{self.host}:{PORT}"
        self.process, self.driver, self.known = None, driver, set()
        self.database = f"{self.folder}/data/panel.db"
        self.params = params or self.database
        for name in ("", "/run", "/log", "/data", "/bin"):
            os.makedirs(f"{self.folder}{name}", mode=0o755, exist_ok=True)
        for name in ("run", "data"):
            shutil.chown(f"{self.folder}/{name}", USER, USER)
        for name in ("mod_hostmaster.so", "hostmaster-setup"):
            shutil.copy(f"{build}/{name}", f"{self.folder}/bin/{name}")
        for source in ("templates", "sql/migrate"):
            shutil.copytree(f"{TREE}/{source}", f"{self.folder}/{os.path.basename(source)}")
            subprocess.run(["chmod", "-R", "u=rwX,go=rX", f"{self.folder}/{os.path.basename(source)}"], check=True)
        self.conf = f"{self.folder}/panel.conf"
        self.logs = Logs(f"{self.folder}/log")
        self._write(self.params, daemon or f"{self.folder}/run/no-daemon")

    def _write(self, params, daemon):
        init = 'DBDInitSQL "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL"\n' if self.driver == "sqlite3" else ""
        tls = (f"LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\nSSLEngine on\nSSLCertificateFile {self.folder}/cert.pem\n"
               if self.tls else "")
        self.put(self.conf, f"Listen 127.0.0.1:{PORT}\nHostmasterPanel {self.url}\nHostmasterTemplates {self.folder}/templates/html\n"
                             f"HostmasterRun {self.folder}/run\nHostmasterSocket {daemon}\nDBDriver {self.driver}\n"
                             f"DBDParams \"{params}\"\n{init}{tls}")
        with open(f"{TREE}/conf/panel-httpd.conf", encoding="utf-8") as f:
            text = f.read()
        for name, value in (("RUN", "run"), ("LOG", "log"), ("CONF", ""), ("HOSTMASTER", "bin/mod_hostmaster.so"),
                            ("STATIC", "templates/static")):
            text, n = re.subn(rf"^(Define {name}\s+).*$", rf"\g<1>{self.folder}/{value}", text, flags=re.M)
            assert n == 1, name
        text, n = re.subn(r"^(User|Group) hostmaster$", rf"\g<1> {USER}", text, flags=re.M)
        assert n == 2
        self.put(f"{self.folder}/httpd.conf", text)
        if self.tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-subj", f"/CN={self.host}", "-addext", f"subjectAltName=DNS:{self.host}", "-keyout",
                            f"{self.folder}/cert.key", "-out", f"{self.folder}/cert.crt"], check=True, capture_output=True)
            with open(f"{self.folder}/cert.pem", "wb") as both:
                for part in ("cert.key", "cert.crt"):
                    with open(f"{self.folder}/{part}", "rb") as f:
                        both.write(f.read())

    @staticmethod
    def put(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    # hostmaster-setup

    def setup(self, *words, code=0, migrations=None):
        with self.netns.entered():
            done = subprocess.run([f"{self.folder}/bin/hostmaster-setup", self.conf, *words], capture_output=True, text=True,
                                  env={"HOSTMASTER_MIGRATIONS": migrations or f"{self.folder}/migrate"}, stdin=subprocess.DEVNULL)
        assert done.returncode == code, f"hostmaster-setup {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip() if code == 0 else done.stderr

    # httpd

    def start(self):
        with self.netns.entered(), open(f"{self.folder}/log/start", "ab") as log:
            self.process = subprocess.Popen(["apache2", "-f", f"{self.folder}/httpd.conf", "-D", "FOREGROUND"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers():
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                return self.ask("GET", "/login")

        until(answers, 30, "the panel's first answer")
        return self

    def check(self):
        """What 'httpd -t' says."""
        with self.netns.entered():
            done = subprocess.run(["apache2", "-f", f"{self.folder}/httpd.conf", "-t"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout + done.stderr

    def graceful(self):
        self.process.send_signal(signal.SIGUSR1)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def kill(self):
        """All of it at once: the parent, and the children that would hold its port."""
        self.process.kill()
        self.process.wait()
        for process in processes.of_lab(self.netns.inode, self.folder):
            if f"{self.folder}/httpd.conf" in process.words:
                process.kill()

    def log(self):
        """What httpd wrote, start and error log."""
        text = ""
        for name in ("start", "error.log"):
            with contextlib.suppress(FileNotFoundError), open(f"{self.folder}/log/{name}", encoding="utf-8", errors="replace") as f:
                text += f.read()
        return text

    # Asking

    def connect(self, seconds=30):
        with self.netns.entered():
            plain = socket.create_connection(("127.0.0.1", PORT), timeout=seconds)
        if not self.tls:
            return plain
        context = ssl.create_default_context(cafile=f"{self.folder}/cert.crt")
        return context.wrap_socket(plain, server_hostname=self.host)

    def ask(self, method, path, body=None, headers=None, seconds=30):
        """One request on a connection of its own."""
        client = http.client.HTTPConnection(self.host, PORT, timeout=seconds)
        client.sock = self.connect(seconds)
        with contextlib.closing(client):
            client.putrequest(method, path, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            head = {**({"Content-Length": str(len(data))} if data is not None else {}), **(headers or {})}
            for name, value in head.items():
                for one in value if isinstance(value, list) else [value]:
                    client.putheader(name, one)
            client.endheaders(data)
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def raw(self, data, seconds=30):
        """Bytes as they are; all that comes back until the panel closes."""
        with contextlib.closing(self.connect(seconds)) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)

    # People

    def admin(self, login="admin"):
        """A browser of an administrator, made when it is not there."""
        link = self.setup("link", login) if login in self.known else self.setup("admin", login, f"{login}@example.org")
        self.known.add(login)
        return Browser(self).log_in(link)

    def program(self, browser, scope="write"):
        """A token of that person."""
        answer = browser.post("/account/tokens", {"name": "test", "scope": scope})
        assert answer.status == 201, answer
        return Program(self, re.search(r'value="([\w-]{43})"', re.search(r'aria-label="API token"[^>]*', answer.text)[0])[1])

    def client(self, api, name, login):
        """A client with one person: the id of the client and that person's browser. API: an administrator's program."""
        client = api.must("/clients", {"name": name})["client"]["id"]
        link = api.must("/users", {"login": login, "mail": f"{login}@example.org", "role": "client", "client": str(client)})["secret"]
        return client, Browser(self).log_in(link)

    # The database (SQLite)

    def rows(self, sql, *values):
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as db:
            rows = db.execute(sql, values).fetchall()
            db.commit()
        return rows

    def inventory(self):
        """Every row of every table."""
        tables = [row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {table: sorted(map(str, self.rows(f"SELECT {COLUMNS.get(table, '*')} FROM {table}"))) for table in tables if table not in HISTORY}

    # The end

    def close(self):
        self.stop()


class Followed(Panel):
    """A panel that follows the daemon of LAB, and its administrator, a browser and a program."""

    def __init__(self, lab):
        super().__init__(lab.folder, lab.netns, daemon=f"{lab.run}/panel/socket")
        self.setup("migrate")
        self.start()
        self.boss = self.admin()
        self.api = self.program(self.boss)

    def done(self, view, state="success", seconds=60):
        """Waits for the end of the task that an answer names; gives the answer."""
        path = f"/tasks/{view['task']}"
        task = until(lambda: (t := self.api.get(path).json["task"])["ended"] and t, seconds, f"the end of {path}")
        assert task["state"] == state, self.api.get(path).json
        return view


class Office:
    """What a panel of some use has: an administrator with a program, a server, a platform, and two clients, Ann and Bob, each with
    a browser, a program and a site."""

    def __init__(self, panel):
        self.panel = panel
        self.admin = panel.admin()
        self.api = panel.program(self.admin)
        self.server = self.api.must("/servers", {"name": "main", "http": "apache", "http_port": "80", "db": "mariadb",
                                                 "db_auth": "socket"})["server"]["id"]
        self.platform = self.api.must("/platforms", {"name": "pages", "server": self.server, "place": "0:pages",
                                                     "source": "0:pages"})["platform"]["id"]
        self.ann_id, self.ann = panel.client(self.api, "Ann & Co", "ann")
        self.bob_id, self.bob = panel.client(self.api, "Bob's", "bob")
        self.ann_api, self.bob_api = panel.program(self.ann), panel.program(self.bob)
        self.ann_site = self.add_site(self.ann_api, "ann.test", aliases=["www.ann.test"])
        self.bob_site = self.add_site(self.bob_api, "bob.test", aliases=["www.bob.test"])

    def add_site(self, api, name, **fields):
        """The view of the answer: site (id, name ...) and task."""
        return api.must("/sites", {"name": name, "platform": self.platform, **fields})

    def add_platform(self, name, app):
        """One that was verified, of a type; its id."""
        made = self.api.must("/platforms", {"name": name, "server": self.server, "place": f"0:{name}"})["platform"]["id"]
        self.panel.rows("UPDATE task SET state = 'success', ended = created, open_key = NULL WHERE object = ?", made)
        self.panel.rows("UPDATE attempt SET state = 'success', ended = created WHERE task IN (SELECT id FROM task WHERE object = ?)", made)
        self.panel.rows("UPDATE platform SET state = 'verified', verified = created, seen_app = ?, version = '1.0', busy = '' WHERE id = ?", app, made)
        return made

    def learns(self, app, label, databases=(), fields=(), required=(), verbs=()):
        """A type of platforms, as its daemon would tell of it."""
        spec = {"databases": list(databases), "fields": list(fields), "required": list(required), "verbs": list(verbs)}
        self.panel.rows("INSERT INTO app VALUES ('', ?, ?, ?)", app, label, json.dumps(spec))

    def site(self, name="ann"):
        return {"ann": self.ann_site, "bob": self.bob_site}[name]["site"]["id"]

    @contextlib.contextmanager
    def unchanged(self):
        """No row has changed at its end."""
        before = self.panel.inventory()
        yield
        after = self.panel.inventory()
        assert {t: set(after[t]) ^ set(before[t]) for t in after if after[t] != before[t]} == {}


@contextlib.contextmanager
def place():
    """A folder and a namespace for a panel without a daemon, gone at the end with all that runs in it."""
    _remove_leftovers()
    folder = tempfile.mkdtemp(prefix="pv", dir=BASE)
    os.chmod(folder, 0o755)
    with open(f"{folder}/lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        netns = Netns()
        try:
            yield folder, netns
        finally:
            processes.end_all(netns.inode, folder)
            netns.close()
            if not os.environ.get("PV_KEEP"):
                _remove(folder)


@contextlib.contextmanager
def alone(migrate=True, **settings):
    """A panel without a daemon, made and migrated; not started."""
    with place() as (folder, netns):
        panel = Panel(folder, netns, **settings)
        if migrate:
            panel.setup("migrate")
        yield panel


@contextlib.contextmanager
def following(lab, **settings):
    """A running panel beside the lab's daemon, which it follows."""
    panel = Panel(lab.folder, lab.netns, daemon=f"{lab.run}/panel/socket", **settings)
    panel.setup("migrate")
    try:
        yield panel.start()
    finally:
        panel.close()
