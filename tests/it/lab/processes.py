"""The lab's processes: found by their network namespace or by the lab's folder in their words, ended by their number."""

import os
import signal

from .wait import until


def _read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


class Process:
    """One process as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid
        self.words = _read(f"/proc/{pid}/cmdline").decode(errors="replace").split("\0")[:-1]
        stat = _read(f"/proc/{pid}/stat").decode(errors="replace")
        self.name = stat[stat.find("(") + 1 : stat.rfind(")")]
        rest = stat[stat.rfind(")") + 2 :].split()
        self.state = rest[0] if rest else "X"
        self.parent = int(rest[1]) if rest else 0
        status = _read(f"/proc/{pid}/status").decode(errors="replace")
        self.uid = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("Uid:")), -1)

    @property
    def alive(self):
        return self.state not in "ZX"

    def kill(self, signum=signal.SIGKILL):
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError:
            pass


def _namespace(pid):
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return 0


def of_lab(netns_inode, folder):
    """All live processes of a lab."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        process = Process(int(entry))
        if process.alive and (_namespace(entry) == netns_inode or any(folder in word for word in process.words)):
            found.append(process)
    return found


def end_all(netns_inode, folder):
    """Kills what is left until nothing is; a process may have started another meanwhile."""

    def none_left():
        left = of_lab(netns_inode, folder)
        for process in left:
            process.kill()
        return not left

    until(none_left, 20, f"the end of the processes of {folder}")
