"""A MariaDB server of the lab. Its data folder is made once a session and copied, which is much quicker. Each has a folder for
temporary files of its own: a server that starts deletes what it finds there."""

import os
import shutil
import subprocess

from .wait import until

SERVER_USER = "proxy"
ADMIN = ("pvadmin", "aZ3tcpSecretOfTheLab")
SYSTEM = {"information_schema", "mysql", "performance_schema", "sys"}


def _run(words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{words[0]}: {done.returncode}\n{done.stdout}"


def make_template(folder, dba_user):
    """An empty data folder in which DBA_USER administers by unix_socket and ADMIN over TCP."""
    os.makedirs(folder)
    shutil.chown(folder, SERVER_USER, SERVER_USER)
    _run(["mariadb-install-db", "--no-defaults", f"--datadir={folder}", f"--user={SERVER_USER}", f"--tmpdir={folder}", "--force",
          "--skip-test-db", "--auth-root-authentication-method=socket"], stdin=subprocess.DEVNULL)
    rights = "GRANT ALL PRIVILEGES ON *.* TO {} WITH GRANT OPTION;"
    sql = [f"CREATE USER '{dba_user}'@'localhost' IDENTIFIED VIA unix_socket;", rights.format(f"'{dba_user}'@'localhost'")]
    for host in ("localhost", "127.0.0.1"):
        sql += [f"CREATE USER '{ADMIN[0]}'@'{host}' IDENTIFIED BY '{ADMIN[1]}';", rights.format(f"'{ADMIN[0]}'@'{host}'")]
    _run(["mariadbd", "--no-defaults", "--bootstrap", f"--datadir={folder}", f"--user={SERVER_USER}", f"--tmpdir={folder}",
          "--silent-startup"],
         input="FLUSH PRIVILEGES;\n" + "\n".join(sql) + "\n")


class Database:
    def __init__(self, folder, template, netns):
        self.folder, self.netns, self.process = folder, netns, None
        self.socket = f"{folder}/s"
        self.data = f"{folder}/data"
        os.makedirs(folder)
        shutil.chown(folder, SERVER_USER, SERVER_USER)
        subprocess.run(["cp", "-a", template, self.data], check=True)

    def start(self):
        log = open(f"{self.folder}/log", "ab")
        with self.netns.entered(), log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--user={SERVER_USER}", f"--socket={self.socket}",
                 f"--tmpdir={self.folder}", f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1", "--port=3306", "--innodb-buffer-pool-size=16M",
                 "--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve", "--performance-schema=OFF"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(lambda: self.ask("SELECT 1", check=False), 60, "MariaDB's answer")
        except AssertionError as late:
            with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"{late}:\n{log.read()[-3000:]}") from None

    def stop(self):
        """Ends it as an administrator would; after that it does not answer."""
        self.process.terminate()
        self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def ask(self, sql, check=True):
        """Rows as lists of texts; with check off None where the server does not answer."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", "-N", "-B", "-r", f"--socket={self.socket}", "-e", sql], stdin=subprocess.DEVNULL,
            capture_output=True, text=True)
        if done.returncode != 0:
            assert not check, done.stderr
            return None
        return [line.split("\t") for line in done.stdout.splitlines()]

    def databases(self):
        return sorted(row[0] for row in self.ask("SHOW DATABASES") if row[0] not in SYSTEM)

    def logins(self):
        """Each login of a site with its grants; the lab's own and the server's are left out."""
        rows = self.ask("SELECT user, host FROM mysql.global_priv")
        own = {"root", "mysql", "mariadb.sys", "PUBLIC", "", ADMIN[0]}
        logins = sorted((user, host) for user, host in rows if user not in own and len(user) == 13)
        return {f"{user}@{host}": sorted(row[0].split(" IDENTIFIED")[0] for row in self.ask(f"SHOW GRANTS FOR '{user}'@'{host}'"))
                for user, host in logins}
