"""What a daemon tells a panel, told by a test: events straight into the panel's own way of taking them in (tests/it/apply.c)."""

import json
import subprocess

from .lab import BUILD


class Teller:
    """Batches of events for the database of PANEL, under a cursor of its own."""

    def __init__(self, panel, name="teller"):
        with panel.netns.entered():
            self.process = subprocess.Popen([f"{BUILD}/apply", panel.driver, panel.params, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def say(self, events):
        """One transaction of events that have their numbers; what became of it."""
        self.process.stdin.write(json.dumps(events) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def tell(self, *events):
        """The next events, which must be taken in; the microseconds that it took."""
        for event in events:
            self.number += 1
            event.update(ev=self.number, at=event.get("at", 1_700_000_000_000_000 + self.number))
        answer = self.say(events)
        assert answer.startswith("ok "), answer
        return int(answer[3:])


def package(name, version="1.0", kind="module", **more):
    return {"type": kind, "name": name, "version": version, "path": f"{kind}s/{name}", "label": "", "status": "", "schema": "", **more}


def facts(target, scan, *items):
    return {"kind": "facts", "type": "package", "object": target, "scan": scan, "items": list(items)}


def end(target, scan, count):
    return {"kind": "facts-end", "type": "package", "object": target, "scan": scan, "count": count}


def whole(target, scan, *items):
    """A set and its end."""
    return facts(target, scan, *items), end(target, scan, len(items))
