"""A PostgreSQL server of a test's own: a socket in its folder, no TCP."""

import glob
import os
import shutil
import signal
import subprocess

from .wait import until

USER = "postgres"


class Postgres:
    def __init__(self, folder):
        self.folder = folder
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.process = None
        os.makedirs(folder)
        shutil.chown(folder, USER, USER)
        self._as_user("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "owner", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    def _as_user(self, program, *words):
        return subprocess.run([f"{self.bin}/{program}", *words], user=USER, group=USER, extra_groups=[], check=True, capture_output=True, text=True,
                              cwd=self.folder)  # fmt: skip

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.bin}/postgres", "-D", f"{self.folder}/data", "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off"],
                user=USER, group=USER, extra_groups=[], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: os.path.exists(f"{self.folder}/.s.PGSQL.5432") and self.answers(), 60, "PostgreSQL's answer")
        return self

    def answers(self):
        return subprocess.run([f"{self.bin}/pg_isready", "-h", self.folder], capture_output=True).returncode == 0

    def ask(self, sql, database="postgres"):
        """Rows as lists of texts."""
        return [line.split("\t") for line in self._as_user("psql", "-h", self.folder, "-U", "owner", "-d", database, "-AtqF", "\t", "-c", sql)
                .stdout.splitlines()]  # fmt: skip

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # the quick end: whoever is connected is cut off
        self.process.wait(60)
