"""Backup and restore of a WordPress site with real amounts of data, as tasks, against dump, tar and zstd one after the other."""

import os
import random
import subprocess

from measure import alternate, line, ratios, timed, told
from script import run
from world import World, fresh

FILES_MB, ROWS_MB = 200, 100
BASELINE = ("backup: `mariadb-dump --single-transaction | zstd`, then `tar c | zstd`; restore: `zstd -d | tar x` beside, a new database,"
            " `zstd -d | mariadb`, one after the other; zstd's level is 3 for both")


def _shell(command):
    run("bash", "-ec", f"set -o pipefail; {command}")


def _fill_files(folder, uid):
    """Pictures, which do not shrink, and texts, which do: files of 4 KiB to 4 MiB."""
    chance, left = random.Random(1), FILES_MB << 20
    words = [bytes(chance.choices(b"etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(2000)]
    os.makedirs(folder)
    for n in range(1 << 30):
        size = min(left, 1 << chance.randint(12, 22))
        text = b" ".join(chance.choices(words, k=4096)) if n % 4 == 0 else None
        with open(f"{folder}/{n}.{'txt' if text else 'jpg'}", "wb") as f:
            f.write((text * (size // len(text) + 1))[:size] if text else chance.randbytes(size))
        left -= size
        if left <= 0:
            break
    run("chown", "-R", f"{uid}:{uid}", folder)


def _fill_rows(world, database):
    """Rows as posts are: text of a few KiB each."""
    words = "CONCAT_WS(' ', SHA2(seq, 512), REPEAT('the quick brown fox ', seq MOD 40), SHA2(seq + 1, 512), SHA2(seq * 7, 512))"
    world.lab.database.ask(f"USE {database}; CREATE TABLE bench_posts (id INT PRIMARY KEY, slug VARCHAR(64), body MEDIUMTEXT, KEY (slug))"
                           f" ENGINE=InnoDB; INSERT INTO bench_posts SELECT seq, CONCAT('post-', 1000000 + seq), {words} FROM seq_1_to_{ROWS_MB * 1200}")


class Site:
    """The site that is measured, and theirs: the same data, saved and brought back by hand."""

    def __init__(self, world):
        self.world, self.host = world, fresh("backup")
        self.id, task = world.begin_cms(self.host, world.wordpress_platform())
        world.await_tasks([task])
        row = world.lab.site(self.host)
        self.top, self.folder = f"{world.lab.folder}/sites/{self.id}", f"{world.lab.folder}/theirs"
        os.mkdir(self.folder)
        _fill_files(f"{self.top}/data/files/bench", row["uid"])
        _fill_rows(world, self._database())
        self.client = f"--no-defaults --socket={world.lab.database.socket}"

    def _database(self):
        return f"{self.id}d{self.world.lab.site(self.host)['dbgen']}"

    def _state(self):
        """What must be the same afterwards: every file's sum, every row's."""
        files = subprocess.run(f"cd {self.top}/data/files && find . -type f -print0 | sort -z | xargs -0 cksum", shell=True, check=True,
                               capture_output=True).stdout
        return files, self.world.lab.database.ask(f"CHECKSUM TABLE {self._database()}.bench_posts")[0][1]

    def backup(self, _):
        return timed(lambda: self.world.await_tasks([self.world.begin_task(self.id, "backup")]))

    def backup_by_hand(self, _):
        return timed(lambda: [
            _shell(f"mariadb-dump {self.client} --single-transaction {self._database()} | zstd -q -f -o {self.folder}/dump.zst"),
            _shell(f"tar -C {self.top} -c data private | zstd -q -f -o {self.folder}/files.zst")])

    def restore(self, _):
        self.world.quiet()
        before = self._state()
        bid = self.world.panel.rows("SELECT id FROM backup WHERE site = ? ORDER BY made LIMIT 1", self.id)[0][0]
        took = timed(lambda: self.world.await_tasks([self.world.api.must(f"/backups/{bid}/restore", {})["task"]]))
        assert self._state() == before
        self.world.prove([self.host])
        return took

    def restore_by_hand(self, _):
        run("rm", "-rf", f"{self.folder}/tree")
        self.world.lab.database.ask("DROP DATABASE IF EXISTS by_hand")
        took = timed(lambda: [
            os.mkdir(f"{self.folder}/tree"),
            _shell(f"zstd -q -d -c {self.folder}/files.zst | tar -C {self.folder}/tree -x"),
            _shell(f"mariadb {self.client} -e 'CREATE DATABASE by_hand'; zstd -q -d -c {self.folder}/dump.zst | mariadb {self.client} by_hand")])
        run("diff", "-r", f"{self.top}/data/files", f"{self.folder}/tree/data/files")
        return took

    def sizes(self):
        ours = max(os.stat(f"{self.world.lab.folder}/backups/{name}").st_size for name in os.listdir(f"{self.world.lab.folder}/backups"))
        theirs = sum(os.stat(f"{self.folder}/{name}.zst").st_size for name in ("dump", "files"))
        return f"archives {ours >> 20} and {theirs >> 20} MiB"


def backups():
    data = f"of {FILES_MB} MB of files and {ROWS_MB} MB of rows"
    with World() as world:
        site = Site(world)
        for name, ours, theirs, hand in (("backup", site.backup, site.backup_by_hand, "dump | zstd, then tar | zstd"),
                                         ("restore", site.restore, site.restore_by_hand, "zstd | tar, then zstd | mariadb")):
            mine, his = alternate(ours, theirs)
            line(name, ratios(mine, his), "<=1.00", f"whole task {data} against {hand} (ours {told(mine)}, by hand {told(his)}; {site.sizes()})")


ROWS = {"backup": backups, "restore": backups}
