"""The address space of a WordPress site: what of the shared code and of its own files has a URL, and what has none."""

import os

import pytest
from config import Place, new_id

FILES = ["index.php", "wp-login.php", "wp-config.php", "xmlrpc.php", "readme.html", "style.css", "wp-admin/install.php",
         "wp-admin/setup-config.php", "wp-admin/index.php", "wp-includes/load.php", "wp-includes/app.js"]  # fmt: skip


@pytest.fixture(scope="module")
def wp():
    place = Place().start()
    try:
        platform = new_id("p")
        assert place.engine.ask("platform", platform, "MAKE", place.next_uid, "0:wp").code == "OK"
        root = place.platforms / "wp"
        for name in FILES:
            (root / name).parent.mkdir(exist_ok=True)
            names = ", ' ', $_SERVER['PV_HOSTS']" if name == "wp-login.php" else ""
            (root / name).write_text(f"<?php echo getenv('PV_SITE'), ' {name}'{names};" if name.endswith("php") else name)
        (root / "sites").mkdir()
        place.one, place.two = (add(place, root, name) for name in ("one.test", "two.test"))
        place.go_live()
        yield place
    finally:
        place.remove()


def add(place, root, name):
    site = place.site(name, app="wordpress", platform="0:wp")
    assert place.engine.ask("pool", site, "STAGE", "ON", "wordpress").code == "OK"
    data = place.sites / site / "data"
    (data / "files").mkdir(mode=0o755)
    (data / "files/a.txt").write_text(f"file of {site}")
    for name_ in ("a.php", "a.php.jpg", "a.phtml"):
        (data / "files" / name_).write_text("<?php echo 'ran';")
    (data / "wp-config.php").write_text("<?php echo 'settings';")
    (root / "sites" / site).symlink_to(data)
    for folder, _, files in os.walk(data):
        os.chmod(folder, 0o755)
        for file in files:
            os.chmod(f"{folder}/{file}", 0o644)
    return site


@pytest.mark.parametrize("path, file", [("/", "index.php"), ("/a/pretty/path", "index.php"), ("/wp-login.php", "wp-login.php {host}"),
                                        ("/wp-admin/", "wp-admin/index.php")])  # fmt: skip
def test_code_runs_as_the_site_that_is_asked(wp, path, file):
    for host, site in (("one.test", wp.one), ("two.test", wp.two)):
        assert wp.get(host, path) == (200, f"{site} {file.format(host=host)}")


def test_its_address_is_the_virtual_host_s_and_no_request_s(wp):
    """The settings make the site's address of the first of these names."""
    status, body, _ = wp.request("one.test", "/wp-login.php", headers={"PV-HOSTS": "evil.test", "PV_HOSTS": "evil.test"}.items())
    assert (status, body) == (200, f"{wp.one} wp-login.php one.test")


@pytest.mark.parametrize("path", ["/style.css", "/wp-includes/app.js"])
def test_static_files_of_the_code_are_served(wp, path):
    assert wp.get("one.test", path) == (200, path[1:])


def test_a_site_serves_its_own_files_and_runs_none_of_them(wp):
    assert wp.get("one.test", f"/sites/{wp.one}/files/a.txt") == (200, f"file of {wp.one}")
    for name in ("a.php", "a.php.jpg", "a.phtml"):
        assert wp.get("one.test", f"/sites/{wp.one}/files/{name}")[0] == 403


def test_what_has_no_url(wp):
    other = wp.two
    paths = ["/wp-config.php", "/xmlrpc.php", "/readme.html", "/wp-admin/install.php", "/wp-admin/setup-config.php", "/wp-includes/load.php",
             f"/sites/{wp.one}/wp-config.php", f"/sites/{wp.one}", f"/sites/{other}/files/a.txt", f"/sites/{other}/wp-config.php", "/sites/",
             f"//sites/{other}/files/a.txt", f"/./sites/{other}/files/a.txt", f"/sites/{wp.one}/files/../../{other}/files/a.txt",
             f"/sites/{wp.one}/files/%2e%2e/wp-config.php", "/.git/config"]  # fmt: skip
    for path in paths:
        status, body = wp.get("one.test", path)
        assert status in (403, 404), (path, status, body)
