"""Failures that people meet: each a failed task that says what went wrong and how to fix it, with the inventory as before."""

import contextlib
import os
import re
import shutil

import pytest

from lab import Lab
from lab.database import ADMIN
from lab.lab import TREE

TCP = ["db=mariadb", "db_auth=password", "db_host=127.0.0.1", "db_secret=tcp"]


@pytest.fixture(scope="module")
def lab():
    with Lab(WaitLimit=6) as made:
        made.start().with_server().with_static().with_tiny()
        made.install("stays.test", "pages")
        yield made


@contextlib.contextmanager
def _undone(lab):
    """The other site loses no request meanwhile, and everything is as before at the end."""
    lab.logs.expect("event=job.end")
    before = lab.inventory()
    with lab.probing("stays.test", text="Title of stays.test"):
        yield
    lab.await_inventory(before)


# What each code says went wrong, and how to fix it, as people are told.
ERRORS = {name: (text, fix) for name, text, fix in re.findall(
    r'^ERROR\((\w+),[^"]*"([^"]*)",\s*"([^"]*)"\)', open(f"{TREE}/provisiond/proto/errors.def", encoding="utf-8").read(), re.M)}


def _fails(lab, code, *words, what, field="", exit_code=5):
    """Runs a task that fails with CODE: what went wrong, the FIELD, WHAT it found (a pattern) and how to fix it are said; gives all."""
    jobs = len(lab.must("list", "job"))
    done = lab.provision(*words)
    text, fix = ERRORS[code]
    assert done.code == exit_code, done
    assert f"{code}: {text}\n" in done.err and f"  fix    {fix}\n" in done.err and ("  field  " in done.err) == bool(field), done
    assert (f"  field  {field}\n" if field else "") in done.err and re.search(rf"^  what   .*{what}", done.err, re.M), done
    rows = [row for row in lab.must("list", "job")[jobs:] if row["type"] != "purge"]  # trash may be emptied meanwhile
    assert [(row["state"], row["code"], row["field"]) for row in rows] == ([("failed", code, field)] if exit_code == 5 else [])
    return done.err


def _tiny(lab, *fields):
    return ["install", "@new.test", "platform=@platform_tiny", "db_server=@server_main", "title=New", *fields]


def test_a_wrong_database_password(lab):
    secret = f"{lab.folder}/secrets/tcp"
    with open(secret, "w", encoding="utf-8") as f:
        f.write(f"{ADMIN[0]}\nWrongPasswordOfTheTest1\n")
    with _undone(lab):
        lab.logs.expect("code=DB_DENIED")
        text = _fails(lab, "DB_DENIED", "verify", "@server_db", *TCP, what="password file tcp.*Access denied")
        assert "WrongPassword" not in text
    assert "WrongPassword" not in lab.daemon_log()
    with open(secret, "w", encoding="utf-8") as f:
        f.write("\n".join(ADMIN) + "\n")


def test_a_site_whose_database_is_reached_over_tcp(lab):
    before = lab.inventory()
    lab.must("verify", "@server_db", *TCP)
    lab.install("tcp.test", "tiny", "db_server=@server_db")
    assert "Title of tcp.test" in lab.get("tcp.test")[1]
    lab.must("delete", "@tcp.test")
    lab.must("delete", "@server_db")
    lab.await_inventory(before)


def test_a_full_disk():
    with Lab(sites_size="12m") as small:
        small.start().with_server().with_tiny()
        before = small.inventory()
        _fails(small, "DISK_FULL", *_tiny(small, "profile=fill"), what="sites")
        small.await_inventory(before)
        small.install("fits.test", "tiny", "db_server=@server_main")


def test_a_platform_that_is_no_such_cms(lab):
    with _undone(lab):
        _fails(lab, "NOT_THIS_CMS", "verify", "@platform_wrong", "server=@server_main", f"place={lab.folder}/platforms/wrong",
               f"source={lab.folder}/sources/pages", "app=wordpress", what="wp-settings.php is missing", field="place")


def test_a_platform_that_is_nothing(lab):
    os.makedirs(f"{lab.folder}/sources/nothing", exist_ok=True)
    with _undone(lab):
        _fails(lab, "NOT_THIS_CMS", "verify", "@platform_wrong", "server=@server_main", f"place={lab.folder}/platforms/wrong",
               f"source={lab.folder}/sources/nothing", what="no driver knows this code base", field="place")


def test_a_place_outside_of_all_roots(lab):
    with _undone(lab):
        _fails(lab, "ROOT_NOT_ALLOWED", "verify", "@platform_wrong", "server=@server_main", "place=/etc/apache2", what="/etc/apache2",
               field="place", exit_code=2)


def test_an_unreadable_file_in_an_adopted_platform(lab):
    place = f"{lab.folder}/platforms/adopted"
    shutil.copytree(f"{lab.folder}/sources/tiny", place)
    with open(f"{place}/hidden.php", "w", encoding="utf-8") as f:
        f.write("<?php\n")
    os.chmod(f"{place}/hidden.php", 0o600)
    for path in (place, *(f"{place}/{name}" for name in os.listdir(place))):
        os.chown(path, lab.last_uid, lab.last_uid)
    with _undone(lab):
        _fails(lab, "NOT_READABLE", "verify", "@platform_adopted", "server=@server_main", f"place={place}", what="hidden.php",
               field="place")
    os.chmod(f"{place}/hidden.php", 0o644)
    lab.must("verify", "@platform_adopted", "server=@server_main", f"place={place}")
    lab.must("delete", "@platform_adopted")
    assert os.path.exists(f"{place}/hidden.php")
    shutil.rmtree(place)


def test_an_httpd_configuration_that_was_broken_by_hand(lab):
    with open(lab.httpd_conf, encoding="utf-8") as f:
        good = f.read()
    lines = good.count("\n") + 1
    with _undone(lab):
        with open(lab.httpd_conf, "a", encoding="utf-8") as f:
            f.write("NoSuchDirective on\n")
        text = _fails(lab, "HTTPD_CONFIG_FOREIGN", *_tiny(lab), what=f"line {lines} of {lab.httpd_conf}")
        assert "NoSuchDirective" in text
        with open(lab.httpd_conf, "w", encoding="utf-8") as f:
            f.write(good)
    lab.install("after.test", "pages")
    lab.must("delete", "@after.test")


@pytest.mark.parametrize("profile, code, what, field", [
    ("refuse", "DRIVER_FAILED", "it was told to refuse", "profile"), ("quiet", "DRIVER_NO_END", "without the last line", ""),
    ("hang", "DEADLINE", "it was ended after 8 s", ""), ("untitled", "NOT_SERVED", "the page's title is not 'New'", "")])
def test_a_driver_that_does_not_do_its_work(lab, profile, code, what, field):
    with _undone(lab):
        _fails(lab, code, *_tiny(lab, f"profile={profile}"), what=what, field=field)


def test_a_driver_that_prints_success_and_exits_with_0(lab):
    """Without the last line of its report it has failed."""
    app = f"{lab.folder}/apps/liar"
    shutil.copytree(f"{lab.folder}/apps/tiny", app)
    shutil.copytree(f"{lab.folder}/sources/tiny", f"{lab.folder}/sources/liar")
    os.rename(f"{lab.folder}/sources/liar/tiny.txt", f"{lab.folder}/sources/liar/liar.txt")
    with open(f"{app}/manifest.json", encoding="utf-8") as f:
        manifest = f.read().replace('"tiny"', '"liar"').replace("tiny.txt", "liar.txt")
    with open(f"{app}/manifest.json", "w", encoding="utf-8") as f:
        f.write(manifest)
    with open(f"{app}/driver.php", "w", encoding="utf-8") as f:
        f.write("<?php if ($argv[1] === 'install') { echo \"Success: installed.\\n\"; exit(0); }\nrequire dirname(__DIR__) . '/tiny/driver.php';")
    lab.open_to_all("apps", "sources")
    lab.must("verify", "@platform_liar", "server=@server_main", f"place={lab.folder}/platforms/liar", f"source={lab.folder}/sources/liar")
    with _undone(lab):
        text = _fails(lab, "DRIVER_NO_END", "install", "@new.test", "platform=@platform_liar", "db_server=@server_main", "title=New",
                      what="it ended with exit code 0 without the last line")
        assert "Success: installed." in text
    lab.must("delete", "@platform_liar")


def test_a_driver_that_says_too_much_is_only_loud(lab):
    before = lab.inventory()
    lab.must(*_tiny(lab, "profile=loud"))
    assert "<title>New" in lab.get("new.test")[1]
    lab.must("delete", "@new.test")
    lab.await_inventory(before)


def test_a_job_is_cancelled_before_its_point_of_no_return(lab):
    with _undone(lab):
        job = lab.submit(*_tiny(lab, "profile=hang"))
        lab.await_(lambda: any("it hangs" in line["text"] for line in lab.log(job)), 30, "the driver's line")
        lab.must("cancel", str(job))
        row = lab.await_end(job)
        assert (row["state"], row["code"]) == ("cancelled", "CANCELLED")


def test_a_database_server_that_is_away_is_waited_for(lab):
    before = lab.inventory()
    lab.logs.expect("DB_DOWN")
    lab.database.stop()
    job = lab.submit(*_tiny(lab))
    row = lab.await_state(job, "waiting")
    assert row["code"] == "DB_DOWN" and re.search(r"connect|server", row["text"]), row
    assert any(line["text"].startswith("waits: DB_DOWN: ") for line in lab.log(job))
    assert lab.get("stays.test")[0] == 200
    lab.database.start()
    assert lab.await_end(job)["state"] == "success"
    assert "<title>New" in lab.get("new.test")[1]
    lab.must("delete", "@new.test")
    lab.await_inventory(before)


def test_a_database_server_that_stays_away_fails_the_job(lab):
    before = lab.inventory()
    lab.logs.expect("DB_DOWN")
    lab.database.stop()
    assert "waiting" in _fails(lab, "DB_DOWN", *_tiny(lab), what="server")
    lab.database.start()
    lab.await_inventory(before)
