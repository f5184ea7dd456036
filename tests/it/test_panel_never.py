"""What never came to be, since its first task failed: it can be changed as a whole, and deleted; and where there is nothing, nothing leads to it."""

import pytest

from lab import Lab, until
from lab.panel import USER, Followed
from lab.teller import Teller

SERVER = {"http": "apache", "http_port": "80"}


@pytest.fixture(scope="module")
def lab():
    with Lab(PanelUsers=USER) as made:
        made.start().with_server().with_static().with_wordpress()
        yield made


@pytest.fixture(scope="module")
def panel(lab):
    made = Followed(lab)
    try:
        made.done(made.api.must("/servers", {"name": "local", **SERVER}))
        until(lambda: len(made.rows("SELECT id FROM platform WHERE state = 'verified'")) == 2, 60, "what the daemon had, in the panel")
        ((made.server,),) = made.rows("SELECT id FROM server WHERE name = 'main'")
        ((made.pages,),) = made.rows("SELECT id FROM platform WHERE name = 'pages'")
        ((made.blog,),) = made.rows("SELECT id FROM platform WHERE name = 'wordpress'")
        yield made
    finally:
        made.close()


def failed(lab, panel, kind, **fields):
    """An object whose first task fails; its path, and that task's."""
    lab.logs.expect("state=failed", "code=NO_OBJECT", "code=NOT_THIS_CMS", "code=SCHEMA", "code=DB_DENIED")
    made = panel.done(panel.api.must(f"/{kind}s", fields), "failed")
    return f"/{kind}s/{made[kind]['id']}", f"/tasks/{made['task']}"


def gone(panel, path):
    """Its deletion is done, says so in its log, and leaves no failure on the first page."""
    before = panel.api.get("/").json["notices"]
    made = panel.done(panel.api.must(f"{path}/tasks", {"type": "delete"}))
    view = panel.api.get(f"/tasks/{made['task']}").json
    assert [line["text"] for line in view["lines"]] == ["The daemon has nothing of it; it is forgotten here."]
    assert "problem" not in view and "href" not in view["task"]
    assert panel.api.get(path).status == 404
    assert panel.api.get("/").json["notices"] == before


def test_a_platform_that_never_was_is_deleted(lab, panel):
    path, _ = failed(lab, panel, "platform", name="dead", server=panel.server, place="0:dead", source="1:nothing")
    gone(panel, path)
    failed(lab, panel, "platform", name="dead", server=panel.server, place="0:dead", source="1:nothing")


def test_a_server_that_never_was_is_deleted(lab, panel):
    path, _ = failed(lab, panel, "server", name="nobody", db="mariadb", db_auth="password", db_host="127.0.0.1", db_secret="none")
    gone(panel, path)


def test_a_site_that_never_was_is_deleted_and_its_name_is_free(lab, panel):
    path, _ = failed(lab, panel, "site", name="dead.test", platform=panel.blog, db_server=panel.server, admin_mail="a@dead.test", language="tlh")
    gone(panel, path)
    assert panel.rows("SELECT COUNT(*) FROM host WHERE name = 'dead.test'") == [(0,)]


def values(view):
    """What stands in a form."""
    return {field["name"]: field["value"] for field in view["form"]["fields"] if field["value"]}


def test_a_platform_that_never_was_is_changed_as_a_whole(lab, panel):
    """From its page and from its task; where it is by then, that is not offered any more."""
    path, task = failed(lab, panel, "platform", name="wrong", server=panel.server, place="0:wrong", source="1:nothing")
    assert panel.api.get(task).json["again"] == f"{path}/again"
    view = panel.api.get(path).json
    assert (view["can"]["again"], view["can"]["change"], view["can"]["add_site"]) == (True, False, False)
    assert f'href="{path}/again"' in panel.boss.get(path).text
    fields = values(panel.api.get(f"{path}/again").json)
    assert (fields["name"], fields["place"], fields["source"], fields["server"]) == ("wrong", "0:wrong", "1:nothing", panel.server)
    answer = panel.api.post(f"{path}/again", {**fields, "name": "pages"})
    assert (answer.status, answer.json["field"]) == (422, "name")
    panel.done(panel.api.must(f"{path}/again", {**fields, "name": "right", "source": "1:pages"}))
    view = panel.api.get(path).json
    assert (view["platform"]["name"], view["platform"]["state"], view["can"]["again"], view["can"]["change"]) == ("right", "verified", False, True)
    assert panel.api.get(f"{path}/again").status == panel.api.post(f"{path}/again", fields).status == 412
    panel.done(panel.api.must(f"{path}/tasks", {"type": "delete"}))


def test_a_server_that_never_was_is_changed_as_a_whole(lab, panel):
    """Also the socket of its daemon, at which nobody listens."""
    made = panel.api.must("/servers", {"name": "other", "socket": "/run/nobody", "http": "apache", "http_port": "80"})
    path = f"/servers/{made['server']['id']}"
    assert panel.api.get(f"{path}/again").status == 412
    panel.api.must(f"/tasks/{made['task']}/cancel")
    panel.done(made, "cancelled")
    assert panel.api.get(f"/tasks/{made['task']}").json["again"] == f"{path}/again"
    assert f'href="{path}/again"' in panel.boss.get(path).text
    fields = values(panel.api.get(f"{path}/again").json)
    assert fields["socket"] == "/run/nobody" and fields["http_port"] == "80"
    panel.done(panel.api.must(f"{path}/again", {**fields, "socket": "", "name": "nearer"}))
    view = panel.api.get(path).json
    assert (view["server"]["state"], view["server"]["daemon"], view["can"]["again"]) == ("verified", "connected", False)


def test_a_deletion_that_the_daemon_had_taken_ends_the_same_way(lab, panel):
    """Its plan found nothing when its turn came."""
    path, _ = failed(lab, panel, "platform", name="late", server=panel.server, place="0:late", source="1:nothing")
    platform = path.split("/")[-1]
    with Teller(panel, "late") as teller:
        common = {"job": 9, "key": "k" * 32, "object": platform}
        teller.tell({"kind": "accepted", "type": "delete", "origin": "command", **common},
                    {"kind": "state", "state": "failed", "code": "NO_OBJECT", "field": "object", "text": "there is none", **common})  # fmt: skip
    assert panel.api.get(path).status == 404
    assert panel.rows("SELECT state FROM task WHERE object = ? AND type = 'delete'", platform) == [("success",)]


def test_what_something_was_put_on_meanwhile_is_not_forgotten(lab, panel):
    path, _ = failed(lab, panel, "server", name="used", db="mariadb", db_auth="password", db_host="127.0.0.1", db_secret="none")
    server = path.split("/")[-1]
    panel.rows("UPDATE platform SET server = ? WHERE id = ?", server, panel.pages)
    with Teller(panel, "used") as teller:
        common = {"job": 9, "key": "u" * 32, "object": server}
        teller.tell({"kind": "accepted", "type": "delete", "origin": "command", **common},
                    {"kind": "state", "state": "failed", "code": "NO_OBJECT", "field": "object", "text": "there is none", **common})  # fmt: skip
    panel.rows("UPDATE platform SET server = ? WHERE id = ?", panel.server, panel.pages)
    assert panel.rows("SELECT state, code FROM task WHERE object = ? AND type = 'delete'", server) == [("failed", "IN_USE")]
    gone(panel, path)


def test_where_there_is_nothing_nothing_leads_to_it(lab, panel):
    """An install by the command line that fails leaves no site: its task has the name, its reason, and no way to what is not there."""
    lab.logs.expect("state=failed", "code=SCHEMA", "code=NO_OBJECT")
    assert lab.provision("install", "@never.test", "platform=@platform_wordpress", "db_server=@server_main", "admin_mail=a@never.test", "language=tlh").code == 2
    task = until(lambda: next((t for t in panel.api.get("/tasks?state=failed").json["tasks"] if t["type"] == "install" and t["origin"] == "command"), None),
                 30, "its task in the panel")  # fmt: skip
    assert task["label"] == "never.test" and "href" not in task
    view = panel.api.get(f"/tasks/{task['id']}").json
    assert "again" not in view and view["can"]["retry"] is False and "href" not in view["task"]
    answer = panel.api.post(f"/tasks/{task['id']}/retry")
    assert (answer.status, answer.json["code"]) == (404, "NO_OBJECT")
    assert panel.api.get(f"/tasks/{task['id']}").json == view
    assert "Install site never.test failed" in panel.boss.get("/").text
