"""The database process alone, against a real MariaDB: this file plays the engine and root at the two ends of its sockets."""

import array
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PV_BUILD", TOP / "build"))
ABSENT, DRIFT, CURRENT = range(3)
REPLY = 1000
DEADLINE = 60
USER = "news"  # a Debian account that nothing uses: the unix_socket login needs one with a name
OUTSIDE = "192.0.2.7"  # an address of the test's own network namespace that is not loopback
SERVER, OTHER = "vaaaaaaaaaaaa", "vbbbbbbbbbbbb"
SITE = "sabcdefghijkl"
DB = SITE + "d1"
PASSWORD = "Abcdefghijklmnopqrstuvwxyz012345"
ALL = [f"GRANT ALL PRIVILEGES ON `{DB}`.* TO `{SITE}`@`localhost`"]


def rows(path, word):
    return re.findall(rf"^{word}\((\w+), *(\w+)", (TOP / "provisiond" / path).read_text(), re.M)


CODES = [name for name, _ in rows("proto/errors.def", "ERROR")]
OPS = {name: int(number) for name, number in rows("dba/dbops.def", "DBOP")}
ROOT_OPS = {int(number): name for name, number in rows("root/ops.def", "OP")}


def pack(op, seq, args):
    body = b"".join(struct.pack("=I", len(a)) + a for a in args)
    return struct.pack("=HHIQ", op, len(args), seq, 7) + body


def unpack(message):
    op, argc, seq, _ = struct.unpack_from("=HHIQ", message)
    args, at = [], 16
    for _ in range(argc):
        (n,) = struct.unpack_from("=I", message, at)
        args.append(message[at + 4 : at + 4 + n])
        at += 4 + n
    return op, seq, args


def memfd(text):
    fd = os.memfd_create("secret")
    os.write(fd, text.encode())
    return fd


class Reply:
    def __init__(self, args, fds):
        self.code, self.a = CODES[int(args[0])], int(args[1])
        self.detail = args[3].decode()
        self.text = ""
        for fd in fds:
            with os.fdopen(fd) as f:
                self.text = f.read()

    def __repr__(self):
        return f"{self.code} {self.a} {self.detail!r}"


class Root(threading.Thread):
    """Root's end: hands out passwords by descriptor, and remembers what it was asked."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock, self.asked = sock, []
        self.files = {"admin": f"admin\n{PASSWORD}\n"}
        self.sites = {}
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while message := self.sock.recv(65536):
                op, seq, args = unpack(message)
                self.answer(ROOT_OPS[op], seq, [a.decode() for a in args])

    def answer(self, op, seq, args):
        self.asked.append((op, *args))
        text = self.files.get(args[0]) if op == "db_admin" else self.sites.get(args[0], PASSWORD)
        if text is None:
            reply = [b"%d" % CODES.index("NO_OBJECT"), b"0", b"0", b"there is no file of that name"]
            self.sock.send(pack(REPLY, seq, reply))
            return
        fd = memfd(text)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.sock.sendmsg([pack(REPLY, seq, [b"0", b"0", b"0", b""])], control)
        os.close(fd)


class Dba:
    """The process, started as root starts it: fd 3 to the engine, fd 4 to root, an unprivileged user, no environment."""

    def __init__(self, folder, conf, prefix, build=BUILD):
        self.engine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root, theirs_root = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log = folder / "dba.log"
        ends = [os.dup(s.fileno()) for s in (theirs, theirs_root)]
        high = [os.dup2(fd, 200 + i) for i, fd in enumerate(ends)]
        argv = [*prefix, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        argv += [str(build / "provisiond-dba"), str(conf)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, env={}, stderr=log, preexec_fn=place, close_fds=False)
        for fd in (*ends, *high):
            os.close(fd)
        theirs.close()
        theirs_root.close()
        self.engine.settimeout(DEADLINE)
        self.root = Root(root)
        self.seq, self.early = 0, {}

    def send(self, op, *args):
        self.seq += 1
        raw = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.engine.send(pack(OPS.get(op, op), self.seq, raw))
        return self.seq

    def receive(self, seq):
        while seq not in self.early:
            message, fds, _, _ = socket.recv_fds(self.engine, 65536, 8)
            assert message, f"the database process has ended: {self.log.read_text()}"
            op, of, args = unpack(message)
            assert op == REPLY
            self.early[of] = Reply(args, fds)
        return self.early.pop(seq)

    def __call__(self, op, *args):
        return self.receive(self.send(op, *args))

    def end(self):
        self.engine.close()
        self.process.wait(DEADLINE)
        self.root.sock.close()


class Mariadb:
    def __init__(self, folder, prefix):
        self.folder, self.prefix = folder, prefix
        self.socket = folder / "s"
        subprocess.run(
            [*prefix, "mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}", "--force", "--skip-test-db", "--user=root",
             "--auth-root-authentication-method=socket"],
            check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        self.process = None

    def start(self, *options):
        log = self.folder / "mariadb.log"
        log.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*self.prefix, "mariadbd", "--no-defaults", "--user=root", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}",
             "--port=3306", f"--socket={self.socket}", f"--log-error={log}", "--innodb-buffer-pool-size=8M", *options])  # fmt: skip
        with subprocess.Popen(["tail", "-n", "+1", "-F", "-s", "0.02", log], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as tail:  # fmt: skip
            guard = threading.Timer(DEADLINE, tail.kill)
            guard.start()
            ready = any("ready for connections" in line for line in tail.stdout)
            guard.cancel()
            tail.kill()
        assert ready, log.read_text()

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(DEADLINE)
            self.process = None

    def sql(self, text, user=None, password=None):
        login = [f"--user={user}", f"--password={password}"] if user else ["--user=root"]
        argv = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-N", "-B", *login]
        return subprocess.run(argv, input=text, check=True, capture_output=True, text=True).stdout

    def state(self):
        """All that the tests may leave behind: databases, logins, grants."""
        return self.sql(
            "SELECT SCHEMA_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA ORDER BY 1;"
            "SELECT User, Host, JSON_VALUE(Priv, '$.authentication_string') FROM mysql.global_priv ORDER BY 1, 2;"
            "SELECT * FROM mysql.db ORDER BY 1, 2, 3;")  # fmt: skip

    def grants(self, host="localhost"):
        return [g for g in self.sql(f"SHOW GRANTS FOR '{SITE}'@'{host}'").splitlines() if " USAGE " not in g]


@pytest.fixture(scope="module")
def machine():
    """A folder, a network namespace with lo and one more address, a file system of its own for the data, and a MariaDB in them."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pvdb", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    script = (f"ip link set lo up && ip addr add {OUTSIDE}/32 dev lo && mount -t tmpfs -o size=400m,mode=755 data {folder}/data"
              " && echo up && exec cat")  # fmt: skip
    holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"up\n"
    prefix = ["nsenter", f"--net=/proc/{holder.pid}/ns/net", f"--mount=/proc/{holder.pid}/ns/mnt"]
    mariadb = Mariadb(folder, prefix)
    try:
        mariadb.start()
        mariadb.sql(
            f"CREATE USER {USER}@localhost IDENTIFIED VIA unix_socket;"
            f"GRANT ALL PRIVILEGES ON *.* TO {USER}@localhost WITH GRANT OPTION;"
            f"CREATE USER admin@'%' IDENTIFIED BY '{PASSWORD}';"
            "GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;"
            "DROP USER IF EXISTS ''@localhost;")  # fmt: skip
        yield folder, mariadb, prefix
    finally:
        mariadb.stop()
        holder.stdin.close()
        holder.wait(DEADLINE)
        shutil.rmtree(folder)


@pytest.fixture
def db(machine):
    """The server, running and as it was; whatever a test leaves on it is an error of that test."""
    _, mariadb, _ = machine
    before = mariadb.state()
    yield mariadb
    if mariadb.process is None or mariadb.process.poll() is not None:
        mariadb.start()
    mariadb.process.send_signal(signal.SIGCONT)
    left = mariadb.state() != before
    mariadb.sql(
        "".join(f"DROP DATABASE `{n}`;" for n in mariadb.sql("SHOW DATABASES LIKE 's____________d%'").split())
        + "".join(f"DROP USER {u};" for u in mariadb.sql(
            "SELECT CONCAT('\\'', User, '\\'@\\'', Host, '\\'') FROM mysql.global_priv WHERE User LIKE 's____________'"
        ).split()))  # fmt: skip
    assert not left, "databases or logins were left behind, or others changed"


@pytest.fixture
def conf(machine, db):
    folder, _, _ = machine
    file = folder / "provisiond.conf"
    file.write_text(
        f"RunDir {folder}\nStateDir {folder}\nDbSocket {db.socket}\n"
        "EngineUser 65001\nDbaUser 65002\nSitesUser 65003\nAdminUsers 0\n")  # fmt: skip
    return file


@pytest.fixture
def dba(machine, conf):
    folder, _, prefix = machine
    process = Dba(folder, conf, prefix)
    yield process
    process.end()
    assert process.process.returncode == 0
    assert PASSWORD not in process.log.read_text()


@pytest.fixture
def local(dba):
    """The service on the local socket."""
    assert dba("service", SERVER, "mariadb", "socket").code == "OK"
    return dba


@pytest.fixture(params=["socket", "password"])
def either(request, dba):
    """The service by both kinds of login."""
    where = ["socket"] if request.param == "socket" else ["password", "127.0.0.1", "3306", "admin"]
    assert dba("service", SERVER, "mariadb", *where).code == "OK"
    dba.hosts = ["localhost"] if request.param == "socket" else ["127.0.0.1", "::1", "localhost"]
    return dba


def made(dba):
    assert dba("create", SERVER, SITE, 1).code == "OK"
    assert dba("grant", SERVER, SITE, 1).code == "OK"


def probe(dba, part):
    reply = dba("probe", SERVER, SITE, 1, part)
    assert reply.code == "OK", reply
    return reply


def test_a_database_is_made_used_and_dropped_by_both_kinds_of_login(either, db):
    before = db.state()
    assert either("ping", SERVER).code == "OK"
    assert probe(either, "DATABASE").a == ABSENT
    assert either("create", SERVER, SITE, 1).code == "OK"
    assert probe(either, "DATABASE").a == CURRENT
    assert probe(either, "GRANT").a == ABSENT
    assert either("grant", SERVER, SITE, 1).code == "OK"
    assert probe(either, "GRANT").a == CURRENT
    hosts = db.sql(f"SELECT Host FROM mysql.user WHERE User = '{SITE}' ORDER BY 1").split()
    assert hosts == either.hosts
    assert db.sql(f"USE {DB}; CREATE TABLE t (a INT); SHOW DATABASES", SITE, PASSWORD).split() == ["information_schema", DB]
    assert either("ids", SERVER).text == f"{SITE}\n"
    assert either("drop", SERVER, SITE, 1).code == "OK"
    assert either("drop", SERVER, SITE, 1).code == "OK"
    assert probe(either, "DATABASE").a == ABSENT
    assert db.state() == before


def test_each_operation_twice_is_as_once(local, db):
    made(local)
    once = db.state()
    made(local)
    assert db.state() == once
    local("drop", SERVER, SITE, 1)


def test_from_another_machine_the_login_is_for_every_host(dba, db):
    dba("service", SERVER, "mariadb", "password", OUTSIDE, "", "admin")
    made(dba)
    assert db.grants("%") == [f"GRANT ALL PRIVILEGES ON `{DB}`.* TO `{SITE}`@`%`"]
    dba("service", SERVER, "mariadb", "password", "localhost", "3306", "admin")
    assert "'%' is too much" in probe(dba, "DATABASE").detail
    made(dba)
    hosts = db.sql(f"SELECT Host FROM mysql.user WHERE User = '{SITE}' ORDER BY 1").split()
    assert hosts == ["127.0.0.1", "::1", "localhost"]
    dba("drop", SERVER, SITE, 1)


@pytest.mark.parametrize(
    "plant",
    [
        f"CREATE DATABASE {DB}",
        f"CREATE DATABASE {DB} COMMENT 'provision saaaaaaaaaaaa'",
        f"CREATE USER '{SITE}'@'localhost'",
        f"CREATE USER '{SITE}'@'%'; GRANT SELECT ON mysql.* TO '{SITE}'@'%'",
        f"CREATE DATABASE {DB}; CREATE USER '{SITE}'@'localhost'; GRANT ALL ON mysql.* TO '{SITE}'@'localhost'",
    ],
)
def test_what_is_not_ours_is_named_and_never_touched(local, db, plant):
    clean = db.state()
    db.sql(plant)
    planted = db.state()
    found = probe(local, "DATABASE")
    assert found.a == DRIFT and "is not ours" in found.detail
    for op in ("create", "grant"):
        reply = local(op, SERVER, SITE, 1)
        assert reply.code == "DB_EXISTS" and "is not ours" in reply.detail
    assert local("drop", SERVER, SITE, 1).code == "OK"
    assert db.state() == planted
    db.sql(f"DROP DATABASE IF EXISTS {DB}; DROP USER IF EXISTS '{SITE}'@'localhost', '{SITE}'@'%'; FLUSH PRIVILEGES")
    assert db.state() == clean


@pytest.mark.parametrize(
    "drift, part, told",
    [
        (f"GRANT SELECT ON mysql.* TO '{SITE}'@'localhost'", "GRANT", "too much: GRANT SELECT ON `mysql`.*"),
        (f"GRANT SHOW DATABASES ON *.* TO '{SITE}'@'localhost'", "GRANT", "too much: GRANT SHOW DATABASES ON *.*"),
        (f"GRANT ALL ON {DB}.* TO '{SITE}'@'localhost' WITH GRANT OPTION", "GRANT", "WITH GRANT OPTION"),
        (f"REVOKE DROP ON {DB}.* FROM '{SITE}'@'localhost'", "GRANT", "missing: GRANT ALL PRIVILEGES"),
        (f"REVOKE ALL ON {DB}.* FROM '{SITE}'@'localhost'", "GRANT", "missing: GRANT ALL PRIVILEGES"),
        (f"ALTER USER '{SITE}'@'localhost' WITH MAX_USER_CONNECTIONS 0", "GRANT", "MAX_USER_CONNECTIONS 50"),
        (f"ALTER USER '{SITE}'@'localhost' REQUIRE SSL", "GRANT", "REQUIRE SSL"),
        (f"CREATE ROLE saaaaaaaaaaaa; GRANT saaaaaaaaaaaa TO '{SITE}'@'localhost'", "GRANT", "too much: GRANT `saaa"),
        (f"SET PASSWORD FOR '{SITE}'@'localhost' = PASSWORD('other')", "DATABASE", "locked or has another password"),
        (f"ALTER USER '{SITE}'@'localhost' ACCOUNT LOCK", "DATABASE", "locked or has another password"),
        (f"ALTER USER '{SITE}'@'localhost' IDENTIFIED VIA unix_socket", "DATABASE", "locked or has another password"),
        (f"CREATE USER '{SITE}'@'%'", "DATABASE", "'%' is too much"),
        (f"DROP USER '{SITE}'@'localhost'", "DATABASE", "'localhost' is missing"),
        (f"DROP DATABASE {DB}", "DATABASE", f"database {DB} is missing"),
        (f"ALTER DATABASE {DB} COMMENT 'mine'", "DATABASE", "has lost its comment"),
    ],
)
def test_drift_is_named_repaired_and_then_gone(local, db, drift, part, told):
    made(local)
    db.sql(drift)
    found = probe(local, part)
    assert told in found.detail
    assert found.a == (ABSENT if drift.startswith("REVOKE ALL") else DRIFT)
    made(local)
    assert probe(local, "DATABASE").a == CURRENT
    assert probe(local, "GRANT").a == CURRENT
    assert db.grants() == ALL
    db.sql("DROP ROLE IF EXISTS saaaaaaaaaaaa")
    assert local("drop", SERVER, SITE, 1).code == "OK"


def test_a_site_that_removes_the_comment_still_loses_its_database(local, db):
    made(local)
    db.sql(f"ALTER DATABASE {DB} COMMENT ''", SITE, PASSWORD)
    assert local("drop", SERVER, SITE, 1).code == "OK"
    assert probe(local, "DATABASE").a == ABSENT


def test_a_right_that_cannot_be_taken_back_fails_and_is_named(local, db):
    made(local)
    db.sql(f"GRANT PROXY ON root@localhost TO '{SITE}'@'localhost'")
    reply = local("grant", SERVER, SITE, 1)
    assert reply.code == "DB_FAILED" and "GRANT PROXY ON root@localhost" in re.sub("[`']", "", reply.detail)  # how it quotes depends on its version
    db.sql(f"REVOKE PROXY ON root@localhost FROM '{SITE}'@'localhost'")
    local("drop", SERVER, SITE, 1)


def test_a_stopped_server_is_down_and_works_again_when_it_is_back(local, db):
    assert local("create", SERVER, SITE, 1).code == "OK"
    db.stop()
    for op in (["ping", SERVER], ["grant", SERVER, SITE, 1], ["drop", SERVER, SITE, 1], ["ids", SERVER]):
        reply = local(*op)
        assert reply.code == "DB_DOWN" and str(db.socket) in reply.detail
    db.start()
    assert local("grant", SERVER, SITE, 1).code == "OK"
    assert local("drop", SERVER, SITE, 1).code == "OK"


def test_a_server_killed_in_the_middle_is_down(local, db):
    made(local)
    db.process.send_signal(signal.SIGSTOP)
    waiting = local.send("ping", SERVER)
    db.process.kill()
    assert local.receive(waiting).code == "DB_DOWN"
    db.process.wait(DEADLINE)
    db.start()
    assert local("drop", SERVER, SITE, 1).code == "OK"


def test_a_server_that_hangs_delays_only_its_own_calls(machine, dba, db):
    """OTHER is a listener that never says a word; SERVER answers meanwhile."""
    _, _, prefix = machine
    code = "import socket as s, sys; l = s.create_server(('127.0.0.1', 3307)); print('up', flush=True); sys.stdin.read()"
    silent = subprocess.Popen([*prefix, sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert silent.stdout.readline() == b"up\n"
    dba("service", SERVER, "mariadb", "socket")
    dba("service", OTHER, "mariadb", "password", "127.0.0.1", "3307", "admin")
    hanging = dba.send("ping", OTHER)
    for _ in range(20):
        assert dba("ping", SERVER).code == "OK"
    assert hanging not in dba.early
    assert dba.receive(hanging).code == "DB_DOWN"
    silent.stdin.close()
    silent.wait(DEADLINE)


def test_too_many_connections_is_down(local, db):
    db.stop()
    db.start("--max-connections=10", "--extra-max-connections=1")
    clients = [subprocess.Popen(["mariadb", "--no-defaults", "-N", "-n", f"--socket={db.socket}"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(11)]  # fmt: skip
    try:
        for client in clients:
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write(b"SELECT 1;\n")
                client.stdin.flush()
            client.stdout.readline()
        reply = local("ping", SERVER)
        assert reply.code == "DB_DOWN" and "Too many connections" in reply.detail
    finally:
        for client in clients:
            client.kill()
            client.wait(DEADLINE)
    db.stop()
    db.start()


def test_a_full_disk_of_the_server_is_told_as_one(local, db):
    """The server's file system has no room for one more folder."""
    used = subprocess.run([*db.prefix, "df", "--output=iused", f"{db.folder}/data"], check=True, capture_output=True, text=True)
    remount = [*db.prefix, "mount", f"{db.folder}/data", "-o"]
    subprocess.run([*remount, f"remount,nr_inodes={used.stdout.split()[-1]}"], check=True)
    reply = local("create", SERVER, SITE, 1)
    subprocess.run([*remount, "remount,nr_inodes=100000"], check=True)
    assert reply.code == "DISK_FULL" and "No space left on device" in reply.detail
    assert local("create", SERVER, SITE, 1).code == "OK"
    assert local("drop", SERVER, SITE, 1).code == "OK"


def test_a_server_that_may_not_be_written_fails_and_says_why(dba, db):
    rights = "SELECT, CREATE USER, CREATE, DROP"  # without READ_ONLY ADMIN, unlike the others
    db.sql(f"CREATE USER plain@'%' IDENTIFIED BY '{PASSWORD}'; GRANT {rights} ON *.* TO plain@'%'; SET GLOBAL read_only = 1")
    dba.root.files["plain"] = f"plain\n{PASSWORD}\n"
    dba("service", SERVER, "mariadb", "password", "127.0.0.1", "3306", "plain")
    reply = dba("create", SERVER, SITE, 1)
    db.sql("SET GLOBAL read_only = 0; DROP USER plain@'%'")
    assert reply.code == "DB_FAILED" and "read-only" in reply.detail


def test_a_wrong_password_is_denied_and_names_the_file_not_the_password(dba, db):
    dba.root.files["admin"] = "admin\nWrongWrongWrong\n"
    dba("service", SERVER, "mariadb", "password", "127.0.0.1", "3306", "admin")
    reply = dba("create", SERVER, SITE, 1)
    assert reply.code == "DB_DENIED" and "password file admin" in reply.detail and "Wrong" not in reply.detail
    dba.root.files["admin"] = f"admin\n{PASSWORD}"
    assert dba("ping", SERVER).code == "OK"


@pytest.mark.parametrize("text, told", [
    (None, "there is no file of that name"), ("", "a line with the user"), ("admin\n", "a line with the password"),
    ("a" * 81 + "\nx\n", "at most 80"), ("admin\n" + "x" * 129 + "\n", "at most 128"), ("ad\tmin\nx\n", "a line with the user"),
])  # fmt: skip
def test_a_bad_password_file_is_denied_and_says_why(dba, text, told):
    dba.root.files["admin"] = text
    dba("service", SERVER, "mariadb", "password", "127.0.0.1", "3306", "admin")
    reply = dba("ping", SERVER)
    assert reply.code == "DB_DENIED" and "password file admin" in reply.detail and told in reply.detail


def test_a_missing_right_is_denied_and_named(dba, db):
    db.sql(f"CREATE USER weak@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT, CREATE ON *.* TO weak@'%'")
    dba.root.files["weak"] = f"weak\n{PASSWORD}\n"
    dba("service", SERVER, "mariadb", "password", "127.0.0.1", "", "weak")
    reply = dba("ping", SERVER)
    db.sql("GRANT ALL PRIVILEGES ON *.* TO weak@'%'")
    option = dba("ping", SERVER)
    db.sql("DROP USER weak@'%'")
    assert reply.code == "DB_DENIED"
    assert "CREATE USER" in reply.detail and "GRANT OPTION" in reply.detail and "SELECT" not in reply.detail
    assert option.code == "DB_DENIED" and option.detail.endswith("lacks rights on *.*: GRANT OPTION")


def test_the_named_rights_are_enough(dba, db):
    rights = ", ".join(re.findall(r'^RIGHT\("([A-Z ]+)"\)', (TOP / "provisiond/dba/rights.def").read_text(), re.M))
    db.sql(f"CREATE USER exact@'%' IDENTIFIED BY '{PASSWORD}'; GRANT {rights} ON *.* TO exact@'%' WITH GRANT OPTION")
    dba.root.files["exact"] = f"exact\n{PASSWORD}\n"
    dba("service", SERVER, "mariadb", "password", "127.0.0.1", "", "exact")
    assert dba("ping", SERVER).code == "OK"
    made(dba)
    assert probe(dba, "GRANT").a == CURRENT
    assert dba("ids", SERVER).text == f"{SITE}\n"
    assert dba("drop", SERVER, SITE, 1).code == "OK"
    db.sql("DROP USER exact@'%'")


def test_a_secret_that_is_no_password_is_refused(local, db):
    for text in ("short", "A" * 33, "A" * 31 + "'", "A" * 32 + "\nB"):
        local.root.sites[SITE] = text
        assert local("create", SERVER, SITE, 1).code == "INTERNAL"
    assert local("drop", SERVER, SITE, 1).code == "OK"


def test_a_sites_password_never_travels(local, db):
    """The server's log of everything it was told holds no password."""
    log = db.folder / "general.log"
    db.sql(f"SET GLOBAL general_log_file = '{log}'; SET GLOBAL general_log = 1")
    made(local)
    probe(local, "DATABASE")
    local("drop", SERVER, SITE, 1)
    db.sql("SET GLOBAL general_log = 0")
    text = log.read_text()
    assert "CREATE USER" in text and PASSWORD not in text


def test_a_restart_needs_the_services_told_anew(dba):
    assert dba("ping", SERVER).code == "NO_OBJECT"


BAD = [
    ("service", SERVER, "postgres", "socket"), ("service", SERVER, "mariadb", "none"), ("service", SITE, "mariadb", "socket"),
    ("service", SERVER, "mariadb", "password", "127.0.0.1", "3306"), ("service", SERVER, "mariadb", "socket", "a b"),
    ("service", SERVER, "mariadb", "password", "h", "0", "f"), ("service", SERVER, "mariadb", "password", "h", "1", "../f"),
    ("ping",), ("ping", ""), ("ping", SERVER, "more"), ("create", SERVER, SITE), ("create", SERVER, SITE, 0),
    ("create", SERVER, SITE, -1), ("create", SERVER, SITE, "1;"), ("create", SERVER, SITE, 4294967296),
    ("create", SERVER, SERVER, 1), ("create", SITE, SITE, 1), ("create", SERVER, "s'--aaaaaaaaa", 1),
    ("create", SERVER, SITE.encode() + b"\0", 1), ("probe", SERVER, SITE, 1, "ALL"), ("drop", SERVER, "%", 1),
]  # fmt: skip


@pytest.mark.parametrize("call", BAD, ids=repr)
def test_what_is_not_a_row_of_the_table_is_a_schema_error(local, db, call):
    assert local(*call).code == "SCHEMA"
    assert local("ping", SERVER).code == "OK"


def test_any_bytes_give_an_error_or_nothing_and_change_nothing(local, db):
    """Ten thousand messages with broken counts, lengths and arguments, of operations that find nothing to do."""
    before = db.state()
    chance = random.Random(20)
    whole = [pack(OPS["drop"], 0, [SERVER.encode(), SITE.encode(), b"1"]),
             pack(OPS["probe"], 0, [SERVER.encode(), SITE.encode(), b"1", b"GRANT"])]  # fmt: skip
    for i in range(10000):
        message = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            message[chance.choice([2, 3, *range(16, len(message))])] = chance.randrange(256)
        local.engine.send(message[: chance.randint(8, len(message))] if chance.random() < 0.3 else message)
        if i % 50 == 0:
            assert local("ping", SERVER).code == "OK"
    assert local(999).code == "UNKNOWN_OP"
    assert db.state() == before


STATEMENTS = ["database_make", "login_make", "login_set", "grants_revoke", "login_limit", "grants_make", "grants_also",
              "grants_end", "login_drop", "database_drop"]  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("point", ["intent", "effect"])
def test_killed_around_any_statement_the_same_calls_again_end_as_ever(machine, db, conf, point, statement):
    """A process killed before or after a statement that writes; the next one is asked for the same, and nothing is left over."""
    folder, _, prefix = machine
    before = db.state()
    faults = folder / "faults"
    faults.mkdir(exist_ok=True)
    shutil.chown(faults, USER)
    (faults / f"sql.{point}:{statement}").write_text("kill")
    both, one = ("grant", SERVER, SITE, 1, 2), ("grant", SERVER, SITE, 1)
    second = [("create", SERVER, SITE, 2), both], ("drop", SERVER, SITE, 2)
    calls = [("service", SERVER, "mariadb", "socket"), ("create", SERVER, SITE, 1), one, *second[0], second[1], *second[0], one,
             second[1], ("drop", SERVER, SITE, 1)]  # fmt: skip
    victim = Dba(folder, conf, prefix, BUILD / "fault")
    with pytest.raises((AssertionError, ConnectionError)):
        for call in calls:
            assert victim(*call).code == "OK"
    assert victim.process.wait(DEADLINE) == -signal.SIGKILL
    assert not list(faults.iterdir())
    victim.end()
    heir = Dba(folder, conf, prefix)
    heir(*calls[0])
    made(heir)
    assert (probe(heir, "DATABASE").a, probe(heir, "GRANT").a) == (CURRENT, CURRENT)
    assert [heir(*call).code for call in calls[-2:]] == ["OK", "OK"]
    heir.end()
    assert db.state() == before


def test_a_second_database_beside_shares_the_login_which_goes_with_the_last(local, db):
    before = db.state()
    made(local)
    assert local("create", SERVER, SITE, 2).code == "OK"
    assert probe(local, "GRANT").a == CURRENT
    assert local("grant", SERVER, SITE, 1, 2).code == "OK"
    assert probe(local, "GRANT").a == DRIFT  # a right too many, until one of them goes
    assert local("drop", SERVER, SITE, 2).code == "OK"
    assert (probe(local, "DATABASE").a, probe(local, "GRANT").a) == (CURRENT, CURRENT)
    assert local("drop", SERVER, SITE, 1).code == "OK"
    assert db.state() == before


def test_it_ends_with_root(dba):
    dba.root.sock.shutdown(socket.SHUT_RDWR)
    dba.process.wait(DEADLINE)
