"""The panel as a person meets it: a real browser, the real panel, a real daemon, from the login link to sites that answer."""

import contextlib
import os

import pytest
from lab import Lab, until
from lab.panel import USER, Browser, following
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import Select, WebDriverWait

OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,850")
# Counts the lines that come into the log of the page that is open, over the reload at its end.
COUNT = """
sessionStorage.grown = 0;
new MutationObserver(changes => changes.forEach(c => c.addedNodes.forEach(node => {
    const lines = node.tagName === "LI" ? 1 : node.querySelectorAll ? node.querySelectorAll("li").length : 0;
    sessionStorage.grown = Number(sessionStorage.grown) + lines;
}))).observe(document.getElementById("log"), {childList: true, subtree: true});
"""


class Person:
    """One who looks at pages, fills in forms and presses buttons."""

    def __init__(self, driver, panel):
        self.driver, self.panel = driver, panel

    def logs_in(self):
        words = ("link", "admin") if "admin" in self.panel.known else ("admin", "admin", "admin@example.org")
        self.panel.known.add("admin")
        self.driver.get(self.panel.setup(*words))
        self.presses("Log in")
        assert self.sees("h1") == "Overview"

    def opens(self, path):
        self.driver.get(f"{self.panel.url}{path}")

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def sees(self, selector):
        return " ".join(element.text for element in self.find(selector))

    def presses(self, text):
        """A button or a link by its words."""
        found = [e for e in self.find("main button, main a") if e.text.strip() == text]
        assert found, f"no {text!r} on {self.driver.current_url}: {self.sees('main')}"
        self.leaves(found[0])

    def leaves(self, element):
        """Presses what leads to another page, and waits for that."""
        page = self.driver.find_element(By.TAG_NAME, "html")
        element.click()
        WebDriverWait(self.driver, 30).until(staleness_of(page))

    def fills(self, **fields):
        """Fields by their names; a choice by the words that are shown."""
        for name, value in fields.items():
            element = self.driver.find_element(By.NAME, name)
            if element.tag_name == "select":
                Select(element).select_by_visible_text(value)
            else:
                element.clear()
                element.send_keys(value)

    def adds(self, kind, button=None, **fields):
        self.opens(f"/{kind}s/new")
        self.fills(**fields)
        self.presses(button or f"Add {kind}")
        assert "/tasks/" in self.driver.current_url, self.sees("main")

    def adds_site(self, platform, **fields):
        """Chooses a platform, and fills in the form for a site on it."""
        self.opens("/sites/new")
        self.leaves(next(e for e in self.find(".choice a") if e.find_element(By.TAG_NAME, "strong").text == platform))
        self.fills(**fields)
        self.presses("Add site")
        assert "/tasks/" in self.driver.current_url, self.sees("main")

    def opens_site(self, name):
        self.opens("/sites")
        self.leaves(self.driver.find_element(By.LINK_TEXT, name))

    def awaits(self, state, seconds=60):
        """Waits in front of a task's page, as people do, until it says so."""
        seen = []

        def shown():
            with contextlib.suppress(WebDriverException):  # the page is just being loaded anew
                seen[:] = [self.driver.find_element(By.ID, "state").text]
            return seen == [state]

        try:
            until(shown, seconds, f"state {state}")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.sees('main')}") from None


@pytest.fixture(scope="module")
def lab():
    with Lab(PanelUsers=USER) as made:
        made.start()
        os.makedirs(f"{made.folder}/sources/pages")
        with open(f"{made.folder}/sources/pages/index.html", "w", encoding="utf-8"):
            pass  # empty: the driver's own page
        made.open_to_all("sources")
        yield made


@pytest.fixture(scope="module")
def panel(lab):
    with following(lab) as made:
        yield made


@contextlib.contextmanager
def browser(lab, panel, script=True):
    """A browser inside the lab; what it complains of in the panel, such as a broken content policy, fails the test."""
    options = webdriver.ChromeOptions()
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    with lab.netns.entered():
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            yield Person(driver, panel)
            assert [line for line in driver.get_log("browser") if panel.url in line["message"] and "422" not in line["message"]] == []
        finally:
            driver.quit()


@pytest.fixture
def person(lab, panel):
    with browser(lab, panel) as someone:
        someone.logs_in()
        yield someone


def test_a_server_is_added_and_becomes_verified(person):
    person.adds("server", name="main", http_port="80")
    person.awaits("success")
    person.opens("/servers")
    assert "verified" in person.sees("tbody tr") and "connected" in person.sees("tbody tr")


def test_a_failure_is_explained_and_what_was_repaired_is_tried_again(person, lab):
    lab.logs.expect("state=failed", "code=NOT_THIS_CMS", "code=SCHEMA", "code=NO_OBJECT")
    person.adds("platform", name="late", place="0:late", source="1:late")
    person.awaits("failed")
    assert "1:late" in person.sees(".problem") and "How to fix it" in person.sees(".problem")
    person.opens("/")
    assert "late failed" in person.sees(".notice")
    os.rename(f"{lab.folder}/sources/pages", f"{lab.folder}/sources/late")
    person.presses("What went wrong, and how to fix it")
    person.presses("Try again")
    person.awaits("success")
    assert len(person.find(".tabs a")) == 2 and not person.find(".problem")
    person.opens("/")
    assert not person.find(".notice")


def test_a_site_is_added_its_log_is_live_and_it_opens(person):
    person.adds("platform", name="blog", place="0:blog", source="0:wordpress")
    person.awaits("success")
    person.adds_site("blog", name="one.localhost", title="My first blog")
    person.driver.execute_script(COUNT)
    person.awaits("success")
    assert int(person.driver.execute_script("return sessionStorage.grown")) >= 5
    lines = [int(part) for part in person.sees(".log time").replace(":", "").split()]
    assert len(lines) >= 8 and lines == sorted(lines)
    person.opens_site("one.localhost")
    person.presses("Open site")
    assert person.driver.title.startswith("My first blog") and person.driver.current_url == "http://one.localhost/"


def test_a_site_that_cannot_be_installed_is_changed_and_installed(person, lab):
    lab.logs.expect("state=failed", "code=SCHEMA")
    person.adds_site("blog", name="two.localhost", title="My second blog", language="tlh")
    person.awaits("failed")
    assert "no language tlh" in person.sees(".problem")
    person.presses("Change it first")
    assert person.driver.find_element(By.NAME, "title").get_attribute("value") == "My second blog"
    person.fills(language="en")
    person.presses("Save and install")
    person.awaits("success")
    assert "My second blog" in lab.get("two.localhost", "/?uncached=1")[1]


def test_one_press_logs_in_to_the_site_once(person):
    """The result is there when the task has ended, without a look; the link lets in once."""
    person.opens_site("one.localhost")
    person.presses("Login link")
    until(lambda: person.find(".results a"), 60, "the link on the task's page")
    link, panels = person.find(".results a")[0], person.driver.current_window_handle
    address = link.get_attribute("href")
    link.click()
    until(lambda: len(person.driver.window_handles) == 2, 30, "the site in a new tab")
    person.driver.switch_to.window(next(w for w in person.driver.window_handles if w != panels))
    person.leaves(until(lambda: person.find("form [type=submit]"), 30, "the site's button")[0])
    assert person.driver.current_url == "http://one.localhost/wp-admin/" and "Dashboard" in person.driver.title
    person.driver.delete_all_cookies()
    person.driver.get(address)
    person.leaves(until(lambda: person.find("form [type=submit]"), 30, "the button, which tells nothing yet")[0])
    assert "was used before" in person.sees("body")
    person.driver.get("http://one.localhost/wp-admin/")
    assert "wp-login.php" in person.driver.current_url


def test_a_program_runs_cron(person, panel):
    """The same by the API: a verb of the site's type is a task, and so is one that is told on or off."""
    api = panel.program(Browser(panel).log_in(panel.setup("link", "admin")))
    site = next(row["id"] for row in api.get("/sites").json["sites"] if row["name"] == "one.localhost")

    def runs(**fields):
        task = api.must(f"/sites/{site}/tasks", {"type": "run", **fields})["task"]
        until(lambda: api.get(f"/tasks/{task}").json["task"]["ended"], 60, f"the end of {fields}")
        view = api.get(f"/tasks/{task}").json
        assert view["task"]["state"] == "success", view
        return view

    assert runs(verb="cron")["task"]["title"] == "Run cron"
    for mode in ("on", "off"):
        runs(verb="maintenance", maintenance=mode)
        assert {row["name"]: row["value"] for row in runs(verb="status")["results"]}["maintenance"] == mode


def test_wrong_fields_are_named_beside_them(person):
    person.opens("/sites/new")
    person.leaves(person.find(".choice a")[0])
    person.fills(name="Bad_Name", redirect="x y", title="kept")
    person.presses("Add site")
    wrong = {e.find_element(By.CSS_SELECTOR, "input").get_attribute("name") for e in person.find(".field") if e.find_elements(By.CLASS_NAME, "wrong")}
    assert wrong == {"name", "redirect"}
    assert person.driver.find_element(By.NAME, "title").get_attribute("value") == "kept"


def test_it_all_works_without_javascript(lab, panel):
    with browser(lab, panel, script=False) as someone:
        someone.logs_in()
        someone.adds_site("late", name="three.localhost", title="Plain pages")
        someone.awaits("success")
        assert len(someone.find(".log li")) >= 5
        someone.opens("/sites")
        assert "three.localhost" in someone.sees("tbody")
    assert "Plain pages" in lab.get("three.localhost")[1]
