"""The guard of mod_hostmaster: what measured attacks do through .htaccess files, with every override allowed, which no configuration of
ours does. Two sites; mallory.test attacks, victim.test has a pool that must never run mallory's code or take its settings.
"""

import os
import socket
import subprocess

import pytest
from config import BUILD, Place

CODE = """<?php echo getenv('PV_SITE'), ' ', posix_getuid(), ' ', $_SERVER['SCRIPT_FILENAME'], ' ',
    json_encode(array_map('ini_get', ['auto_prepend_file', 'open_basedir'])), ' ',
    json_encode(array_intersect_key($_SERVER, array_flip(['HTTP_PROXY', 'LD_PRELOAD', 'PHP_VALUE', 'PHP_ADMIN_VALUE'])));"""
MODULES = "rewrite env setenvif actions include cgid headers proxy_http mime"


@pytest.fixture(scope="module")
def two():
    place = Place(FpmMasters=1)  # one opcode cache for both
    modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in MODULES.split() if m != "mime")
    place.base(modules + f"\nScriptSock {place.folder}/run/httpd/cgisock")
    template = place.folder / "apps/php/httpd.conf"
    template.write_text(template.read_text().replace("Require all granted", "AllowOverride All\nOptions FollowSymLinks ExecCGI Includes\nRequire all granted"))
    place.start()
    place.victim, place.victim_uid = place.php("victim.test", CODE), place.next_uid
    place.mallory, place.mallory_uid = place.php("mallory.test", CODE), place.next_uid
    place.public = place.sites / place.mallory / "data/public"
    (place.public / "evil.php").write_text("<?php echo 'EVIL ', posix_getuid();")
    (place.public / "page.shtml").write_text('<!--#exec cmd="id" -->')
    (place.public / "run.cgi").write_text("#!/bin/sh\necho\nid\n")
    (place.public / "run.cgi").chmod(0o755)
    try:
        place.go_live()
        place.normal = {name: place.get(name) for name in ("victim.test", "mallory.test")}
        yield place
    finally:
        place.remove()


def pool(two, site):
    (path,) = two.folder.glob(f"run/fpm/*/{site}.sock")
    return path


def attack(two, htaccess, path="/evil.php", headers=()):
    (two.public / ".htaccess").write_text(htaccess)
    try:
        status, body, _ = two.request("mallory.test", path, headers)
    finally:
        (two.public / ".htaccess").unlink()
    for _ in range(20):
        assert two.get("victim.test") == two.normal["victim.test"], "the victim's worker is poisoned"
    assert str(two.victim_uid) not in body and "uid=" not in body
    return status, body


def test_both_sites_run_as_themselves(two):
    for name, site, uid in (("victim.test", two.victim, two.victim_uid), ("mallory.test", two.mallory, two.mallory_uid)):
        status, body = two.normal[name]
        assert status == 200 and body.startswith(f"{site} {uid} ")


REFUSED = {
    "SetHandler to the victim's pool": '<FilesMatch .>\nSetHandler "proxy:unix:{victim}|fcgi://{victim_id}/"\n</FilesMatch>',
    "SetHandler to the own pool under another name": '<FilesMatch .>\nSetHandler "proxy:unix:{own}|fcgi://{victim_id}/"\n</FilesMatch>',
    "SetHandler to a port": '<FilesMatch .>\nSetHandler "proxy:fcgi://127.0.0.1:9/"\n</FilesMatch>',
    "RewriteRule [P] to the victim's pool": "RewriteEngine On\nRewriteRule ^evil unix:{victim}|fcgi://{victim_id}{public}/evil.php [P,E=PHP_VALUE:x=y]",
    "RewriteRule [P] to the own pool": "RewriteEngine On\nRewriteRule ^evil unix:{own}|fcgi://{mallory_id}{public}/evil.php [P]",
    "RewriteRule [P] to a server inside": "RewriteEngine On\nRewriteRule ^evil http://127.0.0.1:{port}/ [P]",
    "RewriteRule [H=]": "RewriteEngine On\nRewriteRule ^evil - [H=proxy:unix:{victim}|fcgi://{victim_id}/]",
    "SetHandler in other letters": '<FilesMatch .>\nSetHandler "PROXY:unix:{victim}|fcgi://{victim_id}/"\n</FilesMatch>',
    "server-status": "<FilesMatch .>\nSetHandler server-status\n</FilesMatch>",
    "a CGI script by handler": "<FilesMatch .>\nSetHandler cgi-script\n</FilesMatch>",
    "a CGI script by type": "<FilesMatch .>\nSetHandler None\nForceType application/x-httpd-cgi\n</FilesMatch>",
    "embedded PHP by type": "<FilesMatch .>\nSetHandler None\nForceType application/x-httpd-php\n</FilesMatch>",
    "a server-side include": "SetOutputFilter INCLUDES",
    "a server-side include by case": "SetOutputFilter includes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_override_that_leaves_the_site_is_refused(two, name):
    with two.netns.entered():
        inside = socket.create_server(("127.0.0.1", 0))
    inside.setblocking(False)
    words = {"victim": pool(two, two.victim), "victim_id": two.victim, "own": pool(two, two.mallory),
             "mallory_id": two.mallory, "public": two.public, "port": inside.getsockname()[1]}
    path = "/run.cgi" if "CGI" in name else "/page.shtml" if "include" in name else "/evil.php"
    assert attack(two, REFUSED[name].format(**words), path)[0] == 403
    with pytest.raises(BlockingIOError):
        inside.accept()
    inside.close()
    assert f"HM0001: site {two.mallory}" in (two.folder / "logs/httpd/error.log").read_text()


SETTINGS = {
    "SetEnv": 'SetEnv PHP_VALUE "auto_prepend_file={public}/evil.php"\nSetEnv PHP_ADMIN_VALUE "open_basedir=/"\nSetEnv HTTP_PROXY http://x/\nSetEnv LD_PRELOAD /x',
    "SetEnvIf": 'SetEnvIf Host . PHP_VALUE="auto_prepend_file={public}/evil.php" PHP_ADMIN_VALUE="open_basedir=/"',
    "RewriteRule [E=]": 'RewriteEngine On\nRewriteRule . - [E=PHP_VALUE:auto_prepend_file={public}/evil.php,E=PHP_ADMIN_VALUE:open_basedir=/]',
    "ProxyFCGISetEnvIf": 'ProxyFCGISetEnvIf true PHP_VALUE "auto_prepend_file={public}/evil.php"\nProxyFCGISetEnvIf true PHP_ADMIN_VALUE "open_basedir=/"\nProxyFCGISetEnvIf true SCRIPT_FILENAME "{public}/evil.php"',
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_an_override_of_php_settings_has_no_effect(two, name):
    answer = attack(two, SETTINGS[name].format(public=two.public), "/")
    assert answer == two.normal["mallory.test"]


def test_headers_are_no_settings(two):
    answer = attack(two, "", "/", {"PHP_VALUE": "open_basedir=/", "Proxy": "http://x/"})
    assert answer == two.normal["mallory.test"]


def test_code_of_another_site_in_the_opcode_cache_is_not_run(two):
    """The two share a cache. A tenant may turn off that it looks at a file's time, and not that it asks whether the file may be read."""
    code = two.sites / two.victim / "data/public/index.php"
    os.utime(code, (10**9, 10**9))  # what is younger than two seconds it does not keep
    (two.public / "take.php").write_text(f"<?php ini_set('opcache.validate_timestamps', '0'); echo 'TAKEN ', json_encode(@include '{code}');")
    for _ in range(3):
        assert two.get("victim.test") == two.normal["victim.test"]
        assert two.get("mallory.test", "/take.php") == (200, "TAKEN false")


def test_harmless_overrides_work(two):
    """A pretty address, a redirect inside, a type of a file: what people put into .htaccess files."""
    assert attack(two, "RewriteEngine On\nRewriteRule ^pretty$ evil.php", "/pretty") == (200, f"EVIL {two.mallory_uid}")
    (two.public / "a.data").write_text("data")
    assert attack(two, "AddType image/png .data", "/a.data") == (200, "data")
    assert attack(two, "Redirect /old /new", "/old")[0] == 302


CHECKED = {
    "a name of two sites": (
        "<VirtualHost *:8080>\nServerName a.test\nHostmasterSite saaaaaaaaaaaa\n</VirtualHost>\n"
        "<VirtualHost *:8080>\nServerName b.test\nServerAlias A.test\nHostmasterSite sbbbbbbbbbbbb\n</VirtualHost>",
        ["a.test", "saaaaaaaaaaaa", "sbbbbbbbbbbbb", "line 1 "]),
    "a name of a site and of nobody": (
        "<VirtualHost *:8080>\nServerName a.test\n</VirtualHost>\n"
        "<VirtualHost *:8081>\nServerName a.test\nHostmasterSite sbbbbbbbbbbbb\n</VirtualHost>",
        ["a.test", "no site", "sbbbbbbbbbbbb"]),
    "a pool without a site": ("<VirtualHost *:8080>\nServerName a.test\nHostmasterPool /x.sock\n</VirtualHost>", ["HostmasterPool without"]),
    "a site without id": ("<VirtualHost *:8080>\nHostmasterSite\n</VirtualHost>", ["HostmasterSite takes one argument"]),
    "a wrong id": ("<VirtualHost *:8080>\nHostmasterSite ../x\n</VirtualHost>", ["takes the id of a site"]),
    "a site that is the main server": ("HostmasterSite saaaaaaaaaaaa", ["belongs into a virtual host"]),
    "a revision in a virtual host": ("<VirtualHost *:8080>\nHostmasterRevision 3\n</VirtualHost>", ["outside of virtual hosts"]),
    "two revisions": ("HostmasterRevision 3\nHostmasterRevision 4", ["stands twice"]),
    "a revision that is no number": ("HostmasterRevision x", ["whole number"]),
    "a user that does not exist": ("User #68999", ["no account has this number"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
def test_the_check_of_the_configuration_refuses(tmp_path, name):
    text, words = CHECKED[name]
    done = check(tmp_path, text)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr, done.stderr


def test_the_check_accepts_one_site_with_a_name_twice(tmp_path):
    """For plain HTTP and TLS."""
    text = "".join(f"<VirtualHost *:{port}>\nServerName a.test\nHostmasterSite saaaaaaaaaaaa\n</VirtualHost>\n" for port in (80, 443))
    assert check(tmp_path, text).returncode == 0


def check(folder, text):
    (folder / "sites.conf").write_text(text + "\n")
    (folder / "httpd.conf").write_text(
        f"ServerRoot /\nServerName x.invalid\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\nListen 8080\nUser www-data\n"
        "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
        f"LoadModule hostmaster_module {BUILD}/mod_hostmaster.so\nErrorLog {folder}/error.log\nInclude {folder}/sites.conf\n"
    )
    return subprocess.run(["/usr/sbin/apache2", "-t", "-f", folder / "httpd.conf"], capture_output=True, text=True, check=False)
