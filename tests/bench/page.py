"""The pages of 50 rows, with 10,000 sites and 1,000,000 tasks in the panel's SQLite, against the same httpd's static file and a PHP page."""

import contextlib
import os
import shutil
import sqlite3

from lab.panel import PORT, USER, Panel, place

from code_base import HERE, Pool
from measure import CONNECTIONS, SECONDS, Wrk, alternate, line, ratios, told
from populate import new_id
from script import PORT as PHP_PORT
from script import Httpd

SITES, TASKS, ROWS_SHOWN, LIMIT_MS = 10_000, 1_000_000, 50, 20
STATIC_POOL = "pm = static\npm.max_children = 8"
BASELINE = (f"wrk with {CONNECTIONS} connections, {SECONDS} s a run: the static file is the panel's own hm.css; the PHP page selects the same"
            " rows by the same statement from the same SQLite through a persistent PDO, opcache on, 8 FPM processes, httpd with the same"
            " base configuration, and checks no session")


def _fill(database):
    """What ten thousand sites leave behind: a site each with its host name, and a hundred tasks with an attempt."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA synchronous = OFF")
        server, platform, sites = "v" + "a" * 12, "p" + "a" * 12, [new_id() for _ in range(SITES)]
        db.execute("INSERT INTO server (id, name, revision, created, state) VALUES (?, 'main', 1, 1, 'verified')", (server,))
        db.execute("INSERT INTO platform (id, name, server, place, revision, created, state)"
                   " VALUES (?, 'pages', ?, '0:pages', 1, 1, 'verified')", (platform, server))
        db.executemany("INSERT INTO site (id, name, client, platform, title, revision, created, state, verified, last)"
                       " VALUES (?, ?, 1, ?, ?, 1, 1, 'enabled', ?, 'success')",
                       ((site, f"www{n}.example.org", platform, f"Site <{n}>", 1_790_000_000_000_000 + n) for n, site in enumerate(sites)))
        db.executemany("INSERT INTO host (name, site, kind) VALUES (?, ?, 'site')",
                       ((f"www{n}.example.org", site) for n, site in enumerate(sites)))
        times = [(1_780_000_000_000_000 + n * 10_000_000, n) for n in range(TASKS)]
        db.executemany("INSERT INTO task (id, type, object, label, server, account, client, origin, state, attempts, created, started, ended)"
                       " VALUES (?, 'verify', ?, ?, ?, (SELECT MIN(id) FROM account), 1, 'user', 'success', 1, ?, ?, ?)",
                       ((n + 1, sites[n % SITES], f"www{n % SITES}.example.org", server, at, at + 4000, at + 2_000_000) for at, n in times))
        db.executemany("INSERT INTO attempt (id, task, n, job_key, server, args, state, job, created, started, ended)"
                       " VALUES (?, ?, 1, ?, ?, '{}', 'success', ?, ?, ?, ?)",
                       ((n + 1, n + 1, f"{n:032x}", server, n + 1, at, at + 4000, at + 2_000_000) for at, n in times))
        db.commit()
        db.execute("ANALYZE")
        db.commit()


def _php_page(folder, netns, panel):
    """The PHP page, on an httpd of its own that idles while it is not asked."""
    httpd, pool = Httpd(folder, netns), Pool(f"{folder}/theirs", netns, STATIC_POOL, USER)
    pool.start()
    root = f"{httpd.folder}/www/page"
    os.mkdir(root, 0o755)
    shutil.copy(f"{HERE}/php/page.php", root)
    httpd.put_vhost("page", f"""    ServerName page.test
    DocumentRoot "{root}"
    <Directory "{root}">
        Require all granted
        SetHandler "proxy:unix:{pool.socket}|fcgi://theirs/"
        ProxyFCGISetEnvIf "true" BENCH_DB "{panel.database}"
    </Directory>
""")
    httpd.graceful()
    return pool


def _compare(name, wrk, host, cookie):
    """The rows of one page."""
    page = f"http://127.0.0.1:{PORT}/{name}"
    mine, file, theirs = alternate(lambda _: wrk.rate(page, host, cookie),
                                   lambda _: wrk.rate(f"http://127.0.0.1:{PORT}/static/hm.css", host),
                                   lambda _: wrk.rate(f"http://127.0.0.1:{PHP_PORT}/page.php?{name}", "page.test"))
    shown = f"page of {ROWS_SHOWN} {name} with {SITES:,} sites and {TASKS:,} tasks"
    line(f"page-50-{name}-static", ratios(mine, file), ">=0.20", f"{shown} against the same httpd's static file"
         f" (ours {told(mine, '/s', 0)}, file {told(file, '/s', 0)})")
    line(f"page-50-{name}-php", ratios(mine, theirs), ">=10.00", f"{shown} against a PHP page of the same rows"
         f" (ours {told(mine, '/s', 0)}, PHP {told(theirs, '/s', 0)})")
    slow = wrk.p99[page]
    line(f"page-50-{name}-p99", [ms / LIMIT_MS for ms in slow], "<=1.00", f"p99 of the {shown}, {CONNECTIONS} connections, against {LIMIT_MS} ms"
         f" (p99 {told(slow, 'ms', 1)})")


def page():
    with place() as (folder, netns):
        panel = Panel(folder, netns)
        panel.setup("migrate")
        panel.setup("admin", "filler", "filler@example.org")
        _fill(panel.database)
        panel.start()
        pool = None
        try:
            person = panel.admin()
            cookie = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
            pool = _php_page(folder, netns, panel)
            for name in ("tasks", "sites"):
                assert person.get(f"/{name}").text.count("<tr>") == ROWS_SHOWN + 1
                _compare(name, Wrk(netns), f"{panel.host}:{PORT}", cookie)
        finally:
            panel.close()
            if pool:
                pool.stop()


ROWS = {"page-50": page}
