"""Many static sites at once: the rows, links, folders and files that an install leaves, copied from one that was installed for real.
The daemon stands still meanwhile and finds them at its start."""

import contextlib
import os
import secrets
import shutil
import sqlite3

from world import fresh

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
# The tables in which a site has rows, in the daemon's journal and in the panel, and the columns that hold its id.
JOURNAL = {"context": "id", "host": "site", "resource": "object"}
PANEL = {"site": "id", "host": "site"}


def new_id():
    return "s" + "".join(secrets.choice(LETTERS) for _ in range(12))


def _columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _copy_rows(path, tables, model, copies):
    """The rows of MODEL once more for each of the COPIES, each a dictionary of texts and numbers that stand for the model's."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
        for table, column in tables.items():
            rows = db.execute(f"SELECT * FROM {table} WHERE {column} = ?", (model,)).fetchall()
            marks = ",".join("?" * len(_columns(db, table)))
            db.executemany(f"INSERT INTO {table} VALUES ({marks})",
                           ([changed(value, copy) for value in row] for copy in copies for row in rows))
        db.commit()


def changed(value, copy):
    if isinstance(value, str):
        for old, new in copy.items():
            if isinstance(old, str):
                value = value.replace(old, new)
        return value
    return copy.get(value, value)


def _copy_files(folder, model, copy):
    """Folders, vhost, and the links by which root knows id and uid."""
    site, uid = copy[model["id"]], copy[model["uid"]]
    for place in ("", "data", "data/public", "private", "tmp", "etc", "log"):
        old, new = f"{folder}/sites/{model['id']}/{place}", f"{folder}/sites/{site}/{place}"
        info = os.stat(old)
        os.mkdir(new)
        os.chmod(new, info.st_mode & 0o7777)
        os.chown(new, copy.get(info.st_uid, info.st_uid), copy.get(info.st_gid, info.st_gid))
    page = f"sites/{site}/data/public/index.html"
    _copy_text(f"{folder}/sites/{model['id']}/data/public/index.html", f"{folder}/{page}", copy)
    os.chown(f"{folder}/{page}", uid, uid)
    live = f"{folder}/state/httpd/live"
    _copy_text(f"{live}/{model['id']}.conf", f"{live}/{site}.conf", copy)
    os.symlink(site, f"{folder}/state/uids/{uid}")
    os.symlink(str(uid), f"{folder}/state/ids/{site}")


def _copy_text(old, new, copy):
    with open(old, encoding="utf-8") as f:
        text = f.read()
    with open(new, "w", encoding="utf-8") as f:
        f.write(changed(text, copy))
    shutil.copymode(old, new)


def static_sites(world, count):
    """COUNT more static sites, served."""
    lab, name = world.lab, fresh("model")
    world.static_sites([name])
    row = lab.site(name)
    model = {"id": row["id"], "uid": row["uid"]}
    lab.stop()
    journal = f"{lab.folder}/state/journal/journal.db"
    with contextlib.closing(sqlite3.connect(journal)) as db:
        taken = int(db.execute("SELECT v FROM meta WHERE k = 'uid'").fetchone()[0])
        db.execute("UPDATE meta SET v = ? WHERE k = 'uid'", (str(taken + count),))
        db.commit()
    copies = [{model["id"]: new_id(), name: fresh("more"), model["uid"]: taken + 1 + n} for n in range(count)]
    _copy_rows(journal, JOURNAL, model["id"], copies)
    _copy_rows(world.panel.database, PANEL, model["id"], copies)
    for copy in copies:
        _copy_files(lab.folder, model, copy)
    lab.start_daemon()
    lab.until_ready()
    last = copies[-1][name]
    lab.await_(lambda: world.shows(last), 60, f"{last} being served")
