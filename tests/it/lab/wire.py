"""The daemon's socket as a stranger speaks to it: lines, halves of lines, and anything else."""

import array
import contextlib
import ctypes
import json
import os
import secrets
import socket

_libc = ctypes.CDLL(None, use_errno=True)
SETRESUID, SETRESGID, SETGROUPS = 117, 119, 116  # x86-64; the raw calls change one thread, glibc's change all


def _call(number, *args):
    if _libc.syscall(number, *args) != 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")


@contextlib.contextmanager
def as_user(uid):
    """The calling thread is that user, in no group but its own; the others stay root."""
    groups = os.getgroups()
    _call(SETGROUPS, 0, None)
    _call(SETRESGID, -1, uid, -1)
    _call(SETRESUID, -1, uid, -1)
    try:
        yield
    finally:
        _call(SETRESUID, -1, 0, -1)
        _call(SETRESGID, -1, 0, -1)
        _call(SETGROUPS, len(groups), (ctypes.c_uint32 * len(groups))(*groups))


class Wire:
    """One connection."""

    def __init__(self, path, seconds=15):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.settimeout(seconds)
        self.buffer, self.number = b"", 0
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def put(self, data):
        """Bytes, or a value as a line."""
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def put_descriptors(self, data, fds):
        self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])

    def line(self):
        """The next line's value; None when the daemon has closed."""
        while b"\n" not in self.buffer:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, op, **arguments):
        """The reply to one request."""
        self.number += 1
        self.put({"op": op, "id": self.number, **arguments})
        return self.line()

    def hello(self):
        reply = self.ask("hello", v=1, client="test")
        assert reply and reply["ok"], reply
        return reply

    def closed(self):
        """Waits until the daemon has closed; gives the lines that came before."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines


def new_key():
    return secrets.token_hex(16)


def new_id(letter):
    return letter + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(12))
