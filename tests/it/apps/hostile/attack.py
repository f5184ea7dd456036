"""What hostile code tries in a worker: attack.py PROFILE DATA. Descriptor 3 is the report."""

import os
import socket
import sys

PACKAGE = b'{"t":"package","type":"module","name":"n","version":"1","path":"p","label":"l","status":""}\n'
ERROR = b'{"t":"error","code":"DRIVER_FAILED","field":"","text":"' + b"x" * 900 + b'"}\n'


def flood(line):
    while True:
        os.write(3, line * (65536 // len(line)))


def smuggle(data):
    """Hands the ends of its pipes to a process outside the jail, by a socket in the site's own folder."""
    out = socket.socket(socket.AF_UNIX)
    while out.connect_ex(f"{data}/ear") != 0:
        pass
    socket.send_fds(out, [b"x"], [1, 3])
    out.recv(1)


profile, folder = sys.argv[1:]
{
    "errors": lambda: flood(ERROR),
    "packages": lambda: flood(PACKAGE),
    "smuggle": lambda: smuggle(folder),
}[profile]()
