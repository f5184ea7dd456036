"""A driver's verb by itself: what it reports comes back to whoever asked, and nothing of it stays on the object."""

import pytest

from lab import Lab


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        made.start().with_server().with_wordpress()
        made.install_wordpress("run.test")
        yield made


def test_a_verb_tells_what_it_found_and_changes_no_property(lab):
    before = lab.site("run.test")
    job = lab.must("run", "@run.test", "verb=status")
    assert job["results"]["title"] == "Title of run.test" and job["results"]["maintenance"] == "off"
    assert lab.job(job["job"])["results"] == job["results"]
    assert lab.site("run.test") == before


def test_people_see_the_results_on_stdout(lab):
    done = lab.provision("run", "@run.test", "verb=stats")
    assert done.code == 0 and "users" in done.out and "posts" in done.out


@pytest.mark.parametrize("words, field", [
    (["verb=install"], "verb"), (["verb=move"], "verb"), (["verb=nothing"], "verb"),
    (["verb=cron", "maintenance=on"], "maintenance"), (["verb=maintenance", "maintenance=perhaps"], "maintenance"), ([], "verb")])
def test_a_verb_that_is_not_offered_and_a_field_that_it_does_not_take_are_refused(lab, words, field):
    done = lab.provision("run", "@run.test", *words, "--json")
    assert done.code == 2 and done.json["field"] == field


def test_the_list_of_drivers_says_what_each_takes_and_offers(lab):
    apps = {row["app"]: row for row in lab.must("list", "app")}
    wordpress = apps["wordpress"]
    assert wordpress["databases"] == ["mariadb"] and wordpress["required"] == ["admin_mail"]
    verbs = {verb["verb"]: verb for verb in wordpress["verbs"]}
    assert verbs["login"]["args"] == "admin_name" and "install" not in verbs
    assert "login" in lab.provision("list", "app").out
