"""Theirs: what a competent administrator's script does by hand, on an httpd of its own with the same base configuration less our module,
in the same lab. It asks httpd as apachectl does, without the shell around it."""

import os
import re
import shutil
import subprocess

from lab.lab import TREE

from measure import soon, title

PORT = 8090
FIRST_UID = 65000


def run(*words, **options):
    """A program that has to succeed."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL if "input" not in options else None, capture_output=True, **options)
    assert done.returncode == 0, f"{' '.join(words[:4])}: {done.returncode}\n{done.stdout[-500:]}{done.stderr[-500:]}"
    return done.stdout


class Httpd:
    """An httpd of static sites whose vhosts are files in a folder."""

    def __init__(self, folder, netns, shows=None):
        """In a lab's folder and namespace; SHOWS(host, port) is the probe of both sides."""
        self.netns, self.folder, self.shows = netns, f"{folder}/theirs", shows
        self.conf, self.sites = f"{self.folder}/httpd.conf", 0
        for name in ("run/httpd", "log", "state/httpd/live", "www"):
            os.makedirs(f"{self.folder}/{name}", mode=0o755)
        with open(f"{TREE}/conf/httpd.conf", encoding="utf-8") as f:
            text = f.read()
        for name, place in (("RUN", "run"), ("STATE", "state"), ("LOG", "log")):
            text = re.sub(rf"^(Define {name}\s+).*$", rf"\g<1>{self.folder}/{place}", text, flags=re.M)
        text = re.sub(r"^(LoadModule hostmaster_module|HostmasterBeacon) .*\n", "", text, flags=re.M)
        for ours, his in (("\nInclude ", "\nIncludeOptional "), ("Listen 80\n", f"Listen {PORT}\n"), ("*:80>", f"*:{PORT}>")):
            text = text.replace(ours, his)
        self.write(self.conf, text)
        self._httpd("-k", "start")

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def _httpd(self, *words):
        with self.netns.entered():
            run("apache2", "-f", self.conf, *words)

    def graceful(self):
        self._httpd("-k", "graceful")

    def put_vhost(self, name, lines):
        self.write(f"{self.folder}/state/httpd/live/{name}.conf", f"<VirtualHost *:{PORT}>\n{lines}</VirtualHost>\n")

    def reload(self, host):
        """configtest, graceful, and wait until the host is served."""
        self._httpd("-t")
        self.graceful()
        soon(lambda: self.shows(host, PORT), 30, f"{host} being served", pause=0.002)

    def put_site(self, host):
        """Folders, a page, a vhost file."""
        self.sites += 1
        data, uid = f"{self.folder}/www/{host}", FIRST_UID + self.sites
        for name in ("", "/public", "/private", "/tmp"):
            os.mkdir(f"{data}{name}", 0o755)
            os.chown(f"{data}{name}", uid, uid)
        self.write(f"{data}/public/index.html", f"<!DOCTYPE html>\n<html><head><title>{title(host)}</title></head><body></body></html>\n")
        self.put_vhost(host, f"""    ServerName {host}
    DocumentRoot "{data}/public"
    DirectoryIndex index.html
    <Directory "{data}/public">
        Require all granted
    </Directory>
""")

    def add_site(self, host):
        self.put_site(host)
        self.reload(host)

    def clear(self):
        """Takes all its sites away again."""
        for tree in ("www", "state/httpd/live"):
            shutil.rmtree(f"{self.folder}/{tree}")
            os.mkdir(f"{self.folder}/{tree}", 0o755)
        self.graceful()
