"""Sites that do not answer 200, because their owners want it so: they are verified, enabled and restored like all others. What
no owner wants fails the task, and is undone."""

import contextlib
import os

import pytest

from lab import Lab

HOST = "own.test"


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        made.start().with_server().with_tiny()
        made.install(HOST, "tiny", "db_server=@server_main")
        yield made


@pytest.fixture(autouse=True)
def _logs(lab):
    lab.logs.expect("exited on signal 9")  # PHP-FPM's word for the processes of a site that is switched


def _set(lab, answer, maintenance=None):
    """What the site answers from now on, and what its driver is to say of its maintenance."""
    data = f"{lab.folder}/sites/{lab.site(HOST)['id']}/data"
    for name, text in (("answer", answer), ("maintenance", maintenance)):
        if text:
            with open(f"{data}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(f"{data}/{name}", 0o644)
        elif os.path.exists(f"{data}/{name}"):
            os.remove(f"{data}/{name}")


def _last(lab):
    return max(lab.must("list", "backup"), key=lambda row: row["made"])["bid"]


def _backup(lab):
    lab.must("backup", f"@{HOST}")
    return _last(lab)


def _refused(lab, task, *fields):
    row = lab.must(task, f"@{HOST}", *fields, code=5)
    assert (row["state"], row["code"]) == ("failed", "NOT_SERVED")
    return row["text"]


def _says(lab, row, text):
    return text in [line["text"] for line in lab.log(row["job"])]


@contextlib.contextmanager
def _closed_by_httpd(lab):
    """The driver's part of the virtual host answers by itself meanwhile."""
    path = f"{lab.folder}/apps/tiny/httpd.conf"
    with open(path, encoding="utf-8") as f:
        good = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(good + "    Redirect 503 /\n")
    yield
    with open(path, "w", encoding="utf-8") as f:
        f.write(good)


WANTED = [("302 /en", 302), ("301 https://own.test/", 301), ("401", 401), ("403", 403), ("503", 503)]


@pytest.mark.parametrize("answer, status", WANTED)
def test_a_site_answers_as_its_owner_wants_and_all_tasks_do_their_work(lab, answer, status):
    code, said = (1, "the site answers 503, as in maintenance mode") if status == 503 else (0, f"the site answers {status}")
    _set(lab, answer)
    assert _says(lab, lab.must("verify", f"@{HOST}", f"aliases=alias{status}.test", code=code), said)
    assert lab.get(f"alias{status}.test")[0] == status
    bid = _backup(lab)
    lab.must("disable", f"@{HOST}")
    assert _says(lab, lab.must("enable", f"@{HOST}", code=code), said)
    _set(lab, "")
    assert _says(lab, lab.must("restore", f"@{HOST}", f"bid={bid}", code=code), said)
    assert lab.get(HOST)[0] == status


@pytest.mark.parametrize("answer, what", [
    ("500", "status 500, not 200"), ("404", "status 404, not 200"), ("302 /", "status 302, which leads to where it comes from")])
def test_what_no_owner_wants_fails_the_task_and_is_undone(lab, answer, what):
    lab.logs.expect("NOT_SERVED", "state=failed")
    _set(lab, answer)
    bid = _backup(lab)
    assert what in _refused(lab, "verify", "aliases=bad.test")
    assert "bad.test" not in str(lab.site(HOST))
    lab.must("disable", f"@{HOST}")
    assert what in _refused(lab, "enable") and lab.site(HOST)["state"] == "disabled" and lab.get(HOST)[0] == 503
    _set(lab, "")
    lab.must("enable", f"@{HOST}")
    before = lab.inventory()
    assert what in _refused(lab, "restore", f"bid={bid}") and lab.get(HOST)[0] == 200
    lab.await_inventory(before)


def test_a_driver_that_knows_its_maintenance_decides_what_503_means(lab):
    lab.logs.expect("NOT_SERVED", "state=failed")
    _set(lab, "503", "off")
    off = _backup(lab)
    _set(lab, "503", "on")
    on = _backup(lab)
    _set(lab, "")
    assert "status 503, not 200" in _refused(lab, "restore", f"bid={off}") and lab.get(HOST)[0] == 200
    lab.must("restore", f"@{HOST}", f"bid={on}", code=1)
    assert lab.get(HOST)[0] == 503


def test_503_of_httpd_itself_is_no_maintenance(lab):
    lab.logs.expect("NOT_SERVED", "state=failed")
    _set(lab, "")
    with _closed_by_httpd(lab):
        assert "status 503, not 200" in _refused(lab, "verify")
    lab.must("verify", f"@{HOST}", code=1)  # the driver's part is as it was, and that is drift
    assert lab.get(HOST)[0] == 200


def test_a_deleted_site_that_was_closed_comes_back_closed(lab):
    _set(lab, "503", "on")
    lab.must("delete", f"@{HOST}")
    lab.must("restore", f"@{HOST}", f"bid={_last(lab)}", code=1)
    assert lab.get(HOST)[0] == 503
