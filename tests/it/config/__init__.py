"""A provisiond with real httpd and PHP-FPM in a network namespace of its own; the test plays the engine and asks root directly."""

import contextlib
import http.client
import os
import re
import secrets
import shutil
import signal
import subprocess

from lab import netns, processes
from lab.wait import until
from root import BUILD, FIRST_UID, REPLY, TOP, Reply, World

PORT = 8080


class Published(Reply):
    """The reply of publish: the culprit's id comes after the rest, where there is one."""

    def __init__(self, args, fds):
        super().__init__(args, fds)
        self.culprit = args[4] if len(args) > 4 else None


def new_id(letter):
    return letter + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(12))


class Place(World):
    def __init__(self, faults=False, **settings):
        self.build = BUILD / "fault" if faults and (BUILD / "fault").is_dir() else BUILD
        self.netns = netns.Netns()
        super().__init__(**settings)
        self.httpd_conf = self.folder / "httpd.conf"
        self.next_uid = FIRST_UID
        self.base()

    def _install(self, checker):
        super()._install(checker)
        for source in ("provisiond/apps", "tests/it/config/apps"):
            shutil.copytree(TOP / source, self.folder / "apps", dirs_exist_ok=True)
        shutil.copytree(TOP / "templates", self.folder / "templates")
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", self.folder / "apps", self.folder / "templates"], check=True)

    def _configure(self, settings):
        super()._configure({"TemplatesDir": self.folder / "templates", "FpmMasters": 2, **settings})

    def base(self, extra=""):
        """The base configuration, as it is shipped, with this world's places, and EXTRA before the sites."""
        text = (TOP / "conf/httpd.conf").read_text()
        defines = {"RUN": self.folder / "run", "STATE": self.folder / "state", "LOG": self.folder / "logs/httpd",
                   "HOSTMASTER": BUILD / "mod_hostmaster.so"}
        for name, value in defines.items():
            text = re.sub(rf"^(Define {name}\s+).*$", rf"\g<1>{value}", text, flags=re.M)
        text = text.replace("Listen 80", f"Listen {PORT}").replace("*:80>", f"*:{PORT}>")
        self.httpd_conf.write_text(text.replace("\nInclude ", f"\n{extra}\nInclude "))

    def start(self):
        with self.netns.entered():
            self.daemon = subprocess.Popen([self.build / "provisiond", "-c", self.conf], stderr=self.log)
        self.meet()
        return self

    def gone(self):
        """Waits until the daemon has died by itself."""
        self.daemon.wait(30)
        self.forget()

    def remove(self):
        if self.daemon and self.daemon.poll() is None:
            self.stop()
        processes.end_all(self.netns.inode, self.folder)
        self.netns.close()
        super().remove()

    # What the engine would ask

    def vhost(self, verb, site, names=(), state="ON", app="static", platform="", redirect="", addresses=()):
        return self.engine.ask("vhost", site, verb, state, app, platform, PORT, redirect, len(addresses), *addresses, *names)

    def site(self, *names, app="static", files=(("index.html", None),), **more):
        """A site with files in its public folder, staged."""
        site = new_id("s")
        self.next_uid += 1
        assert self.engine.ask("site_dirs", site, "MAKE", self.next_uid).code == "OK"
        public = self.sites / site / "data/public"
        public.mkdir(mode=0o755)
        for name, text in files:
            (public / name).write_text(names[0] if text is None else text)
        reply = self.vhost("STAGE", site, names, app=app, **more)
        assert reply.code == "OK", reply
        return site

    def php(self, name, code="<?php echo getenv('PV_SITE'), ' ', posix_getuid();", **more):
        site = self.site(name, app="php", files=(("index.php", code),), **more)
        assert self.engine.ask("pool", site, "STAGE", "ON", "php").code == "OK"
        return site

    def publish(self):
        return self.published(self.engine.send("publish"))

    def published(self, seq):
        return Published(*self.engine.await_(REPLY, seq))

    def go_live(self):
        reply = self.publish()
        assert reply.code == "OK", (reply, self.logged())
        return reply

    # What a visitor sees

    def request(self, host, path="/", headers=(), address="127.0.0.1", seconds=20):
        with self.netns.entered():
            c = http.client.HTTPConnection(address, PORT, timeout=seconds)
            c.connect()
        with contextlib.closing(c):
            c.request("GET", path, headers={"Host": host, "Connection": "close", **dict(headers)})
            r = c.getresponse()
            return r.status, r.read().decode(errors="replace"), r

    def get(self, host, path="/", seconds=20):
        return self.request(host, path, seconds=seconds)[:2]

    # What runs, and what is there

    def running(self, name):
        return [p for p in processes.of_lab(self.netns.inode, self.folder) if p.name.startswith(name)]

    def httpd(self):
        return int((self.folder / "run/httpd/httpd.pid").read_text())

    def reloads(self):
        return (self.folder / "logs/httpd/error.log").read_text().count("Doing graceful restart")

    def masters(self):
        return {p.pid for p in self.running("php-fpm") if any("master process" in w for w in p.words)}

    def staged(self):
        return {f.name for tree in ("httpd", "fpm") for f in (self.folder / "state" / tree / "staging").iterdir()}

    def live(self):
        trees = {tree: self.folder / "state" / tree / "live" for tree in ("httpd", "fpm")}
        return {(t, f.name): f.read_text() for t, d in trees.items() for f in d.iterdir() if f.name != "000-rev.conf"}

    def fault(self, point, action):
        (self.folder / "run/faults").mkdir(exist_ok=True)
        (self.folder / "run/faults" / point).write_text(action)

    def fired(self, point):
        return not (self.folder / "run/faults" / point).exists()

    def stopped_child(self):
        """The publisher, stopped at a fault point."""
        found = [p for p in self.running("provisiond") if p.state == "T"]
        return found[0] if found else None

    def go_on(self):
        os.kill(self.stopped_child().pid, signal.SIGCONT)


__all__ = ["BUILD", "Place", "PORT", "new_id", "until"]
