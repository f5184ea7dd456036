"""A driver's verbs that people ask for by themselves, and the lists of packages that come with other tasks: what they report comes
back to whoever asked, and nothing of it stays on the object."""

import http.client
import os
import re

import pytest

from lab import Lab, difference


SERVER = ["http=apache", "http_port=80", "db=mariadb", "db_auth=socket"]


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        made.start().with_server().with_wordpress().with_tiny()
        made.install_wordpress("run.test")
        made.install("tiny.test", "tiny", "db_server=@server_main")
        yield made


def _events(lab, job):
    return lab.provision("log", str(job), "--json").lines


def _results(lab, *words):
    row = lab.must("run", *words)
    assert row["state"] == "success", row
    return row["results"]


def _asked(lab, job):
    return [line["text"] for line in lab.log(job)].count("it is asked")


# Any verb


def test_a_verb_s_facts_are_the_results_of_its_job(lab):
    before, site = lab.inventory(), lab.site("tiny.test")
    row = lab.must("run", "@tiny.test", "verb=greet", "admin_name=Ann")
    results = {"greeting": "Hello, Ann\033[1m!", "site": "tiny.test", "version": "6.6.6"}
    assert row["state"] == "success" and row["verb"] == "greet" and row["results"] == results
    assert lab.job(row["job"])["results"] == results
    events = _events(lab, row["job"])
    assert [(e["name"], e["value"], e["object"]) for e in events if e["kind"] == "result"] == [(*item, site["id"]) for item in results.items()]
    assert [(e["done"], e["total"]) for e in events if e["kind"] == "progress"] == [(0, 2**31 - 1)]
    assert [e["kind"] for e in events][-5:] == ["step", *["result"] * 3, "state"]
    assert "Ann" not in str(lab.log(row["job"]))
    assert lab.site("tiny.test") == site
    lab.await_inventory(before)


def test_people_see_the_results_on_standard_output(lab):
    done = lab.provision("run", "@tiny.test", "verb=greet")
    assert done.code == 0 and done.out == "greeting: Hello, world\\x1b[1m!\nsite: tiny.test\nversion: 6.6.6\n"
    assert "somebody is greeted" in done.err and "Hello" not in done.err


def test_a_platform_s_verb_runs_as_the_platform_and_reads_it_only(lab):
    before = lab.inventory()
    results = _results(lab, "@platform_tiny", "verb=weigh")
    assert results["writes"] == "no" and results["site"] == "no" and int(results["files"]) >= 2
    lab.await_inventory(before)


def test_a_verb_that_fails_fails_its_job_and_has_no_results(lab):
    lab.logs.expect("state=failed")
    row = lab.must("run", "@tiny.test", "verb=break", code=5)
    assert (row["state"], row["code"], row["results"]) == ("failed", "DRIVER_FAILED", {})
    assert not [e for e in _events(lab, row["job"]) if e["kind"] == "result"]


def test_a_site_that_says_its_database_is_away_holds_nobody_up_for_long(lab):
    lab.logs.expect("DB_DOWN", "state=failed")
    says = lab.submit("run", "@tiny.test", "verb=away")
    lab.await_state(says, "waiting")
    behind = lab.submit("verify", "@server_main", *SERVER)
    row = lab.await_end(says, 30)
    assert (row["state"], row["code"]) == ("failed", "DB_DOWN") and _asked(lab, says) == 4
    assert lab.await_end(behind, 30)["state"] == "success"


def test_a_database_that_is_away_as_the_daemon_sees_it_is_waited_for(lab):
    lab.logs.expect("DB_DOWN")
    lab.must("verify", "@server_db", "db=mariadb", "db_auth=password", "db_host=127.0.0.1", "db_secret=tcp")
    lab.install("tcp.test", "tiny", "db_server=@server_db")
    lab.database.stop()
    job = lab.submit("run", "@tcp.test", "verb=away")
    lab.await_(lambda: _asked(lab, job) > 4, 60, "more tries than its own word is worth")
    assert lab.job(job)["state"] == "waiting"
    with open(f"{lab.folder}/sites/{lab.site('tcp.test')['id']}/data/back", "w", encoding="utf-8"):
        lab.database.start()
    assert lab.await_end(job)["state"] == "success"
    lab.must("delete", "@tcp.test")
    lab.must("delete", "@server_db")


def test_a_verb_has_its_deadline_from_the_manifest(lab):
    lab.logs.expect("state=failed")
    row = lab.must("run", "@tiny.test", "verb=late", code=5)
    assert row["code"] == "DEADLINE" and "after 2 s" in row["text"]


def test_a_verb_can_be_cancelled(lab):
    job = lab.submit("run", "@tiny.test", "verb=wait")
    lab.await_(lambda: any(line["text"] == "it hangs" for line in lab.log(job)), 30, "the verb to be under way")
    lab.must("cancel", str(job))
    assert lab.await_end(job)["state"] == "cancelled"


def test_a_verb_that_was_killed_is_run_again_and_tells_its_results_once(lab):
    job = lab.submit("run", "@tiny.test", "verb=greet")
    lab.kill()
    lab.restart()
    assert lab.await_end(job)["state"] == "success"
    assert len([e for e in _events(lab, job) if e["kind"] == "result"]) == 3


def test_a_verb_has_the_network_that_the_manifest_says_and_its_database(lab):
    assert _results(lab, "@tiny.test", "verb=reach") == {"resolver": "yes", "title": "Title of tiny.test"}


@pytest.mark.parametrize("words, field, says", [
    (["@run.test", "verb=install"], "verb", "offers no install of a site"), (["@run.test", "verb=move"], "verb", "there is status, update"),
    (["@tiny.test", "verb=weigh"], "verb", "there is status, greet"), (["@platform_tiny", "verb=greet"], "verb", "there is weigh"),
    (["@run.test", "verb=cron", "admin_name=a", "maintenance=on"], "admin_name", "maintenance: the verb cron takes none"),
    (["@run.test", "verb=maintenance", "maintenance=perhaps"], "maintenance", "on or off"), (["@run.test"], "verb", "required"),
], ids=str)
def test_a_verb_that_is_not_offered_and_fields_that_it_does_not_take_are_refused(lab, words, field, says):
    before = lab.inventory()
    done = lab.provision("run", *words, "--json")
    assert done.code == 2 and (done.json["code"], done.json["field"]) == ("SCHEMA", field) and says in done.json["text"], done
    assert difference(before, lab.inventory()) == []


def test_a_plan_of_a_verb_says_which_it_is(lab):
    steps = [(row["step"], row["detail"]) for row in lab.must("plan", "run", "@run.test", "verb=cron") if "step" in row]
    assert steps == [("run", "Run cron")]


def test_the_list_of_drivers_says_what_each_takes_and_offers(lab):
    apps = {row["app"]: row for row in lab.must("list", "app")}
    assert set(apps) >= {"drupal", "drupal7", "static", "tiny", "wordpress"}
    wordpress = apps["wordpress"]
    assert wordpress["databases"] == ["mariadb"] and wordpress["required"] == ["admin_mail"]
    verbs = {verb["verb"]: verb for verb in wordpress["verbs"]}
    assert verbs["login"] == {"verb": "login", "label": "Login link", "run": "site", "permission": "run_login", "args": "admin_name"}
    assert "install" not in verbs and {v["verb"]: v["run"] for v in apps["tiny"]["verbs"]}["weigh"] == "platform"
    assert "status, update, cron, login" in lab.provision("list", "app").out


# Packages


def _scans(lab, job):
    """The sets of packages that a job told: (items, whether the end has come with their count), in their order."""
    sets = {}
    for event in _events(lab, job):
        if event.get("type") == "package":
            one = sets.setdefault(event["scan"], [[], False])
            one[0] += event.get("items", [])
            one[1] |= event["kind"] == "facts-end" and event["count"] == len(one[0])
    return list(sets.values())


def test_a_verify_tells_the_packages_of_a_platform_and_of_a_site(lab):
    platform, site = lab.must("verify", "@platform_wordpress"), lab.must("verify", "@run.test")
    [[offered, whole]], [[used, also]] = _scans(lab, platform["job"]), _scans(lab, site["job"])
    assert whole and also and {p["status"] for p in offered} == {""}
    core = next(p for p in used if p["type"] == "core")
    assert core["name"] == "wordpress" and core["status"] == "enabled" and re.fullmatch(r"\d[\d.]+", core["version"])
    assert set(core) == {"type", "name", "version", "path", "label", "status", "schema"}
    assert any(p["type"] == "theme" and p["status"] == "enabled" for p in used)


def test_an_install_tells_the_packages_of_the_new_site(lab):
    before = lab.inventory()
    job = lab.install("more.test", "tiny", "db_server=@server_main")["job"]
    [[items, whole]] = _scans(lab, job)
    assert whole and [p["name"] for p in items] == [f"m{n}" for n in range(120)] and items[0]["status"] == "enabled"
    assert "version" not in lab.site("more.test")
    lab.must("delete", "@more.test", "backup=no")
    lab.await_inventory(before)


@pytest.fixture
def marked(lab):
    """Puts a file of that name into the data of tiny.test; its driver looks at them."""
    paths = []

    def mark(name):
        paths.append(f"{lab.folder}/sites/{lab.site('tiny.test')['id']}/data/{name}")
        with open(paths[-1], "w", encoding="utf-8"):
            pass

    yield mark
    for path in paths:
        os.unlink(path)


def test_a_list_of_packages_that_fails_is_a_warning_and_has_no_end(lab, marked):
    marked("spoiled")
    row = lab.must("verify", "@tiny.test", code=1)
    assert row["state"] == "warning"
    [warning] = [line["text"] for line in lab.log(row["job"]) if line["level"] == "warning"]
    assert warning == "its packages could not be listed: DB_DOWN: the list is spoiled"
    assert all(not whole for _, whole in _scans(lab, row["job"]))


def test_a_list_without_packages_has_an_end_too(lab, marked):
    marked("empty")
    assert _scans(lab, lab.must("verify", "@tiny.test")["job"]) == [[[], True]]


# The verbs of WordPress, in the daemon's jail


def test_the_status_and_the_numbers_of_a_site(lab):
    before = lab.site("run.test")
    status, stats = _results(lab, "@run.test", "verb=status"), _results(lab, "@run.test", "verb=stats")
    assert status["title"] == "Title of run.test" and status["maintenance"] == "off" and status["update"] == "none"
    assert stats["users"] == "1" and int(stats["database_bytes"]) > 100000 and int(stats["files_bytes"]) > 0
    assert lab.site("run.test") == before


def test_cron_does_what_is_due(lab):
    assert int(_results(lab, "@run.test", "verb=cron")["events"]) >= 0
    assert _results(lab, "@run.test", "verb=cron")["events"] == "0"


def test_a_site_in_maintenance_answers_503_until_it_is_over(lab):
    assert _results(lab, "@run.test", "verb=maintenance", "maintenance=on") == {"maintenance": "on"}
    assert lab.get("run.test")[0] == 503
    assert _results(lab, "@run.test", "verb=status")["maintenance"] == "on"
    assert _results(lab, "@run.test", "verb=maintenance", "maintenance=off") == {"maintenance": "off"}
    assert lab.get("run.test")[0] == 200


def test_caches_are_cleared(lab):
    assert _results(lab, "@run.test", "verb=clear") == {}
    assert lab.get("run.test")[0] == 200


def test_an_update_brings_the_database_up_and_tells_the_packages(lab):
    schema = _results(lab, "@run.test", "verb=status")["schema"]
    site = lab.site("run.test")
    lab.database.ask(f"UPDATE {site['id']}d1.wp_options SET option_value = '1000' WHERE option_name = 'db_version'")
    assert _results(lab, "@run.test", "verb=status")["update"] == "pending"
    row = lab.must("run", "@run.test", "verb=update")
    assert row["results"]["schema"] == schema
    [[items, whole]] = _scans(lab, row["job"])
    assert whole and items[0]["name"] == "wordpress"
    assert _results(lab, "@run.test", "verb=status")["update"] == "none"
    assert lab.get("run.test")[0] == 200


def _visit(lab, method, path, cookie=""):
    """Status, cookies and where to, of a request that goes through the sites httpd."""
    with lab.netns.entered():
        client = http.client.HTTPConnection("127.0.0.1", 80, timeout=20)
        client.connect()
    client.request(method, path, headers={"Host": "run.test", "Cookie": cookie, "Connection": "close"})
    answer = client.getresponse()
    answer.read()
    cookies = "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
    client.close()
    return answer.status, cookies, answer.getheader("Location", "")


def test_a_login_link_lets_in_once_and_is_in_no_log(lab):
    row = lab.must("run", "@run.test", "verb=login", "admin_name=editor")
    url = row["results"]["login_url"]
    assert url.startswith("http://run.test/wp-login.php?")
    assert not [e for e in _events(lab, row["job"]) if e["kind"] != "result" and url in str(e)] and url not in lab.daemon_log()
    path = url.removeprefix("http://run.test")
    assert "wordpress_logged_in" not in _visit(lab, "GET", path)[1], "looking at it, as a preview does, logs nobody in"
    _, cookies, _ = _visit(lab, "POST", path)
    assert "wordpress_logged_in" in cookies
    assert _visit(lab, "GET", "/wp-admin/profile.php", cookies)[0] == 200
    assert "wordpress_logged_in" not in _visit(lab, "POST", path)[1]


def test_a_login_for_nobody_is_refused(lab):
    lab.logs.expect("state=failed")
    row = lab.must("run", "@run.test", "verb=login", "admin_name=nobody", code=5)
    assert row["code"] == "DRIVER_FAILED" and "no user nobody" in row["text"]
