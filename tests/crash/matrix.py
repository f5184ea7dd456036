"""The loop of the crash matrix: a task is run, killed at points that its own steps and operations name, and judged by what it left.

A round arms a few points and runs the task once. With fewer than three crashes before its point of no return it has to end done,
with three of them undone; past that point done. Each round says how, and how often a step may have begun.
"""

import collections
import dataclasses
import re

import rows
from lab import difference
from tasks import HOST
from yard import STAYS

KILL, STOP, PARENT = "kill", "stop", "parent"  # stop: root is then killed from outside
CONFIG = [f"config.{moment}" for moment in ("preflight", "kept", "written", "replaced", "swapped", "signalled", "served")]
EXPECTED = ("event=", "AH0", r"\bH[MT]0", "exited on signal", "NOTICE", "WARNING")


@dataclasses.dataclass
class Tally:
    """planned: points that were armed; injected: that fired; lost, doubled, left over: accepted jobs, effects, and what nobody owns."""

    planned: int = 0
    injected: int = 0
    lost: int = 0
    doubled: int = 0
    left: int = 0

    def add(self, other):
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    @property
    def clean(self):
        return self.planned == self.injected and not (self.lost or self.doubled or self.left)

    def __str__(self):
        return f"crash: {self.planned} planned, {self.injected} injected, {self.lost} lost, {self.doubled} doubled, {self.left} left over"


TALLY = Tally()  # of this process


@dataclasses.dataclass
class Round:
    points: list
    undone: bool = False
    begins: dict = dataclasses.field(default_factory=dict)  # step: how often its act begins


class Case:
    """A task in its state before, with a run that nobody killed as the measure of all others."""

    def __init__(self, yard, task):
        self.yard, self.task = yard, task
        self.ends = (0, 1) if task.drift else (0,)  # drift that was repaired is a warning
        self.damage()
        self.before, self.page_before = yard.inventory(), yard.page()
        mark = yard.last_job()
        read = len(yard.lab.daemon_log())
        self.code = yard.attempt(task.words, [])
        self.job = next(job for job in yard.jobs(mark) if (job.type, job.kind) == (task.type, task.kind))
        self.log = yard.lab.daemon_log()[read:]
        self.done, self.page_done = yard.said(), yard.page()
        wrong = difference(self.before, yard.inventory()) if task.fails else []
        assert self.code in ((5,) if task.fails else self.ends) and not wrong, (self.code, wrong)
        assert yard.doctor(task) == []
        self.learn()
        self.reset(task.fails)

    def learn(self):
        """What the journal and root's audit say of the run."""
        told = self.yard.events(self.job.id, "step", "name", "state")
        self.began = [name for name, state in told if state == "started"]
        self.ran = [name for name, state in told if state == "done"]
        self.undone = [name for name, state in told if state == "undone"]
        self.made = {name for name, undo in self.yard.rows("SELECT name, undo FROM step WHERE job = ?", self.job.id) if undo}
        lines = re.findall(rf'event=op op=(\w+) job={self.job.id} .* b=(\d+) detail', self.log)
        self.ops = list(dict.fromkeys(op for op, _ in lines))
        self.reloads = any(op == "publish" and int(b) for op, b in lines)
        self.plan = rows.plan(self.task.type, self.task.kind)
        self.gives_up = self.task.type != "purge"  # which is asked for again

    def damage(self):
        if self.task.drift:
            self.task.drift(self.yard)

    def reset(self, undone):
        """To the state before, from the end of a run."""
        if not undone:
            self.yard.make(*self.task.back)
            self.damage()
            self.before = self.yard.inventory()

    # One round

    def run(self, round_):
        """Runs it; what is wrong with how it ended, as lines."""
        mark, tally = self.yard.last_job(), Tally(planned=len(round_.points))
        code = self.yard.attempt(self.task.words, round_.points)
        left = self.yard.lab.armed()
        self.yard.lab.disarm()
        tally.injected = tally.planned - len(left)
        undone = code not in self.ends
        wrong = [f"{point} did not fire" for point in left]
        if undone != (round_.undone or self.task.fails):
            wrong.append(f"it ended {'un' * undone}done, with exit code {code}: {self.yard.told}")
        jobs = self.yard.jobs(mark)
        wrong += self.judge_jobs(jobs, undone, tally) + self.judge_steps(jobs, round_)
        wrong += self.judge_world(undone, tally)
        TALLY.add(tally)
        if not wrong:
            self.reset(undone)
        return [f"{self.task.name} {round_.points}: {line}" for line in wrong]

    def judge_jobs(self, jobs, undone, tally):
        """Each job is once in the journal, and each has ended once; what nobody asked for is a purge."""
        asked = [job for job in jobs if job.origin != "engine"]
        tally.lost += not asked
        tally.doubled += max(len(asked) - 1, 0)
        purged = collections.Counter(job.object for job in jobs if job.origin == "engine")
        purged.subtract(job.object for job in jobs if job.origin == "engine" and job.code == "CRASHED")
        tally.doubled += sum(n - 1 for n in purged.values())
        wrong = [f"jobs {jobs}"] if len(asked) != 1 or any(n != 1 for n in purged.values()) else []
        for job in jobs:
            told = collections.Counter(self.yard.events(job.id, "result", "name"))
            tally.doubled += sum(n - 1 for n in told.values())
            wrong += [f"{job} told {name} {n} times" for (name,), n in told.items() if n != 1]
            ends = [state for (state,) in self.yard.events(job.id, "state", "state") if state in ("success", "warning", "failed", "cancelled")]
            accepted = len(self.yard.events(job.id, "accepted", "type"))
            tally.lost += not ends
            tally.doubled += max(len(ends) - 1, 0) + max(accepted - 1, 0)
            good = ("failed",) if (undone if job in asked else job.code == "CRASHED") else ("success", "warning")[: len(self.ends)]
            if ends not in ([state] for state in good) or accepted != 1 or job.state not in good:
                wrong.append(f"{job} was accepted {accepted} times and ended {ends}")
        return wrong

    def judge_steps(self, jobs, round_):
        """Each step begins as often as the round says, is done at most once more than it was undone, and undone once."""
        wrong = []
        for job in jobs:
            if (job.type, job.kind) != (self.task.type, self.task.kind):
                continue
            told = collections.Counter(self.yard.events(job.id, "step", "name", "state"))
            for step, times in round_.begins.items():
                if told[step, "started"] != times:
                    wrong.append(f"{step} began {told[step, 'started']} times, not {times}")
            if job.state != "failed":
                wrong += [f"{step} was done {told[step, 'done']} times" for step in self.ran if not 1 <= told[step, "done"] <= 1 + told[step, "planned"]]
            else:
                wrong += [f"{step} was undone {n} times" for (step, state), n in told.items() if state == "undone" and n != 1]
        return wrong

    def judge_world(self, undone, tally):
        """All is as before, or as after the run that nobody killed."""
        wanted, said = (self.before, False) if undone else (self.done, True)
        lines = self.yard.differences(wanted, said)
        missing = sum(": - " in line for line in lines)
        tally.lost += missing
        tally.left += len(lines) - missing
        if self.yard.page() != (self.page_before if undone else self.page_done):
            tally.lost += 1
            lines.append(f"a visitor gets {self.yard.page()}")
        return lines + [f"doctor: {row}" for row in self.yard.doctor(self.task)]

    # Which rounds there are

    def before_commit(self, step):
        """May it still be undone when this step has begun, and is not done?"""
        return self.plan.steps.index(step) <= self.plan.steps.index(self.plan.commit)

    def final(self, step):
        """Is it the point of no return, and nothing could undo it once it has begun?"""
        return step == self.plan.commit and not rows.STEPS[step].undo and rows.STEPS[step].kind != "PV_CHECK"

    def anew(self, step):
        """How often a step begins that is killed before its effect."""
        return 1 if step in self.task.heals else 2

    def again(self, step):
        """How often a step begins that is killed after its effect."""
        return 1 if rows.STEPS[step].probe else 2

    def forward(self, steps):
        """Killed before and after each step's effect and once it is done, and while that is recovered: it ends done."""
        for step, recovery in ((step, "recover.end" if rows.STEPS[step].probe else "recover.job") for step in steps):
            yield Round([(f"step.intent:{step}", KILL), ("recover.begin", KILL), (f"step.done:{step}", KILL)], begins={step: self.anew(step)})
            yield Round([(f"step.effect:{step}", KILL), (recovery, KILL)], begins={step: self.again(step)})

    def found(self):
        """Killed once a step is done that had nothing to do."""
        steps = [step for step in self.ran if step not in self.began]
        for some in zip(steps[::2], [*steps[1::2], None]):
            yield Round([(f"step.done:{step}", KILL) for step in some if step] + [("recover.begin", KILL)], begins={step: 0 for step in some if step})

    def crashes(self, step, action):
        """Three crashes, the last with the step's effect there, before the point of no return."""
        if rows.STEPS[step].kind == "PV_ONCE":
            return [(f"step.intent:{step}", action), (f"undo.effect:{step}", action), (f"undo.done:{step}", action)]
        third = "recover.job" if step == self.plan.commit else f"step.done:{step}"
        return [(point, action) for point in (f"step.intent:{step}", f"step.effect:{step}", third)]

    def backward(self, steps):
        """Three crashes at a step, and its undo killed after its effect and once it is done: it ends undone."""
        for step in steps:
            if not self.before_commit(step) or step in self.task.heals:
                continue
            points = self.crashes(step, KILL)
            names = {name for name, _ in points}
            if self.final(step):
                yield Round(points)
                continue
            undo = [f"undo.effect:{step}"] if step in self.made and rows.STEPS[step].undo else []
            yield Round(points + [(name, KILL) for name in (*undo, f"undo.done:{step}") if name not in names], self.gives_up)

    def root(self):
        """The same with root as the victim: before the point of no return it ends undone after three crashes, past it done."""
        for step in self.began:
            if self.before_commit(step):
                yield Round(self.crashes(step, STOP), self.gives_up and not self.final(step))
                if step == self.plan.commit:
                    yield Round([(f"step.done:{step}", STOP), ("recover.begin", STOP)])
            else:
                yield Round([(f"step.{moment}:{step}", STOP) for moment in ("intent", "effect", "done")])
        steps = [step for step in self.ran if step not in self.began]
        for some in zip(steps[::2], [*steps[1::2], None]):
            yield Round([(f"step.done:{step}", STOP) for step in some if step])

    def operations(self):
        """Root dies in an operation, before and after its effect; and while it is asked by an engine that begins."""
        for op in self.ops:
            yield Round([(f"op.intent:{op}", KILL), (f"op.effect:{op}", KILL)])
        first = f"step.done:{self.ran[0]}"
        if self.task.type != "purge":
            yield Round([(first, KILL), ("op.intent:world", KILL), ("op.effect:publish", KILL)])

    def publication(self):
        """The process that publishes is killed, and with root; and root while it puts back what that left."""
        if not self.reloads or self.task.fails:
            return
        for point, other in zip(CONFIG, CONFIG[3:] + CONFIG[:3]):
            yield Round([(point, KILL), (other, PARENT)])
        for point in ("config.written", "config.replaced", "config.swapped"):
            yield Round([(point, KILL), ("config.put_back", KILL)])

    def acceptance(self):
        """Killed when the task was accepted, when an event was written, and before the answer: it is there once."""
        if self.task.type != "purge":
            yield Round([("event.commit", KILL), ("job.accept", KILL), ("reply", KILL)])
            for point in ("event.commit", "job.accept", "reply"):
                yield Round([(point, STOP)])

    def failing(self):
        """Its undo killed at each step, up to five crashes in a round."""
        points = []
        for step in self.undone:
            points += [f"undo.effect:{step}"] if rows.STEPS[step].undo and step in self.made else []
            points += [f"undo.done:{step}"]
        for n in range(0, len(points), 5):
            yield Round([(point, KILL) for point in points[n : n + 5]])
        for n in range(0, len(points), 4):
            yield Round([(point, STOP) for point in points[n : n + 4]])

    def rounds(self, family, apart):
        """A family's rounds, without the steps that are seen to APART."""
        steps = [step for step in self.began if step not in apart]
        rounds = {
            "forward": lambda: [*self.forward(steps), *self.found()],
            "back": lambda: [*self.backward(steps)],
            "root": lambda: [*self.root()],
            "operations": lambda: [*self.operations(), *self.publication(), *self.acceptance()],
            "failing": lambda: [*self.failing()],
        }[family]()
        return [round_ for round_ in rounds if not (round_.undone and self.task.drift)]  # no run shows what its repairs leave

    def pairs(self, steps):
        """Two steps a round: killed before the effect of one and after that of the other; and two undos after three crashes."""
        alone = [step for step in steps if rows.STEPS[step].kind == "PV_ONCE" or step in self.task.heals]
        steps = [step for step in steps if step not in alone]
        for step in alone:
            yield Round([(f"step.intent:{step}", KILL)], begins={step: self.anew(step)})
            yield Round([(f"step.effect:{step}", KILL)], begins={step: self.again(step)})
        for step, other in zip(steps, steps[1:] + steps[:1]):
            begins = {step: self.anew(step), other: self.again(other)} if step != other else {}
            yield Round([(f"step.intent:{step}", KILL), (f"step.effect:{other}", KILL)], begins=begins)
        undos = [step for step in steps + alone if rows.STEPS[step].undo and step in self.made]
        for some in zip(undos[::2], [*undos[1::2], None]):
            last = [step for step in self.began if self.before_commit(step) and not self.final(step)][-1]
            yield Round(self.crashes(last, KILL) + [(f"undo.effect:{step}", KILL) for step in some if step], self.gives_up)


def sweep(yard, task, choose):
    """The task's rounds that CHOOSE picks, with the other site asked for all the while; it ends on the ground. What went wrong."""
    wrong = []
    yard.lab.logs.expect(*EXPECTED)
    with yard.lab.probing(STAYS, text=f"Title of {STAYS}"):
        yard.make(*task.before)
        with task.around(yard.lab):
            case = Case(yard, task)
            for round_ in choose(case):
                wrong += case.run(round_)
                if wrong:
                    return wrong
        yard.home()
        wrong += yard.differences(yard.ground, False)
    return wrong
