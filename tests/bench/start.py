"""How soon a task runs: from its row's being committed to the daemon's having locked its object and begun its job."""

from measure import RUNS, line, percentile, told
from world import World, fresh

QUEUED, FREE, ASKED = 100, 20, 25
IDLE_MS, BUSY_MS = 20, 100
BASELINE = f"no other program: p99 against what it may be, {IDLE_MS} ms idle and {BUSY_MS} ms beside {QUEUED} others; Aegir's queue polls each second at best"


def _ms(world, tasks):
    return [(started - created) * 1000 for created, started, _ in world.times(tasks)]


def _idle(world, site):
    """One task at a time on a machine that does nothing else."""
    tasks = []
    for _ in range(ASKED):
        tasks.append(world.begin_task(site, "verify"))
        world.await_tasks(tasks[-1:])
    return _ms(world, tasks)


def _busy(world, sites, free):
    """Tasks on free objects while the hundred are queued: their times, and how many of the hundred were open when the last one came."""
    queued = [world.begin_task(site, "verify") for site in sites]
    tasks = [world.begin_task(site, "verify") for site in free]
    world.await_tasks(queued + tasks)
    last = max(created for created, _, _ in world.times(tasks))
    return _ms(world, tasks), sum(ended > last for _, _, ended in world.times(queued))


def _say(name, runs, limit, compared):
    took = [ms for run in runs for ms in run]
    p99 = percentile(took, 0.99)
    line(name, [percentile(run, 0.99) / limit for run in runs], "<=1.00", f"p99 of task row committed -> job running, {compared}, against"
         f" {limit} ms (p50 {percentile(took, 0.5):.1f} ms, p99 {p99:.1f} ms of {len(took)} tasks; {p99 / 1000:.3f} of Aegir's poll)",
         ratio=p99 / limit)


def start():
    with World() as world:
        sites = world.static_sites([fresh("start") for _ in range(QUEUED + FREE)])
        world.quiet()
        _say("start-idle", [_idle(world, sites[0]) for _ in range(RUNS)], IDLE_MS, "nothing else going on")
        busy = [_busy(world, sites[:QUEUED], sites[QUEUED:]) for _ in range(RUNS)]
        _say("start-100", [took for took, _ in busy], BUSY_MS, f"of other sites while {QUEUED} verifies are queued, each run's last beside"
             f" {told([left for _, left in busy], 'of them', 0)}; jobs run side by side, only their steps in PHP or tar wait for one of"
             " Workers=4")


ROWS = {"start-idle": start, "start-100": start}
