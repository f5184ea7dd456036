"""Theirs, with PHP: a code base that many sites share, an FPM pool, and each CMS's own installer as a script calls it."""

import os
import secrets
import shutil
import subprocess

from measure import soon, title
from script import PORT, run

HERE = os.path.dirname(os.path.abspath(__file__))
PHP, FPM, WEB = "php8.2", "php-fpm8.2", "www-data"


class Pool:
    """One PHP-FPM with one pool; MODE are its lines of process management."""

    def __init__(self, folder, netns, mode="pm = ondemand\npm.max_children = 8", user=WEB):
        self.folder, self.netns, self.socket, self.process = folder, netns, f"{folder}/fpm.sock", None
        self.conf = f"{folder}/fpm.conf"
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"[global]\ndaemonize = no\nerror_log = {folder}/fpm.log\n[theirs]\nuser = {user}\ngroup = {user}\n"
                    f"listen = {self.socket}\nlisten.owner = {WEB}\n{mode}\n")

    def start(self):
        """Anew: with an empty opcode cache, as after the reload that a new pool takes."""
        self.stop()
        with self.netns.entered():
            self.process = subprocess.Popen([FPM, "-y", self.conf], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        soon(lambda: os.path.exists(self.socket), 20, "PHP-FPM's socket")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)


class Code:
    """A copy of a code base, served under every name that ends in its own."""

    def __init__(self, world, httpd, name, source):
        self.world, self.httpd, self.name = world, httpd, name
        self.root = f"{httpd.folder}/{name}"
        run("cp", "-rL", source, self.root)
        run("chown", "-R", f"{WEB}:{WEB}", self.root)
        self.pool = Pool(httpd.folder, world.lab.netns)
        self.pool.start()
        httpd.put_vhost(name, f"""    ServerName {name}.test
    ServerAlias *.{name}.test
    DocumentRoot "{self.root}"
    DirectoryIndex index.php
    <Directory "{self.root}">
        Require all granted
        FallbackResource /index.php
        <FilesMatch "\\.php$">
            SetHandler "proxy:unix:{self.pool.socket}|fcgi://theirs/"
        </FilesMatch>
    </Directory>
""")
        httpd.graceful()

    def fresh(self):
        return f"theirs-{secrets.token_hex(4)}.{self.name}.test"

    def make_database(self, host):
        """Database, login and grants: their name and the password."""
        name, password = host.split(".")[0].replace("-", "_"), secrets.token_hex(24)
        run("mariadb", "--no-defaults", f"--socket={self.world.lab.database.socket}", "-e", f"CREATE DATABASE {name} CHARACTER SET utf8mb4;"
            f"CREATE USER {name}@localhost IDENTIFIED BY '{password}'; GRANT ALL ON {name}.* TO {name}@localhost")
        return name, password

    def installer(self, host):
        """Runs php/NAME.php as the web's user."""
        run(PHP, f"{HERE}/php/{self.name}.php", self.root, host, title(host), user=WEB, group=WEB, extra_groups=[],
            env={"PATH": "/usr/bin:/bin"})

    def install(self, host):
        """The whole of it, up to the page that a visitor gets."""
        self.configure(host, *self.make_database(host))
        self.installer(host)
        self.world.prove([host], PORT)

    def put(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.httpd.write(path, text)
        for name in (os.path.dirname(path), path):
            shutil.chown(name, WEB, WEB)


class WordPress(Code):
    def __init__(self, world, httpd):
        super().__init__(world, httpd, "wordpress", "/usr/share/wordpress")
        shutil.copy(f"{HERE}/php/wp-config.php", f"{self.root}/wp-config.php")

    def configure(self, host, name, password):
        keys = "".join(f"define('{part}{kind}', '{secrets.token_hex(32)}');\n" for part in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE")
                       for kind in ("_KEY", "_SALT"))
        self.put(f"{self.root}/sites/{host}.php", f"<?php\ndefine('DB_NAME', '{name}');\ndefine('DB_USER', '{name}');\n"
                 f"define('DB_PASSWORD', '{password}');\ndefine('DB_HOST', 'localhost:{self.world.lab.database.socket}');\n"
                 f"define('WP_HOME', 'http://{host}');\ndefine('WP_SITEURL', WP_HOME);\n{keys}$table_prefix = 'wp_';\n")


class Drupal(Code):
    def __init__(self, world, httpd, source):
        super().__init__(world, httpd, "drupal", source)
        self.put(f"{self.root}/sites/sites.php", "<?php\n")  # without it there is one site, sites/default

    def configure(self, host, name, password):
        folder = f"{self.root}/sites/{host}"
        for part in ("files", "files/sync"):  # its installer writes settings of its own where the second is missing
            self.put(f"{folder}/{part}/.keep", "")
        self.put(f"{folder}/settings.php", f"""<?php
$databases['default']['default'] = ['driver' => 'mysql', 'database' => '{name}', 'username' => '{name}', 'password' => '{password}',
  'unix_socket' => '{self.world.lab.database.socket}', 'prefix' => ''];
$settings['hash_salt'] = '{secrets.token_hex(32)}';
$settings['config_sync_directory'] = 'sites/{host}/files/sync';
""")
