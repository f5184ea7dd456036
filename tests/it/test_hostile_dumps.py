"""Dumps that mean ill: whatever an archive's dump says, and whatever a site's database holds, a restore gives the site back as it was
or fails and leaves everything as it is, and nothing of it is executed."""

import contextlib
import hashlib
import io
import json
import os
import random
import sqlite3
import subprocess
import tarfile

import pytest

from lab import Lab, difference
from lab.lab import FAULT_BUILD
from test_backup_worker import folder, line, member

HOST, OTHER = "evil.test", "other.test"
SECRET = "planted-in-a-row"
CANARY = "/tmp/hostile-dump"  # what no statement may make, wherever it looks for it

# What the mariadb client does by itself, and what a login of the server might do to others. {other}: another site's database.
DUMPS = {
    "system": "system touch {canary}",
    "shell": "\\! touch {canary}",
    "shell after a delimiter": "DELIMITER ;;\n\\! touch {canary};;\nDELIMITER ;",
    "system as a delimiter": "DELIMITER system\nsystem touch {canary}\nsystem",
    "shell in a line": "SELECT 1; \\! touch {canary}",
    "shell after a comment": "/* x */ \\! touch {canary}",
    "source": "source {canary}.sql",
    "dot": "\\. {canary}.sql",
    "pager": "\\P tee {canary}\nSELECT 1;\n\\n",
    "pager in words": "pager tee {canary}\nSELECT 1;\nnopager",
    "tee": "\\T {canary}\nSELECT 1;",
    "editor": "edit",
    "use": "\\u {other}\nDELETE FROM page;",
    "use in words": "USE {other};\nDELETE FROM page;",
    "use what is the server's": "USE mysql;\nDELETE FROM global_priv;",
    "connect": "\\r {other}\nDELETE FROM page;",
    "another site's table": "DELETE FROM {other}.page;",
    "a view of it": "CREATE VIEW v AS SELECT * FROM {other}.page;",
    "local file": "CREATE TABLE t (a TEXT);\nLOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t;",
    "file": "CREATE TABLE t (a TEXT);\nLOAD DATA INFILE '/etc/passwd' INTO TABLE t;",
    "out": "SELECT 'x' INTO OUTFILE '{canary}';",
    "dump out": "SELECT 'x' INTO DUMPFILE '{canary}';",
    "file as a table": "CREATE TABLE t (a TEXT) ENGINE=CSV DATA DIRECTORY='/tmp';\nSELECT no_such_column FROM t;",
    "grant": "GRANT ALL ON *.* TO CURRENT_USER() WITH GRANT OPTION;",
    "grant one's own": "GRANT SELECT ON page TO PUBLIC;",
    "create user": "CREATE USER hostile@localhost;",
    "global": "SET GLOBAL local_infile = 1;\nSET GLOBAL general_log_file = '{canary}';",
    "plugin": "INSTALL PLUGIN x SONAME 'auth_socket';",
    "plugins": "INSTALL SONAME 'auth_socket';",
    "function of a library": "CREATE FUNCTION x RETURNS STRING SONAME 'x.so';",
    "database": "CREATE DATABASE hostile;",
    "drop": "DROP DATABASE {other};",
    "shutdown": "SHUTDOWN;",
    "kill": "KILL 1;",
    "server": "CREATE SERVER x FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1');",
    "view as root": "CREATE DEFINER=root@localhost SQL SECURITY DEFINER VIEW v AS SELECT * FROM mysql.global_priv;",
    "procedure as root": "CREATE DEFINER=root@localhost PROCEDURE p() SELECT 1;",
    "trigger as root": "CREATE TABLE t (a INT);\nCREATE DEFINER=root@localhost TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;",
    "event as root": "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 SECOND DO SELECT 1;",
    "root by a comment": "/*!50013 CREATE DEFINER=`root`@`localhost` PROCEDURE p() SELECT 1 */;",
}  # fmt: skip


class Yard:
    """A lab with two sites of the small CMS: one that a tenant of bad intentions has, and another's."""

    def __init__(self, lab):
        self.lab = lab
        lab.with_tiny()
        for host in (HOST, OTHER):
            lab.install(host, "tiny", "db_server=@server_main")

    def database_of(self, host):
        site = self.lab.site(host)
        return f"{site['id']}d{site['dbgen']}"

    def sql(self, text, host=HOST, admin=False):
        """As the site does it; with admin as an administrator who uses its database."""
        site = self.lab.site(host)
        with open(f"{self.lab.folder}/sites/{site['id']}/etc/db", encoding="utf-8") as f:
            login = [] if admin else [f"-u{site['id']}", f"-p{f.read().strip()}"]
        done = subprocess.run(["mariadb", "--no-defaults", "--binary-mode", "-N", "-B", f"--socket={self.lab.database.socket}", *login,
                               self.database_of(host)], input=text.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def back_up(self):
        known = {row["bid"] for row in self.lab.must("list", "backup")}
        self.lab.must("backup", f"@{HOST}")
        (new,) = [row for row in self.lab.must("list", "backup") if row["bid"] not in known]
        return new["bid"]

    def forge(self, dumps):
        """Archives that agree with themselves and with the journal, as if the site had made them."""
        site, first = self.lab.site(HOST)["id"], self.back_up()
        bids = {name: f"b{''.join(random.choices('abcdefghijklmnopqrstuvwxyz', k=12))}" for name in dumps}
        self.lab.stop()
        with contextlib.closing(sqlite3.connect(f"{self.lab.folder}/state/journal/journal.db")) as journal, journal:
            for name, bid in bids.items():
                packed = archive(dumps[name])
                with open(f"{self.lab.folder}/backups/{site}.{bid}.tar.zst", "wb") as f:
                    f.write(packed)
                journal.execute("CREATE TEMP TABLE forged AS SELECT * FROM backup WHERE bid = ?", (first,))
                journal.execute("UPDATE forged SET bid = ?, size = ?, bytes = 1048576, sha256 = ?",
                                (bid, len(packed), hashlib.sha256(packed).hexdigest()))
                journal.execute("INSERT INTO backup SELECT * FROM forged")
                journal.execute("DROP TABLE forged")
        self.lab.start_daemon()
        self.lab.until_ready()
        return bids

    def restore(self, bid, *fields, code=0):
        return self.lab.must("restore", f"@{HOST}", f"bid={bid}", *fields, code=code)


def archive(dump):
    """One of a site without files, whose dump is complete."""
    members = [folder("data"), folder("data/files"), folder("private"), member("db/000001.sql", dump)]
    told = json.dumps({"v": 1, "members": [line(*m) for m in members]}).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in [*members, member("manifest.json", told)]:
            tar.addfile(info, io.BytesIO(content))
    return subprocess.run(["zstd", "-q", "-c"], input=raw.getvalue(), capture_output=True, check=True).stdout


@pytest.fixture(scope="module", name="yard")
def fixture_yard():
    with Lab(FAULT_BUILD) as lab:
        made = Yard(lab.start().with_server())
        words = {"canary": CANARY, "other": made.database_of(OTHER)}
        head = "CREATE TABLE page (title TEXT NOT NULL);\nINSERT INTO page VALUES ('Title of evil.test');\n"
        dumps = {name: head + text.format(**words) for name, text in DUMPS.items()}
        dumps |= {"good": head, "broken": f"{head}INSERT INTO page VALUES ('{SECRET}', 2);"}
        made.bids = made.forge({name: f"{text}\n-- Dump completed\n".encode() for name, text in dumps.items()})
        yield made


def of_the_server(lab):
    """What a statement might have changed beyond the databases."""
    return [lab.database.ask(sql) for sql in (
        "SELECT user, host, JSON_REMOVE(priv, '$.password_last_changed') FROM mysql.global_priv ORDER BY 1, 2", "SELECT * FROM mysql.plugin", "SELECT * FROM mysql.func",
        "SELECT * FROM mysql.servers", "SELECT db, name FROM mysql.proc ORDER BY 1, 2", "SELECT * FROM mysql.event",
        "SELECT @@GLOBAL.local_infile, @@GLOBAL.general_log_file, @@GLOBAL.sql_mode")]


def test_a_good_forgery_is_taken_so_that_the_others_are_refused_for_what_they_are(yard):
    yard.restore(yard.bids["good"])
    assert "Title of evil.test" in yard.lab.get(HOST)[1]


def test_a_row_that_cannot_be_loaded_is_shown_to_nobody(yard):
    row = yard.restore(yard.bids["broken"], code=5)
    told = str(yard.lab.log(row["job"]))
    assert row["code"] == "DB_FAILED" and "Column count" in told and SECRET not in told and SECRET not in str(row)
    assert SECRET not in yard.lab.daemon_log()


@pytest.mark.parametrize("name", DUMPS)
def test_a_dump_that_means_ill_fails_and_leaves_everything_as_it_is(yard, name):
    before, server = yard.lab.inventory(), of_the_server(yard.lab)
    row = yard.restore(yard.bids[name], code=5)
    assert row["state"] == "failed" and row["code"] in ("DB_FAILED", "DRIVER_FAILED"), row
    assert difference(before, yard.lab.inventory()) == [] and of_the_server(yard.lab) == server
    assert not os.path.exists(CANARY) and "Title of other.test" in yard.lab.get(OTHER)[1]
    yard.lab.must("verify", f"@{HOST}")


# --- what a site may do with its own database ---

ROWS = ["\\! touch {canary}", "system touch {canary}", "\\. {canary}", "a'b\"c`d\\", "DELIMITER ;;", "*/ DROP TABLE page; /*", "-- x", "; SELECT 1;",
        "\0\x1a\r\n\\n", "source {canary}", "\n\\! touch {canary}\n"]  # fmt: skip
NAMES = ["a`b", "it's", 'say "x"', "-- x", "; DROP TABLE page; --", "line\n\\! touch {canary}", "/*! DROP TABLE page */", "Übung"]


def as_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def as_name(text):
    return "`" + text.replace("`", "``") + "`"


def mean_database():
    """Statements, each of one line of thought: tables and rows, and all kinds of definitions, whose names and texts are attacks."""
    rows = ", ".join(f"({as_text(row.format(canary=CANARY))})" for row in ROWS)
    for number, name in enumerate(NAMES):
        name = as_name(name.format(canary=CANARY))
        text = as_text(ROWS[number].format(canary=CANARY))
        yield f"CREATE TABLE {name} ({name} TEXT COMMENT {text}) COMMENT {text}"
        yield f"INSERT INTO {name} VALUES {rows}"
        yield f"CREATE VIEW {as_name('v ' + name[1:-1].replace('``', '`'))} AS SELECT {name} AS {name}, {text} AS b FROM {name}"
    yield "CREATE TABLE log (a TEXT)"
    yield f"CREATE TRIGGER `t;; ``` AFTER INSERT ON page FOR EACH ROW INSERT INTO log VALUES ({as_text(ROWS[5])}) /* ;; */"
    yield f"CREATE PROCEDURE `p'``()` () COMMENT {as_text(ROWS[1])} BEGIN SELECT {as_text(ROWS[0])}; /* ;;\n\\! touch {CANARY}\n */ END"
    yield f"CREATE FUNCTION `f\n\\! touch {CANARY}`() RETURNS TEXT DETERMINISTIC RETURN {as_text(ROWS[10])}"
    yield f"CREATE EVENT `e; *//*` ON SCHEDULE EVERY 1 DAY COMMENT {as_text(ROWS[0])} DO INSERT INTO log VALUES ('x')"


def definitions(yard):
    """All that stands in the database, definitions and rows, as the server tells it; without the database's own name."""
    name = yard.database_of(HOST)
    sql = "SELECT {} FROM information_schema.{} WHERE {} = DATABASE() ORDER BY 1, 2;"
    queries = (("TABLE_NAME, TABLE_TYPE, TABLE_COMMENT", "TABLES", "TABLE_SCHEMA"),
               ("TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_COMMENT", "COLUMNS", "TABLE_SCHEMA"),
               ("TABLE_NAME, VIEW_DEFINITION, DEFINER", "VIEWS", "TABLE_SCHEMA"),
               ("TRIGGER_NAME, ACTION_STATEMENT, DEFINER", "TRIGGERS", "TRIGGER_SCHEMA"),
               ("ROUTINE_NAME, ROUTINE_DEFINITION, ROUTINE_COMMENT, DEFINER", "ROUTINES", "ROUTINE_SCHEMA"),
               ("EVENT_NAME, EVENT_DEFINITION, EVENT_COMMENT, DEFINER", "EVENTS", "EVENT_SCHEMA"))
    told = [yard.sql(sql.format(*query)).replace(name, "DATABASE") for query in queries]
    rows = [yard.sql(f"SELECT HEX({as_name(n)}) FROM {as_name(n)} ORDER BY 1;") for n in (n.format(canary=CANARY) for n in NAMES)]
    return told, rows


def run_all(yard, statements, admin=False):
    yard.sql("DELIMITER $$$\n" + "".join(f"{text}$$$\n" for text in statements), admin=admin)


def test_a_database_full_of_attacks_comes_back_as_it_was(yard):
    run_all(yard, mean_database())
    before, server = definitions(yard), of_the_server(yard.lab)[0]
    bid = yard.back_up()
    run_all(yard, ["DROP TRIGGER `t;; ```", "DROP PROCEDURE `p'``()`", "DROP EVENT `e; *//*`", "UPDATE `a``b` SET `a``b` = 'gone'", "DELETE FROM `it's`"])
    assert definitions(yard) != before
    yard.restore(bid)
    assert definitions(yard) == before and of_the_server(yard.lab)[0] == server
    assert not os.path.exists(CANARY) and "Title of evil.test" in yard.lab.get(HOST)[1]


@pytest.mark.parametrize("kind, text", [
    ("VIEW", "CREATE DEFINER=root@localhost VIEW rooted AS SELECT * FROM page"),
    ("TRIGGER", "CREATE DEFINER=root@localhost TRIGGER rooted BEFORE INSERT ON page FOR EACH ROW SET NEW.title = 'x'"),
    ("EVENT", "CREATE DEFINER=root@localhost EVENT rooted ON SCHEDULE EVERY 1 DAY DO SELECT 1")])  # fmt: skip
def test_what_an_administrator_defined_is_not_given_to_a_site(yard, kind, text):
    """A restore would have to make it in the name of somebody else: it fails, says why, and changes nothing."""
    run_all(yard, [text], admin=True)
    bid = yard.back_up()
    before = yard.lab.inventory()
    row = yard.restore(bid, code=5)
    assert row["code"] == "DB_FAILED" and "1227" in str(yard.lab.log(row["job"])), row
    assert difference(before, yard.lab.inventory()) == []
    run_all(yard, [f"DROP {kind} rooted"], admin=True)


def test_a_definition_on_which_the_dump_goes_round_for_ever_fails_the_backup_in_time(yard):
    """mariadb-dump never finds a delimiter for an event with two semicolons in it. The build with fault points waits 20 s for it."""
    run_all(yard, ["CREATE EVENT `;;` ON SCHEDULE EVERY 1 DAY DO SELECT 1"])
    before = yard.lab.inventory()
    row = yard.lab.must("backup", f"@{HOST}", code=5)
    assert (row["code"], row["field"]) == ("DEADLINE", "db_server") and "has said nothing" in row["text"], row
    assert difference(before, yard.lab.inventory()) == [] and not yard.lab.processes("mariadb-dump")
    run_all(yard, ["DROP EVENT `;;`"])


@pytest.mark.parametrize("make, drop, admin", [
    ("CREATE DEFINER=root@localhost PROCEDURE rooted() SELECT 1", "DROP PROCEDURE rooted", True),
    ("CREATE TABLE t (a INT)$$$ CREATE VIEW rooted AS SELECT a FROM t$$$ DROP TABLE t", "DROP VIEW rooted", False)])  # fmt: skip
def test_what_cannot_be_read_is_named_and_there_is_no_backup_without_it(yard, make, drop, admin):
    """A routine of an administrator's; a view whose table is gone."""
    run_all(yard, [make], admin)
    before = yard.lab.inventory()
    row = yard.lab.must("backup", f"@{HOST}", code=5)
    assert row["code"] == "DB_FAILED" and "rooted" in str(yard.lab.log(row["job"])), row
    assert difference(before, yard.lab.inventory()) == []
    run_all(yard, [drop], admin)
