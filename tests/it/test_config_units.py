"""The sites httpd and the PHP-FPM masters: a master a change, old ones retired, the dead started again, nothing inherited."""

import json
import os
import threading

import pytest
from config import Place, until
from lab.prober import probing
from lab.processes import Process


@pytest.fixture
def place():
    world = Place(faults=True).start()
    try:
        yield world
    finally:
        world.remove()


def shard(site):
    return sum(site.encode()) % 2


def answers(place, site, name, uid):
    assert place.get(name) == (200, f"{site} {uid}")


def test_a_change_of_a_pool_starts_a_new_master_and_retires_the_old(place):
    site = place.php("a.test")
    first_uid = place.next_uid
    first = place.go_live().a
    old = place.masters()
    answers(place, site, "a.test", first_uid)
    other = place.php("b.test")
    while shard(other) != shard(site):
        place.engine.ask("pool", other, "UNSTAGE")
        place.engine.ask("vhost", other, "UNSTAGE")
        other = place.php("b.test")
    with probing(place, "a.test", text=site):
        second = place.go_live().a
        assert second > first
        until(lambda: not old & place.masters(), 90, "the end of the old master")
    answers(place, other, "b.test", place.next_uid)
    assert len(place.masters()) == 1
    until(lambda: sorted(os.listdir(place.folder / "run/fpm")) == [str(second)], 10, "the old master's folder going")


def test_a_slow_request_outlives_its_master_being_replaced(place):
    place.php("slow.test", "<?php echo 'begun '; flush(); $f = fopen($_GET['f'], 'r'); echo fgets($f);")
    (site,) = place.sites.glob("s*")
    fifo = site / "tmp/fifo"
    os.mkfifo(fifo)
    os.chown(fifo, place.next_uid, place.next_uid)
    place.go_live()
    old = place.masters()
    answer = []
    thread = threading.Thread(target=lambda: answer.append(place.get("slow.test", f"/?f={fifo}", seconds=60)))
    thread.start()
    with open(fifo, "w") as gate:
        for name in ("x.test", "y.test"):
            place.php(name)
        place.go_live()
        assert old & place.masters()
        gate.write("ended\n")
    thread.join(60)
    assert answer == [(200, "begun ended\n")]


def test_a_pool_that_php_fpm_refuses_changes_nothing(place):
    site = place.php("a.test")
    uid = place.next_uid
    place.go_live()
    masters, live = place.masters(), place.live()
    template = place.folder / "templates/php-fpm/pool.conf"
    good = template.read_text()
    template.write_text(good.replace("pm.max_children = 8", "pm.max_children = 0"))
    bad = place.php("bad.test")
    template.write_text(good)
    with probing(place, "a.test", text=site):
        reply = place.publish()
    assert (reply.code, reply.culprit) == ("FPM_CONFIG", bad)
    assert "max_children" in reply.detail
    assert (place.masters(), place.live()) == (masters, live)
    place.go_live()
    answers(place, site, "a.test", uid)


def test_a_killed_httpd_parent_is_started_again_with_its_orphans_gone(place):
    place.site("a.test")
    place.go_live()
    pid = place.httpd()
    orphans = {p.pid for p in place.running("apache2")} - {pid}
    assert orphans
    os.kill(pid, 9)
    until(lambda: place.engine.ask("served").code == "OK" and place.httpd() != pid, 30, "a new httpd")
    assert place.get("a.test") == (200, "a.test")
    assert not orphans & {p.pid for p in place.running("apache2")}


def test_a_killed_master_is_started_again(place):
    site = place.php("a.test")
    place.go_live()
    answers(place, site, "a.test", place.next_uid)
    (pid,) = place.masters()
    os.kill(pid, 9)
    until(lambda: place.masters() and pid not in place.masters(), 30, "a new master")
    until(lambda: place.get("a.test")[0] == 200, 30, "the site's answer")
    answers(place, site, "a.test", place.next_uid)


def test_the_daemon_goes_and_comes_and_finds_both_again(place):
    site = place.php("a.test")
    place.go_live()
    before = place.httpd(), place.masters()
    with probing(place, "a.test", text=site):
        place.daemon.kill()
        place.gone()
        place.start()
        assert place.engine.ask("served").b == before[0]
        place.go_live()
    assert (place.httpd(), place.masters()) == before


def test_an_httpd_that_died_while_the_daemon_was_away_is_started_by_the_next_publish(place):
    place.site("a.test")
    place.go_live()
    assert place.stop() == 0
    pid = place.httpd()
    os.kill(pid, 9)
    until(lambda: not Process(pid).alive, 10, "httpd's end")
    place.start()
    assert place.engine.ask("served").code == "NOT_SERVED"
    place.go_live()
    assert place.httpd() != pid
    assert place.get("a.test") == (200, "a.test")


def test_programs_inherit_nothing(place):
    place.php("a.test")
    place.go_live()
    for pid in {place.httpd(), *place.masters()}:
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert {word.split(b"=")[0] for word in f.read().split(b"\0") if word} <= {b"PATH"}
        assert os.getsid(pid) == pid
        links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert not [link for link in links if str(place.folder / "state") in link or "pidfd" in link]


CHECKER = "<?php passthru('/usr/bin/php8.2 -n %s </dev/null 3>&1');"


def test_a_pool_is_its_site_and_nothing_more(place):
    """The golden list of a pool: what code of a tenant is, and inherits. No-new-privileges is off: mail() needs a set-group-id program."""
    site = place.php("a.test", CHECKER % (place.folder / "bin/checker.php"))
    uid, top = place.next_uid, place.sites / site
    for name in ("b.test", "c.test"):  # of one master or another: no door of theirs is open to it
        place.php(name)
    place.go_live()
    status, body = place.get("a.test")
    facts = json.loads(body)
    assert status == 200 and facts["uid"].split() == facts["gid"].split() == [str(uid)] * 4 and facts["groups"] == str(uid)
    assert facts["capabilities"] == ["0" * 16] * 4
    assert (facts["no_new_privs"], facts["seccomp"], facts["umask"]) == ("0", "0", "0022")
    environment = {name: value for name, value in facts["environment"].items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}
    assert environment == {"PATH": "/usr/bin:/bin", "TMPDIR": f"{top}/tmp", "PV_SITE": site, "PV_DATA": f"{top}/data",
                           "PV_PRIVATE": f"{top}/private", "PV_TMP": f"{top}/tmp"}
    assert (facts["limits"]["Max processes"], facts["limits"]["Max core file size"]) == ("256", "0")
    held = sorted(facts["descriptors"].values())
    assert held == ["/dev/null", f"{top}/data/public/index.php", "pipe", "pipe", "pipe", "socket", "socket"]  # its door and its visitor
