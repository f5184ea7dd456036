"""Archives in the jail: what pack writes and unpack takes, and every archive that unpack must refuse before it has written a byte."""

import hashlib
import io
import json
import os
import random
import subprocess
import tarfile

import pytest

from root import ABSENT, CURRENT, World
from test_root_ops import OTHER, SITE, UID, entry, finish, make_site

BID, BUILD = "baaaaaaaaaaaa", "bbbbbbbbbbbbb"
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(name="site")
def fixture_site():
    with World() as made:
        made.start()
        make_site(made)
        made.top = made.sites / SITE
        made.archive = made.folder / f"backups/{SITE}.{BID}.tar.zst"
        yield made


def work(solo, program, request, flags="", bid=BID):
    seq = solo.engine.send("worker", SITE, "", program, "", "", flags, "", bid)
    args, fds = solo.engine.await_(1000, seq)
    assert args[0] == "0", args
    status, report, log = finish(solo, seq, fds, request)
    assert (status == 0) == (bool(report) and report[-1]["t"] == "end" and report[-1]["ok"]), (report, log)
    return report


def folders(solo):
    return {name: str(solo.top / name) for name in ("data", "private")}


def pack(solo, bid=BID):
    assert solo.engine.ask("backup", SITE, bid, "MAKE").code == "OK"
    report = work(solo, "pack", {"v": 1, "about": {"site": SITE}, "folders": folders(solo)}, bid=bid)
    assert report[-1]["ok"], report
    assert solo.engine.ask("backup", SITE, bid, "COMMIT").code == "OK"
    return {line["name"]: line["value"] for line in report if line["t"] == "fact"}, report


def unpack(solo, facts, flags="b"):
    request = {"v": 1, "sha256": facts["sha256"], "bytes": int(facts["bytes"]), "folders": folders(solo)}
    return work(solo, "unpack", request, flags)


def beside(solo, verb="MAKE", uid=UID):
    reply = solo.engine.ask("beside", SITE, verb, BUILD, uid)
    assert reply.code == "OK", reply
    return solo.sites / ".next" / SITE


def tree(top):
    """Every entry below: its path, mode, owner, and what is in it."""
    found = {}
    for path in sorted(p for name in ("data", "private") for p in (top / name).rglob("*")):
        what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[os.fsencode(path.relative_to(top))] = (*entry(path), what)
    return found


def own(top):
    subprocess.run(["chown", "-Rh", f"{UID}:{UID}", top / "data", top / "private"], check=True)
    os.chown(top / "data", UID, 33)


def fill(top):
    (top / "data/sub/deep").mkdir(parents=True)
    (top / "data/sub/deep/f").write_text("x" * 300000)
    (top / "data/sub-next").write_text("sorted by bytes, with the slash first")
    (top / "data/-rf").write_text("just a name")
    (top / "private/key").write_text("")
    (top / "private/key").chmod(0o600)
    (top / "data/link").symlink_to("sub/deep/f")
    (top / "data/sub/up").symlink_to("../sub-next")
    with open(os.fsencode(top) + b"/data/\xff'\\", "wb") as f:
        f.write(b"any bytes")
    own(top)


def test_what_was_packed_is_unpacked_as_it_was(site):
    fill(site.top)
    before = tree(site.top)
    facts, report = pack(site)
    assert [line for line in report if line.get("level") == "warning"] == []
    assert entry(site.archive) == (0o600, 0, 0) and int(facts["size"]) == site.archive.stat().st_size
    assert hashlib.sha256(site.archive.read_bytes()).hexdigest() == facts["sha256"]
    assert unpack(site, facts, "b")[-1]["t"] == "end" if beside(site) else False
    assert tree(beside(site)) == before and tree(site.top) == before


def test_what_no_archive_may_hold_is_left_out_and_told(site):
    data = site.top / "data"
    (data / "out").symlink_to("/etc/passwd")
    (data / "up").symlink_to("../private")
    (data / "a").mkdir()
    (data / "a/self").symlink_to(".")
    (data / "hidden").symlink_to("a/self/../../..")
    (data / "line\n").touch()
    os.mkfifo(data / "fifo")
    (data / "setuid").touch()
    own(site.top)
    (data / "setuid").chmod(0o4777)
    facts, report = pack(site)
    told = [line["text"].split(":")[1].strip() for line in report if line.get("level") == "warning"]
    assert sorted(told) == ["data/fifo", "data/hidden", "data/line", "data/out", "data/up"]
    unpack(site, facts) if beside(site) else None
    assert sorted(os.listdir(beside(site) / "data")) == ["a", "setuid"]
    assert entry(beside(site) / "data/setuid") == (0o755, UID, UID)


def test_a_file_that_cannot_be_read_fails_and_is_named(site):
    fill(site.top)
    (site.top / "data/sub-next").chmod(0)
    assert site.engine.ask("backup", SITE, BID, "MAKE").code == "OK"
    report = work(site, "pack", {"v": 1, "about": {}, "folders": folders(site)})
    assert (report[0]["code"], "data/sub-next" in report[0]["text"]) == ("NOT_READABLE", True)


# --- archives that are none ---


def member(name, content=b"", kind=tarfile.REGTYPE, target="", mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, target, mode, len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def folder(name):
    return member(name, kind=tarfile.DIRTYPE, mode=0o755)


def link(name, target):
    return member(name, kind=tarfile.SYMTYPE, target=target)


def line(info, content):
    kind = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l"}.get(info.type, "f")
    return f"{kind} {hashlib.sha256(info.linkname.encode() if kind == 'l' else content).hexdigest()} {info.name}"


def forge(solo, members, manifest=None, form=tarfile.PAX_FORMAT, last=()):
    """Puts an archive in place, with a manifest that agrees with it, and gives what a journal would say of it."""
    told = manifest if manifest is not None else json.dumps({"v": 1, "members": [line(*m) for m in members]}).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for info, content in [*members, *([member("manifest.json", told)] if told else []), *last]:
            tar.addfile(info, io.BytesIO(content))
    return store(solo, raw.getvalue())


def store(solo, tar, packed=None, most=1 << 20):
    solo.archive.write_bytes(packed or subprocess.run(["zstd", "-q", "-c"], input=tar, capture_output=True, check=True).stdout)
    return {"sha256": hashlib.sha256(solo.archive.read_bytes()).hexdigest(), "bytes": most}


def refused(solo, facts):
    top = beside(solo)
    report = unpack(solo, facts)
    assert not report[-1]["ok"] and report[0]["code"] == "ARCHIVE_BAD", report
    assert tree(top) == {} and tree(solo.top) == {}
    return report[0]["text"]


TOP = [folder("data")]
GOOD = [folder("data"), folder("data/a"), member("data/a/f", b"x"), folder("private")]

MEMBERS = {
    "absolute": [*TOP, member("/abs")],
    "parent": [*TOP, member("data/../x")],
    "dots": [*TOP, member("./data/f")],
    "elsewhere": [*TOP, member("etc/db")],
    "a file for a folder": [member("data")],
    "no folder before": [*TOP, member("data/a/f")],
    "long path": [*TOP, member("data/" + "n" * 4097)],
    "long name": [*TOP, member("data/" + "n" * 256)],
    "line feed": [*TOP, member("data/a\nb")],
    "control": [*TOP, member("data/a\x7f")],
    "twice": [*TOP, member("data/f", b"1"), member("data/f", b"2")],
    "order": [*TOP, member("data/b"), member("data/a")],
    "too deep": [folder("/".join(["data", *["d"] * i])) for i in range(70)],
    "link to absolute": [*TOP, link("data/l", "/etc")],
    "link out": [*TOP, link("data/l", "..")],
    "link out by another": [*TOP, folder("data/x"), link("data/x/up", ".."), link("data/y", "x/up/..")],
    "file through a link": [*TOP, folder("data/a"), link("data/l", "a"), member("data/l/f")],
    "link becomes a folder": [*TOP, link("data/l", "a"), folder("data/l")],
    "hard link": [*TOP, member("data/f"), member("data/h", kind=tarfile.LNKTYPE, target="data/f")],
    "hard link out": [*TOP, member("data/h", kind=tarfile.LNKTYPE, target="/etc/passwd")],
    "device": [*TOP, member("data/n", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "fifo": [*TOP, member("data/p", kind=tarfile.FIFOTYPE)],
    "sparse": [*TOP, member("data/s", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "8192", "GNU.sparse.name": "data/s"})],
    "renamed by pax": [*TOP, member("data/f", pax_headers={"path": "../../x"})],
    "part out of order": [*TOP, member("db/000002.sql", b"-- Dump completed")],
    "dump cut": [*TOP, member("db/000001.sql", b"CREATE TABLE t")],
}  # fmt: skip


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_no_rule_allows(site, name):
    refused(site, forge(site, MEMBERS[name]))


def test_a_good_forgery_is_taken_so_that_the_others_are_refused_for_what_they_are(site):
    top = beside(site)
    assert unpack(site, forge(site, GOOD))[-1]["ok"]
    assert (top / "data/a/f").read_bytes() == b"x" and entry(top / "data/a/f") == (0o644, UID, UID)


@pytest.mark.parametrize("mode, becomes", [(0o4755, 0o755), (0o2777, 0o755), (0o1777, 0o755), (0, 0o600), (0o666, 0o644)])
def test_modes_are_masked_and_owners_ignored(site, mode, becomes):
    top = beside(site)
    assert unpack(site, forge(site, [*TOP, member("data/f", mode=mode, uid=0, uname="root")]))[-1]["ok"]
    assert entry(top / "data/f") == (becomes, UID, UID)


def test_a_manifest_that_is_missing_or_lies_or_is_not_the_last(site):
    assert "there is none" in refused(site, forge(site, GOOD, b""))
    for text in (b"{", b"[]", b'{"v":1,"members":[]}', b'{"v":2}'):
        assert "does not say" in refused(site, forge(site, GOOD, text))
    refused(site, forge(site, GOOD, last=[member("private/more")]))


def test_more_than_was_put_in_is_refused_early(site):
    bomb = b"\0" * (64 << 20)
    facts = forge(site, [*TOP, member("data/bomb", bomb)])
    assert site.archive.stat().st_size < 100000
    assert "more than was put in" in refused(site, facts)


def test_a_changed_byte_anywhere_and_a_cut_are_refused(site):
    fill(site.top)
    facts, _ = pack(site)
    raw = site.archive.read_bytes()
    for path in (site.top / "data").iterdir():
        subprocess.run(["rm", "-r", path], check=True)
    (site.top / "private/key").unlink()
    chance = random.Random(5)
    for _ in range(25):
        at = chance.randrange(len(raw))
        site.archive.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :])
        refused(site, facts)
    for cut in (0, 10, len(raw) // 2, len(raw) - 1):
        site.archive.write_bytes(raw[:cut])
        refused(site, facts)
    site.archive.write_bytes(raw + b"trailing")
    refused(site, facts)


def test_only_empty_folders_are_filled(site):
    facts = forge(site, GOOD)
    (site.top / "data/f").touch()
    report = unpack(site, facts, "")
    assert report[0]["code"] == "FOREIGN_OBJECT" and os.listdir(site.top / "data") == ["f"]


# --- root's part ---


def test_a_worker_has_the_archive_as_4_and_nothing_else_of_the_folder(site):
    assert site.engine.ask("backup", SITE, BID, "PROBE").a == ABSENT
    seq = site.engine.send("worker", SITE, "", "unpack", "", "", "", "", BID)
    args, _ = site.engine.await_(1000, seq)
    assert "NO_OBJECT" in str(site.logged()) and args[0] != "0"
    fill(site.top)
    facts, _ = pack(site)
    probe = site.engine.ask("backup", SITE, BID, "PROBE")
    assert (probe.a, probe.b) == (CURRENT, int(facts["size"]))
    assert site.engine.ask("backup", OTHER, BID, "OPEN").code == "NO_OBJECT"
    reply = site.engine.ask("backup", SITE, BID, "OPEN")
    with os.fdopen(reply.fds.pop(), "rb") as f:
        assert f.read() == site.archive.read_bytes()
    assert site.engine.ask("backup", SITE, BID, "MAKE").code == "FOREIGN_OBJECT"
    for _ in range(2):
        assert site.engine.ask("backup", SITE, BID, "DROP").code == "OK"
    assert os.listdir(site.archive.parent) == []


def test_a_switch_is_one_rename_and_may_be_asked_again_and_taken_back(site):
    assert site.engine.ask("secret", SITE, "db", "MAKE").code == "OK"
    secret = (site.top / "etc/db").read_bytes()
    (site.top / "data/old").touch()
    top = beside(site)
    (top / "data/new").touch()
    assert (top / "etc/db").read_bytes() == secret and entry(top / "etc/db") == (0o400, UID, UID)
    for _ in range(2):
        beside(site, "SWITCH")
        assert os.listdir(site.top / "data") == ["new"] and os.listdir(top / "data") == ["old"]
        assert site.engine.ask("site_dirs", SITE, "PROBE", UID).a == CURRENT
    for _ in range(2):
        beside(site, "BACK")
        assert os.listdir(site.top / "data") == ["old"] and os.listdir(top / "data") == ["new"]
    assert site.engine.ask("beside", SITE, "PURGE", BUILD).code == "INTERNAL"  # a worker must empty it first
    work(site, "empty", {"v": 1, "folders": [str(site.top / "data")]}, "b", "")
    for _ in range(2):
        beside(site, "PURGE")
    assert not top.exists() and os.listdir(site.top / "data") == ["old"]
    assert site.engine.ask("beside", SITE, "SWITCH", BUILD).code == "NO_OBJECT"


def test_a_switch_where_nothing_is_live_brings_the_site_back(site):
    assert site.engine.ask("site_dirs", SITE, "TRASH").code == "OK"
    top = beside(site)
    assert site.engine.ask("secret", SITE, "db", "MAKE").code == "OK" and (top / "etc/db").exists()
    beside(site, "SWITCH")
    assert (site.top / "etc/db").exists() and not top.exists()
    beside(site, "BACK")
    assert top.exists() and not site.top.exists()
