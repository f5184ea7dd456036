"""The rows of steps.def, as the program that is made of them prints them."""

import collections
import subprocess

from lab.lab import BUILD

Step = collections.namedtuple("Step", "kind probe undo")
Plan = collections.namedtuple("Plan", "steps commit")

STEPS, _PLANS = {}, {}


def _read():
    out = subprocess.run([f"{BUILD}/crash-rows"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        what, name, *words = line.split()
        if what == "step":
            STEPS[name] = Step(words[0], words[1] != "NULL", words[2] != "NULL")
        else:
            before, after = " ".join(words[1:]).split("|")
            _PLANS[name, words[0]] = Plan((before + after).split(), before.split()[-1])


def plan(task_type, kind):
    return _PLANS[task_type, kind]


_read()
