"""The command line: exit codes, JSON, what it shows on a terminal, and what it opens."""

import json
import os
import pty
import re
import subprocess

import pytest

QUESTIONS = [["list"], ["list", "server"], ["list", "platform"], ["list", "site"], ["list", "job"], ["show", "@one.test"],
             ["show", "@server_main"], ["show", "1"], ["status"], ["help"], ["version"], ["--version"], ["doctor"]]


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_every_question_is_answered_in_text_and_in_json(world, words):
    text, data = world.provision(*words), world.provision(*words, "--json")
    assert text.code == 0 and text.out and not text.err
    assert data.code == 0 and not data.err and data.json is not None


@pytest.mark.parametrize("words, code", [
    (["nothing"], 2), (["install"], 2), (["install", "@one.test", "color=red"], 2), (["list", "cars"], 2),
    (["show", "@nobody.test"], 3), (["show", "999999"], 3), (["delete", "@nobody.test"], 3),
    (["verify", "@server_main", "http_port=0"], 2), (["cancel", "@one.test"], 3),
], ids=str)
def test_a_failure_has_its_exit_code_and_says_how_to_fix_it(world, words, code):
    text, data = world.provision(*words), world.provision(*words, "--json")
    assert text.code == code and not text.out and "  fix    " in text.err
    assert data.code == code and set(data.json) >= {"code", "field", "text", "fix"} and data.json["ok"] is False


def test_a_daemon_that_is_away_is_code_69(world):
    done = world.provision("status", "--socket", f"{world.folder}/nothing")
    assert done.code == 69 and "systemctl start provisiond" in done.err


def test_a_user_who_is_not_listed_is_denied(world):
    done = world.provision("status", user=65534, group=65534, extra_groups=[])
    assert done.code == 7 and "AdminUsers" in done.err


def test_a_plan_names_steps_and_files_and_changes_nothing(world):
    before = world.inventory()
    words = ["plan", "install", "@planned.test", "platform=@platform_wordpress", "db_server=@server_main", "admin_mail=a@example.org"]
    steps = [row["step"] for row in world.must(*words) if "step" in row]
    assert {"dirs", "secret", "database", "grant", "driver", "pool", "vhost", "publish", "served"} <= set(steps)
    text = world.provision(*words).out
    assert re.search(r"^\+\s*ServerName planned\.test", text, re.M)
    assert world.inventory() == before


def test_a_log_can_be_read_again_and_ends(world):
    job = next(row["job"] for row in world.must("list", "job") if row["type"] == "install")
    events = world.provision("log", str(job), "--json").lines
    assert {e["job"] for e in events} == {job} and events[-1]["kind"] == "state" and events[-1]["state"] == "success"
    assert "success" in world.provision("log", str(job)).out
    assert "success" in world.provision("log", "@one.test").out
    assert "success" in world.provision("log", "-f", "@one.test").out  # nothing of it is open


def test_the_log_of_an_object_is_followed_until_its_open_job_ends(world):
    job = world.submit("run", "@one.test", "verb=cron")
    events = world.provision("log", "--follow", "@one.test", "--json").lines
    assert (events[-1]["kind"], events[-1]["job"], events[-1]["state"]) == ("state", job, "success")


@pytest.mark.parametrize("words, code, error, text", [
    (["show", "999999"], 3, "NO_OBJECT", "there is no job 999999"),
    (["install", "@one.test", "platform=@platform_wordpress", "db_server=@server_main", "admin_mail=a@example.org"], 6, "NAME_IN_USE",
     "@one.test exists already"),
    (["cancel", "1"], 6, "TOO_LATE", "it has ended: success"),
    (["install", "@m\u00fcller.test", "platform=@platform_pages"], 2, "SCHEMA", "xn--"),
])
def test_what_is_wrong_is_said_as_it_is(world, words, code, error, text):
    done = world.provision(*words, "--json")
    assert (done.code, done.json["code"]) == (code, error) and text in done.json["text"], done


def test_without_waiting_the_job_s_number_is_all(world):
    done = world.provision("verify", "@three.test", "--no-wait")
    assert done.code == 0 and done.out.strip().isdigit()
    assert world.await_end(int(done.out))["state"] == "success"


def _on_a_terminal(world, *words, **environment):
    """What it writes to a terminal of its own."""
    master, slave = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "TERM": "xterm", **environment}
    subprocess.run([f"{world.folder}/bin/provision", "--config", world.conf, *words], stdin=slave, stdout=slave, stderr=slave, env=env,
                   check=True)
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:
        pass  # the end of a pseudo-terminal
    os.close(master)
    return text.decode()


def test_colours_only_on_a_terminal_that_wants_them(world):
    assert "\033[" in _on_a_terminal(world, "list", "site")
    assert "\033[" not in _on_a_terminal(world, "list", "site", NO_COLOR="1")
    assert "\033[" not in world.provision("list", "site").out


def test_columns_are_aligned(world):
    lines = world.provision("list", "site").out.splitlines()
    column = lines[0].index("STATE")
    assert len(lines) == 4 and all(line[column - 1] == " " and line[column] != " " for line in lines)


@pytest.mark.parametrize("words", [["status"], ["list"], ["verify", "@three.test"], ["doctor"]], ids=" ".join)
def test_it_opens_nothing_but_its_socket_and_its_configuration(world, words, tmp_path):
    trace = tmp_path / "trace"
    calls = "trace=open,openat,openat2,creat,connect,execve,fork,vfork,clone,clone3,unlink,unlinkat,rename,mkdir,socket"
    subprocess.run(["strace", "-f", "-qq", "-e", calls, "-o", str(trace), f"{world.folder}/bin/provision", "--config", world.conf, *words],
                   check=True, capture_output=True)
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    mine = [c for c in calls if not re.match(r'(execve|open\w*)\(.*("/etc/ld\.so|\.so(\.\d+)*"|/bin/provision")', c) and "SIG" not in c]
    allowed = rf'(openat\(AT_FDCWD, "{world.conf}", O_RDONLY|socket\(AF_UNIX|connect\(\d+, {{sa_family=AF_UNIX, sun_path="{world.run}/)'
    assert mine and all(re.match(allowed, call) for call in mine), mine


def test_help_lists_every_task_and_its_fields(world):
    tasks = {(t["type"], t["kind"]) for t in json.loads(world.provision("help", "--json").out)["tasks"]}
    assert {("install", "site"), ("verify", "server"), ("delete", "platform")} <= tasks
    for name, _ in tasks:
        assert name in world.provision("help", name).out
