"""A lab of the fault build in which tasks are killed: its standing objects, its journal, and how what stands in it is compared.

Two runs of a task make objects of other ids, uids and passwords; said in the same words, what they leave must be the same.
"""

import collections
import os
import re
import shlex
import shutil
import sqlite3

from lab import Lab, difference, until
from lab.inventory import take
from lab.lab import FAULT_BUILD
from lab.processes import Process
from tasks import HOST

STAYS = "stays.test"  # the other site, which nothing may disturb
TREES = ("sites", "platforms", "state", "secrets", "backups")
ZSTD = b"\x28\xb5\x2f\xfd"
MORE = [f"@{HOST}", "@platform_more", "@platform_own", "@server_more"]
QUICK = 5  # deaths of an engine in a row after which root waits before it starts another

Job = collections.namedtuple("Job", "id type kind object origin state code crashes")


class Yard:
    def __init__(self, keeps=False):
        self.keeps, self.deaths = keeps, 0
        self.told = ""  # by the command line, besides its answer
        self.lab = lab = Lab(build=FAULT_BUILD, **({"TrashTime": 86400} if keeps else {}))
        try:
            lab.start().with_server().with_static().with_tiny()
            lab.install(STAYS, "pages")
            self.own_platform()
            self.known = {row[0] for row in self.rows("SELECT id FROM context")}
            self.uids = {str(row[0]) for row in self.rows("SELECT uid FROM context")}
            self.ground = self.inventory()
        except BaseException:
            lab.close()
            raise

    def own_platform(self):
        """A folder that can be adopted."""
        place = f"{self.lab.folder}/platforms/own"
        shutil.copytree(f"{self.lab.folder}/sources/pages", place)
        for path in (place, f"{place}/index.html"):
            os.chown(path, self.lab.last_uid, self.lab.last_uid)

    # The journal

    def rows(self, sql, *args):
        with sqlite3.connect(f"file:{self.lab.folder}/state/journal/journal.db?mode=ro", uri=True, timeout=10) as db:
            return db.execute(sql, args).fetchall()

    def last_job(self):
        return self.rows("SELECT coalesce(max(id), 0) FROM job")[0][0]

    def jobs(self, after):
        kinds = {"s": "SITE", "p": "PLATFORM", "v": "SERVER"}
        rows = self.rows("SELECT id, type, object, origin, state, code, crashes FROM job WHERE id > ? ORDER BY id", after)
        return [Job(row[0], row[1], kinds[row[2][0]], *row[2:]) for row in rows]

    def events(self, job, kind, *fields):
        found = ", ".join(f"json_extract(body, '$.{field}')" for field in fields)
        return self.rows(f"SELECT {found} FROM event WHERE job = ? AND kind = ? ORDER BY seq", job, kind)

    def idle(self):
        """Nothing is under way, and nothing waits to be purged."""
        waiting = 0 if self.keeps else self.rows("SELECT count(*) FROM context WHERE deleted > 0 AND state = 'deleted'")[0][0]
        return not waiting and not self.rows("SELECT 1 FROM job WHERE ended = 0 AND state <> 'stuck'")

    # States

    def words(self, text):
        bid = self.rows("SELECT bid FROM backup WHERE name = ? ORDER BY made DESC LIMIT 1", HOST)
        return shlex.split(text.format(bid=bid[0][0] if bid else "", top=self.lab.folder))

    def make(self, *steps):
        for text in steps:
            self.lab.must(*self.words(text))
            self.settle()

    def settle(self):
        until(self.idle, 60, "the end of all jobs")

    def home(self):
        """Back to the ground, from wherever a task left it."""
        for name in MORE:
            if self.lab.provision("show", name).code == 0:
                self.make(f"delete {name} backup=no" if name == f"@{HOST}" else f"delete {name}")
        for bid, site in self.rows("SELECT bid, name FROM backup"):
            self.make(f"backup_delete @{site} bid={bid}")
        if self.keeps:
            self.empty_trash()

    def empty_trash(self):
        """By a daemon that keeps none, for a while."""
        with open(self.lab.conf, encoding="utf-8") as f:
            text = f.read()
        for keeps, now in ((False, re.sub(r"(?m)^TrashTime .*", "TrashTime 0", text)), (True, text)):
            self.keeps = keeps
            with open(self.lab.conf, "w", encoding="utf-8") as f:
                f.write(now)
            self.restart()
            self.settle()

    def doctor(self, task):
        """What it finds, but for the page that the task itself has broken."""
        return [row for row in self.lab.must("doctor", code=None) if not (task.breaks_page and row["thing"] == "served")]

    def restart(self):
        self.lab.restart()
        self.deaths = 0

    def page(self):
        """What a visitor of the site gets."""
        status, body = self.lab.get(HOST)
        return status, f"Title of {HOST}" in body

    # What stands there

    def inventory(self, say=lambda data: data):
        found = take(self.lab, TREES, say)
        found["backups"] = [list(row) for row in self.rows("SELECT bid, site, name, description FROM backup")]
        found["tables"] = {}
        for database in self.lab.database.databases():
            for (table,) in self.lab.database.ask(f"SHOW TABLES IN {database}"):
                found["tables"][f"{database}.{table}"] = self.lab.database.ask(f"CHECKSUM TABLE {database}.{table}")[0][1]
        return found

    def say_bytes(self, data):
        if data.startswith(ZSTD):
            return b"an archive"
        if re.fullmatch(rb"[A-Za-z0-9]{32}", data):
            return b"a password"
        return self.say_text(data.decode("latin-1")).encode("latin-1")

    def say_text(self, text):
        def name(match):
            if match[0][:13] in self.known:
                return match[0]
            return f"{match[1]}-ID" + ("-N" if match[2] else "")

        text = re.sub(r"\b([spvb])[a-z2-7]{12}(d\d+)?\b", name, text)
        text = re.sub(r"\b\d{5,10}\b", lambda match: "UID" if self.new_uid(match[0]) else match[0], text)
        text = re.sub(r"\$\{FPM\d+\}", "${FPM}", text)  # which master has a site is its id's choice
        return re.sub(r'"dbgen": ?"\d+"', '"dbgen":"N"', text)

    def new_uid(self, text):
        return self.lab.first_uid <= int(text) <= self.lab.last_uid and text not in self.uids

    def said(self):
        """The inventory in words that are the same for every object that a task makes."""

        def say(value):
            if isinstance(value, dict):
                return {say(key): say(item) for key, item in value.items()}
            return [say(item) for item in value] if isinstance(value, list) else self.say_text(value)

        return say(self.inventory(self.say_bytes))

    def differences(self, wanted, said):
        """In which lines all differs from what is wanted, once nothing changes any more."""
        last = []

        def same():
            last[:] = difference(wanted, self.said() if said else self.inventory())
            return not last

        try:
            until(same, 60)
        except AssertionError:
            pass
        return last

    # Kills

    def stopped(self):
        """Has the engine come to a point that stops it?"""
        try:
            with open(f"/proc/{self.lab.daemon.pid}/task/{self.lab.daemon.pid}/children", encoding="utf-8") as f:
                kids = [Process(int(pid)) for pid in f.read().split()]
        except OSError:
            return False
        return any(kid.state == "T" and kid.name == "provisiond-engi" for kid in kids)

    def tend(self):
        """Kills root where the engine has stopped for it, and starts it where it is dead."""
        if self.stopped():
            self.lab.kill()
        if self.lab.daemon.poll() is not None:
            self.lab.start_daemon()
            self.deaths = 0

    def attempt(self, text, points):
        """Asks for a task while the POINTS, pairs of a name and what is done there, are armed. Its exit code, once all is quiet."""
        kills = sum(action == "kill" for _, action in points)
        if self.deaths + kills > QUICK:
            self.restart()
        self.deaths += kills
        words = self.words(text)
        for point, action in points:
            self.lab.fault(point, action)
        asked = self.lab.begin(*words, "--json")

        def over():
            self.tend()
            return asked.poll() is not None and self.idle()

        until(over, 120, f"the end of {' '.join(words)}")
        out, self.told = asked.communicate(timeout=10)
        assert out, self.told
        self.lab.until_ready()
        return asked.returncode
