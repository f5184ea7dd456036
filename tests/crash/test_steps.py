"""Every row of steps.def in five ways: fresh; done already; killed before its effect; killed after it; undone twice.

Each row is tried in the first task whose plan has it. Fresh: the run that nobody kills begins it once. Done already: killed when it is
done, it does not begin again. Killed before its effect: it begins again. Killed after it: what has a probe is found done, all else is
done again without harm. Undone twice: killed when its undo had its effect. Each ends done or undone, and nothing is left over.
With PV_CRASH=all each way has a round of its own; without, two steps share one, and those that were done already are left to it.
"""

import os

import pytest

import rows
from tasks import TASKS

ALL = os.environ.get("PV_CRASH") == "all"


def shared_out():
    """Task: the steps that are tried in it."""
    own, seen = {}, set()
    for task in TASKS:
        own[task] = [step for step in rows.plan(task.type, task.kind).steps if step not in seen and step not in task.leaves]
        seen.update(own[task])
    return {task: steps for task, steps in own.items() if steps}


SHARES = shared_out()


def test_every_row_is_tried_in_a_task():
    assert sorted(step for steps in SHARES.values() for step in steps) == sorted(rows.STEPS)


@pytest.mark.parametrize("task", SHARES, ids=lambda task: task.name)
def test_each_step_fresh_done_already_killed_before_killed_after_and_undone_twice(yards, task):
    def choose(case):
        steps = SHARES[task]
        assert [step for step in case.began if step in steps] == steps, "a step that did not begin is not fresh"
        assert {step for step in steps if rows.STEPS[step].undo and case.before_commit(step)} <= case.made
        return [*case.forward(steps), *case.backward(steps)] if ALL else [*case.pairs(steps)]

    yards.sweep(task, choose)
