"""The round of a Drupal site, asked for through the panel: installed, logged in to, filled, backed up, damaged, restored, deleted,
brought back, deleted for good. On the code bases that DRUPAL7_ROOT and DRUPAL10_ROOT name."""

import os
import pathlib
import re
import struct
import subprocess
import types
import urllib.parse
import zlib

import pytest
from drivers import as_uid

from lab import Lab, until
from lab.panel import USER, Followed
from lab.visitor import of_lab

TITLE = "Müller & Söhne"
HOST = "news.test"
BODY = "What the vicar said."

# Where the two differ: fields of the form for an article, where Drupal keeps what the tests look at, and which rows it makes anew, with
# other numbers, whenever its caches are emptied (links of the menu that modules declare, stamps of style sheets and templates).
KINDS = {
    "drupal7": types.SimpleNamespace(
        root="DRUPAL7_ROOT", title="title", body="body[und][0][value]", image="field_image_und_0", alt=None,
        derived=r"\tsystem\t-?\d\t0\t|css_js_query_string\t", cron="SELECT value FROM variable WHERE name = 'cron_last'",
        damage="UPDATE node SET title = 'Defaced'; DELETE FROM field_data_body; DROP TABLE comment; CREATE TABLE stolen (a INT)"),
    "drupal10": types.SimpleNamespace(
        root="DRUPAL10_ROOT", title="title[0][value]", body="body[0][value]", image="field_image_0", alt="field_image[0][alt]",
        derived=r"state\t(asset\.css_js_query_string|twig_extension_hash_prefix)\t", cron="SELECT value FROM key_value WHERE name = 'system.cron_last'",
        damage="UPDATE node_field_data SET title = 'Defaced'; DELETE FROM node__body; DROP TABLE comment; CREATE TABLE stolen (a INT)"),
}  # fmt: skip

# What any visit of a page or start of Drupal writes: no content.
PASSING = r"(cache.*|watchdog|semaphore|flood|batch|queue|sessions|history|key_value_expire)"
PASSING_FILES = r"data/files/(css|js)/"


def picture():
    """A PNG of one red point."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


class Yard:
    """A daemon, a panel that follows it, a platform of that code base, and a site on it; all made through the panel."""

    def __init__(self, lab, kind, source):
        self.lab, self.kind = lab, kind
        self.panel = Followed(lab)
        self.api = self.panel.api
        server = self.panel.done(self.api.must("/servers", {
            "name": "main", "http": "apache", "http_port": "80", "db": "mariadb", "db_auth": "socket"}))["server"]["id"]
        platform = self.panel.done(self.api.must("/platforms", {
            "name": "code", "server": server, "place": "0:code", "source": f"0:{source.name}"}), seconds=300)["platform"]["id"]
        self.before = lab.inventory()
        self.site = self.panel.done(self.api.must("/sites", {
            "name": HOST, "platform": platform, "db_server": server, "title": TITLE, "profile": "standard", "admin_name": "boss",
            "admin_mail": "boss@example.org"}), seconds=600)["site"]["id"]

    def task(self, kind, **fields):
        return self.panel.done(self.api.must(f"/sites/{self.site}/tasks", {"type": kind, **fields}), seconds=300)

    def run(self, verb, **fields):
        """The results of a verb."""
        view = self.task("run", verb=verb, **fields)
        rows = self.api.get(f"/tasks/{view['task']}").json["results"]
        return {row["name"]: row["value"] for row in rows}

    def back_up(self):
        self.task("backup")
        return self.backups()[0]

    def backups(self):
        return self.api.get("/backups").json["backups"]

    def restore(self, backup):
        self.panel.done(self.api.must(f"/backups/{backup['id']}/restore"), seconds=300)

    # What the site itself holds

    @property
    def row(self):
        return self.lab.site(HOST)

    @property
    def folder(self):
        return f"{self.lab.folder}/sites/{self.site}"

    def sql(self, text):
        """As the site does it: with its own login."""
        with open(f"{self.folder}/etc/db", encoding="utf-8") as f:
            env = {"MYSQL_PWD": f.read().strip(), "PATH": "/usr/bin"}
        argv = ["mariadb", "--no-defaults", "-N", "-B", f"--socket={self.lab.database.socket}", f"-u{self.site}",
                f"{self.site}d{self.row['dbgen']}", "-e", text]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.splitlines()

    def content(self):
        """All rows of all tables and all files, but for what comes and goes by itself."""
        tables = [name for name in self.sql("SHOW TABLES") if not re.fullmatch(PASSING, name)]
        files = {}
        for name in ("data", "private"):
            for path in pathlib.Path(self.folder, name).rglob("*"):
                short = str(path.relative_to(self.folder))
                if not re.match(PASSING_FILES, short):
                    files[short] = path.read_bytes() if path.is_file() else None
        return {name: sorted(row for row in self.sql(f"SELECT * FROM `{name}`") if not re.search(self.kind.derived, row))
                for name in tables}, files

    def as_site(self, *argv, data=b""):
        subprocess.run([*as_uid(int(self.row["uid"])), *argv], input=data, stdout=subprocess.DEVNULL, check=True)

    # Its visitors

    def visitor(self):
        return of_lab(self.lab, HOST)

    def logged_in(self):
        """A visitor who has used a login link of the panel."""
        visitor = self.visitor()
        visitor.use(self.run("login")["login_url"])
        assert may_edit(visitor)
        return visitor

    def write(self, title):
        """A node with a picture, by the site's own forms; the path of its page."""
        kind, visitor = self.kind, self.logged_in()
        form = visitor.form(visitor.send("/node/add/article"), kind.title)
        filled = {kind.title: title, kind.body: BODY}
        page = visitor.press(form, "Upload", {f"files[{kind.image}]": ("point.png", picture())}, **filled)
        form = visitor.form(page, kind.title)
        page = visitor.press(form, "Save", **filled, **({kind.alt: "A point"} if kind.alt else {}))
        assert title in page.text and BODY in page.text, page.text
        return visitor.path


def may_edit(visitor):
    return visitor.send("/user/1/edit").status == 200


def image_of(page):
    """The path of the picture that a page shows as it was uploaded."""
    paths = [urllib.parse.urlsplit(src).path for src in re.findall(r'(?:src|href|resource|content)="([^"]*point[^"]*\.png[^"]*)"', page.text)]
    return re.sub(r"/styles/\w+/public/(.*\.png).*", r"/\1", paths[0])


@pytest.fixture(scope="module", params=sorted(KINDS), name="yard")
def fixture_yard(request):
    kind = KINDS[request.param]
    named = os.environ.get(kind.root)
    if not named:
        pytest.skip(f"{kind.root} names no code base")
    source = pathlib.Path(named).resolve()
    with Lab(PanelUsers=USER, SourceRoot=str(source.parent)) as lab:
        made = Yard(lab.start(), kind, source)
        made.node = made.write("First node")
        yield made
        made.panel.close()


def test_the_front_page_is_under_its_name_with_its_title(yard):
    page = yard.visitor().send("/")
    assert page.status == 200 and re.search(f"<title>[^<]*{TITLE.replace('&', '&amp;')}</title>", page.text)
    assert yard.lab.get("other.test")[0] == 404


def test_a_login_link_lets_in_once(yard):
    url = yard.run("login")["login_url"]
    assert url.startswith(f"http://{HOST}/user/reset/1/")
    first, second = yard.visitor(), yard.visitor()
    first.use(url)
    second.use(url)
    assert may_edit(first) and not may_edit(second)


def test_cron_runs(yard):
    before = yard.sql(yard.kind.cron)
    until(lambda: int(yard.run("cron")["events"]) > 3 and yard.sql(yard.kind.cron) != before, 60, "a later second")


def test_a_node_and_its_file_are_there_for_all(yard):
    page = yard.visitor().send(yard.node)
    assert page.status == 200 and "First node" in page.text and BODY in page.text
    assert yard.visitor().send(image_of(page)).body == picture()


def test_what_was_damaged_is_restored_with_all_its_content(yard):
    yard.task("run", verb="clear")
    page = yard.visitor().send(yard.node)
    image = f"{yard.folder}/data{image_of(page).removeprefix(f'/sites/{yard.site}')}"
    backup, before = yard.back_up(), yard.content()
    assert any("First node" in row for rows in before[0].values() for row in rows) and picture() in before[1].values()
    yard.sql(yard.kind.damage)
    yard.as_site("tee", image, data=b"no picture any more")
    yard.as_site("tee", f"{yard.folder}/data/files/defaced.html")
    yard.as_site("rm", f"{yard.folder}/data/settings.php")
    assert "First node" not in yard.visitor().send(yard.node).text
    yard.restore(backup)
    assert_same(yard.content(), before, yard)
    page = yard.visitor().send(yard.node)
    assert "First node" in page.text and BODY in page.text and yard.visitor().send(image_of(page)).body == picture()
    assert may_edit(yard.logged_in())
    yard.task("verify")


def assert_same(now, before, yard):
    """All rows and all files. The settings name the new database: they are compared without its number."""
    (rows, files), (old_rows, old_files) = now, before
    assert rows.keys() == old_rows.keys()
    assert {name: sorted(set(rows[name]) ^ set(old_rows[name])) for name in rows if rows[name] != old_rows[name]} == {}
    for tree in (files, old_files):
        tree["data/settings.php"] = re.sub(rb"'%sd\d+'" % yard.site.encode(), b"DATABASE", tree["data/settings.php"])
    assert files.keys() == old_files.keys()
    assert [name for name in files if files[name] != old_files[name]] == []


def test_no_credential_is_in_an_archive(yard):
    """A canary: the site's database password, which is on the machine in one file only, is in none of what a backup holds."""
    secret = pathlib.Path(yard.folder, "etc/db").read_bytes().strip()
    backup = yard.back_up()
    packed = f"{yard.lab.folder}/backups/{yard.site}.{backup['id']}.tar.zst"
    plain = subprocess.run(["zstd", "-dc", packed], capture_output=True, check=True).stdout
    assert len(secret) == 32 and secret not in plain and b"First node" in plain and picture() in plain


def test_a_deleted_site_comes_back_from_its_last_backup_and_is_deleted_for_good(yard):
    before = yard.content()
    yard.task("delete")
    assert yard.visitor().send("/").status == 404 and yard.api.get(f"/sites/{yard.site}").status == 404
    assert yard.lab.database.databases() == [] and yard.lab.database.logins() == {} and not os.path.exists(yard.folder)
    last = yard.backups()[0]
    assert (last["description"], last["live"]) == ("before it was deleted", 0)
    yard.restore(last)
    assert_same(yard.content(), before, yard)
    page = yard.visitor().send(yard.node)
    assert "First node" in page.text and yard.visitor().send(image_of(page)).body == picture()
    assert may_edit(yard.logged_in())
    yard.task("delete")
    for backup in yard.backups():
        yard.panel.done(yard.api.must(f"/backups/{backup['id']}/delete"))
    assert yard.backups() == []
    yard.lab.await_inventory(yard.before)
