"""A provisiond of its own whose engine and database process are played by the test, which so speaks root's datagrams itself."""

import array
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from lab.lab import own_uids

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("PV_BUILD", TOP / "build"))
ABSENT, DRIFT, CURRENT = range(3)
REPLY, EXIT, DBA = 1000, 1001, 1002
DEADLINE = 30
FIRST_UID, UIDS_LOCK = own_uids()
ENGINE_UID, DBA_UID, LAST_UID = 61001, 61002, FIRST_UID + 99


def rows(path, word):
    return re.findall(rf"^{word}\((\w+), *(\w+)", (TOP / "provisiond" / path).read_text(), re.M)


CODES = [name for name, _ in rows("proto/errors.def", "ERROR")]
OPS = {name: int(number) for name, number in rows("root/ops.def", "OP")}


def pack(op, seq, args):
    raw = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return struct.pack("=HHIQ", op, len(raw), seq, 7) + b"".join(struct.pack("=I", len(a)) + a for a in raw)


def unpack(message):
    op, argc, seq, _ = struct.unpack_from("=HHIQ", message)
    args, at = [], 16
    for _ in range(argc):
        (n,) = struct.unpack_from("=I", message, at)
        args.append(message[at + 4 : at + 4 + n].decode())
        at += 4 + n
    return op, seq, args


class Reply:
    def __init__(self, args, fds):
        self.code, self.a, self.b, self.detail = CODES[int(args[0])], int(args[1]), int(args[2]), args[3]
        self.fds = fds

    def text(self):
        with os.fdopen(self.fds.pop(0), "rb") as f:
            return f.read().decode()

    def __repr__(self):
        return f"{self.code} a={self.a} b={self.b} {self.detail!r}"


class Peer:
    """The test's end of a pair with root. Messages that are no reply to what was asked are kept for those who await them."""

    def __init__(self, relay, at=0):
        self.relay = relay
        relay.settimeout(DEADLINE)
        message, fds, _, _ = socket.recv_fds(relay, 64, 8)
        self.pid = int(message)
        self.sock = socket.socket(fileno=fds.pop(at))
        self.sock.settimeout(DEADLINE)
        self.others = fds
        self.seq, self.kept = 0, []

    def _receive(self):
        message, ancillary, _, _ = self.sock.recvmsg(80000, socket.CMSG_SPACE(32))
        if not message:
            raise EOFError
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data)
        return (*unpack(message), list(fds))

    def await_(self, op, seq=None):
        """The next message of this kind, be it kept or still to come: its arguments and descriptors."""
        for i, m in enumerate(self.kept):
            if m[0] == op and seq in (None, m[1]):
                del self.kept[i]
                return m[2:]
        while True:
            m = self._receive()
            if m[0] == op and seq in (None, m[1]):
                return m[2:]
            self.kept.append(m)

    def send(self, op, *args):
        self.seq += 1
        self.sock.send(pack(OPS.get(op, op), self.seq, args))
        return self.seq

    def ask(self, op, *args):
        seq = self.send(op, *args)
        return Reply(*self.await_(REPLY, seq))

    def close(self):
        self.sock.close()
        self.relay.close()
        for fd in self.others:
            os.close(fd)


class World:
    """Folders, configuration and a running provisiond. Its ProgramDir holds relays instead of engine and dba."""

    def __init__(self, checker=False, **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pv", dir="/srv"))
        self.folder.chmod(0o755)
        self.sites, self.platforms = self.folder / "sites", self.folder / "platforms"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(DEADLINE)
        self.listener.bind(str(self.folder / "relay"))
        os.chmod(self.folder / "relay", 0o666)
        self.listener.listen(8)
        self._install(checker)
        self._configure(settings)
        self.log = open(self.folder / "log", "wb")
        self.daemon, self.engine, self.dba = None, None, None

    def _install(self, checker):
        source, bin_ = TOP / "tests/it/root", self.folder / "bin"
        shutil.copytree(source / "apps", self.folder / "apps")
        bin_.mkdir()
        shutil.copy(source / "checker.php", bin_)
        shutil.copy(BUILD / "provision-worker", bin_)
        if checker:
            (bin_ / "provision-worker").write_text("#!/usr/bin/php8.2 -n\n" + (source / "checker.php").read_text())
        (bin_ / "provision-worker").chmod(0o755 if checker else 0o711)
        for name in ("provisiond-engine", "provisiond-dba"):
            shutil.copy(source / "relay.py", bin_ / name)
            (bin_ / name).chmod(0o755)

    def _configure(self, settings):
        f = self.folder
        values = {
            "RunDir": f / "run", "StateDir": f / "state", "SitesRoot": self.sites, "PlatformRoot": self.platforms,
            "BackupRoot": f / "backups", "SecretsDir": f / "secrets", "LogDir": f / "logs", "AppsDir": f / "apps", "ProgramDir": f / "bin",
            "TemplatesDir": TOP / "templates", "EngineUser": ENGINE_UID, "DbaUser": DBA_UID, "SitesUser": "www-data",
            "UidRange": f"{FIRST_UID}-{LAST_UID}", "HttpdConfig": f / "httpd.conf", "HttpdPidFile": f / "run/httpd/httpd.pid",
            "DbSocket": f / "db.sock", **settings,
        }  # fmt: skip
        self.conf = f / "provisiond.conf"
        self.conf.write_text("".join(f"{name} {value}\n" for name, value in values.items()))

    def start(self, *prefix):
        self.daemon = subprocess.Popen([*prefix, BUILD / "provisiond", "-c", self.conf], stderr=self.log)
        self.meet()
        return self

    def meet(self):
        """Waits until root has started engine and dba, and takes over their ends."""
        met = {}
        while len(met) < 2:
            name, peer = self.meet_one()
            met[name] = peer
        self.engine, self.dba = met["provisiond-engine"], met["provisiond-dba"]

    def meet_one(self):
        relay, _ = self.listener.accept()
        relay.settimeout(DEADLINE)
        name = relay.recv(64).decode()
        relay.send(b"go")
        return name, Peer(relay, 1 if name == "provisiond-dba" else 0)  # dba's first is its pair with the engine

    def forget(self):
        for peer in (self.engine, self.dba):
            if peer:
                peer.close()
        self.engine = self.dba = None

    def logged(self):
        self.log.flush()
        return (self.folder / "log").read_text()

    def stop(self, sig=signal.SIGTERM):
        self.daemon.send_signal(sig)
        code = self.daemon.wait(DEADLINE)
        self.forget()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        if self.daemon and self.daemon.poll() is None:
            self.stop()
        if os.path.ismount(self.sites):
            subprocess.run(["umount", "-l", self.sites], check=True)
        self.forget()
        self.listener.close()
        self.log.close()
        shutil.rmtree(self.folder)
