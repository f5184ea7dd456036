"""What a page offers can work; what cannot is refused beside its field; and what went wrong is told to people who have no command line."""

import pytest

from lab.teller import Teller

VERBS = [{"verb": "maintenance", "label": "Maintenance mode", "run": "site", "args": "maintenance"},
         {"verb": "tidy", "label": "Tidy up", "run": "platform"}]  # fmt: skip


def end_all(office):
    office.panel.rows("UPDATE attempt SET state = 'success', ended = created")
    office.panel.rows("UPDATE task SET state = 'success', ended = created, open_key = NULL")


@pytest.fixture(scope="module")
def yard(office):
    """A platform that is there and has a database server, and a site on it; a platform, a server and a site that failed and never were."""
    office.learns("cms", "The CMS", ["mariadb"], ["title"], [], VERBS)
    office.good = office.add_platform("good", "cms")
    office.dead = office.api.must("/platforms", {"name": "dead", "server": office.server, "place": "0:dead"})["platform"]["id"]
    office.gone = office.api.must("/servers", {"name": "gone", "http": "apache", "http_port": "80", "db": "mariadb", "db_auth": "socket"})["server"]["id"]
    site = {"platform": office.good, "db_server": office.server}
    office.live, office.never = (office.add_site(office.ann_api, f"{name}.test", **site)["site"]["id"] for name in ("live", "never"))
    end_all(office)
    for table in ("server", "platform", "site"):
        office.panel.rows(f"UPDATE {table} SET state = 'verified', busy = ''")
    for table, made in (("server", office.gone), ("platform", office.dead), ("site", office.never)):
        office.panel.rows(f"UPDATE {table} SET state = 'new', last = 'failed' WHERE id = ?", made)
    office.panel.rows("UPDATE platform SET seen_app = '' WHERE id = ?", office.dead)
    office.panel.rows("UPDATE site SET state = 'enabled' WHERE id = ?", office.live)
    return office


def types(view):
    return [row["type"] for row in view["actions"]]


def options(view, field):
    return [row["label"] for f in view["form"]["fields"] if f["name"] == field for row in f["options"]]


def test_nothing_is_put_on_a_platform_that_never_was(yard):
    assert yard.api.get(f"/platforms/{yard.dead}").json["can"]["add_site"] is False
    assert yard.api.get(f"/platforms/{yard.good}").json["can"]["add_site"] is True
    assert f"/sites/new?platform={yard.dead}" not in yard.ann.get(f"/platforms/{yard.dead}").text
    assert options(yard.api.get(f"/sites/new?platform={yard.dead}").json, "platform") == ["good", "pages"]


def test_no_server_that_never_was_is_a_choice(yard):
    assert options(yard.api.get(f"/sites/new?platform={yard.good}").json, "db_server") == ["main"]
    assert options(yard.api.get(f"/sites/new?platform={yard.dead}").json, "db_server") == ["main", "none"]
    assert options(yard.api.get("/platforms/new").json, "server") == ["main"]


@pytest.mark.parametrize("path, field", [("/sites", "platform"), ("/sites", "db_server"), ("/platforms", "server")])
def test_what_asks_for_it_all_the_same_is_told_beside_the_field(yard, path, field):
    fields = {"/sites": {"name": "more.test", "platform": yard.good, "db_server": yard.server},
              "/platforms": {"name": "more", "server": yard.server, "place": "0:more"}}[path]  # fmt: skip
    fields[field] = yard.dead if field == "platform" else yard.gone
    with yard.unchanged():
        answer = yard.api.post(path, fields)
        assert (answer.status, answer.json["field"]) == (422, field)
        assert answer.json["detail"] == f"{field}: {'dead' if field == 'platform' else 'gone'} was never verified"
        assert yard.admin.post(path, fields).text.count('class="wrong"') == 1


def test_what_is_being_deleted_takes_nothing_more(yard):
    yard.panel.rows("UPDATE platform SET busy = 'delete' WHERE id = ?", yard.good)
    answer = yard.api.post("/sites", {"name": "more.test", "platform": yard.good, "db_server": yard.server})
    assert yard.api.get(f"/platforms/{yard.good}").json["can"]["add_site"] is False
    yard.panel.rows("UPDATE platform SET busy = '' WHERE id = ?", yard.good)
    assert (answer.status, answer.json["field"]) == (422, "platform") and "is being deleted" in answer.json["detail"]


def test_what_never_was_can_be_made_or_deleted(yard):
    view = yard.ann_api.get(f"/sites/{yard.never}").json
    assert types(view) == ["delete"] and view["can"]["again"] and "verbs" not in view and view["actions"][0]["inputs"] == []
    view = yard.api.get(f"/platforms/{yard.dead}").json
    assert types(view) == ["verify", "delete"] and "verbs" not in view
    assert types(yard.api.get(f"/servers/{yard.gone}").json) == ["verify", "delete"]
    with yard.unchanged():
        for path, kinds in ((f"/sites/{yard.never}", ("verify", "backup", "disable", "run")), (f"/platforms/{yard.dead}", ("run",))):
            for kind in kinds:
                answer = yard.api.post(f"{path}/tasks", {"type": kind, **({"verb": "tidy"} if kind == "run" else {})})
                assert (answer.status, answer.json["field"]) == (422, "type"), answer


# What a task takes


def asked(office, path, fields):
    """What is sent with the task that a press queues."""
    office.ann.get(path)
    answer = office.ann.post(f"{path}/tasks", fields)
    assert answer.status == 303, answer
    ((args,),) = office.panel.rows("SELECT args FROM task WHERE id = ?", int(answer.headers["Location"].split("/")[-1]))
    end_all(office)
    office.panel.rows("UPDATE site SET busy = ''")
    return args


def test_a_backup_is_told_what_it_is_for(yard):
    path = f"/sites/{yard.live}"
    assert 'name="description"' in yard.ann.get(path).text
    assert asked(yard, path, {"type": "backup", "description": "before \"the\" <update>"}) == '{"description":"before \\"the\\" <update>"}'
    assert asked(yard, path, {"type": "backup", "description": ""}) == ""
    answer = yard.ann_api.post(f"{path}/tasks", {"type": "backup", "description": "x" * 256})
    assert (answer.status, answer.json["field"]) == (422, "description")
    answer = yard.ann_api.post(f"{path}/tasks", {"type": "verify", "description": "x"})
    assert (answer.status, answer.json["field"]) == (422, "description")


def test_a_deletion_says_that_a_last_backup_is_taken_and_lets_choose(yard):
    path = f"/sites/{yard.live}"
    (delete,) = (row for row in yard.ann_api.get(path).json["actions"] if row["type"] == "delete")
    assert [(row["name"], row["label"], row["options"]) for row in delete["inputs"]] == [("backup", "Back it up before", ["yes", "no"])]
    assert "Back it up before" in yard.ann.get(path).text
    assert asked(yard, path, {"type": "delete", "backup": "no"}) == '{"backup":"no"}'
    answer = yard.api.post(f"/platforms/{yard.good}/tasks", {"type": "delete", "backup": "no"})
    assert (answer.status, answer.json["field"]) == (422, "backup")


def test_a_site_that_is_closed_says_so_and_offers_to_open_it(yard):
    path = f"/sites/{yard.live}"

    def shown():
        view = yard.ann_api.get(path).json
        badge = ">maintenance</span>" in yard.ann.get(path).text
        return view["site"]["maintenance"], [i["options"] for row in view["verbs"] for i in row["inputs"]], badge

    assert shown() == ("", [["on", "off"]], False)
    for mode, options_then in (("on", ["off", "on"]), ("off", ["on", "off"])):
        task = yard.ann_api.must(f"{path}/tasks", {"type": "run", "verb": "maintenance", "maintenance": mode})["task"]
        ((key,),) = yard.panel.rows("SELECT job_key FROM attempt WHERE task = ?", task)
        common = {"job": 7, "key": key, "object": yard.live}
        with Teller(yard.panel, f"teller {mode}") as teller:
            teller.tell({"kind": "result", "name": "maintenance", "value": mode, **common}, {"kind": "state", "state": "success", "code": "OK", **common})
        assert shown() == (mode, [options_then], mode == "on")


# What people are told


def test_no_page_tells_people_of_a_command_line(yard):
    """Neither a page that is not there, nor a link that has expired, nor a task that failed, nor the API's answer."""
    texts = [yard.ann.get(path).text for path in ("/nothing", "/sites/" + "s" + "b" * 12, "/link/" + "x" * 43, "/download/" + "x" * 43)]
    for code in ("SCHEMA", "NO_OBJECT", "STALE", "LOCKED", "DENIED"):
        task = yard.ann_site["task"]
        yard.panel.rows("UPDATE task SET state = 'failed', code = ? WHERE id = ?", code, task)
        yard.panel.rows("UPDATE attempt SET state = 'failed', code = ? WHERE task = ?", code, task)
        texts.append(yard.ann.get(f"/tasks/{task}").text)
        assert "How to fix it" in texts[-1]
    texts += [yard.ann_api.get("/nothing").text, yard.ann_api.post("/sites", {"name": "-"}).text]
    for text in texts:
        assert not any(words in text for words in ("provision help", "provision list", "provision show", "provision status", "AdminUsers")), text


def test_nothing_found_is_not_nothing_there(yard):
    assert "No site has that in its name" in yard.ann.get("/sites?find=zzz").text
    assert "Add the first one" not in yard.ann.get("/sites?find=zzz").text


def test_a_platforms_form_says_which_root_a_number_is(yard):
    fields = {field["name"]: field["help"] for field in yard.api.get("/platforms/new").json["form"]["fields"]}
    assert "0 is the first PlatformRoot line" in fields["place"] and "SourceRoot" in fields["source"]
