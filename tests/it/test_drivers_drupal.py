"""The drivers of Drupal: every verb is run for real on the code bases that DRUPAL7_ROOT and DRUPAL10_ROOT name, as the uid of a
site or platform, without a network, on a database server of its own; what they made is fetched by its host name."""

import html
import os
import pathlib
import re
import shutil
import subprocess
import time
import types
import urllib.parse

import pytest
from drivers import (APPS, OTHER_UID, PASSWORD, PHP, PLATFORM_UID, SITE_UID, TOP, Site, as_uid, made_machine,
                     on_platform)  # fmt: skip
from lab.visitor import Visitor

TITLE = "Müller & Söhne <b>"
ROOTS = {"d7": "DRUPAL7_ROOT", "d10": "DRUPAL10_ROOT"}

# Where the two differ: how a module of ours is written, and where Drupal keeps what the tests look at.
KINDS = {
    "d7": types.SimpleNamespace(
        name="d7", info="hmtest.info", text="name = Test\ncore = 7.x\n", modules="sites/all/modules", first=7001,
        remember="variable_set('hmtest', %d);", node="/node/1", users="users", last="SELECT login FROM users WHERE uid = 1",
        cron="SELECT value FROM variable WHERE name = 'cron_last'", system="includes/bootstrap.inc"),
    "d10": types.SimpleNamespace(
        name="d10", info="hmtest.info.yml", text="name: Test\ntype: module\ncore_version_requirement: ^10\n", modules="modules",
        first=10001, remember="\\Drupal::state()->set('hmtest', %d);", node="/node/1", users="users_field_data",
        last="SELECT login FROM users_field_data WHERE uid = 1",
        cron="SELECT value FROM key_value WHERE name = 'system.cron_last'", system="core/lib/Drupal.php"),
}  # fmt: skip


@pytest.fixture(scope="module")
def machine():
    if not any(os.environ.get(name) for name in ROOTS.values()):
        pytest.skip("no variable names a code base")
    with made_machine() as made:
        yield made


@pytest.fixture(scope="module", params=sorted(ROOTS))
def kind(request):
    source = os.environ.get(ROOTS[request.param])
    if not source:
        pytest.skip(f"{ROOTS[request.param]} names no code base")
    return types.SimpleNamespace(source=source, **vars(KINDS[request.param]))


@pytest.fixture(scope="module")
def code(machine, kind):
    root = machine.code(f"{kind.name}a", kind.source)
    run = on_platform(machine, root, "setup")
    assert run.ok, run.log
    return root


@pytest.fixture(scope="module")
def site(machine, kind, code):
    """An installed site that is served."""
    site = Site(machine, id_of(kind, "a"), SITE_UID, code)
    site.make_database()
    (code / "sites" / site.id).symlink_to(site.data)
    site.install = site.run("install", title=TITLE, admin_name="boss", admin_mail="boss@example.org", profile="standard")
    site.serve(code)
    return site


def id_of(kind, letter):
    return f"s{kind.name.translate(str.maketrans('017', 'xyz'))}".ljust(13, letter)


def act(kind, site, *words):
    """Runs a function of fixtures/drupal in the site, as the site."""
    script = TOP / f"tests/it/fixtures/drupal/{kind.name}.php"
    argv = [*as_uid(site.uid), PHP, "-r", f"umask(022); require '{site.machine.top}/{kind.name}.php';", "--", *words]
    shutil.copy(script, site.machine.top)
    argv[-len(words):-len(words)] = [site.host]
    done = subprocess.run(argv, cwd=site.root, env={"PV_SITE": site.id}, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def module(kind, root, folder="hmtest", updates="", code=""):
    """Writes the test module, with update functions and code of its own, into a code base."""
    place = root / kind.modules / folder
    place.mkdir(exist_ok=True)
    (place / kind.info).write_text(kind.text)
    (place / "hmtest.module").write_text(f"<?php\n{code}\n")
    (place / "hmtest.install").write_text(f"<?php\n{updates}\n")
    subprocess.run(["chown", "-R", f"{PLATFORM_UID}:{PLATFORM_UID}", place], check=True)


def update(kind, offset, body):
    return f"function hmtest_update_{kind.first + offset}(&$sandbox) {{ {body} }}\n"


# --- the code base


def test_detect_reads_the_version_and_runs_nothing_of_the_code(machine, kind, code):
    run = on_platform(machine, code, "detect")
    assert run.ok and run.log == "" and run.of("log") == []
    assert f"'{run.facts['version']}'" in (code / kind.system).read_text() and int(run.facts["schema"]) > 7000


def test_detect_refuses_another_folder(machine, kind):
    run = on_platform(machine, machine.top / "sites", "detect", machine.app_of(pathlib.Path(kind.name)))
    assert (run.code, run.error["code"], run.error["field"]) == (1, "NOT_THIS_CMS", "place")


def test_setup_writes_one_file_and_then_nothing(machine, code):
    before = (code / "sites/sites.php").stat()
    assert on_platform(machine, code, "setup").of("log") == []
    assert (code / "sites/sites.php").stat().st_ino == before.st_ino and before.st_uid == PLATFORM_UID
    assert (code / "sites/sites.php").read_bytes() == (APPS / "drupal/platform/sites.php").read_bytes()


def test_setup_leaves_a_foreign_sites_php_alone(machine, code):
    ours = (code / "sites/sites.php").read_text()
    (code / "sites/sites.php").write_text("<?php $sites['a.test'] = 'mine';")
    run = on_platform(machine, code, "setup")
    assert (run.code, run.error["code"], run.error["field"]) == (1, "FOREIGN_OBJECT", "place")
    assert "mine" in (code / "sites/sites.php").read_text()
    (code / "sites/sites.php").write_text(ours)


def cpu_of_children():
    """Seconds of the processor: what the clock says tells more of what else is tested at the time."""
    return sum(os.times()[2:4])


def test_packages_of_a_code_base_in_less_than_two_seconds(machine, code):
    before = cpu_of_children()
    run, seconds = on_platform(machine, code, "packages"), cpu_of_children() - before
    assert run.ok and run.log == "" and seconds < 2
    found = {(p["type"], p["name"]): p for p in run.of("package")}
    core = found["core", "drupal"]
    assert core["version"] == on_platform(machine, code, "detect").facts["version"] and int(core["schema"]) > 7000
    assert found["module", "node"]["label"] == "Node" and found["module", "node"]["version"] == core["version"]
    assert found["module", "node"]["path"].endswith("modules/node") and int(found["module", "user"]["schema"]) > 7000
    assert {p["type"] for p in run.of("package")} >= {"core", "module", "theme"}
    assert all(p["status"] == "" for p in run.of("package")) and not any(name.endswith("_test") for _, name in found)


# --- a site


def test_install_reports_what_it_made_and_never_the_password(site):
    run = site.install
    assert run.ok, run.log + str(run.lines)
    assert run.facts["title"] == TITLE and run.facts["admin_name"] == "boss" and run.log == ""
    settings = site.data / "settings.php"
    assert (settings.stat().st_mode & 0o7777, settings.stat().st_uid) == (0o600, SITE_UID)
    assert PASSWORD not in settings.read_text() + str(run.lines) and "'@" not in settings.read_text()
    for folder, _, files in os.walk(site.top):
        assert not any(PASSWORD in (pathlib.Path(folder) / f).read_text(errors="replace") for f in files if f != "db")


def test_the_site_answers_an_uncached_path_with_its_title(site):
    for path in ("/?x=1", "/user/login"):
        page = site.fetch(path)
        assert page.status == 200 and "Müller &amp; Söhne &lt;b&gt;</title>" in page.text
    assert site.fetch("/nothing-here").status == 404


def test_every_host_is_the_pool_s_site_but_only_its_own_names_are_trusted(kind, site):
    status = site.fetch("/user/login", headers={"Host": "other.test"}).status
    assert status == (400 if kind.name == "d10" else 200)


def test_a_pool_without_a_site_answers_503_and_shows_no_installer(machine, kind, code):
    empty = Site(machine, id_of(kind, "e"), OTHER_UID, code)
    server = empty.serve(code)
    for path in ("/", "/user/login"):
        assert empty.fetch(path, headers={"PV-SITE": "other"}).status == 503
    server.kill()


def test_install_twice_is_refused_and_changes_nothing(kind, site):
    before = site.sql(f"CHECKSUM TABLE {kind.users}"), (site.data / "settings.php").read_text()
    run = site.run("install", title="other", admin_mail="x@example.org")
    assert (run.code, run.error["code"]) == (1, "DB_EXISTS")
    assert (site.sql(f"CHECKSUM TABLE {kind.users}"), (site.data / "settings.php").read_text()) == before


def test_status(site):
    run = site.run("status")
    assert run.ok and run.facts["title"] == TITLE and run.facts["schema"] == site.install.facts["schema"]
    assert (run.facts["update"], run.facts["maintenance"]) == ("none", "off")


def test_packages_of_a_site_say_what_it_uses(site):
    run = site.run("packages")
    found = {(p["type"], p["name"]): p for p in run.of("package")}
    assert run.of("log") == [], "what it uses is all in the code base"
    assert run.ok and found["profile", "standard"]["status"] == found["module", "node"]["status"] == "enabled"
    assert found["module", "book"]["status"] == "disabled" and int(found["module", "user"]["schema"]) > 7000
    assert site.install.of("package") == run.of("package"), "an install tells them too"


def test_cron_runs(kind, site):
    site.run("cron")
    before = site.sql(kind.cron)
    deadline = time.monotonic() + 30
    while site.sql(kind.cron) == before and time.monotonic() < deadline:  # it counts in seconds
        run = site.run("cron")
        assert run.ok and int(run.facts["events"]) > 3, run.log + str(run.lines)
    assert site.sql(kind.cron) != before


# --- logging in


def login_path(run):
    return urllib.parse.urlsplit(run.facts["login_url"]).path


def logged_in(site, browser):
    return browser.send("/user/1/edit").status == 200


def test_a_login_link_lets_in_once_and_a_look_at_it_does_not_use_it_up(site):
    run = site.run("login")
    assert run.ok and run.facts["login_url"].startswith(f"http://{site.host}/user/reset/1/"), run.log
    path = login_path(run)
    assert Visitor(site.fetch).send(path).status == 200
    browser = Visitor(site.fetch)
    page = browser.send(path)
    assert page.status == 200 and not logged_in(site, browser)
    browser = Visitor(site.fetch)
    browser.use(path)
    assert logged_in(site, browser)
    second = Visitor(site.fetch)
    assert "user/reset" not in second.send(path).text and not logged_in(site, second)


def test_a_login_link_ends_after_15_minutes_even_right_after_a_login(kind, site):
    """Drupal takes links for a day; ours bears a time that is a day less 15 minutes ago."""
    site.sql(f"UPDATE {kind.users} SET login = UNIX_TIMESTAMP() WHERE uid = 1")
    path = login_path(site.run("login", admin_name="boss"))
    left = int(path.split("/")[4]) + 86400 - time.time()
    assert 870 < left <= 900 and 0 < int(site.sql(kind.last)) <= int(path.split("/")[4])
    browser = Visitor(site.fetch)
    browser.use(path)
    assert logged_in(site, browser)


def test_a_login_link_for_nobody(site):
    run = site.run("login", admin_name="nobody")
    assert (run.code, run.error["field"]) == (1, "admin_name")


# --- content


@pytest.fixture(scope="module")
def content(kind, site):
    """A node and a file, and a module with a function that pages run."""
    body = f'<a href="http://{site.host}/a">a</a> <img src="/sites/{site.id}/files/hello.txt"> me@{site.host}'
    act(kind, site, "write", "First node", body)
    module(kind, site.root)
    act(kind, site, "enable", "hmtest")
    assert site.run("clear").ok
    return site


def test_a_node_and_a_file_are_served(kind, content):
    page = content.fetch(kind.node)
    assert page.status == 200 and "First node" in page.text and f'src="/sites/{content.id}/files/hello.txt"' in page.text
    assert content.fetch(f"/sites/{content.id}/files/hello.txt").text == "file of First node"
    assert (content.data / "files/hello.txt").stat().st_uid == SITE_UID


def test_stats_count(content):
    facts = content.run("stats").facts
    assert (facts["users"], facts["posts"], facts["pages"], facts["comments"]) == ("1", "1", "0", "0")
    assert int(facts["files_bytes"]) > 1000 and int(facts["database_bytes"]) > 100000


def test_maintenance_closes_the_site_and_opens_it_again(content):
    assert content.fetch("/").status == 200
    assert content.run("maintenance", maintenance="on").ok
    assert [content.fetch(path).status for path in ("/", "/?x=2", "/node/1")] == [503, 503, 503]
    assert content.run("status").facts["maintenance"] == "on"
    assert content.run("maintenance", maintenance="off").ok
    assert content.fetch("/").status == 200
    assert content.run("maintenance", maintenance="perhaps").error["field"] == "maintenance"


# --- updates


def test_update_runs_what_is_pending_once(kind, content):
    module(kind, content.root, updates=update(kind, 0, kind.remember % 7))
    assert content.run("status").facts["update"] == "pending"
    run = content.run("update")
    assert run.ok and [f"hmtest_update_{kind.first}", "1 updates"] == [x["text"] for x in run.of("log")], run.log + str(run.lines)
    assert act(kind, content, "remember", "hmtest") == "7"
    assert content.run("status").facts["update"] == "none"
    assert content.run("update").of("log")[-1]["text"] == "0 updates"
    found = {p["name"]: p for p in content.run("packages").of("package")}
    assert found["hmtest"]["status"] == "enabled" and found["hmtest"]["schema"] == str(kind.first)


@pytest.mark.parametrize("body, words", [("throw new Exception('it is <b>broken</b>');", "it is <b>broken</b>"),
                                         ("nonsense_function();", "nonsense_function"),
                                         ("class X extends \\Nonsense {}", "Nonsense")])  # fmt: skip
def test_an_update_that_fails_says_why_and_leaves_the_site_open(kind, content, body, words):
    good = update(kind, 0, "")
    module(kind, content.root, updates=good + update(kind, 1, body))
    run = content.run("update")
    assert not run.ok and run.error["code"] == "DRIVER_FAILED" and words in html.unescape(run.error["text"]), run.lines
    assert content.run("status").facts == {**content.run("status").facts, "update": "pending", "maintenance": "off"}
    assert content.fetch("/?x=3").status == 200
    module(kind, content.root, updates=good)


def test_every_verb_works_while_visitors_get_pages_from_its_cache(kind, content):
    act(kind, content, "cache")
    assert [content.fetch("/").status for _ in range(2)] == [200, 200]
    for verb in ("status", "packages", "cron", "login", "stats", "clear", "update"):
        run = content.run(verb)
        assert run.ok, (verb, run.log, run.lines)


def test_a_database_that_is_newer_than_the_code_is_refused(kind, content):
    module(kind, content.root, updates=update(kind, 0, "") + update(kind, 5, ""))
    assert content.run("update").ok
    module(kind, content.root, updates=update(kind, 0, ""))
    run = content.run("update")
    assert (run.code, run.error["field"]) == (1, "platform") and "hmtest" in run.error["text"]


def test_code_that_ends_the_script_is_no_success(kind, content):
    module(kind, content.root, code="exit(0);")
    run = content.run("status")
    assert not run.ok and run.code == 70 and run.of("end") == []
    module(kind, content.root)


# --- moving


def copied(machine, kind, content, root):
    """A copy of the site in another platform: files, settings and database, as a restore makes it."""
    site = Site(machine, id_of(kind, "z"), OTHER_UID, root, "new.example.org")
    site.make_database()
    dump = ["mariadb-dump", "--no-defaults", f"--socket={machine.db.socket}", "-uroot", f"{content.id}d1"]
    load = ["mariadb", "--no-defaults", f"--socket={machine.db.socket}", "-uroot", f"{site.id}d1"]
    subprocess.run(load, input=subprocess.run(dump, check=True, stdout=subprocess.PIPE).stdout, check=True)
    subprocess.run(["cp", "-a", f"{content.data}/.", site.data], check=True)
    subprocess.run(["chown", "-R", f"{OTHER_UID}:{OTHER_UID}", site.data], check=True)
    (root / "sites" / site.id).symlink_to(site.data)
    return site


def test_move_between_two_code_bases_under_a_new_name_and_id(machine, kind, content):
    """The module lies elsewhere in the other code base: what Drupal remembers of its place would stop it."""
    root = machine.top / f"{kind.name}b"
    subprocess.run(["cp", "-al", content.root, root], check=True)
    shutil.rmtree(root / kind.modules / "hmtest")
    (root / kind.modules / "contrib").mkdir()
    module(kind, root, "contrib/hmtest", updates=update(kind, 5, ""))
    moved = copied(machine, kind, content, root)
    salt = re.search(r"'([0-9a-f]{64})'", (content.data / "settings.php").read_text())[1]
    run = moved.run("move", from_url=f"http://{content.host}", from_id=content.id)
    assert run.ok and int(run.facts["rows_changed"]) >= 2, run.log + str(run.lines)
    assert salt in (moved.data / "settings.php").read_text() and content.id not in (moved.data / "settings.php").read_text()
    server = moved.serve(root)
    page = moved.fetch(kind.node)
    assert page.status == 200 and f'src="/sites/{moved.id}/files/hello.txt"' in page.text and f"http://{moved.host}/a" in page.text
    assert content.id not in page.text, re.findall(f".{{60}}{content.id}.{{60}}", page.text)
    assert f"me@{content.uri}" in page.text
    assert moved.fetch(f"/sites/{moved.id}/files/hello.txt").text == "file of First node"
    assert moved.run("move", from_url=f"http://{content.host}", from_id=content.id).facts["rows_changed"] == "0"
    assert moved.run("status").facts["title"] == TITLE and moved.run("update").ok
    server.kill()
    assert content.fetch(kind.node).status == 200


# --- what goes wrong


@pytest.fixture
def fresh(machine, kind, code):
    site = Site(machine, id_of(kind, "f"), OTHER_UID, code)
    site.make_database()
    link = code / "sites" / site.id
    link.symlink_to(site.data)
    yield site
    link.unlink()
    shutil.rmtree(site.top)


def test_a_wrong_password_is_db_denied_and_leaves_no_settings(fresh):
    fresh.secret.write_text("wrong\n")
    run = fresh.run("install", admin_mail="a@example.org")
    assert (run.code, run.error["code"], run.error["field"]) == (1, "DB_DENIED", "db_server")
    assert "wrong" not in str(run.lines) + run.log and list(fresh.data.iterdir()) == []


@pytest.mark.parametrize("field, value", [("profile", "nonsense"), ("language", "tlh"), ("admin_mail", "nobody"), ("admin_mail", "")])
def test_a_wrong_field_is_named_before_anything_is_made(fresh, field, value):
    run = fresh.run("install", **{"admin_mail": "a@example.org", field: value})
    assert (run.code, run.error["code"], run.error["field"].removeprefix("args.")) == (1, "SCHEMA", field), run.lines
    assert fresh.sql("SHOW TABLES") == "" and not (fresh.data / "settings.php").exists()


def test_a_site_whose_link_is_missing_is_no_open_installer(machine, kind, content):
    (content.root / "sites" / content.id).rename(content.root / "sites/away")
    run, page = content.run("status"), content.fetch("/")
    (content.root / "sites/away").rename(content.root / "sites" / content.id)
    assert run.error["code"] == "DRIVER_FAILED" and "its link is missing" in run.error["text"]
    assert page.status == 503


# --- in the jail


def test_the_daemon_installs_a_site_from_it(kind, lab):
    """What the driver needs is in a worker's view and in a pool: the platform's folder, the site's, the database's socket."""
    source = pathlib.Path(lab.folder, "sources", kind.name)
    shutil.copytree(kind.source, source, symlinks=True, ignore=shutil.ignore_patterns("tests"))
    lab.open_to_all("sources")
    lab.must("verify", f"@platform_{kind.name}", "server=@server_main", f"place={lab.folder}/platforms/{kind.name}", f"source={source}")
    host = f"{kind.name}.test"
    lab.install(host, kind.name, "db_server=@server_main", "admin_mail=boss@example.org", "profile=minimal", "aliases=www." + host)
    for name in (host, "www." + host):
        status, page = lab.get(name, "/user/login?uncached=1")
        assert status == 200 and f"Title of {host}" in page
    lab.must("delete", f"@{host}")
    assert lab.get(host)[0] == 404
    lab.must("delete", f"@platform_{kind.name}")
