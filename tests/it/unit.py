#!/usr/bin/python3 -I
"""Starts a program as systemd would by a unit file: unit.py UNIT PROGRAM ARGUMENT... What the unit takes away and a machine without
systemd can take away too is taken away: system calls, and the kernel's tunables."""

import configparser
import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 0x20000, 1, 32, 4096, 16384, 1 << 19
CALLS = {"x86_64": {"clone3": 435, "sethostname": 170}, "aarch64": {"clone3": 435, "sethostname": 161}}[os.uname().machine]

# As systemd 252 answers them: src/shared/seccomp-util.c.
REFUSED = {"RestrictNamespaces": ("clone3", errno.ENOSYS), "ProtectHostname": ("sethostname", errno.EPERM)}

libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def refuse(call, error):
    """A filter of its own: load the number; if it is this one, answer with the error, else allow."""
    program = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, CALLS[call], 0x06, 0, 0, 0x50000 | error, 0x06, 0, 0, 0x7FFF0000)
    code = ctypes.create_string_buffer(program, len(program))
    must(libc.prctl(PR_SET_SECCOMP, FILTER, struct.pack("HxxxxxxP", 4, ctypes.addressof(code)), 0, 0))


def protect_tunables():
    must(libc.unshare(CLONE_NEWNS))
    must(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None))
    must(libc.mount(b"/proc/sys", b"/proc/sys", None, MS_BIND, None))
    must(libc.mount(None, b"/proc/sys", None, MS_BIND | MS_REMOUNT | MS_RDONLY, None))


def main(unit, *argv):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(unit)
    service = parser["Service"]
    if service.get("ProtectKernelTunables") == "yes":
        protect_tunables()
    for setting, (call, error) in REFUSED.items():
        if service.get(setting, "no") != "no":
            refuse(call, error)
    if service.get("NoNewPrivileges") == "yes":
        must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    os.execv(argv[0], argv)


main(*sys.argv[1:])
