"""The machine that is measured: the product as `make demo` puts it up (its panel, its queue, its daemon; jails, fsync, reloads at most
every two seconds), in a lab of its own."""

import os
import re
import secrets
import shutil
import sqlite3

from lab import Lab
from lab.panel import USER, Panel

from measure import rest, soon, title
from script import Httpd

RELOAD_GAP = 2


class World:
    def __init__(self):
        self.lab = Lab(PanelUsers=USER, ReloadGap=RELOAD_GAP, UidRange="70000-99999")
        self.panel = None

    def __enter__(self):
        try:
            return self._start()
        except BaseException:
            self.lab.close()
            raise

    def __exit__(self, *_):
        if self.panel:
            self.panel.close()
        self.lab.close()

    def _start(self):
        lab = self.lab.start()
        self.panel = Panel(lab.folder, lab.netns, daemon=f"{lab.run}/panel/socket")
        self.panel.setup("migrate")
        self.panel.start()
        self.api = self.panel.program(self.panel.admin())
        self.server = self._add("/servers", "server", {"name": "main", "http": "apache", "http_port": "80", "db": "mariadb",
                                                       "db_auth": "socket"})
        return self

    # Objects, through the API and the queue

    def _add(self, path, kind, fields):
        view = self.api.must(path, fields)
        row = view[kind]["id"]
        task = self.panel.rows("SELECT id FROM task WHERE object = ?", row)[0][0]
        self.await_tasks([task])
        return row

    def platform(self, name, source):
        """The platform of that name, made when it is not there; SOURCE as the panel's form takes it."""
        known = self.panel.rows("SELECT id FROM platform WHERE name = ?", name)
        return known[0][0] if known else self._add("/platforms", "platform", {
            "name": name, "server": self.server, "place": f"0:{name}", "source": source})

    def static_platform(self):
        folder = f"{self.lab.folder}/sources/pages"
        os.makedirs(folder, exist_ok=True)
        Panel.put(f"{folder}/index.html", "<!DOCTYPE html>\n<html><head><title>@TITLE@</title></head><body></body></html>\n")
        self.lab.open_to_all("sources")
        return self.platform("pages", "1:pages")

    def wordpress_platform(self):
        return self.platform("wordpress", "0:wordpress")

    def begin_site(self, name, platform, **fields):
        """Queues the install of a site: its id and the task's."""
        view = self.api.must("/sites", {"name": name, "platform": platform, "title": title(name), **fields})
        return view["site"]["id"], view["task"]

    def copied_platform(self, name, source):
        """One whose code base is copied from a folder that no SourceRoot holds."""
        shutil.copytree(source, f"{self.lab.folder}/sources/{name}", symlinks=True)
        self.lab.open_to_all("sources")
        return self.platform(name, f"1:{name}")

    def begin_cms(self, name, platform):
        return self.begin_site(name, platform, db_server=self.server, admin_name="editor", admin_mail="editor@example.org")

    def begin_task(self, site, kind, **fields):
        return self.api.must(f"/sites/{site}/tasks", {"type": kind, **fields})["task"]

    def static_sites(self, names):
        """Ids of static sites that stand there at the end."""
        platform = self.static_platform()
        begun = [self.begin_site(name, platform) for name in names]
        self.await_tasks([task for _, task in begun])
        return [site for site, _ in begun]

    def script(self):
        """The httpd of those who do it by hand."""
        return Httpd(self.lab.folder, self.lab.netns, self.shows)

    # Tasks

    def times(self, tasks):
        """created, started and ended of each, in seconds."""
        marks = ",".join("?" * len(tasks))
        rows = self.panel.rows(f"SELECT id, created, started, ended, state FROM task WHERE id IN ({marks})", *tasks)
        found = {row[0]: row for row in rows}
        return [tuple(t / 1e6 for t in found[task][1:4]) for task in tasks]

    def await_tasks(self, tasks, seconds=300):
        """Returns when all have ended; each must have succeeded."""
        marks = ",".join("?" * len(tasks))

        def ended():
            rows = self.panel.rows(f"SELECT state FROM task WHERE id IN ({marks}) AND ended > 0", *tasks)
            return len(rows) == len(tasks) and [row[0] for row in rows]

        states = soon(ended, seconds, f"the end of {len(tasks)} tasks", pause=0.003 * min(len(tasks), 20))
        if set(states) != {"success"}:
            texts = self.panel.rows(f"SELECT state, code, text FROM attempt WHERE task IN ({marks}) AND state <> 'success'", *tasks)
            raise AssertionError(f"tasks that did not succeed: {texts}")

    # The daemon

    def revs(self):
        """Numbers of the configurations that were published: a reload each."""
        return set(re.findall(r"event=publish code=OK rev=(\d+)", self.lab.daemon_log()))

    def steps(self, site, name):
        """Seconds of the last run of that step on the site, from the journal."""
        path = f"file:{self.lab.folder}/state/journal/journal.db?mode=ro"
        with sqlite3.connect(path, uri=True, timeout=10) as db:
            began, ended = db.execute("SELECT began, ended FROM step WHERE name = ? AND job = (SELECT MAX(id) FROM job WHERE object = ?)",
                                      (name, site)).fetchone()
        return (ended - began) / 1e6

    def gap(self):
        """Seconds for which the daemon holds back the next reload."""
        last = re.findall(r"op=publish .* code=OK a=\d+ b=(\d+)", self.lab.daemon_log())
        return max(RELOAD_GAP, 10 * int(last[-1]) / 1e6) if last else RELOAD_GAP

    def quiet(self):
        """Lets that time pass."""
        rest(self.gap() + 0.1)

    def shows(self, name, port=80):
        """Whether a visitor gets that site, by its title."""
        status, body = self.lab.get(name, port=port)
        return status == 200 and re.search(f"<title>[^<]*{re.escape(title(name))}", body) is not None

    def prove(self, names, port=80):
        """The probe of both sides."""
        wrong = [name for name in names if not self.shows(name, port)]
        assert not wrong, f"not served on port {port}: {wrong[:3]}"


def fresh(stem):
    """A host name that nobody has had."""
    return f"{stem}-{secrets.token_hex(4)}.test"

