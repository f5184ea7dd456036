"""What a row of the bench is made of: runs of ours and of theirs in turn, their ratio, and the one line that tells it."""

import os
import re
import statistics
import subprocess
import threading
import time

RUNS = int(os.environ.get("BENCH_RUNS", "7"))
BIG = bool(os.environ.get("BENCH_BIG"))
CONNECTIONS, SECONDS = 16, 2  # of a run of wrk


def alternate(*sides, runs=RUNS):
    """The figures of each side, of RUNS runs; they take turns, and another one begins each time. A side is called with the run's number."""
    figures = [[None] * runs for _ in sides]
    for run in range(runs):
        for turn in range(len(sides)):
            at = (run + turn) % len(sides)
            figures[at][run] = sides[at](run)
    return figures


def ratios(above, below):
    """Run by run."""
    return [a / b for a, b in zip(above, below)]


def timed(work, *args):
    """Seconds that WORK took."""
    began = time.monotonic()
    work(*args)
    return time.monotonic() - began


def soon(check, seconds, what, pause=0.003):
    """As the lab's until, but looking often enough to be used within a measured time."""
    end, never = time.monotonic() + seconds, threading.Event()
    while not (got := check()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        never.wait(pause)
    return got


class Wrk:
    """The load: requests a second, and the slowest of a hundred in milliseconds."""

    def __init__(self, netns):
        self.netns, self.p99 = netns, {}

    def rate(self, url, host, cookie=""):
        with self.netns.entered():
            text = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-H", f"Host: {host}", "-H",
                                   f"Cookie: {cookie}", url], check=True, capture_output=True, text=True).stdout
        assert "Non-2xx" not in text and "Socket errors" not in text, text
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
        self.p99.setdefault(url, []).append(float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit])
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def rest(seconds):
    """Lets a time pass that belongs to neither side."""
    threading.Event().wait(max(0.0, seconds))


def title(host):
    """Of a site that is made for a measurement."""
    return f"Title of {host}"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values):
    return statistics.median(values)


def told(values, unit="s", digits=2):
    """Median and range, for the parentheses of a line."""
    return f"{median(values):.{digits}f} {unit} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def line(name, values, target, compared, ratio=None):
    """The line of a row; its ratio is the median unless a better one is known."""
    middle = median(values) if ratio is None else ratio
    print(f"{name} ratio={middle:.2f} ({min(values):.2f}..{max(values):.2f}) target={target} {compared}", flush=True)
