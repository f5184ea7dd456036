"""A network namespace that lives as long as its descriptor, with nothing in it but a loopback interface."""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *args):
    if function(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Netns:
    def __init__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call(_libc.unshare, CLONE_NEWNET)
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        finally:
            _call(_libc.setns, home, CLONE_NEWNET)
            os.close(home)
        self.inode = os.fstat(self.fd).st_ino

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside; a socket or process made there stays there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call(_libc.setns, self.fd, CLONE_NEWNET)
            yield
        finally:
            _call(_libc.setns, home, CLONE_NEWNET)
            os.close(home)

    def close(self):
        os.close(self.fd)
