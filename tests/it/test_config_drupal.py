"""The address space of a Drupal site: what of the shared code and of its own files has a URL, and what has none."""

import os
import types

import pytest
from config import Place, new_id

ECHO = "<?php echo getenv('PV_SITE'), ' FILE ', $_SERVER['REQUEST_URI'], ' ', $_SERVER['PV_HOSTS'] ?? '';"

# What each code base has that runs, that is shown, and that is neither.
KINDS = {
    "drupal": types.SimpleNamespace(
        runs=["index.php", "update.php", "core/modules/statistics/statistics.php"],
        shown=["core/misc/drupal.js", "themes/x/x.css", "sites/all/themes/a/a.css", "robots.txt", "core/modules/x/css/toolbar.theme.css",
               "core/modules/x/css/align.module.css", "core/themes/x/js/message.theme.js"],
        denied=["core/install.php", "core/rebuild.php", "core/authorize.php", "autoload.php", "vendor/x/index.php", "vendor/x/a.json",
                "vendor/composer/installed.json", "core/lib/Drupal.php", "core/core.services.yml", "modules/x/x.module",
                "modules/x/x.module.orig", "modules/x/x.module.swp", "core/core.services.yml.bak", "modules/x/x.inc.gz", "modules/x/x.install~", "themes/x/x.html.twig", "composer.json", "composer.lock",
                "web.config", "sites/sites.php", "sites/default/settings.php", "sites/default/default.services.yml", "README.md",
                "modules/x/index.php"]),
    "drupal7": types.SimpleNamespace(
        runs=["index.php", "update.php", "cron.php", "xmlrpc.php", "modules/statistics/statistics.php"],
        shown=["misc/drupal.js", "sites/all/themes/a/a.css", "robots.txt", "modules/x/x.theme.css", "misc/ui/jquery.ui.theme.css"],
        denied=["install.php", "authorize.php", "includes/bootstrap.inc", "modules/x/x.module", "modules/x/x.info", "modules/x/x.test",
                "modules/x/x.install", "modules/x/x.inc.php", "themes/x/x.tpl.php", "CHANGELOG.txt", "INSTALL.mysql.txt", "web.config",
                "sites/sites.php", "sites/default/settings.php", "scripts/drupal.sh", "modules/x/index.php"]),
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(KINDS))
def drupal(request):
    place = Place().start()
    try:
        platform = new_id("p")
        assert place.engine.ask("platform", platform, "MAKE", place.next_uid, "0:d").code == "OK"
        root, place.kind = place.platforms / "d", KINDS[request.param]
        for name in [*place.kind.runs, *place.kind.shown, *place.kind.denied]:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(ECHO.replace("FILE", name) if name.endswith("php") else name)
        place.one, place.two = (add(place, root, request.param, *names) for names in (("one.test", "www.one.test"), ("two.test",)))
        place.go_live()
        yield place
    finally:
        place.remove()


def add(place, root, app, *names):
    site = place.site(*names, app=app, platform="0:d")
    assert place.engine.ask("pool", site, "STAGE", "ON", app).code == "OK"
    data = place.sites / site / "data"
    for folder in ("files", "themes", "config"):
        (data / folder).mkdir(mode=0o755)
        for name in ("a.txt", "a.php", "a.php.jpg", "a.phtml", "a.theme"):
            (data / folder / name).write_text(f"{folder} of {site}")
    (data / "settings.php").write_text("<?php echo 'settings';")
    (root / "sites" / site).symlink_to(data)
    for folder, _, files in os.walk(data):
        os.chmod(folder, 0o755)
        for file in files:
            os.chmod(f"{folder}/{file}", 0o644)
    return site


def test_what_runs_does_so_as_the_site_that_is_asked(drupal):
    for host, site in (("one.test", drupal.one), ("www.one.test", drupal.one), ("two.test", drupal.two)):
        for file in drupal.kind.runs:
            status, body = drupal.get(host, f"/{file}")
            assert status == 200 and body.startswith(f"{site} {file} /{file}")


@pytest.mark.parametrize("path", ["/", "/user/login", "/a/pretty/path?x=1", "/index.php/a/path"])
def test_a_path_that_is_no_file_is_drupal_s_to_answer(drupal, path):
    status, body = drupal.get("one.test", path)
    assert status == 200 and body.startswith(f"{drupal.one} index.php {path}")


def test_drupal_8_is_told_which_names_to_trust(drupal):
    status, body, _ = drupal.request("one.test", "/x", headers={"PV-HOSTS": "evil.test", "PV_HOSTS": "evil.test"}.items())
    assert status == 200 and body.endswith("/x one.test www.one.test" if drupal.kind is KINDS["drupal"] else "/x ")


def test_a_file_that_is_not_made_yet_is_asked_of_drupal(drupal):
    path = f"/sites/{drupal.one}/files/styles/small/public/a.png"
    status, body = drupal.get("one.test", path)
    assert status == 200 and body.startswith(f"{drupal.one} index.php {path}")


def test_static_files_of_the_code_are_served(drupal):
    for file in drupal.kind.shown:
        assert drupal.get("one.test", f"/{file}") == (200, file)


def test_a_site_serves_its_own_files_and_runs_none_of_them(drupal):
    for folder in ("files", "themes"):
        assert drupal.get("one.test", f"/sites/{drupal.one}/{folder}/a.txt") == (200, f"{folder} of {drupal.one}")
        for name in ("a.php", "a.php.jpg", "a.phtml", "a.theme"):
            assert drupal.get("one.test", f"/sites/{drupal.one}/{folder}/{name}")[0] == 403


def test_what_has_no_url(drupal):
    one, two = drupal.one, drupal.two
    paths = [f"/{file}" for file in drupal.kind.denied]
    paths += [f"/sites/{one}/settings.php", f"/sites/{one}/config/a.txt", f"/sites/{one}", f"/sites/{two}/files/a.txt", "/sites/",
              f"/sites/{two}/settings.php", f"//sites/{two}/files/a.txt", f"/./sites/{two}/files/a.txt", "/.git/config",
              f"/sites/{one}/files/../../{two}/files/a.txt", f"/sites/{one}/files/%2e%2e/settings.php",
              f"/sites/{one}/files/../settings.php", f"/index.php/../{drupal.kind.denied[0]}"]  # fmt: skip
    for path in paths:
        status, body = drupal.get("one.test", path)
        assert status in (403, 404), (path, status, body)
