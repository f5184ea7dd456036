"""What stands on the machine, as data. Histories and counters are left out, so that a task that
was undone, or one that was reversed by another, gives the inventory of before."""

import hashlib
import os
import re
import sqlite3
import stat

# Folders of histories and of what no task makes: journal and its history, earlier configurations, the uid counter's registry.
HISTORY = ("state/journal", "state/httpd/undo", "state/fpm/undo", "state/rev", "state/uids", "state/ids")
TABLES = {
    "context": "SELECT name, kind, state, props FROM context WHERE NOT deleted ORDER BY name",
    "host": "SELECT name, site FROM host ORDER BY name",
    "resource": "SELECT kind, object, state FROM resource WHERE state <> 'gone' ORDER BY kind, object",
}


def _same(data):
    return data


def _file(path, say):
    info = os.lstat(path)
    line = f"{stat.filemode(info.st_mode)} {info.st_uid}:{info.st_gid}"
    if stat.S_ISLNK(info.st_mode):
        return f"{line} -> {os.readlink(path)}"
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as f:
            return f"{line} {hashlib.sha256(say(f.read())).hexdigest()[:16]}"
    return line


def _files(folder, tree, into, say):
    top = f"{folder}/{tree}"
    for path, folders, names in os.walk(top):
        folders[:] = [d for d in folders if not f"{path}/{d}"[len(folder) + 1 :].startswith(HISTORY)]
        for name in folders + names:
            whole = f"{path}/{name}"
            short = whole[len(folder) + 1 :]
            if short.startswith(HISTORY) or short.endswith("/000-rev.conf"):
                continue
            try:
                into[short] = _file(whole, say)
            except FileNotFoundError:
                pass


def _rows(journal):
    if not os.path.exists(journal):
        return {}
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10) as db:
        return {table: [list(map(str, row)) for row in db.execute(sql)] for table, sql in TABLES.items()}


def _short(text, folder):
    """Without the lab's folder and the number of the configuration."""
    return re.sub(r"fpm/\d+/", "fpm/REV/", text.replace(folder + "/", ""))


def _processes(lab):
    """Who runs, as whom. How many children httpd keeps is its own to say; those of PHP-FPM come and go with requests."""
    return sorted({f"{p.uid} {p.name}" for p in lab.processes() if p.uid == 0 or not p.name.startswith("php-fpm")})


def _sockets(lab):
    with lab.netns.entered():
        with open("/proc/thread-self/net/unix", encoding="utf-8") as f:
            unix = [line.split()[7] for line in f if len(line.split()) > 7 and line.split()[3] == "00010000"]
        with open("/proc/thread-self/net/tcp", encoding="utf-8") as f:
            tcp = ["tcp " + line.split()[1] for line in f if line.split()[3] == "0A"]
    return sorted({_short(path, lab.folder) for path in unix if path.startswith(lab.folder)} | set(tcp))


def take(lab, trees=("sites", "platforms", "state", "secrets"), say=_same):
    """Everything, as a dictionary of sections. A file is told by the hash of what SAY makes of its content."""
    files = {}
    for tree in trees:
        _files(lab.folder, tree, files, say)
    journal = _rows(f"{lab.folder}/state/journal/journal.db")
    return {
        "files": files,
        "databases": lab.database.databases(),
        "logins": lab.database.logins(),
        "processes": _processes(lab),
        "sockets": _sockets(lab),
        **journal,
    }


def difference(before, after):
    """The lines in which two inventories differ, for a person; empty when they are the same."""
    lines = []
    for section in sorted(set(before) | set(after)):
        old, new = before.get(section, {}), after.get(section, {})
        if not isinstance(old, dict) or not isinstance(new, dict):
            old, new = ({str(item): "" for item in side} for side in (old, new))
        lines += [f"{section}: - {key} {old[key]}" for key in old if key not in new]
        lines += [f"{section}: + {key} {new[key]}" for key in new if key not in old]
        lines += [f"{section}: ! {key} {old[key]} => {new[key]}" for key in old if key in new and old[key] != new[key]]
    return lines
