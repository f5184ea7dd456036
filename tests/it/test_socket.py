"""The socket against everything that is no well-behaved client: S1 to S16. Whatever comes, the answer is an error or a closed
connection, nothing is made, and others are served meanwhile."""

import contextlib
import os
import socket
import struct

import pytest

from lab import difference
from lab.wire import Wire, as_user, new_id, new_key

LIMIT = 65536


@pytest.fixture
def path(world):
    return f"{world.run}/admin/socket"


@pytest.fixture
def wire(path):
    with Wire(path) as made:
        made.hello()
        yield made


@pytest.fixture(autouse=True)
def nothing_made_and_others_served(world):
    """Bad input leaves everything as it was, and the daemon answers at once."""
    before, descriptors = world.inventory(), _descriptors(world)
    yield
    world.await_(lambda: _greeted(world), 10, "an answer to somebody else")
    assert difference(before, world.inventory()) == []
    world.await_(lambda: _descriptors(world) <= descriptors, 10, "the engine's descriptors being closed")


def _greeted(world):
    with Wire(f"{world.run}/admin/socket") as other:
        return other.ask("hello", v=1, client="another")["ok"]


def _descriptors(world):
    return len(os.listdir(f"/proc/{world.engine().pid}/fd"))


def _jobs(world):
    return [row["job"] for row in world.must("list", "job")]


def _verify(world, **changes):
    """A good submit of a verify, with some things changed."""
    site = world.site("three.test")
    return {"key": new_key(), "type": "verify", "object": site["id"], "revision": site["revision"], **changes}


# S1

@pytest.mark.parametrize("role", ["admin", "panel"])
@pytest.mark.parametrize("who", [65534, 33, "site"])
def test_s1_a_user_who_is_not_listed_cannot_connect(world, role, who):
    uid = world.site("one.test")["uid"] if who == "site" else who
    with as_user(uid), pytest.raises(PermissionError):
        Wire(f"{world.run}/{role}/socket")


def test_s1_each_role_has_its_own_users(world):
    with as_user(61002), Wire(f"{world.run}/panel/socket") as panel:
        assert panel.hello()["ok"]
    with as_user(61002), pytest.raises(PermissionError):
        Wire(f"{world.run}/admin/socket")


# S2

@pytest.mark.parametrize("data", [b"\n", b"x" * LIMIT + b"\n", b"x" * (LIMIT + 1), b"{" + b" " * LIMIT + b"}\n", b"\0\n", b"[]\n"],
                         ids=["empty", "65537 bytes", "no newline", "long object", "NUL", "list"])
def test_s2_a_line_that_is_no_message_is_refused(path, data):
    with Wire(path) as stranger:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stranger.put(data)
            stranger.socket.shutdown(1)
        assert all(line["ok"] is False for line in stranger.closed())


def test_s2_a_line_of_exactly_the_limit_is_a_line(wire):
    text = b'{"op":"status","id":1' + b" " * (LIMIT - 23) + b"}\n"
    assert len(text) == LIMIT
    wire.put(text)
    assert wire.line()["ok"] is True


# S3

@pytest.mark.parametrize("first", [{"op": "hello", "id": 1, "v": 2, "client": "x"}, {"op": "hello", "id": 1, "v": 0, "client": "x"},
                                   {"op": "hello", "id": 1, "client": "x"}, {"op": "status", "id": 1}, {"op": "", "id": 1}],
                         ids=["v 2", "v 0", "no v", "no hello", "no op"])
def test_s3_the_first_line_is_a_hello_of_this_version(path, first):
    with Wire(path) as stranger:
        stranger.put(first)
        assert stranger.line()["ok"] is False


@pytest.mark.parametrize("op", ["purge", "", "HELLO", "submit ", "site_dirs", "x" * 300])
def test_s3_an_unknown_operation_is_an_error(wire, op):
    assert wire.ask(op)["code"] in ("UNKNOWN_OP", "SCHEMA")


def test_s3_a_task_of_the_daemon_s_own_cannot_be_asked_for(world, wire):
    for op in ("submit", "plan"):
        key = {"key": new_key()} if op == "submit" else {}
        site = world.site("three.test")
        reply = wire.ask(op, type="purge", object=site["id"], revision=site["revision"], **key)
        assert (reply["code"], reply["field"]) == ("SCHEMA", "type")


def test_s3_a_peer_that_sends_nothing_but_errors_is_closed(path):
    with Wire(path) as stranger:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(50):
                stranger.put(b"nonsense\n")
        assert len(stranger.closed()) <= 11


# S4 and S6

@pytest.mark.parametrize("text, field", [
    (b'{"op":"status","id":7,"op":"list"}', None),
    (b'{"op":"status","id":7,"path":"/etc"}', "path"),
    (b'{"op":"status","id":7,"command":";id"}', "command"),
    (b'{"op":"list","id":7,"kind":5}', "kind"),
    (b'{"op":"list","id":7}', "kind"),
    (b'{"op":"list","id":7,"kind":"site","limit":0}', "limit"),
    (b'{"op":"list","id":7,"kind":"site","limit":501}', "limit"),
    (b'{"op":"list","id":7,"kind":"site","limit":1.5}', None),
    (b'{"op":"list","id":7,"kind":"\\u0000"}', None),
    (b'{"op":"list","id":7,"kind":"\xff"}', None),
    (b'{"op":"list","id":7,"kind":"\\ud800"}', None),
    (b'{"op":"list","id":7,"kind":{"a":1}}', "kind"),
    (b'{"op":"list","id":7,"kind":' + b"[" * 9 + b"]" * 9 + b"}", None),
    (b'{"op":"list","id":7,"kind":"site"} {}', None),
    (b'{"op":"follow","id":7,"journal":"x","after":-1}', "after"),
    (b'{"op":"show","id":7,"job":9007199254740993}', "job"),
])
def test_s4_s6_a_wrong_message_names_its_field(wire, text, field):
    wire.put(text + b"\n")
    reply = wire.line()
    assert reply["ok"] is False and reply["code"] == "SCHEMA"
    assert field is None or field in reply["field"]


@pytest.mark.parametrize("name", ["path", "command", "uid", "docroot", "args", "database"])
def test_s6_a_task_has_no_field_for_a_path_or_a_command(world, wire, name):
    reply = wire.ask("submit", **_verify(world), **{name: "/etc;id"})
    assert reply["code"] == "SCHEMA" and name in reply["text"] + reply["field"]


# S5

@pytest.mark.parametrize("object_id, code", [("s" + "a" * 12, "NO_OBJECT"), ("p" + "a" * 12, "SCHEMA"), ("s", "SCHEMA"), ("-1", "SCHEMA"),
                                             ("9223372036854775807", "SCHEMA"), ("../../etc", "SCHEMA"), (5, "SCHEMA")])
def test_s5_an_object_that_is_none_is_refused(world, wire, object_id, code):
    reply = wire.ask("submit", **_verify(world, object=object_id, revision=0, type="disable"))
    assert reply["ok"] is False and reply["code"] == code


# S7

def test_s7_the_same_key_is_one_job_however_often_it_comes(world, wire):
    before, request = _jobs(world), _verify(world)
    replies = [wire.ask("submit", **request) for _ in range(60)]
    assert len({reply["job"] for reply in replies}) == 1 and [r["dup"] for r in replies] == [False] + [True] * 59
    world.await_end(replies[0]["job"])
    assert len(_jobs(world)) == len(before) + 1
    other = wire.ask("submit", **{**request, "aliases": ["x.test"]})
    assert other["code"] == "KEY_CONFLICT"


@pytest.mark.parametrize("key", ["a" * 31, "a" * 33, "0" * 32, "A" * 32, "g" * 32, "", 5])
def test_s7_a_key_is_32_hex_digits(world, wire, key):
    reply = wire.ask("submit", **_verify(world, key=key))
    assert (reply["code"], reply["field"]) == ("SCHEMA", "key")


# S8

def test_s8_half_a_line_is_given_five_seconds(path):
    with Wire(path) as stranger:
        stranger.hello()
        stranger.put(b'{"op":"sta')
        assert all(line["ok"] is False for line in stranger.closed())


def test_s8_a_line_may_come_byte_by_byte(wire):
    for byte in b'{"op":"status","id":3}\n':
        wire.put(bytes([byte]))
    assert wire.line()["ok"] is True


def test_s8_many_small_lines_hold_up_nobody(path):
    with Wire(path) as noisy, Wire(path) as other:
        noisy.hello()
        other.hello()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            noisy.socket.setblocking(False)
            noisy.put(b"{}\n" * 20000)
        assert other.ask("status")["ok"] is True


def test_s8_a_connection_closed_in_the_middle_leaves_nothing(path):
    for _ in range(40):
        with Wire(path) as stranger:
            stranger.put(b'{"op":"hello","id":1,"v":1,"cl')


def test_s8_a_connection_that_is_reset_leaves_nothing(world, path):
    """Each with a good request in it, whose answer nobody takes."""
    for _ in range(20):
        with Wire(path) as stranger:
            stranger.hello()
            stranger.put(b'{"op":"list","id":2,"kind":"site"}\n' * 50)
            stranger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# S9

def test_s9_descriptors_are_closed_and_so_is_the_connection(world, path):
    with Wire(path) as stranger:
        stranger.hello()
        fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
        stranger.put_descriptors(b'{"op":"status","id":5}\n', fds)
        for fd in fds:
            os.close(fd)
        assert all(line["ok"] is False for line in stranger.closed())


def test_s9_credentials_of_another_are_no_other_role(world):
    """Only who connected counts: what a message says about its sender is not looked at."""
    with Wire(f"{world.run}/panel/socket") as stranger:  # root is none of PanelUsers
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stranger.socket.sendmsg([b'{"op":"hello","id":1,"v":1,"client":"x"}\n'],
                                    [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", os.getpid(), 61002, 61002))])
        assert all(line["ok"] is False for line in stranger.closed())


# S10 and S11

def test_s10_a_follower_beyond_the_end_waits_for_what_comes(world, path, wire):
    with Wire(path) as follower:
        hello = follower.hello()
        assert follower.ask("follow", journal=hello["journal"], after=hello["last"])["ok"] is True
        job = wire.ask("submit", **_verify(world))["job"]
        while (event := follower.line())["ev"] == 0:
            pass
        assert (event["kind"], event["job"]) == ("accepted", job)
        world.await_end(job)


def test_s11_what_has_not_happened_cannot_be_acknowledged(path):
    with Wire(path) as follower:
        hello = follower.hello()
        ask = {"journal": hello["journal"], "consumer": "ahead"}
        for after in (hello["last"] + 1000, 2**53):
            reply = follower.ask("follow", after=after, **ask)
            assert (reply["code"], reply["field"]) == ("SCHEMA", "after")
        assert follower.ask("follow", after=hello["last"], **ask)["ok"] is True


def test_s10_an_unknown_journal_is_answered_by_reset(wire):
    assert wire.ask("follow", journal="another", after=0).get("reset")


def test_s11_an_acknowledgement_may_come_twice_and_of_an_unknown_consumer(path):
    for _ in range(2):
        with Wire(path) as follower:
            hello = follower.hello()
            assert follower.ask("follow", consumer="test", journal=hello["journal"], after=hello["last"])["ok"] is True


# S12

def test_s12_what_is_there_and_is_not_ours_is_not_touched(world, wire):
    world.logs.expect("code=FOREIGN_OBJECT")
    site, platform = new_id("s"), world.must("show", "@platform_pages")["id"]
    folder = f"{world.folder}/sites/{site}"
    os.mkdir(folder, 0o755)
    before = world.inventory()
    try:
        reply = wire.ask("submit", key=new_key(), type="install", object=site, revision=0, name="foreign.test", platform=platform)
        row = world.await_end(reply["job"])
        assert (row["state"], row["code"]) == ("failed", "FOREIGN_OBJECT")
        world.await_inventory(before)
    finally:
        os.rmdir(folder)


# S13

def test_s13_an_older_revision_is_stale(world, wire):
    site = world.site("three.test")
    assert site["revision"] > 0
    assert wire.ask("submit", **_verify(world, revision=site["revision"] - 1))["code"] == "STALE"
    assert wire.ask("submit", **_verify(world, revision=site["revision"] + 1))["code"] == "STALE"


# S15

@pytest.mark.parametrize("role, uid, most", [("admin", 0, 32), ("panel", 61002, 80)])
def test_s15_one_connection_too_many_is_busy(world, role, uid, most):
    path = f"{world.run}/{role}/socket"
    with as_user(uid), contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(path)) for _ in range(most)]
        for wire in wires:
            wire.hello()
        last = stack.enter_context(Wire(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            last.put({"op": "hello", "id": 1, "v": 1, "client": "too many"})
        lines = last.closed()
        assert all(line["code"] == "BUSY" for line in lines)
        assert wires[0].ask("status")["ok"] is True


# S16

def test_s16_a_request_whose_asker_has_gone_is_done_and_known_by_its_key(world, path, wire):
    request = _verify(world)
    with Wire(path) as hasty:
        hasty.hello()
        hasty.put({"op": "submit", "id": 9, **request})
    reply = world.await_(lambda: wire.ask("show", key=request["key"]).get("job"), 10, "the job of the key")
    assert world.await_end(reply)["state"] == "success"
    again = wire.ask("submit", **request)
    assert again["dup"] is True and again["job"] == reply
