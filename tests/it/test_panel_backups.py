"""Backups in the panel: a site's are listed, downloaded by a link that works once, restored and deleted; another client's are not there."""

import concurrent.futures
import hashlib
import os
import signal

import pytest

from lab import Lab
from lab.panel import USER, Followed
from lab.wait import until


class Yard:
    """A daemon with a static site of Ann's, and a panel that follows it."""

    def __init__(self, lab):
        self.lab = lab
        self.panel = Followed(lab)
        self.admin, self.api, self.done = self.panel.boss, self.panel.api, self.panel.done
        server = self.done(self.api.must("/servers", {"name": "main", "http": "apache", "http_port": "80"}))["server"]["id"]
        self.platform = self.done(self.api.must("/platforms", {
            "name": "pages", "server": server, "place": "0:pages", "source": "1:pages"}))["platform"]["id"]
        self.ann_id, ann = self.panel.client(self.api, "Ann", "ann")
        self.bob_id, bob = self.panel.client(self.api, "Bob", "bob")
        self.ann, self.bob = self.panel.program(ann), self.panel.program(bob)
        self.site = self.done(self.ann.must("/sites", {"name": "ann.test", "platform": self.platform, "title": "Anns"}))["site"]["id"]

    def backups(self, api):
        return api.get("/backups").json["backups"]

    def back_up(self):
        known = {row["id"] for row in self.backups(self.ann)}
        self.done(self.ann.must(f"/sites/{self.site}/tasks", {"type": "backup"}))
        (new,) = [row for row in self.backups(self.ann) if row["id"] not in known]
        return new


@pytest.fixture(scope="module", name="yard")
def fixture_yard():
    with Lab(PanelUsers=USER) as lab:
        lab.start()
        os.makedirs(f"{lab.folder}/sources/pages")
        with open(f"{lab.folder}/sources/pages/index.html", "w", encoding="utf-8") as f:
            f.write("<!DOCTYPE html>\n<html lang=\"en\"><head><title>@TITLE@</title></head><body></body></html>\n")
        lab.open_to_all("sources")
        made = Yard(lab)
        yield made
        made.panel.close()


def test_a_backup_is_listed_for_its_client_alone(yard):
    row = yard.back_up()
    assert (row["name"], row["live"]) == ("ann.test", 1) and row["size"] > 0
    assert [r["id"] for r in yard.api.get(f"/sites/{yard.site}").json["backups"]] == [r["id"] for r in yard.backups(yard.ann)]
    assert yard.backups(yard.bob) == []
    for path in (f"/backups/{row['id']}", "/backups/baaaaaaaaaaaa", "/backups/nonsense"):
        assert yard.bob.get(path).status == 404
    for verb in ("restore", "delete", "link"):
        assert yard.bob.post(f"/backups/{row['id']}/{verb}", {}).status == 404
    page = yard.admin.get(f"/backups/{row['id']}")
    assert page.status == 200 and row["id"] in page.text and "ann.test" in yard.admin.get("/backups").text


def test_a_download_link_works_once_and_gives_the_archive(yard):
    row = yard.back_up()
    url = yard.ann.must(f"/backups/{row['id']}/link")["secret"]
    path = url[len(yard.panel.url):]
    older = yard.ann.must(f"/backups/{row['id']}/link")["secret"]
    assert older != url and yard.panel.ask("GET", path).status == 404
    other = yard.back_up()
    boss = yard.api.must(f"/backups/{other['id']}/link")["secret"]
    assert yard.panel.rows("SELECT COUNT(*) FROM download") == [(2,)]  # one an account
    yard.ann.must(f"/backups/{other['id']}/link")
    assert yard.panel.ask("GET", older[len(yard.panel.url):]).status == 404
    assert yard.panel.ask("GET", boss[len(yard.panel.url):]).status == 200
    path = yard.ann.must(f"/backups/{row['id']}/link")["secret"][len(yard.panel.url):]
    answer = yard.panel.ask("GET", path)
    sha256 = yard.ann.get(f"/backups/{row['id']}").json["backup"]["sha256"]
    assert answer.status == 200 and hashlib.sha256(answer.body).hexdigest() == sha256
    assert f"ann.test.{row['id']}.tar.zst" in answer.headers["Content-Disposition"]
    assert yard.panel.ask("GET", path).status == 404
    assert yard.panel.ask("GET", "/download/" + "a" * 43).status == 404
    with open(f"{yard.panel.folder}/log/access.log", encoding="utf-8") as f:
        log = f.read()
    assert '"GET (a link)" 200' in log and "/download/" not in log and path[len("/download/"):] not in str(yard.panel.inventory())


def test_nobody_waits_for_a_download(yard):
    """While the daemon gives nothing, the link is used up and others can write."""
    row = yard.back_up()
    path = yard.ann.must(f"/backups/{row['id']}/link")["secret"][len(yard.panel.url):]
    engine = yard.lab.engine().pid
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        os.kill(engine, signal.SIGSTOP)
        try:
            answer = pool.submit(yard.panel.ask, "GET", path)
            until(lambda: yard.panel.rows("SELECT COUNT(*) FROM download") == [(0,)], 20, "the link's use")
            assert yard.api.post("/clients", {"name": "Meanwhile", "mail": ""}).status == 201 and not answer.done()
        finally:
            os.kill(engine, signal.SIGCONT)
        assert answer.result(60).status == 200


def give(yard, client):
    revision = yard.api.get(f"/sites/{yard.site}").json["site"]["revision"]
    yard.done(yard.api.must(f"/sites/{yard.site}", {"client": client, "revision": str(revision)}))


def test_what_is_a_sites_goes_with_it(yard):
    """Its tasks and their results, its backups, and these also when it is gone: the former client can neither see nor repeat them."""
    row = yard.back_up()
    task = yard.ann.must(f"/sites/{yard.site}/tasks", {"type": "disable"})["task"]
    yard.done({"task": task})
    give(yard, yard.bob_id)
    for path in (f"/sites/{yard.site}", f"/backups/{row['id']}", f"/tasks/{task}", f"/tasks/{task}/log"):
        assert (yard.ann.get(path).status, yard.bob.get(path).status) == (404, 200), path
    for path in (f"/tasks/{task}/retry", f"/tasks/{task}/cancel", f"/backups/{row['id']}/restore"):
        assert yard.ann.post(path, {}).status == 404, path
    assert yard.ann.get("/tasks").json["tasks"] == [] and task in [t["id"] for t in yard.bob.get("/tasks").json["tasks"]]
    yard.done(yard.bob.must(f"/sites/{yard.site}/tasks", {"type": "delete"}))
    assert yard.backups(yard.ann) == [] and row["id"] in [r["id"] for r in yard.backups(yard.bob)]
    assert yard.ann.post(f"/backups/{row['id']}/restore", {}).status == 404
    yard.done(yard.bob.must(f"/backups/{row['id']}/restore"))
    give(yard, yard.ann_id)


def test_a_restore_and_a_deletion_are_tasks(yard):
    row = yard.back_up()
    page = f"{yard.lab.folder}/sites/{yard.site}/data/public/index.html"
    with open(page, encoding="utf-8") as f:
        kept = f.read()
    with open(page, "w", encoding="utf-8") as f:
        f.write("defaced")
    assert yard.ann.post(f"/backups/{row['id']}/restore", {"only": "nothing"}).status == 422
    yard.done(yard.ann.must(f"/backups/{row['id']}/restore"))
    with open(page, encoding="utf-8") as f:
        assert f.read() == kept
    yard.done(yard.ann.must(f"/backups/{row['id']}/delete"))
    assert row["id"] not in [r["id"] for r in yard.backups(yard.ann)] and yard.ann.get(f"/backups/{row['id']}").status == 404


def test_a_deleted_site_is_restored_from_its_last_backup(yard):
    yard.done(yard.ann.must(f"/sites/{yard.site}/tasks", {"type": "delete"}))
    assert yard.ann.get(f"/sites/{yard.site}").status == 404
    last = yard.backups(yard.ann)[0]
    assert (last["description"], last["live"]) == ("before it was deleted", 0)
    yard.done(yard.ann.must(f"/backups/{last['id']}/restore"))
    assert "Anns" in yard.lab.get("ann.test")[1]
    assert yard.api.get(f"/sites/{yard.site}").json["site"]["state"] == "enabled"
    yard.done(yard.api.must(f"/sites/{yard.site}/tasks", {"type": "verify"}))
