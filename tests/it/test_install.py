"""Sites made, served and taken away from the command line alone."""

import pytest

from lab import difference

SITES = ["one.test", "two.test", "three.test"]


@pytest.mark.parametrize("host", SITES)
def test_each_site_answers_an_uncached_path_with_its_own_title(world, host):
    status, body = world.get(host, "/?uncached=1")
    assert status == 200 and f"Title of {host}" in body
    assert not any(f"Title of {other}" in body for other in SITES if other != host)


def test_an_unknown_host_gets_no_site(world):
    assert world.get("unknown.test")[0] == 404


def test_a_site_that_was_installed_and_deleted_leaves_nothing(world):
    before = world.inventory()
    world.install_wordpress("four.test")
    assert "Title of four.test" in world.get("four.test")[1]
    for host in SITES:
        assert world.get(host)[0] == 200
    world.must("delete", "@four.test")
    assert world.get("four.test")[0] == 404
    world.await_inventory(before)


def test_a_new_driver_s_folder_is_enough_to_install_its_sites(world):
    before = world.inventory()
    world.with_tiny()
    world.install("tiny.test", "tiny", "db_server=@server_main")
    assert "<title>Title of tiny.test</title>" in world.get("tiny.test")[1]
    world.must("delete", "@tiny.test")
    world.must("delete", "@platform_tiny")
    world.await_inventory(before)


def test_a_platform_in_use_is_not_deleted(world):
    before = world.inventory()
    done = world.provision("delete", "@platform_wordpress", "--json")
    assert done.code == 6 and done.json["code"] == "IN_USE" and "@" in done.json["text"] and "1 more" in done.json["text"]
    assert difference(before, world.inventory()) == []


@pytest.mark.parametrize("fields, code, field", [
    (["platform=@platform_pages", "aliases=one.test"], "NAME_IN_USE", "aliases"),
    (["platform=@platform_pages", "aliases=ok.test,bad_name.test"], "SCHEMA", "aliases"),
    (["platform=@platform_pages", "redirect=other.test"], "SCHEMA", "redirect"),
    (["platform=@platform_none"], "NO_OBJECT", "platform"),
    (["platform=@platform_wordpress", "admin_mail=a@example.org"], "SCHEMA", "db_server"),
    (["platform=@platform_wordpress", "db_server=@server_main"], "SCHEMA", "admin_mail"),
])
def test_a_wrong_field_is_named_and_nothing_is_made(world, fields, code, field):
    before = world.inventory()
    done = world.provision("install", "@new.test", *fields, "--json")
    assert done.code != 0 and (done.json["code"], done.json["field"]) == (code, field), done
    assert difference(before, world.inventory()) == []


def test_a_cms_takes_the_chosen_name_as_its_address(world):
    """Its pages, and the links that a task makes."""
    before = world.inventory()
    for redirect, host, other in (("www.one.test", "www.one.test", "one.test"), ("none", "one.test", "www.one.test")):
        world.must("verify", "@one.test", "aliases=www.one.test", f"redirect={redirect}")
        status, body = world.get(host, "/?uncached=2")
        assert status == 200 and "Title of one.test" in body and f"'http://{host}/" in body and f"//{other}/" not in body
        assert world.must("run", "@one.test", "verb=login")["results"]["login_url"].startswith(f"http://{host}/")
    world.must("verify", "@one.test", "aliases=")
    world.await_inventory(before)


def test_aliases_are_served_and_the_others_redirect_to_the_chosen_one(world):
    before = world.inventory()
    world.must("verify", "@three.test", "aliases=www.three.test,old.three.test")
    assert all(world.get(host)[0] == 200 for host in ("three.test", "www.three.test", "old.three.test"))
    world.must("verify", "@three.test", "redirect=www.three.test")
    assert world.get("three.test")[0] == 301 and world.get("www.three.test")[0] == 200
    world.must("verify", "@three.test", "aliases=", "redirect=none")
    assert world.get("www.three.test")[0] == 404 and world.get("three.test")[0] == 200
    world.await_inventory(before)
