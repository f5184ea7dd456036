"""kill -9 of engine and of root at every moment of every task: it ends done or undone, never half, and the other site loses nothing.

The points come from what the daemon itself tells of a run that nobody kills: its steps, and root's operations. A step that is new is
killed without a line here. The steps that test_steps.py tries in a task are left to it.
"""

import pytest

from tasks import TASKS
from test_steps import SHARES

FAMILIES = ["forward", "back", "root", "operations"]
CASES = [(task, family) for task in TASKS for family in (["failing"] if task.fails else FAMILIES)]


@pytest.mark.parametrize("task, family", CASES, ids=[f"{task.name}-{family}" for task, family in CASES])
def test_a_task_killed_anywhere_ends_done_or_undone(yards, task, family):
    yards.sweep(task, lambda case: case.rounds(family, SHARES.get(task, [])))
