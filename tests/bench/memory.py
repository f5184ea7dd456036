"""What the daemon holds in memory, idle, with 10,000 sites in its journal."""

import re

from lab import until

from measure import RUNS, line, told
from populate import static_sites
from world import World

SITES, LIMIT = 10_000, 20
BASELINE = f"no other program: resident memory of all of provisiond's processes together against {LIMIT} MiB"


def _kib(process, field):
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(rf"^{field}:\s+(\d+)", f.read(), re.M)[1])


def _sizes(world):
    """MiB of Pss and Rss, of all its processes together; it is idle: nothing of a start runs any more."""
    mine = until(lambda: len(found := [p for p in world.lab.processes() if p.name.startswith("provisiond")]) == 3 and found, 30, "3 processes")
    return [sum(_kib(process, field) for process in mine) / 1024 for field in ("Pss", "Rss")]


def _work(world):
    """What a day brings: every site is asked for, some are verified."""
    names = [row["context"] for row in world.lab.must("list", "site")]
    assert len(names) >= SITES
    for name in names[:: SITES // 5]:
        world.lab.must("verify", name)


def memory():
    with World() as world:
        static_sites(world, SITES)
        runs = []
        for _ in range(RUNS):
            _work(world)
            runs.append(_sizes(world))
    pss, rss = zip(*runs)
    line("memory", [size / LIMIT for size in pss], "<=1.00", f"resident memory of root, engine and dba, idle after work with {SITES:,} sites,"
         f" against {LIMIT} MiB (Pss {told(pss, 'MiB', 1)}, Rss {told(rss, 'MiB', 1)})")


ROWS = {"memory": memory}
