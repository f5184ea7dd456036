"""Waiting for an event: never for a time."""

import threading
import time


def until(check, seconds=30, what="what was awaited"):
    """Calls CHECK until it gives something true, and gives that. Fails after so many seconds, saying what did not come."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        pause.wait(0.02)
