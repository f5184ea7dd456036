"""A driver that is dropped in beside the others: a folder is all that it takes, and what drivers share is enough to do the whole
contract with."""

import json
import shutil
import urllib.parse

import pytest
from drivers import OTHER_UID, PASSWORD, PLATFORM_UID, SITE_UID, TOP, Site, made_machine, on_platform

TINYCMS = TOP / "tests/it/fixtures/tinycms"
TITLE = "Müller & Söhne <b>"


@pytest.fixture(scope="module")
def machine():
    with made_machine() as made:
        shutil.copytree(TINYCMS / "driver", made.apps / "tinycms")
        yield made


@pytest.fixture(scope="module")
def code(machine):
    root = machine.code("tiny", TINYCMS / "platform")
    run = on_platform(machine, root, "setup")
    assert run.ok, run.log + str(run.lines)
    return root


@pytest.fixture(scope="module")
def site(machine, code):
    site = Site(machine, "saaaaaaaaaaaa", SITE_UID, code)
    site.make_database()
    site.install = site.run("install", title=TITLE, admin_name="boss")
    site.serve(code)
    return site


def test_platform_verbs(machine, code):
    assert on_platform(machine, code, "detect").facts == {"version": "1.2", "schema": "2"}
    assert (code / "config/sites.php").stat().st_uid == PLATFORM_UID
    found = on_platform(machine, code, "packages").of("package")
    assert [(p["type"], p["name"], p["version"], p["path"], p["status"], p["schema"]) for p in found] == [
        ("core", "tinycms", "1.2", "", "", "2"), ("module", "hello", "1.0", "packages/hello", "", "")]  # fmt: skip
    assert on_platform(machine, machine.top / "sites", "detect", "tinycms").error["code"] == "NOT_THIS_CMS"


def test_install_makes_a_site_that_is_served(site):
    assert site.install.ok, site.install.log + str(site.install.lines)
    assert site.install.facts == {"title": TITLE, "admin_name": "boss", "version": "1.2", "schema": "2"}
    assert (site.data / "settings.php").stat().st_mode & 0o7777 == 0o600
    assert PASSWORD not in (site.data / "settings.php").read_text() + str(site.install.lines)
    assert "<title>Müller &amp; Söhne &lt;b&gt;</title>" in site.fetch("/?x=1").text
    again = site.run("install")
    assert (again.code, again.error["code"], again.error["field"]) == (1, "DB_FAILED", "db_server")


def test_status_packages_and_stats(site):
    assert site.run("status").facts == {"version": "1.2", "title": TITLE, "schema": "2", "update": "none", "maintenance": "off"}
    assert {p["name"]: p["status"] for p in site.run("packages").of("package")} == {"tinycms": "enabled", "hello": "enabled"}
    facts = site.run("stats").facts
    assert facts["pages"] == "0" and int(facts["files_bytes"]) > 0 and int(facts["database_bytes"]) > 0


def test_a_login_link_lets_in_once_and_cron_sweeps_old_ones_away(site):
    url = urllib.parse.urlsplit(site.run("login").facts["login_url"])
    assert url.query.removeprefix("token=") not in site.sql("SELECT * FROM login")
    assert [site.fetch(f"{url.path}?{url.query}").text.count("welcome") for _ in range(2)] == [1, 0]
    assert site.run("login", admin_name="nobody").error["field"] == "admin_name"
    site.run("login")
    site.sql("UPDATE login SET expires = 1")
    assert [site.run("cron").facts["events"] for _ in range(2)] == ["1", "0"]


def test_maintenance_clear_and_update(site):
    assert site.run("maintenance", maintenance="on").ok and site.fetch("/").status == 503
    assert site.run("maintenance", maintenance="off").ok and site.fetch("/").status == 200
    assert site.run("maintenance", maintenance="perhaps").error["field"] == "maintenance"
    assert site.run("clear").ok
    site.sql("UPDATE setting SET value = 1 WHERE name = 'schema'")
    assert site.run("status").facts["update"] == "pending"
    assert site.run("update").facts == {"schema": "2"} and site.run("status").facts["update"] == "none"
    site.sql("UPDATE setting SET value = 9 WHERE name = 'schema'")
    assert site.run("update").error["field"] == "platform"
    site.sql("UPDATE setting SET value = 2 WHERE name = 'schema'")


def test_move_rewrites_addresses_and_ids(machine, code, site):
    moved = Site(machine, "sbbbbbbbbbbbb", OTHER_UID, code, "new.example.org")
    moved.make_database()
    for table in site.sql("SHOW TABLES").split():
        moved.sql(f"CREATE TABLE {table} LIKE {site.id}d1.{table}; INSERT {table} SELECT * FROM {site.id}d1.{table}")
    moved.sql(f"INSERT INTO page VALUES (1, 'One', 'http://{site.host}/a /sites/{site.id}/files/a')")
    for changed in ("1", "0"):
        run = moved.run("move", from_url=f"http://{site.host}", from_id=site.id)
        assert run.ok and run.facts == {"rows_changed": changed}, run.log + str(run.lines)
    server = moved.serve(code)
    assert f"http://{moved.host}/a /sites/{moved.id}/files/a" in moved.fetch("/").text
    server.kill()


def test_its_sites_are_installed_by_the_daemon_without_a_rebuild(lab):
    shutil.copytree(TINYCMS / "driver", f"{lab.folder}/apps/tinycms")
    shutil.copytree(TINYCMS / "platform", f"{lab.folder}/sources/tinycms")
    lab.open_to_all("apps", "sources")
    place = f"place={lab.folder}/platforms/tinycms"
    lab.must("verify", "@platform_tinycms", "server=@server_main", place, f"source={lab.folder}/sources/tinycms")
    shown = json.dumps(lab.must("show", "@platform_tinycms"))
    assert '"tinycms"' in shown and '"1.2"' in shown
    lab.install("tiny.test", "tinycms", "db_server=@server_main", "admin_name=boss")
    status, page = lab.get("tiny.test", "/?uncached=1")
    assert status == 200 and "<title>Title of tiny.test</title>" in page
    lab.must("delete", "@tiny.test")
    assert lab.get("tiny.test")[0] == 404
