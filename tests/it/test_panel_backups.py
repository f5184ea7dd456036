"""Backups in the panel: a site's are listed, downloaded by a link that works once, restored and deleted; another client's are not there."""

import hashlib
import os

import pytest

from lab import Lab
from lab.panel import USER, Followed


class Yard:
    """A daemon with a static site of Ann's, and a panel that follows it."""

    def __init__(self, lab):
        self.lab = lab
        self.panel = Followed(lab)
        self.admin, self.api, self.done = self.panel.boss, self.panel.api, self.panel.done
        server = self.done(self.api.must("/servers", {"name": "main", "http": "apache", "http_port": "80"}))["server"]["id"]
        self.platform = self.done(self.api.must("/platforms", {
            "name": "pages", "server": server, "place": "0:pages", "source": "1:pages"}))["platform"]["id"]
        _, ann = self.panel.client(self.api, "Ann", "ann")
        _, bob = self.panel.client(self.api, "Bob", "bob")
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
    url = yard.ann.must(f"/backups/{row['id']}/link")["url"]
    path = url[len(yard.panel.url):]
    answer = yard.panel.ask("GET", path)
    sha256 = yard.ann.get(f"/backups/{row['id']}").json["backup"]["sha256"]
    assert answer.status == 200 and hashlib.sha256(answer.body).hexdigest() == sha256
    assert f"ann.test.{row['id']}.tar.zst" in answer.headers["Content-Disposition"]
    assert yard.panel.ask("GET", path).status == 404
    assert yard.panel.ask("GET", "/download/" + "a" * 43).status == 404


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
