"""From staged to served: what is broken never reaches the running httpd, what is good does, and a crash leaves one or the other."""

import socket
import subprocess

import pytest
from config import PORT, Place, until
from lab.prober import probing


@pytest.fixture
def place():
    world = Place(faults=True).start()
    try:
        yield world
    finally:
        world.remove()


@pytest.fixture
def served(place):
    """A place that serves other.test and has new.test staged."""
    place.site("other.test")
    place.go_live()
    place.new = place.site("new.test")
    return place


def refuses(place, code, *words):
    """The publish fails with these words; httpd gets no signal and other sites lose no request."""
    pid, reloads = place.httpd(), place.reloads()
    with probing(place, "other.test", text="other.test"):
        reply = place.publish()
    assert reply.code == code, reply
    for word in words:
        assert word in reply.detail, reply
    assert (place.httpd(), place.reloads()) == (pid, reloads)
    assert place.get("new.test")[0] == 404
    return reply


def recovers(place):
    """With the base configuration as it was, what is staged goes live."""
    place.base()
    place.go_live()
    assert place.get("new.test") == (200, "new.test")
    assert place.get("other.test") == (200, "other.test")


def make_certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=x.test", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                   check=True, capture_output=True)  # fmt: skip


def test_only_a_site_with_php_has_httpd_keep_threads_for_it(place):
    plain, php = place.site("plain.test"), place.php("php.test")
    place.go_live()
    live = place.live()
    assert ("<Proxy" in live["httpd", f"{plain}.conf"], f'<Proxy "fcgi://{php}/">' in live["httpd", f"{php}.conf"]) == (False, True)


def test_a_key_that_does_not_match_is_found_before_the_signal(served):
    """httpd -t accepts a certificate with another's key, and a reload with it kills httpd."""
    for name in ("one", "two"):
        make_certificate(served.folder, name)
    served.base(f"""LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
        Listen 8443
        <VirtualHost *:8443>
            ServerName tls.invalid
            SSLEngine on
            SSLCertificateFile {served.folder}/one.crt
            SSLCertificateKeyFile {served.folder}/two.key
        </VirtualHost>""")
    refuses(served, "HTTPD_CONFIG_FOREIGN", "do not match", "one.crt")
    recovers(served)


def test_an_address_in_use_is_found_before_the_signal(served):
    with served.netns.entered():
        other = socket.create_server(("127.0.0.1", 8081))
    served.base("Listen 8081")
    refuses(served, "HTTPD_CONFIG_FOREIGN", "8081", "Address already in use", "httpd.conf")
    other.close()
    recovers(served)


def test_a_missing_piped_logger_is_found_before_the_signal(served):
    served.base('CustomLog "|/nonexistent/logger" site')
    refuses(served, "HTTPD_CONFIG_FOREIGN", "/nonexistent/logger")
    recovers(served)


def test_a_base_configuration_broken_by_hand_is_named_with_file_and_line(served):
    served.base("NoSuchDirective on")
    line = served.httpd_conf.read_text().split("\n").index("NoSuchDirective on") + 1
    refuses(served, "HTTPD_CONFIG_FOREIGN", f"line {line} of {served.httpd_conf}", "NoSuchDirective")
    recovers(served)


def test_a_log_folder_that_goes_between_preflight_and_swap(served):
    gone = served.folder / "logs/extra"
    gone.mkdir()
    served.base(f'CustomLog "{gone}/access.log" site')
    pid, reloads, live = served.httpd(), served.reloads(), served.live()
    served.fault("config.swapped", "stop")
    with probing(served, "other.test", text="other.test"):
        seq = served.engine.send("publish")
        until(served.stopped_child, 30, "the publisher at config.swapped")
        subprocess.run(["rm", "-r", gone], check=True)
        served.go_on()
        reply = served.published(seq)
    assert reply.code == "HTTPD_CONFIG_FOREIGN" and str(gone) in reply.detail, reply
    assert (served.httpd(), served.reloads(), served.live()) == (pid, reloads, live)
    recovers(served)


def test_a_name_more_than_meant_is_found_by_reading_back(served):
    template = served.folder / "apps/static/httpd.conf"
    template.write_text(template.read_text() + "    ServerAlias victim.test\n")
    served.engine.ask("vhost", served.new, "UNSTAGE")
    bad = served.site("bad.test")
    reply = refuses(served, "HTTPD_CONFIG", "+victim.test", bad)
    assert reply.culprit == bad


def test_the_one_bad_site_of_a_batch_is_parked_and_the_rest_goes_live(served):
    (served.folder / "apps/broken").mkdir()
    (served.folder / "apps/broken/httpd.conf").write_text("    NoSuchDirective @ID@\n")
    bad = served.site("bad.test", app="broken")
    served.site("fine.test")
    reply = refuses(served, "HTTPD_CONFIG", "NoSuchDirective", f"{bad}.conf")
    assert reply.culprit == bad
    assert (served.folder / f"state/httpd/parked/{bad}.conf").exists()
    served.go_live()
    assert served.get("fine.test") == (200, "fine.test")
    assert served.get("new.test") == (200, "new.test")
    assert served.get("bad.test")[0] == 404
    assert served.staged() == set()


def test_a_word_that_no_template_may_use_is_refused_when_staged(served):
    (served.folder / "apps/odd").mkdir()
    (served.folder / "apps/odd/httpd.conf").write_text("    ServerAdmin @SECRET@\n")
    reply = served.vhost("STAGE", served.new, ["new.test"], app="odd")
    assert reply.code == "HTTPD_CONFIG" and "@SECRET@" in reply.detail and "line 1" in reply.detail


def test_two_sites_with_one_name_are_refused(served):
    """The journal keeps names apart; should it ever fail, httpd's own check names both sites, and nothing changes."""
    other = served.site("other.test")
    reply = refuses(served, "HTTPD_CONFIG", "other.test", other)
    assert reply.culprit == other


def test_another_pid_file_than_ours_is_refused(served):
    text = served.httpd_conf.read_text()
    served.httpd_conf.write_text(text.replace('PidFile "${RUN}/httpd/httpd.pid"', 'PidFile "${RUN}/httpd/other.pid"'))
    refuses(served, "HTTPD_CONFIG_FOREIGN", "other.pid", "HttpdPidFile")
    recovers(served)


@pytest.mark.parametrize("victim", ["kill", "parent"])
@pytest.mark.parametrize("point", ["config.preflight", "config.swapped", "config.signalled"])
def test_a_publisher_or_daemon_killed_at_any_point_finishes_or_reverses(served, point, victim):
    before = served.live()
    served.fault(point, victim)
    with probing(served, "other.test", text="other.test"):
        seq = served.engine.send("publish")
        if victim == "kill":
            assert served.published(seq).code == "RETRY_LATER"
        else:
            served.gone()
            served.start()
        assert served.fired(point)
        assert served.live() == before
        assert served.engine.ask("served").a == 0
        served.go_live()
    assert served.get("new.test") == (200, "new.test")
    assert served.staged() == set()


def test_after_a_restart_nothing_counts_as_served_until_one_graceful(place):
    place.site("a.test")
    rev = place.go_live().a
    pid = place.httpd()
    assert place.stop() == 0
    place.start()
    assert place.engine.ask("served").a == 0
    reply = place.go_live()
    assert reply.b > 0 and place.httpd() == pid and reply.a > rev
    reply = place.go_live()
    assert reply.b == 0
    served = place.engine.ask("served", PORT)
    assert (served.code, served.b) == ("OK", pid)
    assert place.engine.ask("served", 81).code == "NOT_SERVED"


def test_what_is_live_already_is_not_staged(place):
    site = place.site("a.test")
    place.go_live()
    assert place.vhost("STAGE", site, ["a.test"]).code == "OK"
    assert place.staged() == set()
    assert place.vhost("PROBE", site, ["a.test"]).a == 2
    drift = place.vhost("PROBE", site, ["b.test"])
    assert drift.a == 1 and "a.test" in drift.detail and "b.test" in drift.detail
    assert place.vhost("PROBE", site, state="NONE").a == 1
    assert place.vhost("STAGE", site, state="NONE").code == "OK"
    place.go_live()
    assert place.vhost("PROBE", site, ["a.test"]).a == 0
    assert place.vhost("PROBE", site, state="NONE").a == 2
    assert place.get("a.test")[0] == 404


def test_preview_hands_out_what_is_and_what_would_be(place):
    site = place.site("a.test")
    place.go_live()
    reply = place.vhost("PREVIEW", site, ["b.test"])
    assert "ServerName a.test" in reply.text() and "ServerName b.test" in reply.text()


def test_names_redirect_off_and_hidden_files(place):
    site = place.site("www.a.test", "a.test", "alias.a.test", redirect="www.a.test", files=(("index.html", "hello"), (".secret", "x")))
    place.go_live()
    assert place.get("www.a.test") == (200, "hello")
    for name in ("a.test", "alias.a.test"):
        status, _, answer = place.request(name, "/x?y=1")
        assert (status, answer.headers["Location"]) == (301, f"http://www.a.test:{PORT}/x?y=1")
    assert place.get("www.a.test", "/.secret")[0] == 403
    assert place.vhost("STAGE", site, ["www.a.test", "a.test"], state="OFF").code == "OK"
    place.go_live()
    assert place.get("www.a.test")[0] == place.get("a.test", "/x")[0] == 503
    assert place.vhost("STAGE", site, ["a.test"], redirect="elsewhere.test").code == "SCHEMA"


def test_a_site_on_an_address_of_its_own_answers_to_no_other_name(place):
    place.site("a.test", "b.test", addresses=["127.0.0.1"])
    place.go_live()
    assert place.get("b.test") == (200, "a.test")
    assert place.get("unknown.test")[0] == 421


def test_a_link_in_public_files_is_not_followed(place):
    site = place.site("a.test")
    (place.sites / site / "data/public/passwd").symlink_to("/etc/passwd")
    place.go_live()
    assert place.get("a.test", "/passwd")[0] == 403


def test_the_access_log_begins_with_the_site(place):
    site = place.site("a.test")
    place.go_live()
    place.get("a.test", "/one")
    place.get("unknown.test", "/two")
    log = place.folder / "logs/httpd/access.log"
    until(lambda: log.read_text().count("\n") >= 2, 10, "two lines in the access log")
    first = {line.split('"')[1].split()[1]: line.split()[0] for line in log.read_text().splitlines()}
    assert first == {"/one": site, "/two": "-"}
