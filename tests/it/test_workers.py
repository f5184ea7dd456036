"""provision-worker's programs, run in the jail on code bases and folders that are as hostile as their owners can make them."""

import json
import os
import subprocess

import pytest

from root import FIRST_UID, World
from test_root_ops import OTHER, PLATFORM, SITE, UID, entry, make_platform, make_site, run

OWNER = UID + 10


@pytest.fixture(name="place")
def fixture_place():
    """A platform's folder, and a source beside it."""
    with World() as made:
        made.start()
        made.folder_of_code = make_platform(made)
        yield made


@pytest.fixture(name="source")
def fixture_source():
    with World() as made:
        (made.folder / "sources/cms").mkdir(parents=True)
        with open(made.conf, "a", encoding="utf-8") as conf:
            conf.write(f"SourceRoot {made.folder}/sources\n")
        made.start()
        made.folder_of_code = make_platform(made)
        yield made


def copy(solo, source, place="0:cms", flags="w", excepted=()):
    request = {"v": 1, "from": str(source), "to": str(solo.folder_of_code), "except": list(excepted)}
    return run(solo, PLATFORM, "copy", request, place="0:code", flags=flags, source=place)


def tree(top):
    return sorted(str(p.relative_to(top)) for p in top.rglob("*"))


def warnings(report):
    return [line["text"] for line in report if line.get("level") == "warning"]


def error(report):
    return next(line for line in report if line["t"] == "error")


def test_a_copy_stands_alone_with_normal_modes(source):
    top = source.folder / "sources/cms"
    (top / "lib/deep").mkdir(parents=True, mode=0o700)
    (top / "lib/deep/a.php").write_text("a")
    (top / "lib/deep/a.php").chmod(0o4777)
    (top / "lib/same").symlink_to("deep")
    (top / "lib/same.php").symlink_to("deep/a.php")
    (top / "lib/loop").symlink_to("..")
    (top / "nowhere").symlink_to("missing")
    (top / "out").symlink_to("/proc/version")
    (top / "config.php").write_text("secret")
    (top / "lib/config.php").write_text("kept")
    os.mkfifo(top / "fifo")
    (top / "lib").chmod(0o755)
    (top / "lib/deep").chmod(0o775)
    for _ in range(2):  # a copy that is there is written anew
        status, report, log = copy(source, top, excepted=["config.php"])
        assert status == 0 and report[-1] == {"t": "end", "ok": True}, (report, log)
    code = source.folder_of_code
    assert tree(code) == ["lib", "lib/config.php", "lib/deep", "lib/deep/a.php", "lib/same", "lib/same.php", "lib/same/a.php"]
    assert not any(p.is_symlink() for p in code.rglob("*"))
    assert entry(code / "lib/deep/a.php") == (0o644, OWNER, OWNER) and entry(code / "lib/same") == (0o755, OWNER, OWNER)
    told = warnings(report)
    assert len(told) == 4 and {t.split(":")[1].strip() for t in told} == {"nowhere", "out", "fifo", "lib/loop"}


def test_debians_wordpress_is_copied_whole(place):
    status, report, log = copy(place, "/usr/share/wordpress", "0:wordpress", excepted=["wp-config.php", ".htaccess"])
    assert status == 0 and warnings(report) == [], (report, log)
    code = place.folder_of_code
    assert not (code / "wp-config.php").exists() and (code / "wp-includes/ID3/getid3.php").is_file()
    assert not any(p.is_symlink() for p in code.rglob("*"))
    request = {"v": 1, "root": str(code), "docroot": str(code), "markers": {"other": ["wp-load.php"], "wp": ["wp-load.php", "index.php"]}}
    assert run(place, PLATFORM, "check", request, place="0:code")[1] == [
        {"t": "fact", "name": "app", "value": "wp"}, {"t": "end", "ok": True}]  # fmt: skip


def test_a_source_that_cannot_be_read_names_the_file(source):
    top = source.folder / "sources/cms"
    (top / "secret.php").write_text("x")
    (top / "secret.php").chmod(0o600)
    status, report, _ = copy(source, top)
    assert status == 1 << 8 and not report[-1]["ok"]
    assert (error(report)["code"], error(report)["field"]) == ("NOT_READABLE", "source") and "secret.php" in error(report)["text"]


def test_a_copy_into_a_view_without_w_changes_nothing(source):
    (source.folder / "sources/cms/f").write_text("x")
    assert copy(source, source.folder / "sources/cms", flags="")[0] == 1 << 8
    assert tree(source.folder_of_code) == []


def test_names_that_are_no_text_are_copied_and_told(source):
    top = source.folder / "sources/cms"
    os.symlink("missing", os.fsencode(top) + b"/\xff\n")
    with open(os.fsencode(top) + b"/-rf \xfe", "wb"):
        pass
    status, report, _ = copy(source, top)
    assert status == 0 and len(warnings(report)) == 1
    assert os.listdir(os.fsencode(source.folder_of_code)) == [b"-rf \xfe"]


def test_empty_removes_the_worst_and_follows_nothing(place):
    make_site(place)
    data = place.sites / SITE / "data"
    outside = place.sites / SITE / "private"
    (outside / "kept").write_text("x")
    (data / "link").symlink_to(outside)
    at = os.open(data, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deeper", dir_fd=at)
        below = os.open("deeper", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    for i in range(2000):
        (data / f"f{i}").touch()
    (data / "locked/in").mkdir(parents=True)
    (data / "locked/in/f").touch()
    os.mkfifo(data / "fifo")
    subprocess.run(["chown", "-Rh", f"{UID}:{UID}", data], check=True)
    (data / "locked/in").chmod(0)
    (data / "locked").chmod(0)
    status, report, log = run(place, SITE, "empty", {"v": 1, "folders": [str(data), str(data / "none")]})
    assert status == 0 and report == [{"t": "end", "ok": True}], (report, log)
    assert os.listdir(data) == [] and os.listdir(outside) == ["kept"]


def ask_link(solo, program, link, target, flags="w"):
    status, report, log = run(solo, PLATFORM, program, {"v": 1, "link": str(link), "target": str(target)}, place="0:code", flags=flags)
    assert (status == 0) == report[-1]["ok"], log
    return report


def state(solo, link, target):
    facts = {line["name"]: line["value"] for line in ask_link(solo, "linked", link, target, "") if line["t"] == "fact"}
    return facts["state"], facts["detail"]


def test_link_is_made_moved_probed_and_removed(place):
    link, target = place.folder_of_code / "sites" / SITE, place.sites / SITE / "data"
    assert state(place, link, target) == ("ABSENT", "")
    for _ in range(2):
        assert ask_link(place, "link", link, target)[-1]["ok"]
        assert os.readlink(link) == str(target) and entry(link)[1] == OWNER and state(place, link, target)[0] == "CURRENT"
    link.unlink()
    link.symlink_to("/etc")
    assert state(place, link, target) == ("DRIFT", f"link: points to /etc, not {target}")
    assert ask_link(place, "link", link, target)[-1]["ok"] and os.readlink(link) == str(target)
    ask_link(place, "link", link.parent / OTHER, target)
    for _ in range(2):
        assert ask_link(place, "unlink", link, target)[-1]["ok"] and not link.is_symlink() and link.parent.exists()
    ask_link(place, "unlink", link.parent / OTHER, target)
    assert tree(place.folder_of_code) == []


@pytest.mark.parametrize("program", ["link", "unlink"])
def test_a_folder_in_place_of_the_link_stays(place, program):
    link = place.folder_of_code / "sites" / SITE
    link.mkdir(parents=True)
    (link / "file").touch()
    assert error(ask_link(place, program, link, "/x"))["code"] == "FOREIGN_OBJECT"
    assert (link / "file").exists() and state(place, link, "/x")[0] == "DRIFT"


def check(solo, markers=None, docroot=""):
    code = solo.folder_of_code
    request = {"v": 1, "root": str(code), "docroot": str(code / docroot), "markers": markers or {"cms": ["index.php"]}}
    return run(solo, PLATFORM, "check", request, place="0:code")[1]


@pytest.mark.parametrize("spoil, says", [
    (lambda top: (top / "index.php").chmod(0o600), "index.php: not readable by others (chmod o+r, or move it away if it holds a secret)"),
    (lambda top: (top / "lib").chmod(0o750), "lib: not open to others (chmod o+rx)"),
    (lambda top: (top / "lib").chmod(0o700), "lib: not open to others (chmod o+rx)"),
    (lambda top: (top / "lib/a").chmod(0o666), "lib/a: writable by others (chmod o-w)"),
    (lambda top: os.chown(top / "lib/a", FIRST_UID, 0), "lib/a: belongs to another user than the code base"),
    (lambda top: (os.chown(top / "lib/a", OWNER, 33), (top / "lib/a").chmod(0o664)), "lib/a: writable by another group (chmod g-w)"),
    (lambda top: os.mkfifo(top / "lib/f", 0o644), "lib/f: neither a file nor a folder"),
])  # fmt: skip
def test_check_names_what_cannot_be_served(place, spoil, says):
    top = place.folder_of_code
    (top / "lib").mkdir()
    (top / "lib/a").touch()
    (top / "index.php").touch()
    for path in (top / "lib", top / "lib/a", top / "index.php"):
        os.chown(path, OWNER, OWNER)
    assert check(place) == [{"t": "fact", "name": "app", "value": "cms"}, {"t": "end", "ok": True}]
    spoil(top)
    if os.path.exists(top / "lib/f"):
        os.chown(top / "lib/f", OWNER, OWNER)
    told = error(check(place))
    assert (told["code"], told["field"], told["text"]) == ("NOT_READABLE", "place", says)


def test_check_names_ten_and_no_more(place):
    for i in range(12):
        (place.folder_of_code / f"f{i}").touch(mode=0o600)
        (place.folder_of_code / f"f{i}").chmod(0o600)
    text = error(check(place))["text"]
    assert text.count("not readable") == 10 and text.endswith("; and more")


def test_a_folder_that_no_driver_knows_is_refused(place):
    assert error(check(place)) == {"t": "error", "code": "NOT_THIS_CMS", "field": "place", "text": "index.php is missing"}
    assert error(check(place, {"a": ["x"], "b": ["y"]}))["text"] == "no driver knows this code base"
    assert "docroot: " in error(check(place, docroot="web"))["text"]


@pytest.mark.parametrize("request_", ["", "{", "[]", '{"v":1}', '{"v":1,"folders":[],"more":1}', '{"v":1,"v":1,"folders":[]}', '{"v":1,"folders":[7]}'])
def test_a_request_that_is_none_fails(place, request_):
    status, report, _ = run(place, PLATFORM, "empty", request_.encode())
    assert status == 1 << 8 and not report[-1]["ok"] and error(report)["code"] == "INTERNAL", json.dumps(report)
