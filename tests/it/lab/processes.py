"""The lab's processes: found by their network namespace or their program's place, ended by their number."""

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


def _link(pid, name):
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def of_lab(netns_inode, folder):
    """All live processes of a lab: those in its namespace, and those whose program lies in its folder."""
    namespace = f"net:[{netns_inode}]"
    found = []
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        if pid != os.getpid() and (_link(pid, "ns/net") == namespace or _link(pid, "exe").startswith(f"{folder}/")):
            process = Process(pid)
            if process.alive:
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


def namespaces_of(folder):
    """Numbers of the namespaces in which something runs that names the folder in its words, all of them a lab's."""
    home = _link("self", "ns/net")
    links = {_link(entry, "ns/net") for entry in os.listdir("/proc")
             if entry.isdigit() and any(folder in word for word in Process(int(entry)).words)}
    return [int(link[5:-1]) for link in links if link.startswith("net:[") and link != home]
