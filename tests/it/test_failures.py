"""Failures that people meet: each a failed task that says what went wrong and how to fix it, with the inventory as before."""

import contextlib
import os
import shutil

import pytest

from lab import Lab
from lab.database import ADMIN

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


def _fails(lab, code, *words, exit_code=5):
    """Runs a task that fails with CODE; gives what was said, as text and as the job's row."""
    done = lab.provision(*words)
    assert done.code == exit_code and code in done.err and "  fix    " in done.err, done
    return done.err


def _tiny(lab, *fields):
    return ["install", "@new.test", "platform=@platform_tiny", "db_server=@server_main", "title=New", *fields]


def test_a_wrong_database_password(lab):
    secret = f"{lab.folder}/secrets/tcp"
    with open(secret, "w", encoding="utf-8") as f:
        f.write(f"{ADMIN[0]}\nWrongPasswordOfTheTest1\n")
    with _undone(lab):
        lab.logs.expect("code=DB_DENIED")
        text = _fails(lab, "DB_DENIED", "verify", "@server_db", *TCP)
        assert "tcp" in text and "Access denied" in text and "WrongPassword" not in text
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
        text = _fails(small, "DISK_FULL", *_tiny(small, "profile=fill"))
        assert "sites" in text
        small.await_inventory(before)
        small.install("fits.test", "tiny", "db_server=@server_main")


def test_a_platform_that_is_no_such_cms(lab):
    with _undone(lab):
        _fails(lab, "NOT_THIS_CMS", "verify", "@platform_wrong", "server=@server_main", f"place={lab.folder}/platforms/wrong",
               f"source={lab.folder}/sources/pages", "app=wordpress")


def test_a_platform_that_is_nothing(lab):
    os.makedirs(f"{lab.folder}/sources/nothing", exist_ok=True)
    with _undone(lab):
        _fails(lab, "NOT_THIS_CMS", "verify", "@platform_wrong", "server=@server_main", f"place={lab.folder}/platforms/wrong",
               f"source={lab.folder}/sources/nothing")


def test_a_place_outside_of_all_roots(lab):
    with _undone(lab):
        _fails(lab, "ROOT_NOT_ALLOWED", "verify", "@platform_wrong", "server=@server_main", "place=/etc/apache2", exit_code=2)


def test_an_unreadable_file_in_an_adopted_platform(lab):
    place = f"{lab.folder}/platforms/adopted"
    shutil.copytree(f"{lab.folder}/sources/tiny", place)
    with open(f"{place}/hidden.php", "w", encoding="utf-8") as f:
        f.write("<?php\n")
    os.chmod(f"{place}/hidden.php", 0o600)
    for path in (place, *(f"{place}/{name}" for name in os.listdir(place))):
        os.chown(path, 79990, 79990)
    with _undone(lab):
        assert "hidden.php" in _fails(lab, "NOT_READABLE", "verify", "@platform_adopted", "server=@server_main", f"place={place}")
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
        text = _fails(lab, "HTTPD_CONFIG_FOREIGN", *_tiny(lab))
        assert "NoSuchDirective" in text and f"{lab.httpd_conf}" in text and str(lines) in text
        with open(lab.httpd_conf, "w", encoding="utf-8") as f:
            f.write(good)
    lab.install("after.test", "pages")
    lab.must("delete", "@after.test")


@pytest.mark.parametrize("profile, code", [("refuse", "DRIVER_FAILED"), ("quiet", "DRIVER_NO_END"), ("hang", "DEADLINE"),
                                           ("untitled", "NOT_SERVED")])
def test_a_driver_that_does_not_do_its_work(lab, profile, code):
    with _undone(lab):
        _fails(lab, code, *_tiny(lab, f"profile={profile}"))


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
    assert row["code"] == "DB_DOWN" and row["text"]
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
    done = lab.provision(*_tiny(lab))
    assert done.code == 5 and "DB_DOWN" in done.err and "waiting" in done.err
    lab.database.start()
    lab.await_inventory(before)
