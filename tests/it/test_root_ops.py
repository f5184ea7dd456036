"""Root's operations, asked for as the engine and dba would ask."""

import contextlib
import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from root import ABSENT, BUILD, CURRENT, DBA, DEADLINE, DRIFT, ENGINE_UID, DBA_UID, EXIT, FIRST_UID, LAST_UID, OPS, World

SITE, OTHER, PLATFORM, OTHER_PLATFORM = "saaaaaaaaaaaa", "sbbbbbbbbbbbb", "paaaaaaaaaaaa", "pbbbbbbbbbbbb"
UID = FIRST_UID + 1
WWW = 33
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PROGRAM = BUILD / "provisiond"


@pytest.fixture(name="solo")
def fixture_solo():
    with World() as made:
        yield made.start()


@pytest.fixture(name="checked")
def fixture_checked():
    with World(checker=True) as made:
        yield made.start()


def entry(path):
    st = os.lstat(path)
    return stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid


def run(solo, owner, program, request=b"", place="", app="", verb="", flags="", source=""):
    """Runs a worker to its end: wait status, report lines, log."""
    seq = solo.engine.send("worker", owner, place, program, app, verb, flags, source)
    args, fds = solo.engine.await_(1000, seq)
    assert args[0] == "0", args
    return finish(solo, seq, fds, request)


def finish(solo, seq, fds, request=b""):
    with os.fdopen(fds[0], "wb") as f:
        try:
            f.write(request if isinstance(request, bytes) else json.dumps(request).encode())
            f.flush()
        except BrokenPipeError:
            pass
    with os.fdopen(fds[1], "rb") as log, os.fdopen(fds[2], "rb") as report:
        lines, text = report.read().decode().splitlines(), log.read().decode()
    (status,), _ = solo.engine.await_(EXIT, seq)
    return int(status), [json.loads(line) for line in lines], text


def make_site(solo, site=SITE, uid=UID):
    assert solo.engine.ask("site_dirs", site, "MAKE", uid).code == "OK"


def make_platform(solo, platform=PLATFORM, uid=UID + 10, place="0:code"):
    assert solo.engine.ask("platform", platform, "MAKE", uid, place).code == "OK"
    return solo.platforms / place[2:].split(":")[0]


# --- start and end ---


def test_engine_and_dba_run_as_their_users_with_nothing_of_roots(solo):
    for peer, uid in ((solo.engine, ENGINE_UID), (solo.dba, DBA_UID)):
        status = pathlib.Path(f"/proc/{peer.pid}/status").read_text()
        assert re.search(rf"^Uid:(\s+{uid}){{4}}$", status, re.M) and re.search(rf"^Gid:(\s+{uid}){{4}}$", status, re.M)
        assert re.search(r"^Groups:\s*$", status, re.M) and re.search(r"^CapEff:\s+0+$", status, re.M)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
        environment = pathlib.Path(f"/proc/{peer.pid}/environ").read_bytes().split(b"\0")
        assert {e.split(b"=")[0] for e in environment if e} == {b"PATH", b"LANG", b"TZ"}


def test_root_itself_gives_up_what_it_does_not_need(solo):
    status = pathlib.Path(f"/proc/{solo.daemon.pid}/status").read_text()
    bounding = int(re.search(r"^CapBnd:\s+(\w+)$", status, re.M)[1], 16)
    assert not bounding & (1 << 16 | 1 << 27 | 1 << 22)  # sys_module, mknod, sys_boot
    assert int(re.search(r"^CapEff:\s+(\w+)$", status, re.M)[1], 16) == bounding


def test_root_is_linked_with_nothing_that_parses_asks_or_runs_a_shell():
    needed = re.findall(r"NEEDED.*\[(\S+?)\.so", subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout)
    assert set(needed) - {"ld-linux-x86-64", "ld-linux-aarch64"} == {"libapr-1", "libc"}
    symbols = subprocess.run(["nm", "-D", "--undefined-only", PROGRAM], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in symbols.splitlines()}
    assert {"execve", "openat"} <= names
    assert not names & {"system", "popen", "execvp", "execlp", "execl", "execvpe", "posix_spawn", "posix_spawnp", "wordexp", "glob",
                        "dlopen", "connect", "getaddrinfo"}
    for word in ("json", "sqlite", "mysql", "PQ", "archive_", "xml"):
        assert not [name for name in names if name.startswith(word)]


def test_folders_and_sockets_are_made_with_their_owners(solo):
    assert entry(solo.folder / "state") == (0o711, 0, 0)
    assert entry(solo.folder / "state/journal") == (0o700, ENGINE_UID, ENGINE_UID)
    assert entry(solo.sites) == (0o711, 0, 0)
    assert entry(solo.folder / "run/admin") == (0o750, 0, 0)
    assert entry(solo.folder / "run/beacon") == (0o750, 0, WWW)
    assert entry(solo.folder / "run/beacon/socket") == (0o660, 0, WWW)


def test_a_second_provisiond_with_the_same_state_does_not_start(solo):
    done = subprocess.run([f"/proc/{solo.daemon.pid}/exe", "-c", solo.conf], capture_output=True, timeout=DEADLINE)
    assert done.returncode == 1 and b"another provisiond runs" in done.stderr


def test_folders_that_others_may_change_are_refused():
    with World() as solo:
        solo.sites.mkdir()
        solo.sites.chmod(0o777)
        solo.daemon = subprocess.Popen([PROGRAM, "-c", solo.conf], stderr=solo.log)
        assert solo.daemon.wait(DEADLINE) == 1
        assert "setting=SitesRoot" in solo.logged() and "writable by nobody else" in solo.logged()


def test_t_names_what_is_wrong_and_starts_nothing():
    with World() as solo:
        done = subprocess.run([PROGRAM, "-t", "-c", solo.conf], capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert (done.returncode, "as they should be" in done.stderr) == (0, True), done.stderr
        (solo.folder / "bin/provision-worker").chmod(0o666)
        done = subprocess.run([PROGRAM, "-t", "-c", solo.conf], capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert done.returncode == 1 and "provision-worker" in done.stderr and "1 faults" in done.stderr
        assert not (solo.folder / "run").exists()


def test_sigterm_ends_all_and_exits_0(solo):
    pids = [solo.engine.pid, solo.dba.pid]
    assert solo.stop() == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_a_dead_dba_is_replaced_and_the_engine_gets_its_new_end(solo):
    os.kill(solo.dba.pid, signal.SIGKILL)
    name, dba = solo.meet_one()
    _, fds = solo.engine.await_(DBA)
    assert name == "provisiond-dba"
    with socket.socket(fileno=fds[0]) as engines, socket.socket(fileno=dba.others.pop()) as dbas:
        engines.send(b"hello")
        assert dbas.recv(16) == b"hello"
    solo.dba.close()
    solo.dba = dba


def test_a_dead_engine_takes_dba_and_workers_with_it(solo):
    make_site(solo)
    seq = solo.engine.send("worker", SITE, "", "driver", "checker", "hangs")
    _, fds = solo.engine.await_(1000, seq)
    assert os.read(fds[1], 16) == b"waiting\n"
    old = solo.dba.pid
    os.kill(solo.engine.pid, signal.SIGKILL)
    solo.forget()
    solo.meet()
    assert os.read(fds[1], 16) == b"" and not os.path.exists(f"/proc/{old}")
    for fd in fds:
        os.close(fd)
    assert solo.engine.ask("space", "SITES").code == "OK"


def test_killed_root_leaves_no_worker(solo):
    make_site(solo)
    seq = solo.engine.send("worker", SITE, "", "driver", "checker", "hangs")
    _, fds = solo.engine.await_(1000, seq)
    assert os.read(fds[1], 16) == b"waiting\n"
    solo.stop(signal.SIGKILL)
    assert select.select([fds[1]], [], [], DEADLINE)[0] and os.read(fds[1], 16) == b""
    for fd in fds:
        os.close(fd)
    solo.start()


# --- what the peers may ask ---


@pytest.mark.parametrize("op, args, says", [
    (999, [], "operation 999"),
    ("db_secret", [SITE, "db"], "none of this caller's"),
    ("site_dirs", [], "argument 1 (site): must be given"),
    ("site_dirs", ["../../etc", "MAKE", UID], "argument 1 (site)"),
    ("site_dirs", [PLATFORM, "MAKE", UID], "argument 1 (site)"),
    ("site_dirs", [SITE, "BURN", UID], "argument 2"),
    ("site_dirs", [SITE, "make", UID], "argument 2"),
    ("site_dirs", [SITE, "MAKE", 0], "needs the site's uid"),
    ("site_dirs", [SITE, "MAKE", 1000], "argument 3 (uid)"),
    ("site_dirs", [SITE, "MAKE", LAST_UID + 1], "argument 3 (uid)"),
    ("site_dirs", [SITE, "MAKE", "+70000"], "argument 3 (uid)"),
    ("site_dirs", [SITE, "MAKE", UID, "x"], "argument 4 (): must be absent"),
    ("site_dirs", [SITE + "\0", "MAKE", UID], "argument 1 (site)"),
    ("platform", [PLATFORM, "MAKE", UID, "0:../x"], "argument 4 (place)"),
    ("platform", [PLATFORM, "MAKE", UID], "place: this verb needs one"),
    ("platform", [PLATFORM, "MAKE", UID, "7:x"], "no PlatformRoot 7"),
    ("secret", [SITE, "../db", "MAKE"], "argument 2 (comp)"),
    ("worker", [SITE, "", "sh", "", "", "", ""], "argument 3"),
    ("worker", [SITE, "", "driver", "", "", "", ""], "app, verb"),
    ("worker", [SITE, "", "driver", "checker", "../x", "", ""], "argument 5 (word)"),
    ("worker", [SITE, "", "empty", "", "", "x", ""], "argument 6 (flags)"),
    ("worker", [OTHER, "", "empty", "", "", "", ""], "has no uid"),
    ("space", ["PLATFORMS", 9], "no PlatformRoot 9"),
    ("world", ["SET"], "mark: SET needs one"),
    ("world", ["SET", "a/b"], "argument 2 (mark)"),
    ("vhost", [SITE, "STAGE", "ON", "static", "", 80, "", 3, "127.0.0.1", "a.test"], "argument 8 (count)"),
    ("vhost", [SITE, "STAGE", "ON", "static", "", 80, "", 1, "a.test"], "argument 9 (addr)"),
    ("vhost", [SITE, "STAGE", "ON", "static", "", 80, "", 0, "a.test\nListen 1"], "argument 9 (domain)"),
])  # fmt: skip
def test_bad_requests_are_refused_by_name_and_change_nothing(solo, op, args, says):
    before = sorted(os.listdir(solo.sites)), sorted(os.listdir(solo.folder / "state/uids"))
    reply = solo.engine.ask(op, *args)
    assert reply.code != "OK" and says in reply.detail, reply
    assert before == (sorted(os.listdir(solo.sites)), sorted(os.listdir(solo.folder / "state/uids")))


@pytest.mark.parametrize("message", [b"x", b"\x01\x00\xff\xff" + b"\0" * 12, b"\x01\x00\x01\x00" + b"\0" * 12 + b"\xff" * 4])
def test_an_engine_that_sends_no_message_is_replaced(solo, message):
    solo.engine.sock.send(message)
    solo.forget()
    solo.meet()
    assert solo.engine.ask("space", "STATE").a > 0


def test_each_operation_leaves_one_audit_line(solo):
    make_site(solo)
    lines = [line for line in solo.logged().splitlines() if line.startswith("event=op ")]
    assert len(lines) == 1
    assert f'op=site_dirs job=7 seq=1 args="{SITE} MAKE {UID}" code=OK' in lines[0]


# --- the folders of sites ---


def test_a_sites_folders_are_made_once_and_repaired(solo):
    make_site(solo)
    want = {"data": (0o750, UID, WWW), "private": (0o700, UID, UID), "tmp": (0o700, UID, UID), "etc": (0o711, 0, 0), "log": (0o755, 0, 0)}
    top = solo.sites / SITE
    assert {name: entry(top / name) for name in os.listdir(top)} == want and entry(top) == (0o711, 0, 0)
    assert solo.engine.ask("site_dirs", SITE, "PROBE", UID).a == CURRENT
    (top / "data").chmod(0o777)
    os.chown(top / "private", 0, 0)
    (top / "log").rmdir()
    probe = solo.engine.ask("site_dirs", SITE, "PROBE", UID)
    assert probe.a == DRIFT
    assert probe.detail == (f"data: mode 0777, not 0750; private: owner 0, not {UID}; private: group 0, not {UID}; "
                            "log: No such file or directory")
    make_site(solo)
    assert solo.engine.ask("site_dirs", SITE, "PROBE", UID).a == CURRENT
    assert {name: entry(top / name) for name in os.listdir(top)} == want


def test_a_link_in_place_of_a_folder_is_not_followed(solo):
    make_site(solo)
    (solo.sites / SITE / "tmp").rmdir()
    (solo.sites / SITE / "tmp").symlink_to("/etc")
    reply = solo.engine.ask("site_dirs", SITE, "MAKE", UID)
    assert reply.code == "INTERNAL" and "tmp: " in reply.detail
    assert entry("/etc")[1:] == (0, 0)
    assert solo.engine.ask("site_dirs", SITE, "PROBE", UID).a == DRIFT


def test_a_uid_is_never_given_to_another(solo):
    make_site(solo)
    assert solo.engine.ask("site_dirs", OTHER, "MAKE", UID).code == "FOREIGN_OBJECT"
    assert solo.engine.ask("site_dirs", SITE, "MAKE", UID + 1).code == "FOREIGN_OBJECT"
    assert solo.engine.ask("platform", PLATFORM, "MAKE", UID, "0:x").code == "FOREIGN_OBJECT"
    assert not (solo.sites / OTHER).exists() and not (solo.platforms / "x").exists()
    solo.engine.ask("site_dirs", SITE, "TRASH")
    assert solo.engine.ask("site_dirs", SITE, "PURGE").code == "OK"
    assert solo.engine.ask("site_dirs", OTHER, "MAKE", UID).code == "FOREIGN_OBJECT"
    make_site(solo, SITE, UID + 2)


def test_trash_and_back_and_purge_of_what_a_worker_emptied(solo):
    make_site(solo)
    data = solo.sites / SITE / "data"
    (data / "file").write_text("x")
    solo.engine.ask("secret", SITE, "db", "MAKE")
    for _ in range(2):
        assert solo.engine.ask("site_dirs", SITE, "TRASH").code == "OK"
        assert not (solo.sites / SITE).exists()
    assert solo.engine.ask("ids", "TRASH").text() == SITE + "\n"
    for _ in range(2):
        assert solo.engine.ask("site_dirs", SITE, "UNTRASH").code == "OK"
        assert solo.engine.ask("site_dirs", SITE, "PROBE", UID).a == CURRENT
    solo.engine.ask("site_dirs", SITE, "TRASH")
    reply = solo.engine.ask("site_dirs", SITE, "PURGE")
    assert reply.code == "INTERNAL" and "data: Directory not empty" in reply.detail
    folders = [str(solo.sites / ".trash" / SITE / name) for name in ("data", "private", "tmp")]
    status, report, log = run(solo, SITE, "empty", {"v": 1, "folders": folders}, flags="t")
    assert status == 0 and report == [{"t": "end", "ok": True}], (report, log)
    for _ in range(2):
        assert solo.engine.ask("site_dirs", SITE, "PURGE").code == "OK"
        assert solo.engine.ask("site_dirs", SITE, "PROBE", UID).a == ABSENT
    assert os.listdir(solo.sites / ".trash") == [] and os.listdir(solo.folder / "state/ids") == []


def fill(solo, options):
    """Makes sites on a small file system until something fails; what it said."""
    solo.sites.mkdir(mode=0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=0711", "tmpfs", solo.sites], check=True)
    solo.start()
    for n in range(LAST_UID - FIRST_UID):
        site = f"s{LETTERS[n // 26]}{LETTERS[n % 26]}aaaaaaaaaa"
        for op, args in (("site_dirs", ["MAKE", FIRST_UID + n]), ("secret", ["db", "MAKE"])):
            reply = solo.engine.ask(op, site, *args)
            if reply.code != "OK":
                return reply
            with contextlib.suppress(OSError):
                (solo.sites / site / "data/file").write_bytes(b"x" * 4000)
    return None


@pytest.mark.parametrize("options, code", [("size=64k,nr_inodes=1000", "DISK_FULL"), ("size=8m,nr_inodes=12", "INODES_FULL")])
def test_full_disk_and_no_inodes_are_told_apart(options, code):
    with World() as solo:
        assert fill(solo, options).code == code


# --- platforms ---


def test_a_platforms_folder_is_made_and_probed(solo):
    folder = make_platform(solo, place="0:cms/v1:web")
    assert folder == solo.platforms / "cms/v1" and entry(folder) == (0o755, UID + 10, UID + 10)
    assert entry(solo.platforms / "cms") == (0o755, 0, 0)
    assert solo.engine.ask("platform", PLATFORM, "PROBE", UID + 10, "0:cms/v1:web").a == CURRENT
    assert solo.engine.ask("platform", PLATFORM, "PROBE", UID + 10, "0:cms/v2").a == DRIFT
    assert solo.engine.ask("platform", OTHER_PLATFORM, "PROBE", 0, "0:cms/v1:web").a == ABSENT
    folder.chmod(0o700)
    assert "mode 0700" in solo.engine.ask("platform", PLATFORM, "PROBE", 0, "0:cms/v1:web").detail
    make_platform(solo, place="0:cms/v1:web")
    assert entry(folder)[0] == 0o755 and os.listdir(solo.platforms / "cms") == ["v1"]
    assert solo.engine.ask("platform", OTHER_PLATFORM, "MAKE", UID + 11, "0:cms/v1").code == "FOREIGN_OBJECT"
    assert solo.engine.ask("platform", OTHER_PLATFORM, "MAKE", UID + 11, "0:cms/v1/inner").code == "FOREIGN_OBJECT"


def test_a_folder_is_adopted_with_its_owner_and_again_after_it_was_forgotten(solo):
    folder = solo.platforms / "old"
    folder.mkdir(mode=0o755)
    assert solo.engine.ask("platform", PLATFORM, "ADOPT", 0, "0:old").code == "FOREIGN_OBJECT"
    os.chown(folder, UID + 20, UID + 20)
    for _ in range(2):
        reply = solo.engine.ask("platform", PLATFORM, "ADOPT", 0, "0:old")
        assert (reply.code, reply.a) == ("OK", UID + 20)
    assert solo.engine.ask("platform", PLATFORM, "PROBE", 0, "0:old").b == UID + 20  # a life that did not hear it asks for it
    assert solo.engine.ask("platform", OTHER_PLATFORM, "ADOPT", 0, "0:old").code == "FOREIGN_OBJECT"
    for _ in range(2):
        assert solo.engine.ask("platform", PLATFORM, "FORGET").code == "OK"
    assert folder.exists() and solo.engine.ask("ids", "PLATFORMS").text() == ""
    assert solo.engine.ask("site_dirs", SITE, "MAKE", UID + 20).code == "FOREIGN_OBJECT"
    assert solo.engine.ask("platform", OTHER_PLATFORM, "ADOPT", 0, "0:old").a == UID + 20


@pytest.mark.parametrize("spoil, code", [
    (lambda top: top.chmod(0o777), "FOREIGN_OBJECT"),
    (lambda top: os.chown(top, UID, UID), "FOREIGN_OBJECT"),
    (lambda top: top.chmod(0o700), "NOT_READABLE"),
    (lambda top: (shutil.move(top, str(top) + "2"), top.symlink_to(str(top) + "2")), "NOT_THIS_CMS"),
    (lambda top: shutil.rmtree(top / "code"), "NOT_THIS_CMS"),
])  # fmt: skip
def test_what_is_above_an_adopted_folder_must_be_roots_and_open(solo, spoil, code):
    top = solo.platforms / "top"
    (top / "code").mkdir(parents=True)
    os.chown(top / "code", UID + 20, UID + 20)
    spoil(top)
    reply = solo.engine.ask("platform", PLATFORM, "ADOPT", 0, "0:top/code")
    assert reply.code == code and "place: " in reply.detail


def test_a_copied_platform_goes_to_the_trash_is_emptied_and_purged(solo):
    folder = make_platform(solo)
    (folder / "index.html").write_text("x")
    for _ in range(2):
        assert solo.engine.ask("platform", PLATFORM, "TRASH").code == "OK"
    assert not folder.exists()
    assert solo.engine.ask("platform", PLATFORM, "FORGET").code == "OK"  # PURGE still knows it
    assert solo.engine.ask("platform", PLATFORM, "PURGE").code == "INTERNAL"
    tree = str(solo.platforms / ".trash" / PLATFORM)
    status, report, log = run(solo, PLATFORM, "empty", {"v": 1, "folders": [tree]}, flags="t")
    assert status == 0 and report[-1]["ok"], (report, log)
    for _ in range(2):
        assert solo.engine.ask("platform", PLATFORM, "PURGE").code == "OK"
    assert os.listdir(solo.platforms / ".trash") == [] and os.listdir(solo.folder / "state/places") == []


# --- secrets ---


def test_a_secret_is_made_once_and_read_by_its_site_and_dba_only(solo):
    assert solo.engine.ask("secret", SITE, "db", "PROBE").a == ABSENT
    assert solo.engine.ask("secret", SITE, "db", "MAKE").code == "NO_OBJECT"
    make_site(solo)
    path = solo.sites / SITE / "etc/db"
    assert solo.engine.ask("secret", SITE, "db", "MAKE").code == "OK"
    secret = path.read_text()
    assert re.fullmatch(r"[A-Za-z0-9]{32}", secret) and entry(path) == (0o400, UID, UID)
    solo.engine.ask("secret", SITE, "db", "MAKE")
    assert path.read_text() == secret and secret not in solo.logged()
    assert solo.engine.ask("secret", SITE, "db", "PROBE").a == CURRENT
    path.chmod(0o644)
    assert solo.engine.ask("secret", SITE, "db", "PROBE").detail == "db: mode 0644, not 0400"
    solo.engine.ask("secret", SITE, "db", "MAKE")
    assert path.read_text() == secret and entry(path) == (0o400, UID, UID)
    assert solo.dba.ask("db_secret", SITE, "db").text() == secret
    path.write_text("' OR 1=1")
    assert solo.engine.ask("secret", SITE, "db", "PROBE").a == DRIFT
    assert solo.dba.ask("db_secret", SITE, "db").code == "NO_OBJECT"
    assert solo.engine.ask("secret", SITE, "db", "DROP").code == "SCHEMA"
    assert solo.engine.ask("db_secret", SITE, "db").code == "UNKNOWN_OP"


def test_a_servers_password_file_must_be_roots_alone(solo):
    path = solo.folder / "secrets/main"
    assert "no file main" in solo.dba.ask("db_admin", "main").detail
    path.write_text("admin\npassword\n")
    path.chmod(0o640)
    assert solo.dba.ask("db_admin", "main").code == "DB_DENIED"
    path.chmod(0o600)
    assert solo.dba.ask("db_admin", "main").text() == "admin\npassword\n"
    assert solo.dba.ask("site_dirs", SITE, "MAKE", UID).code == "UNKNOWN_OP"
    assert "password" not in solo.logged().replace("password file", "")


# --- the machine ---


def test_space_world_and_ids(solo):
    space = solo.engine.ask("space", "PLATFORMS", 0)
    assert space.a > 0 and space.b > 0
    assert solo.engine.ask("world", "GET").a == ABSENT
    assert solo.engine.ask("world", "SET", "abc-1").code == "OK"
    mark = solo.engine.ask("world", "GET")
    assert (mark.a, mark.detail) == (CURRENT, "abc-1")
    make_site(solo)
    make_site(solo, OTHER, UID + 1)
    make_platform(solo)
    (solo.sites / "stranger").mkdir()
    assert solo.engine.ask("ids", "SITES").text() == f"{SITE}\n{OTHER}\n"
    assert solo.engine.ask("ids", "PLATFORMS").text() == f"{PLATFORM}\n"


# --- workers ---

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "PHP_INI_SCAN_DIR": ""}
LIMITS = {"Max core file size": "0", "Max open files": "1024", "Max processes": "256", "Max address space": str(4 << 30),
          "Max file size": str(8 << 30), "Max cpu time": "7200"}  # fmt: skip
NODES = ["null", "zero", "full", "random", "urandom"]
KINDS = ["driver", "copy", "empty", "link", "unlink", "linked", "check"]


def mounts_of(solo, own, more=()):
    read, write, node = ["ro", "nosuid", "nodev"], ["rw", "nosuid", "nodev", "noexec"], ["rw", "nosuid", "noexec"]
    mounts = {"/": read, "/tmp": write, "/proc": write, "/usr": read, "/etc/ssl": read, str(solo.folder / "apps"): read,
              str(solo.folder / "bin"): read}  # fmt: skip
    if os.path.exists("/etc/localtime"):
        mounts["/etc/localtime"] = read
    mounts.update({f"/dev/{name}": node for name in NODES})
    mounts.update({str(path): write if writable else read for path, writable in own})
    mounts.update({path: read for path in more})
    return {path: set(options) for path, options in mounts.items()}


def assert_golden(solo, facts, owner, uid, home, mounts, **limits):
    assert facts["uid"].split() == facts["gid"].split() == [str(uid)] * 4 and facts["groups"] == ""
    assert facts["capabilities"] == ["0" * 16] * 4
    assert (facts["no_new_privs"], facts["seccomp"], facts["umask"]) == ("1", "2", "0022")
    assert facts["environment"] == {**ENVIRONMENT, "HOME": str(home)}
    assert {name: facts["limits"][name] for name in LIMITS} == {**LIMITS, **limits}
    assert {path: set(options) for path, options in facts["mounts"].items()} == mounts
    assert facts["descriptors"] == {"0": "pipe", "1": "pipe", "2": "pipe", "3": "pipe"}
    assert facts["pid"] == 2 and "1" in facts["processes"] + ["1"] and set(facts["processes"]) <= {"1", "2"}
    assert (facts["cwd"], facts["host"], facts["request"]) == ("/", owner, "{}")
    assert facts["passwd"] == ["root:x:0:0:root:/:/usr/sbin/nologin", f"{owner}:x:{uid}:{uid}::{home}:/usr/sbin/nologin"]


@pytest.mark.parametrize("program", KINDS)
def test_every_kind_of_worker_of_a_site_is_jailed_alike(checked, program):
    make_site(checked)
    call = {"app": "checker", "verb": "check"} if program == "driver" else {}
    status, report, log = run(checked, SITE, program, b"{}", **call)
    assert status == 0 and len(report) == 1, log
    top = checked.sites / SITE
    own = [(top / "data", True), (top / "private", True), (top / "tmp", True), (top / "etc", False)]
    assert_golden(checked, report[0], SITE, UID, top / "tmp", mounts_of(checked, own))
    assert report[0]["interfaces"] == ["lo"]


@pytest.mark.parametrize("program", KINDS)
def test_every_kind_of_worker_of_a_platform_is_jailed_alike(checked, program):
    folder = make_platform(checked)
    call = {"app": "checker", "verb": "check"} if program == "driver" else {}
    for flags, writable in (("", False), ("w", True)):
        status, report, log = run(checked, PLATFORM, program, b"{}", place="0:code", flags=flags, **call)
        assert status == 0 and len(report) == 1, log
        assert_golden(checked, report[0], PLATFORM, UID + 10, "/tmp", mounts_of(checked, [(folder, writable)]))


@pytest.mark.parametrize("program", ["pack", "unpack"])
def test_a_worker_with_an_archive_has_its_descriptor_besides_and_writes_as_much_as_the_site_holds(checked, program):
    bid = "baaaaaaaaaaaa"
    make_site(checked)
    for verb in ["MAKE"] if program == "pack" else ["MAKE", "COMMIT"]:
        assert checked.engine.ask("backup", SITE, bid, verb).code == "OK"
    seq = checked.engine.send("worker", SITE, "", program, "", "", "", "", bid)
    args, fds = checked.engine.await_(1000, seq)
    assert args[0] == "0", args
    status, (facts,), log = finish(checked, seq, fds, b"{}")
    assert status == 0 and facts["descriptors"].pop("4").startswith("/"), log
    top = checked.sites / SITE
    own = [(top / "data", True), (top / "private", True), (top / "tmp", True), (top / "etc", False)]
    assert_golden(checked, facts, SITE, UID, top / "tmp", mounts_of(checked, own), **{"Max file size": "unlimited"})


def test_network_and_database_socket_are_seen_only_where_asked_for(checked):
    make_site(checked)
    assert checked.engine.ask("worker", SITE, "", "check", "", "", "d", "").code == "DB_DOWN"
    path = checked.folder / "db.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        _, (facts,), _ = run(checked, SITE, "check", b"{}", flags="d")
        assert str(path) in facts["mounts"]
        path.unlink()
        path.symlink_to("/etc/shadow")
        assert checked.engine.ask("worker", SITE, "", "check", "", "", "d", "").code == "DB_DOWN"
    _, (facts,), _ = run(checked, SITE, "check", b"{}", flags="n")
    assert {"resolv.conf", "hosts"} <= set(facts["etc"])


def test_a_platform_can_be_written_by_its_own_workers_only(solo):
    make_site(solo)
    make_platform(solo)
    make_platform(solo, OTHER_PLATFORM, UID + 11, "0:other")
    for owner, place in ((SITE, "0:code"), (OTHER_PLATFORM, "0:code"), (PLATFORM, "0:other")):
        reply = solo.engine.ask("worker", owner, place, "empty", "", "", "w", "")
        assert reply.code == "INTERNAL" and "the platform" in reply.detail


def test_a_driver_reaches_nothing_of_others(solo):
    make_site(solo)
    make_site(solo, OTHER, UID + 1)
    folder = make_platform(solo)
    (folder / "index.php").write_text("x")
    paths = {
        solo.sites / SITE / "data/f": "written", "/tmp/f": "written", folder / "index.php": "read", folder / "new": "refused",
        solo.sites / OTHER / "data/f": "refused", solo.sites / SITE / "etc/f": "refused", solo.folder / "state/lock": "refused",
        "/etc/shadow": "refused", "/usr/f": "refused", "/f": "refused", "/dev/kmsg": "refused", "/proc/1/environ": "refused",
        "/proc/sys/kernel/hostname": "read", solo.conf: "refused",
    }  # fmt: skip
    status, report, log = run(solo, SITE, "driver", [str(p) for p in paths], place="0:code", app="checker", verb="tries")
    assert status == 0 and report == [{str(p): w for p, w in paths.items()}], log


@pytest.mark.parametrize("verb, status", [("exits", 7 << 8), ("dies", signal.SIGSEGV)])
def test_the_status_told_is_the_programs(solo, verb, status):
    make_site(solo)
    assert run(solo, SITE, "driver", app="checker", verb=verb)[0] == status


def test_what_a_driver_leaves_behind_ends_with_it(solo):
    make_site(solo)
    status, _, log = run(solo, SITE, "driver", app="checker", verb="daemon")  # its log ends: nobody holds it any more
    assert (status, log) == (0, "left\n")


def test_kill_ends_a_worker_and_all_it_started(solo):
    make_site(solo)
    seq = solo.engine.send("worker", SITE, "", "driver", "checker", "hangs")
    _, fds = solo.engine.await_(1000, seq)
    assert os.read(fds[1], 16) == b"waiting\n"
    assert solo.engine.ask("kill", seq + 100).a == 0
    assert solo.engine.ask("kill", seq).a == 1
    assert finish(solo, seq, fds)[0] == signal.SIGKILL
    assert solo.engine.ask("kill", seq).a == 0


def test_more_workers_than_configured_have_to_wait():
    with World(Workers=1) as solo:
        solo.start()
        make_site(solo)
        seq = solo.engine.send("worker", SITE, "", "driver", "checker", "hangs")
        _, fds = solo.engine.await_(1000, seq)
        assert solo.engine.ask("worker", SITE, "", "driver", "checker", "exits").code == "BUSY"
        solo.engine.ask("kill", seq)
        finish(solo, seq, fds)
        assert run(solo, SITE, "driver", app="checker", verb="exits")[0] == 7 << 8


def test_an_argument_cannot_look_like_another_value_of_the_audit_line(solo):
    assert solo.engine.ask("secret", 'x" code=OK detail="\n\x1b[1mevent=op', "db", "MAKE").code == "SCHEMA"
    (line,) = [line for line in solo.logged().splitlines() if "op=secret" in line]
    assert [word for word in shlex.split(line) if word.startswith("code=")] == ["code=SCHEMA"] and "\x1b" not in line


def test_after_its_start_root_opens_no_absolute_path():
    with World() as solo:
        trace = solo.folder / "trace"
        solo.start("strace", "-o", str(trace), "-e", "trace=open,openat,openat2,execve,creat,chdir,write", "-e", "signal=none")
        make_site(solo)
        make_platform(solo)
        solo.engine.ask("secret", SITE, "db", "MAKE")
        solo.engine.ask("world", "SET", "x")
        run(solo, SITE, "driver", place="0:code", app="checker", verb="exits")
        solo.engine.ask("site_dirs", SITE, "TRASH")
        lines = trace.read_text().splitlines()
        start = next(i for i, line in enumerate(lines) if "event=ready" in line)
        later = [line for line in lines[start:] if re.search(r'^(?!write)\w+\((AT_FDCWD, )?"/', line)]
        assert SITE in "".join(lines[start:]) and later == []
        child = int(re.search(r"event=ready pid=(\d+)", solo.logged())[1])
        os.kill(child, signal.SIGTERM)
        solo.daemon.wait(DEADLINE)
        solo.forget()
