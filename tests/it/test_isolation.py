"""Two WordPress sites and a static one on one machine: none can read the other's secret, files or socket."""

import json
import os
import subprocess

import pytest

HOSTS = ["one.test", "two.test", "three.test"]

SHOW = """<?php
$tries = json_decode(file_get_contents(getenv('PV_DATA', true) . '/tries.json'), true);
$found = [];
foreach ($tries['files'] as $file) $found[$file] = @file_get_contents($file) !== false || @scandir($file) !== false;
foreach ($tries['sockets'] as $socket) { $s = @fsockopen("unix://$socket"); $found[$socket] = $s !== false; }
echo json_encode($found);
"""


def _things(world, host):
    """What of a site nobody else may read, and what nobody else may speak to."""
    site = world.site(host)
    folder = f"{world.folder}/sites/{site['id']}"
    files = [f"{folder}/{name}" for name in ("data", "private", "tmp", "etc/db", "data/wp-config.php", "data/public/index.html")]
    sockets = [f"{path}/{name}" for path, _, names in os.walk(f"{world.run}/fpm") for name in names if name == f"{site['id']}.sock"]
    return [f for f in files if os.path.exists(f)], sockets


def _as(world, host, *words):
    uid = world.site(host)["uid"]
    return subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", *words], capture_output=True)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("other", HOSTS)
def test_a_site_s_uid_reads_its_own_files_and_no_other_s(world, host, other):
    files, _ = _things(world, other)
    assert files
    for path in files:
        reads = _as(world, host, "ls" if os.path.isdir(path) else "cat", path).returncode == 0
        assert reads == (host == other), path


@pytest.mark.parametrize("host, other", [("one.test", "two.test"), ("two.test", "one.test")])
def test_a_site_s_uid_cannot_speak_to_another_pool_or_to_the_daemon(world, host, other):
    _, sockets = _things(world, other)
    sockets += [f"{world.run}/{name}/socket" for name in ("admin", "panel", "beacon")]
    assert len(sockets) >= 4
    script = "import socket,sys\ns=socket.socket(socket.AF_UNIX, int(sys.argv[2]))\ns.connect(sys.argv[1])"
    for path in sockets:
        kind = "2" if "beacon" in path else "1"
        done = _as(world, host, "/usr/bin/python3", "-c", script, path, kind)
        assert b"PermissionError" in done.stderr, path


@pytest.mark.parametrize("host, other", [("one.test", "two.test"), ("two.test", "one.test"), ("one.test", "three.test")])
def test_code_in_a_site_s_own_pool_reaches_nothing_of_another(world, host, other):
    """PHP that a tenant wrote, run by httpd and its own pool: tried through the code base, as a plugin would."""
    files, sockets = _things(world, other)
    site = world.site(host)
    mine = f"{world.folder}/sites/{site['id']}"
    probe = f"{world.folder}/platforms/wordpress/wp-content/probe.php"
    tries = f"{mine}/data/tries.json"
    with open(probe, "w", encoding="utf-8") as f:
        f.write(SHOW)
    with open(tries, "w", encoding="utf-8") as f:
        json.dump({"files": [*files, f"{mine}/data"], "sockets": [*sockets, f"{world.run}/admin/socket", f"{world.run}/panel/socket"]}, f)
    try:
        status, body = world.get(host, "/wp-content/probe.php")
    finally:
        os.unlink(probe)
        os.unlink(tries)
    found = json.loads(body)
    assert status == 200 and found.pop(f"{mine}/data") is True
    assert len(found) >= 5 and not any(found.values()), found


@pytest.mark.parametrize("host", ["one.test", "two.test"])
def test_the_sites_httpd_serves_no_settings_and_no_other_site_s_files(world, host):
    world.logs.expect("AH01630", "AH00037")  # client denied, link refused
    other = world.site("two.test" if host == "one.test" else "one.test")["id"]
    mine = world.site(host)["id"]
    for path in ("/wp-config.php", f"/sites/{mine}/wp-config.php", f"/sites/{other}/files/", f"/sites/{other}/wp-config.php",
                 f"/sites/{mine}/../{other}/wp-config.php", "/.git/config"):
        status, body = world.get(host, path)
        assert status in (400, 403, 404) and "DB_" not in body, path


def test_a_site_s_database_login_sees_only_its_own_database(world):
    one, two = world.site("one.test")["id"], world.site("two.test")["id"]
    with open(f"{world.folder}/sites/{one}/etc/db", encoding="utf-8") as f:
        password = f.read().strip()
    done = subprocess.run(["mariadb", "--no-defaults", "-N", "-B", f"--socket={world.database.socket}", f"--user={one}", "-e",
                           "SHOW DATABASES"], env={"MYSQL_PWD": password, "PATH": "/usr/bin"}, capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert any(name.startswith(one) for name in names) and not any(name.startswith(two) for name in names)
    assert "mysql" not in names


def test_no_secret_is_in_a_log_an_environment_an_argument_or_the_journal(world):
    secrets = []
    for host in ("one.test", "two.test"):
        with open(f"{world.folder}/sites/{world.site(host)['id']}/etc/db", "rb") as f:
            secrets.append(f.read().strip())
    texts = {"journal": open(f"{world.folder}/state/journal/journal.db", "rb").read()}
    for tree in ("log", "state", "run"):
        for path, _, names in os.walk(f"{world.folder}/{tree}"):
            for name in names:
                if os.path.isfile(f"{path}/{name}"):
                    texts[f"{path}/{name}"] = open(f"{path}/{name}", "rb").read()
    for process in world.processes():
        for name in ("cmdline", "environ"):
            try:
                texts[f"{process.pid} {name}"] = open(f"/proc/{process.pid}/{name}", "rb").read()
            except OSError:
                pass
    assert len(texts) > 10 and all(secret not in text for secret in secrets for text in texts.values())
