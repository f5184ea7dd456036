"""Packages in the panel: sets of facts are shown from their end on; which releases there are and who runs them; what a client sees of it."""

import urllib.parse

import pytest

from lab.teller import Teller, end, facts, package, whole

ITEMS = 1000


@pytest.fixture(scope="module", name="teller")
def fixture_teller(office):
    with Teller(office.panel) as made:
        made.tell({"kind": "object", "object": office.platform, "state": "verified", "revision": 1, "app": "pages", "version": "1"})
        made.tell(*whole(office.platform, 1, package("cms", "10.3.1", "core", label="The CMS"), package("views", "1.9", label="Views"),
                         package("old", "1.0-beta2"), package("plain", "2.0", "theme", label="Plain")))  # fmt: skip
        made.tell(*whole(office.site("ann"), 2, package("views", "1.9", status="enabled", schema="8001", label="Ann's views"),
                         package("old", "1.0-beta2", status="disabled")))  # fmt: skip
        made.tell(*whole(office.site("bob"), 3, package("views", "1.10", status="enabled"), package("secret", status="enabled", label="Bob's own")))  # fmt: skip
        yield made


def found(api, query="", name="packages"):
    return {row["name"]: row for row in api.get(f"/packages{query}").json[name]}


def one(api, name):
    return api.get(f"/packages/{found(api)[name]['id']}").json


def had(api, path):
    """{name: version} of what an object's page has."""
    return {row["name"]: row["version"] for group in api.get(path).json["packages"] for row in group["rows"]}


def kept(panel):
    return {table: panel.rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in ("package", "package_release", "package_instance", "package_scan")}


# What is shown, and to whom


def test_the_list_counts_releases_platforms_and_sites(office, teller):
    rows = found(office.api)
    assert list(rows) == ["cms", "old", "plain", "secret", "views"]
    views = rows["views"]
    assert (views["label"], views["type"], views["app"], views["releases"], views["platforms"], views["sites"]) == ("Views", "module", "pages", 2, 1, 2)
    assert (views["newest"], views["behind"], rows["old"]["newest"], rows["old"]["behind"]) == ("1.10", 1, "1.0-beta2", 0)
    assert (rows["old"]["sites"], rows["cms"]["type"], rows["secret"]["label"]) == (0, "core", "")


def test_a_client_learns_nothing_of_other_clients_sites(office, teller):
    """No package that only they have, no release, no name, no count."""
    rows = found(office.ann_api)
    assert "secret" not in rows and (rows["views"]["releases"], rows["views"]["sites"]) == (1, 1)
    view = one(office.ann_api, "views")
    assert [(r["version"], r["site_count"], [s["name"] for s in r["sites"]]) for r in view["releases"]] == [("1.9", 1, ["ann.test"])]
    assert (view["newest"], view["behind"]) == ("1.9", 0)
    number = found(office.api)["secret"]["id"]
    assert [office.ann_api.get(f"/packages/{n}").status for n in (number, 1, "x", 2**63)] == [404] * 4
    assert office.bob_api.get(f"/packages/{number}").status == 200
    number = found(office.api)["views"]["id"]
    assert [api.get(f"/packages/{number}?version=1.10").status for api in (office.ann_api, office.bob_api, office.api)] == [404, 200, 200]
    assert office.ann_api.get(f"/sites/{office.site('bob')}").status == 404
    for path in ("/packages", f"/packages/{number}", f"/platforms/{office.platform}"):
        for text in (office.ann.get(path).text, office.ann_api.get(path).text):
            assert "bob" not in text and "1.10" not in text and "secret" not in text, path


def test_a_package_names_who_still_runs_an_older_release(office, teller):
    view = one(office.api, "views")
    assert [(r["version"], r["mark"], [p["name"] for p in r["platforms"]], [s["name"] for s in r["sites"]]) for r in view["releases"]] == [
        ("1.10", "newest", [], ["bob.test"]), ("1.9", "older", ["pages"], ["ann.test"])]  # fmt: skip
    assert (view["newest"], view["behind"]) == ("1.10", 1)
    page = office.admin.get(f"/packages/{view['package']['id']}").text
    for path in (f"/platforms/{office.platform}", f"/sites/{office.site()}", f"/sites/{office.site('bob')}"):
        assert f'href="{path}"' in page


def test_all_sites_of_a_release_are_a_list(office, teller):
    number = found(office.api)["views"]["id"]
    extra = [office.add_site(office.ann_api, f"many{n}.test")["site"]["id"] for n in range(4)]
    for n, site in enumerate(extra):
        teller.tell(*whole(site, 10 + n, package("views", "1.9", status="enabled")))
    (row,) = [r for r in office.api.get(f"/packages/{number}?limit=2").json["releases"] if r["version"] == "1.9"]
    assert ([s["name"] for s in row["sites"]], row["more"], row["site_count"]) == (["ann.test", "many0.test"], 3, 5)
    names, path = [], f"/packages/{number}?version=1.9&limit=2"
    while path:
        view = office.api.get(path).json
        names += [s["name"] for s in view["sites"]]
        path = "next" in view and f"/packages/{number}?version=1.9&limit=2&after={view['next']}"
    assert names == ["ann.test", "many0.test", "many1.test", "many2.test", "many3.test"]
    for site in extra:
        teller.tell({"kind": "object", "object": site, "state": "deleted", "deleted": True})


def test_objects_show_what_they_have(office, teller):
    """A platform by type; a site what it enables, and the rest apart; each says where a newer one is known."""
    view = office.api.get(f"/platforms/{office.platform}").json
    groups = {g["type"]: [(r["name"], r["version"], r["newer"]) for r in g["rows"]] for g in view["packages"] if g["rows"]}
    assert groups == {"core": [("cms", "10.3.1", "")], "module": [("old", "1.0-beta2", ""), ("views", "1.9", "1.10")], "theme": [("plain", "2.0", "")]}
    view = office.ann_api.get(f"/sites/{office.site()}").json
    groups = {g["type"]: [(r["name"], r["label"], r["schema"], r["newer"]) for r in g["rows"]] for g in view["packages"] if g["rows"]}
    assert groups == {"module": [("views", "Ann's views", "8001", "")], "disabled": [("old", "", "", "")]}
    number = found(office.api)["views"]["id"]
    for path in (f"/sites/{office.site()}", f"/platforms/{office.platform}"):
        assert f'href="/packages/{number}"' in office.admin.get(path).text


# The list's query


def test_the_list_is_narrowed_and_paged(office, teller):
    assert list(found(office.api, "?find=vie")) == ["views"] and list(found(office.api, "?find=the%20cms")) == ["cms"]
    assert list(found(office.api, "?type=theme")) == ["plain"] and not found(office.api, "?app=other") and len(found(office.api, "?app=pages&type=")) == 5
    assert not found(office.api, "?find=%25") and not found(office.api, "?find=_")
    names, path = [], "/packages?limit=2"
    while path:
        view = office.api.get(path).json
        names += [row["name"] for row in view["packages"]]
        path = "next" in view and f"/packages?limit=2&after={urllib.parse.quote(view['next'])}"
    assert names == ["cms", "old", "plain", "secret", "views"]
    assert "find=s&limit=1&type=module" in office.admin.get("/packages?find=s&limit=1&type=module").text.replace("&amp;", "&")


@pytest.mark.parametrize("query", ["?limit=0", "?limit=501", "?limit=x", "?type=Module", "?type=a%20b", "?app=../x", "?app=" + "a" * 17, "?page=1", "?version=1",
                                   "?find=%00", "?after=%ff", "?type=a&type=b"])  # fmt: skip
def test_a_bad_word_of_the_query_is_a_400(office, teller, query):
    assert office.api.get(f"/packages{query}").status == 400
    assert office.admin.get(f"/packages{query}").status == 400


@pytest.mark.parametrize("query, status", [("?after=a.test", 400), ("?limit=0", 400), ("?find=x", 400), ("?version=9", 404), ("?version=", 404)])
def test_a_bad_word_of_one_package(office, teller, query, status):
    number = found(office.api)["views"]["id"]
    assert office.api.get(f"/packages/{number}{query}").status == status


# Sets


@pytest.fixture(name="target")
def fixture_target(office, teller):
    """A site of Ann's that has one package."""
    made = office.add_site(office.ann_api, "target.test")["site"]["id"]
    teller.tell(*whole(made, 1, package("views", "1.9", status="enabled")))
    yield made
    teller.tell({"kind": "object", "object": made, "state": "deleted", "deleted": True})
    office.panel.rows("DELETE FROM host WHERE site = ?", made)


def test_a_set_without_its_end_is_not_shown(office, teller, target):
    before = kept(office.panel)
    teller.tell(facts(target, 2, package("half", status="enabled"), package("views", "1.9", status="enabled")))
    assert had(office.api, f"/sites/{target}") == {"views": "1.9"} and "half" not in found(office.api)
    teller.tell(*whole(target, 3, package("views", "1.9", status="enabled")))
    assert had(office.api, f"/sites/{target}") == {"views": "1.9"} and kept(office.panel) == before


def test_a_set_takes_the_place_of_the_former_one_at_its_end(office, teller, target):
    before = kept(office.panel)
    teller.tell(facts(target, 2, package("new", "3.0", status="enabled")), facts(target, 2, package("more", status="disabled")))
    assert had(office.api, f"/sites/{target}") == {"views": "1.9"}
    teller.tell(end(target, 2, 2))
    assert had(office.api, f"/sites/{target}") == {"new": "3.0", "more": "1.0"}
    teller.tell(end(target, 4, 0))
    assert had(office.api, f"/sites/{target}") == {} and not {"new", "more"} & found(office.api).keys()
    assert kept(office.panel)["package"] == before["package"]


def test_a_set_of_which_a_part_was_lost_changes_nothing(office, teller, target):
    """As after a reset in its middle."""
    teller.tell(facts(target, 2, package("late", status="enabled")), end(target, 2, 2))
    assert had(office.api, f"/sites/{target}") == {"views": "1.9"}
    teller.tell(end(target, 3, 5))
    assert had(office.api, f"/sites/{target}") == {"views": "1.9"} and "late" not in found(office.api)


def test_the_same_facts_twice_are_there_once(office, teller, target):
    part = facts(target, 2, package("twice", status="enabled"), package("views", "1.9", status="enabled"))
    teller.tell(dict(part), dict(part), end(target, 2, 2))
    before = kept(office.panel)
    teller.tell(dict(part), end(target, 2, 2))
    assert kept(office.panel) == before and before["package_instance"] == office.panel.rows("SELECT COUNT(*) FROM package_instance WHERE shown = 1")[0][0]
    assert found(office.api)["twice"]["sites"] == 1


def test_one_package_in_two_folders_is_there_twice_and_counts_once(office, teller, target):
    teller.tell(*whole(target, 2, package("two", path="a/two", status="enabled"), package("two", path="b/two", status="enabled"),
                       package("two", "2.0", path="c/two", status="disabled")))  # fmt: skip
    rows = [row for group in office.api.get(f"/sites/{target}").json["packages"] for row in group["rows"]]
    assert sorted(row["path"] for row in rows) == ["a/two", "b/two", "c/two"]
    assert (found(office.api)["two"]["sites"], found(office.api)["two"]["releases"]) == (1, 2)


def test_what_is_deleted_or_undone_takes_its_packages_along(office, teller):
    before = kept(office.panel)
    for n, state in enumerate(("deleted", "undone")):
        made = office.add_site(office.ann_api, f"gone{n}.test")["site"]["id"]
        teller.tell(*whole(made, 1, package("gone", status="enabled")), facts(made, 2, package("half")))
        assert "gone" in found(office.api)
        teller.tell({"kind": "object", "object": made, "state": state, "deleted": True})
        assert kept(office.panel) == before and "gone" not in found(office.api)


def test_a_platform_of_the_command_lines_has_its_packages_too(office, teller):
    platform = "pcommandline2"
    before = kept(office.panel)
    teller.tell({"kind": "object", "object": platform, "state": "verified", "revision": 1, "name": "early", "server": office.server, "place": "0:early",
                 "app": "other", "version": "1"}, *whole(platform, 1, package("early")))  # fmt: skip
    assert had(office.api, f"/platforms/{platform}") == {"early": "1.0"} and found(office.api)["early"]["app"] == "other"
    assert [tab["word"] for tab in office.api.get("/packages").json["apps"]] == ["", "other", "pages"]
    assert list(found(office.api, "?app=other")) == ["early"]
    teller.tell({"kind": "object", "object": platform, "state": "deleted", "deleted": True})
    assert kept(office.panel) == before


# What tenants tell


HOSTILE = [{"name": "n" * 1000, "version": "v" * 1000, "path": "p" * 5000, "label": "l" * 1000, "schema": "s" * 1000}, {"name": "a<b>&\"'", "label": "<script>"},
           {"name": "../../x", "version": "1.0\n[evil]", "label": "a\x07b\x1b\u2028c"}, {"name": "世界" * 200, "version": "é" * 200, "label": "🎉" * 200},
           {"name": "no version", "version": ""}, {"name": "numbers", "version": 7, "label": None, "path": ["x"], "schema": {}}, {"name": "%_!", "version": "2.0   "}]  # fmt: skip


def test_a_tenants_facts_are_bounded_words(office, teller, target):
    items = [package("x", status="enabled") | item for item in HOSTILE]
    teller.tell(*whole(target, 2, *items))
    view = office.ann_api.get(f"/sites/{target}").json
    rows = [row for group in view["packages"] for row in group["rows"]]
    assert len(rows) == len(items)
    assert all(len(row[k].encode()) <= n for row in rows for k, n in (("name", 128), ("version", 64), ("path", 255), ("label", 128), ("schema", 32)))
    assert "1.0 [evil]" in {row["version"] for row in rows} and "2.0" in {row["version"] for row in rows}
    assert not any(ord(c) < 32 for row in rows for k in ("name", "version", "label") for c in row[k])
    page = office.ann.get(f"/sites/{target}").text
    assert "<script>" not in page and "a<b>" not in page
    for row in rows:
        assert office.ann.get(f"/packages/{row['id']}").status == 200
        assert office.ann_api.get(f"/packages/{row['id']}?version={urllib.parse.quote(row['version'])}").status == 200
        assert row["name"] in found(office.ann_api, f"?find={urllib.parse.quote(row['name'])}"), row


def test_what_has_no_name_or_no_type_is_left_out(office, teller, target):
    items = [package("", status="enabled"), package("x", kind=""), package("x", kind="Module"), package("x", kind="a/b"), package(" "), package("kept"), {}]
    teller.tell(*whole(target, 2, *items))
    assert had(office.ann_api, f"/sites/{target}") == {"kept": "1.0"}


def test_a_site_gives_no_package_its_label_for_others(office, teller, target):
    teller.tell(*whole(target, 2, package("views", "1.9", label="Hacked", status="enabled"), package("cms", "10.3.1", "core", label="Hacked")))
    for api in (office.bob_api, office.api):
        assert "Hacked" not in api.get("/packages").text and (found(api)["views"]["label"], found(api)["cms"]["label"]) == ("Views", "The CMS")


def test_an_object_has_so_many_packages_and_no_more(office, teller, target):
    teller.tell(facts(target, 2, *[package(f"flood{n:05d}") for n in range(3000)]), facts(target, 2, *[package(f"flood{n:05d}") for n in range(3000, 6000)]),
                end(target, 2, 6000))  # fmt: skip
    assert office.panel.rows("SELECT COUNT(*) FROM package_instance WHERE object = ?", target) == [(5000,)]
    assert office.ann.get(f"/sites/{target}").status == 200


def test_a_large_platform_is_taken_in_soon(office, teller, target):
    """The figures are printed, for who runs this with -s; a second is far beyond what it takes."""
    items = [package(f"big{n:04d}", f"1.{n % 7}", label=f"Big {n}", status="enabled") for n in range(ITEMS)]
    first = teller.tell(*whole(target, 2, *items))
    second = teller.tell(*whole(target, 3, *items))
    moved = teller.tell(*whole(target, 4, *[item | {"version": "2.0"} for item in items]))
    gone = teller.tell(end(target, 5, 0))
    print(f"{ITEMS} packages in one transaction: new {first / 1000:.0f} ms, again {second / 1000:.0f} ms, all moved {moved / 1000:.0f} ms, gone {gone / 1000:.0f} ms")
    assert max(first, second, moved, gone) < 10**6
