"""The drivers of static pages and WordPress: every verb is run for real, as the uid of a site or platform, without a
network, on a resolved copy of Debian's WordPress and a database server of its own; what they made is fetched."""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import urllib.parse

import pytest
from drivers import APPS, OTHER_UID, PASSWORD, PHP, SITE_UID, TOP, Site, as_uid, made_machine, on_platform, run_driver

DRIVERS = sorted(path.name for path in APPS.iterdir() if path.is_dir())
TITLE = "Müller & Söhne <b>"


def mode_of(path):
    return path.stat().st_mode & 0o7777


@pytest.fixture(scope="module")
def machine():
    with made_machine() as made:
        yield made


@pytest.fixture(scope="module")
def code(machine):
    root = machine.code("wp")
    run = on_platform(machine, root, "setup")
    assert run.ok, run.log
    return root


@pytest.fixture(scope="module")
def site(machine, code):
    """An installed WordPress site that is served."""
    site = Site(machine, "saaaaaaaaaaaa", SITE_UID, code)
    site.make_database()
    (code / "sites" / site.id).symlink_to(site.data)
    site.install = site.run("install", title=TITLE, admin_name="boss", admin_mail="boss@example.org", language="en")
    site.serve(code)
    return site


@pytest.fixture(scope="module")
def pages(machine):
    root = machine.top / "pages"
    (root / "css").mkdir(parents=True)
    (root / "index.html").write_text("<title>@TITLE@</title><a href='@URL@/'>@TITLE@</a>")
    (root / "css/a.css").write_text("/* @TITLE@ */")
    (root / "passwd").symlink_to("/etc/passwd")
    return root


# --- manifests


@pytest.mark.parametrize("app", DRIVERS)
def test_the_manifest_and_the_driver_name_the_same_verbs(machine, app):
    verbs = json.loads((APPS / app / "manifest.json").read_text())["verbs"]
    run = run_driver(machine.apps / app, "nonsense", {}, SITE_UID)
    assert run.error["code"] == "SCHEMA" and run.error["field"] == "verb" and run.code == 1
    assert run.error["text"].split("only ")[1].split(", ") == list(verbs)


@pytest.mark.parametrize("app", DRIVERS)
def test_the_man_page_explains_every_key_and_verb_of_a_manifest(app):
    manifest = json.loads((APPS / app / "manifest.json").read_text())
    row = next(iter(manifest["verbs"].values()))
    explained = re.findall(r"^\.It Cm (\w+)$", (TOP / "provisiond/man/provision-driver.7").read_text(), re.M)
    assert {*manifest, *row, *manifest["verbs"]} <= set(explained)


# --- static


def test_static_detects_a_folder_with_an_index(machine, pages):
    assert on_platform(machine, pages, "detect", "static").ok
    run = on_platform(machine, machine.top / "sites", "detect", "static")
    assert (run.code, run.error["code"], run.error["field"]) == (1, "NOT_THIS_CMS", "place")


def test_static_install_copies_the_pages_with_their_words_replaced(machine, pages):
    site = Site(machine, "sbbbbbbbbbbbb", SITE_UID, pages)
    run = site.run("install", title=TITLE)
    assert run.ok and run.facts == {"title": TITLE}, run.log
    public = site.data / "public"
    assert "<title>Müller &amp; Söhne &lt;b&gt;</title>" in (public / "index.html").read_text()
    assert f"href='http://{site.host}/'" in (public / "index.html").read_text()
    assert (public / "css/a.css").read_text() == "/* @TITLE@ */"
    assert not (public / "passwd").exists() and "is a link" in run.of("log")[0]["text"]
    assert [mode_of(p) for p in (public, public / "css", public / "index.html")] == [0o755, 0o755, 0o644]
    assert site.run("status").facts == {"title": TITLE}
    size = sum(p.stat().st_size for p in public.rglob("*") if p.is_file())
    assert site.run("stats").facts == {"files_bytes": str(size)}


def test_static_install_again_repairs_and_keeps_what_the_owner_changed(machine, pages):
    site = Site(machine, "scccccccccccc", SITE_UID, pages)
    assert site.run("install").ok
    (site.data / "public/index.html").write_text("mine")
    (site.data / "public/css/a.css").unlink()
    assert site.run("install").ok
    assert (site.data / "public/index.html").read_text() == "mine"
    assert (site.data / "public/css/a.css").exists()


def test_static_install_from_an_empty_index_is_the_starter_page(machine):
    root = machine.top / "pages-empty"
    root.mkdir()
    (root / "index.html").touch()
    site = Site(machine, "sdddddddddddd", SITE_UID, root, "start.test")
    assert site.run("install").ok
    assert "<title>start.test</title>" in (site.data / "public/index.html").read_text()


# --- WordPress: the code base


def test_detect_reads_the_version_and_runs_nothing_of_the_code(machine, code):
    run = on_platform(machine, code, "detect")
    version = re.search(r"wp_version = '(.*)'", (code / "wp-includes/version.php").read_text())[1]
    assert run.ok and run.facts["version"] == version and run.log == ""


def test_detect_refuses_another_folder(machine, pages):
    run = on_platform(machine, pages, "detect", "wordpress")
    assert (run.code, run.error["code"], run.error["field"]) == (1, "NOT_THIS_CMS", "place")


def test_setup_writes_two_files_and_then_nothing(machine, code):
    before = [(code / f).stat().st_ino for f in ("wp-config.php", "wp-content/mu-plugins/hostmaster.php")]
    assert on_platform(machine, code, "setup").ok
    assert before == [(code / f).stat().st_ino for f in ("wp-config.php", "wp-content/mu-plugins/hostmaster.php")]
    (code / "wp-config.php").write_text("<?php // Written by provisiond, then changed")
    assert on_platform(machine, code, "setup").of("log")
    assert (code / "wp-config.php").read_bytes() == (APPS / "wordpress/platform/wp-config.php").read_bytes()


def test_setup_leaves_a_foreign_wp_config_alone(machine, pages):
    (pages / "wp-config.php").write_text("<?php define('DB_PASSWORD', 'secret');")
    run = on_platform(machine, pages, "setup", "wordpress")
    assert (run.code, run.error["code"]) == (1, "FOREIGN_OBJECT") and str(pages / "wp-config.php") in run.error["text"]
    assert "secret" in (pages / "wp-config.php").read_text() and not (pages / "sites").exists()
    (pages / "wp-config.php").unlink()


def test_packages_of_a_code_base(machine, code):
    found = {(p["type"], p["name"]): p for p in on_platform(machine, code, "packages").of("package")}
    assert found["module", "akismet/akismet.php"]["label"].startswith("Akismet")
    assert found["theme", "twentytwentythree"]["version"]
    assert found["core", "wordpress"]["version"] and all(p["status"] == "" for p in found.values())


# --- WordPress: a site


def test_install_reports_what_it_made_and_never_the_password(machine, site):
    run = site.install
    assert run.ok, run.log + str(run.lines)
    assert run.facts["title"] == TITLE and run.facts["admin_name"] == "boss"
    assert run.log == ""
    config = site.data / "wp-config.php"
    assert (mode_of(config), config.stat().st_uid) == (0o600, SITE_UID)
    assert PASSWORD not in config.read_text() and PASSWORD not in json.dumps(run.lines)
    assert "'@" not in config.read_text() and len(set(re.findall(r"'([0-9a-f]{64})'", config.read_text()))) == 8
    assert site.sql("SELECT user_login, user_email FROM wp_users") == "boss\tboss@example.org"


def test_the_site_answers_an_uncached_path_with_its_title(site):
    page = site.fetch("/?x=1")
    assert page.status == 200 and "<title>Müller &amp; Söhne &lt;b&gt;" in page.text
    post = site.sql("SELECT DATE_FORMAT(post_date, '/%Y/%m/%d/hello-world/') FROM wp_posts WHERE id = 1")
    assert site.fetch(post).status == 200
    assert site.fetch("/nothing-here/").status == 404


def test_uploads_lie_in_the_site_and_are_readable_by_httpd(site):
    php = "echo json_encode(wp_upload_dir('2030/01'));"
    done = subprocess.run([*as_uid(site.uid), PHP, "-r", f"umask(022); require 'wp-load.php'; {php}"], cwd=site.root,
                          check=True, stdout=subprocess.PIPE, env={"PV_SITE": site.id, "PV_DATA": str(site.data)})
    folder = json.loads(done.stdout)
    assert folder["url"] == f"http://{site.host}/sites/{site.id}/files/2030/01"
    assert mode_of(site.data / "files/2030/01") == 0o755


def test_nobody_is_shown_an_installer(site):
    assert site.fetch("/wp-admin/install.php").status == 403
    assert site.fetch("/wp-admin/setup-config.php").status in (403, 409, 500)
    assert "DB_NAME" not in site.fetch("/wp-admin/setup-config.php?step=1").text


def test_a_pool_without_a_site_answers_503(machine, code):
    empty = Site(machine, "seeeeeeeeeeee", OTHER_UID, code)
    server = empty.serve(code)
    assert empty.fetch("/").status == 503
    other = str(machine.top / "sites/saaaaaaaaaaaa/data")
    assert empty.fetch("/wp-login.php", headers={"PV-DATA": other}).status == 503
    server.kill()


def test_install_twice_is_refused_and_changes_nothing(site):
    before = site.sql("CHECKSUM TABLE wp_options, wp_users, wp_posts")
    run = site.run("install", title="other", admin_mail="x@example.org")
    assert (run.code, run.error["code"]) == (1, "DB_EXISTS")
    assert site.sql("CHECKSUM TABLE wp_options, wp_users, wp_posts") == before


def test_status(site):
    run = site.run("status")
    assert run.ok and run.facts["title"] == TITLE
    assert run.facts["update"] == "none" and run.facts["maintenance"] == "off"


def test_packages_of_a_site_say_what_it_uses(site):
    run = site.run("packages")
    found = {p["name"]: p["status"] for p in run.of("package")}
    assert site.install.of("package") == run.of("package"), "an install tells them too"
    assert found.pop("akismet/akismet.php") == "disabled"
    assert found == {name: "enabled" for name in ("wordpress", "twentytwentythree", "hostmaster.php")}


def test_cron_runs_what_is_due_once(site):
    site.run("cron")
    arguments = hashlib.md5(b"a:0:{}").hexdigest()
    event = 'a:3:{s:8:"schedule";s:6:"hourly";s:4:"args";a:0:{}s:8:"interval";i:3600;}'
    due = f'a:2:{{i:1000;a:1:{{s:8:"hm_event";a:1:{{s:32:"{arguments}";{event}}}}}s:7:"version";i:2;}}'
    site.sql(f"UPDATE wp_options SET option_value = '{due}' WHERE option_name = 'cron'")
    run = site.run("cron")
    assert run.ok and [x["text"] for x in run.of("log")].count("event hm_event") == 1, run.log
    assert int(run.facts["events"]) == len(run.of("log"))
    assert "hm_event" in site.sql("SELECT option_value FROM wp_options WHERE option_name = 'cron'")
    assert "event hm_event" not in [x["text"] for x in site.run("cron").of("log")]


def login_path(run):
    url = urllib.parse.urlsplit(run.facts["login_url"])
    return f"{url.path}?{url.query}"


def press(site, path):
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)["token"][0]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return site.fetch("/wp-login.php?action=hostmaster", "POST", f"token={token}", form)


def test_a_login_link_lets_in_once_and_a_look_at_it_does_not_use_it_up(site):
    run = site.run("login")
    assert run.ok and run.facts["login_url"].startswith(f"http://{site.host}/wp-login.php?action=hostmaster&token=")
    path = login_path(run)
    token = path.rsplit("=", 1)[1]
    assert token not in site.sql("SELECT * FROM wp_options WHERE option_name LIKE 'hostmaster%'")
    for _ in range(2):
        look = site.fetch(path)
        assert look.status == 200 and token in look.text and "wordpress_logged_in" not in str(look.headers)
    first = press(site, path)
    assert first.status == 302 and first.headers["Location"].endswith("/wp-admin/")
    cookies = "; ".join(c.split(";")[0] for c in first.headers.get_all("Set-Cookie"))
    assert "boss" in site.fetch("/wp-admin/profile.php", headers={"Cookie": cookies}).text
    second = press(site, path)
    assert second.status == 403 and "wordpress_logged_in" not in str(second.headers)


def test_an_old_login_link_is_refused_and_swept_away(site):
    path = login_path(site.run("login"))
    site.sql("UPDATE wp_options SET option_value = REGEXP_REPLACE(option_value, 'i:[0-9]{9,}', 'i:1000000000') "
             "WHERE option_name LIKE 'hostmaster%'")
    site.run("login", admin_name="boss")
    assert press(site, path).status == 403
    assert site.sql("SELECT COUNT(*) FROM wp_options WHERE option_name LIKE 'hostmaster%'") == "1"


def test_a_login_link_for_nobody(site):
    run = site.run("login", admin_name="nobody")
    assert (run.code, run.error["field"]) == (1, "admin_name")


def test_stats_count(site):
    facts = site.run("stats").facts
    assert (facts["users"], facts["posts"], facts["pages"], facts["comments"]) == ("1", "1", "1", "1")
    assert int(facts["files_bytes"]) > 1000 and int(facts["database_bytes"]) > 100000


def test_maintenance_closes_this_site_and_opens_it_again(site):
    assert site.run("maintenance", maintenance="on").ok
    page = site.fetch("/")
    assert page.status == 503 and page.headers["Retry-After"]
    assert site.run("status").facts["maintenance"] == "on"
    assert site.run("maintenance", maintenance="off").ok
    assert site.fetch("/").status == 200
    assert site.run("maintenance", maintenance="perhaps").error["field"] == "maintenance"
    assert site.run("maintenance").error == {"t": "error", "code": "SCHEMA", "field": "maintenance",
                                             "text": "the request has no args.maintenance"}


def test_clear_deletes_what_has_expired(site):
    for name in ("_transient_x", "_transient_timeout_x"):
        site.sql(f"INSERT INTO wp_options (option_name, option_value) VALUES ('{name}', '1')")
    assert site.run("clear").ok
    assert site.sql("SELECT COUNT(*) FROM wp_options WHERE option_name LIKE '%transient%_x'") == "0"


def test_update_brings_an_old_database_up_to_date(site):
    now = site.sql("SELECT option_value FROM wp_options WHERE option_name = 'db_version'")
    site.sql("UPDATE wp_options SET option_value = '51917' WHERE option_name = 'db_version'")
    assert site.run("status").facts["update"] == "pending"
    run = site.run("update")
    assert run.ok and run.facts["schema"] == now, run.log
    assert site.run("update").of("log")[0]["text"] == f"the database had version {now} and has {now}"
    site.sql("UPDATE wp_options SET option_value = '99999' WHERE option_name = 'db_version'")
    run = site.run("update")
    assert (run.code, run.error["field"]) == (1, "platform")
    site.sql(f"UPDATE wp_options SET option_value = '{now}' WHERE option_name = 'db_version'")


def test_an_error_of_wordpress_itself_is_reported_in_words(site):
    """A template in wp-content takes the place of the page that WordPress shows and ends with."""
    plugin = site.root / "wp-content/mu-plugins/die.php"
    plugin.write_text("<?php wp_die('<h1>No &amp; never</h1>');")
    run = site.run("status")
    plugin.unlink()
    assert (run.code, run.error["code"], run.error["text"]) == (1, "DRIVER_FAILED", "WordPress ended with: No & never")


# --- WordPress: moving


def nested(host):
    inner = f'a:1:{{i:0;s:{len(f"https://{host}/x")}:"https://{host}/x";}}'
    url = f"http://{host}/ä"
    return f'O:8:"stdClass":2:{{s:1:"u";s:{len(url.encode())}:"{url}";s:4:"more";s:{len(inner.encode())}:"{inner}";}}'


def test_move_rewrites_addresses_and_ids_in_every_spelling(machine, code, site):
    moved = Site(machine, "sffffffffffff", OTHER_UID, code, "new.example.org")
    moved.make_database()
    for table in site.sql("SHOW TABLES").split():
        moved.sql(f"CREATE TABLE {table} LIKE {site.id}d1.{table}; INSERT {table} SELECT * FROM {site.id}d1.{table}")
    old = site.host
    escaped = json.dumps(f"http://{old}/").replace("/", "\\/")
    text = f"http://{old}. or //{old}/a, {escaped}, me@{old}, http://{old}.example/ /sites/{site.id}/files/a 100%"
    # A class with a format of its own, and a string of another length than it says, cannot be rewritten and stay.
    values = [text, nested(old), f'C:3:"Foo":9:{{http://{old}}}', f's:99:"http://{old}";']
    for number, value in enumerate(values):
        moved.sql(f"INSERT INTO wp_options (option_name, option_value) VALUES ('t{number}', 0x{value.encode().hex()})")
    keys = re.findall(r"'([0-9a-f]{64})'", (site.data / "wp-config.php").read_text())
    shutil.copy(site.data / "wp-config.php", moved.data)
    os.chown(moved.data / "wp-config.php", OTHER_UID, OTHER_UID)
    run = moved.run("move", from_url=f"http://{old}", from_id=site.id)
    assert run.ok and int(run.facts["rows_changed"]) >= 4, run.log + str(run.lines)
    assert run.of("progress")[-1]["done"] == run.of("progress")[-1]["total"]
    hexes = moved.sql("SELECT HEX(option_value) FROM wp_options WHERE option_name RLIKE '^t[0-3]$' ORDER BY option_name")
    links = text.replace(f"//{old}", f"//{moved.host}").replace(f"\\/\\/{old}", f"\\/\\/{moved.host}")
    wanted = links.replace(site.id, moved.id).replace(f"//{moved.host}.example/", f"//{old}.example/")
    assert [bytes.fromhex(h).decode() for h in hexes.split()] == [wanted, nested(moved.host), *values[2:]]
    assert moved.sql("SELECT option_value FROM wp_options WHERE option_name = 'siteurl'") == f"http://{moved.host}"
    assert old in moved.sql("SELECT guid FROM wp_posts WHERE id = 1")
    assert re.findall(r"'([0-9a-f]{64})'", (moved.data / "wp-config.php").read_text()) == keys
    assert moved.run("move", from_url=f"http://{old}", from_id=site.id).facts["rows_changed"] == "0"
    server = moved.serve(code)
    page = moved.fetch("/").text
    server.kill()
    assert moved.host in page and old not in page


# --- WordPress: what goes wrong


def failing_install(machine, code, sid, uid=OTHER_UID, **change):
    site = Site(machine, sid, uid, code)
    site.make_database()
    site.db.update(change)
    return site


def test_a_wrong_password_is_db_denied_and_leaves_no_settings(machine, code):
    site = failing_install(machine, code, "sgggggggggggg")
    site.secret.write_text("wrong\n")
    run = site.run("install", admin_mail="a@example.org")
    assert (run.code, run.error["code"], run.error["field"]) == (1, "DB_DENIED", "db_server")
    assert "wrong" not in str(run.lines) + run.log and list(site.data.iterdir()) == []


def test_a_missing_database_is_db_denied(machine, code):
    site = failing_install(machine, code, "shhhhhhhhhhhh", name="shhhhhhhhhhhhd9")
    assert site.run("install", admin_mail="a@example.org").error["code"] == "DB_DENIED"


def test_a_database_server_that_is_away_is_db_down(machine, code, site):
    machine.db.stop()
    try:
        run = site.run("status")
        new = Site(machine, "siiiiiiiiiiii", OTHER_UID, code).run("install", admin_mail="a@example.org")
    finally:
        machine.db.start()
    assert (run.code, run.error["code"]) == (1, "DB_DOWN")
    assert (new.code, new.error["code"]) == (1, "DB_DOWN")
    assert site.run("status").ok


def test_an_unreadable_secret_is_named(machine, code):
    site = failing_install(machine, code, "sjjjjjjjjjjjj")
    os.chown(site.secret, 0, 0)
    run = site.run("install", admin_mail="a@example.org")
    assert (run.code, run.error["field"]) == (1, "db.secret_file") and str(site.secret) in run.error["text"]


@pytest.mark.parametrize("field, args", [
    ("admin_mail", {}), ("admin_mail", {"admin_mail": "no mail"}),
    ("admin_name", {"admin_mail": "a@example.org", "admin_name": "a<b"}),
    ("language", {"admin_mail": "a@example.org", "language": "tlh"}),
])
def test_install_names_the_wrong_field_and_makes_no_table(machine, code, field, args):
    site = Site(machine, "skkkkkkkkkkkk", OTHER_UID, code)
    try:
        site.make_database()
        run = site.run("install", **args)
        assert (run.code, run.error["code"], run.error["field"]) == (1, "SCHEMA", field)
        assert site.sql("SHOW TABLES") == ""
    finally:
        shutil.rmtree(site.top)


def mo_file(original, translation):
    """A catalogue of one message in GNU's format."""
    o, t = original.encode(), translation.encode()
    head = struct.pack("<11I", 0x950412DE, 0, 1, 28, 36, 0, 44, len(o), 44, len(t), 45 + len(o))
    return head + o + b"\0" + t + b"\0"


def test_install_in_a_language_of_the_code_base(machine, code):
    languages = code / "wp-content/languages"
    languages.mkdir()
    (languages / "de_DE.mo").write_bytes(mo_file("Hello world!", "Hallo Welt!"))
    site = Site(machine, "sllllllllllll", OTHER_UID, code)
    site.make_database()
    run = site.run("install", admin_mail="a@example.org", language="de")
    assert run.ok, run.log + str(run.lines)
    assert site.sql("SELECT option_value FROM wp_options WHERE option_name = 'WPLANG'") == "de_DE"
    assert site.sql("SELECT post_title FROM wp_posts WHERE id = 1") == "Hallo Welt!"
    shutil.rmtree(languages)


def test_an_install_that_was_cut_off_goes_through_on_a_new_database(machine, code):
    site = Site(machine, "smmmmmmmmmmmm", OTHER_UID, code)
    site.make_database()
    site.sql("CREATE TABLE wp_options (option_id INT)")
    run = site.run("install", admin_mail="a@example.org")
    assert not run.ok and run.code != 0
    site.make_database()
    assert site.run("install", admin_mail="a@example.org").ok


# --- drivers that break the contract


BREAKS = {
    "prints success and exits 0": ("echo '{\"t\":\"end\",\"ok\":true}'; exit(0);", 70, None),
    "exits in the middle": ("exit(3);", 70, None),
    "calls an undefined function": ("nothing_of_that_name();", 1, "DRIVER_FAILED"),
    "runs out of memory": ("$a = ''; while (true) { $a .= str_repeat('x', 1 << 20); }", 70, "DRIVER_FAILED"),
    "throws": ("throw new \\RuntimeException('no luck');", 1, "DRIVER_FAILED"),
    "exits in a shutdown function": ("register_shutdown_function(fn () => exit(0));", 0, None),
    "dies in a shutdown function": ("register_shutdown_function(fn () => nothing_of_that_name());", 255, None),
    "closes its report": ("fclose((function () { return $this->stream; })->call($report));", 255, None),
}


def bad_driver(machine, body):
    folder = machine.apps / "bad"
    folder.mkdir(exist_ok=True)
    shutil.copy(APPS / "static/php.ini", folder)
    (folder / "driver.php").write_text(f"""<?php
        require dirname(__DIR__) . '/driver.php';
        (new Provision\\Driver(['status' => [function ($request, $report) {{ {body} }}]]))->run();""")
    return folder


@pytest.mark.parametrize("name", BREAKS)
def test_a_driver_that_breaks_off_is_no_success(machine, name):
    body, code, error = BREAKS[name]
    run = run_driver(bad_driver(machine, body), "status", {}, SITE_UID)
    assert not run.ok
    assert (run.code, run.error and run.error["code"]) == (code, error), run.log


def test_ten_mebibytes_of_output_are_log_and_harm_nothing(machine):
    body = "for ($i = 0; $i < 10240; $i++) echo str_repeat('x', 1023), PHP_EOL;"
    run = run_driver(bad_driver(machine, body), "status", {}, SITE_UID)
    assert run.ok and len(run.log) == 10 << 20


def test_a_long_text_and_odd_bytes_stay_one_line(machine):
    body = r'$report->log("info", str_repeat("ä", 9000)); $report->fact("x", "a\xff\nb");'
    run = run_driver(bad_driver(machine, body), "status", {}, SITE_UID)
    assert run.ok and len(run.of("log")[0]["text"].encode()) <= 8200 and run.facts["x"] == "a\ufffd\nb"


BAD_REQUESTS = {
    "empty": b"",
    "list": b"[]",
    "torn": b"{",
    "no version": b"{}",
    "another version": b'{"v":2,"verb":"status"}',
    "another verb": b'{"v":1,"verb":"install"}',
    "too long": b'{"v":1,"verb":"status","x":"' + b"x" * 300000 + b'"}',
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_refused_before_the_verb(machine, name):
    run = run_driver(bad_driver(machine, "echo 'ran';"), "status", BAD_REQUESTS[name], SITE_UID)
    assert (run.code, run.error["code"], run.log) == (1, "SCHEMA", "")
