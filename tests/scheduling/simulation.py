"""A world around a scheduler: jobs come, run as long as they like, fail; nodes die and return.

Everything follows from the seed.  After every event the world checks what must always hold.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import combinations

import msgspec

from hoplite.model.resource import ResourceState
from hoplite.scheduling.decisions import Placement
from hoplite.scheduling.demand import Alternative, HeldJob, Limits, WaitingJob
from hoplite.scheduling.groups import Requests
from hoplite.scheduling.placement import Compiler
from hoplite.scheduling.scheduler import Scheduler
from tests.scheduling.clusters import asked, cluster, with_states

OVERRUN_S = 5.0
_TOLERANCE = 1e-6


@dataclass
class Options:
    """What happens in a world."""

    resources: int = 32
    early_ends: bool = True
    failures: bool = True
    kinds: bool = True
    """Also besteffort, sharing, containers, reservations, dependencies."""
    settle: int = 4
    """So many jobs are settled after each event."""


@dataclass
class World:
    seed: int
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.now = 0.0
        self.whole = cluster(self.options.resources, 4)
        self.cluster = self.whole
        self.limits = Limits(overrun_s=OVERRUN_S, at_once=4)
        self.scheduler = Scheduler(0.0, self.cluster, limits=self.limits)
        self.waiting: dict[int, WaitingJob] = {}
        self.running: dict[int, HeldJob] = {}
        self.ends: dict[int, float] = {}
        self.dead: dict[int, ResourceState] = {}
        self.promises: dict[int, float] = {}
        self.reserved: dict[int, Placement] = {}
        self.over: set[int] = set()
        self.log: list[tuple[object, ...]] = []
        self.next_id = 1

    def run(self, events: int) -> None:
        """So many events, then until nobody is left who can run."""
        for _ in range(events):
            self.step(self.rng.random())
        for node in list(self.dead):
            self.revive(node)
        for _ in range(10_000):
            if not self.running and not self.waiting:
                return
            self.wait_for_something()
        raise AssertionError(f"starved: {sorted(self.waiting)}")

    def step(self, dice: float) -> None:
        if dice < 0.45:
            self.submit()
        elif dice < 0.85:
            self.wait_for_something()
        elif dice < 0.90 and self.waiting:
            self.cancel(self.rng.choice(sorted(self.waiting)))
        elif dice < 0.93 and self.options.failures:
            self.fail_or_revive()
        else:
            self.now += self.rng.uniform(0.0, 20.0)
            self.end_what_is_over()
        self.settle_down()

    def wait_for_something(self) -> None:
        """To the next end or planned start."""
        wake = self.scheduler.decide(self.now).wake_at
        times = [*self.ends.values(), *([] if wake is None else [wake])]
        self.now = max(self.now, min(times, default=self.now + 1.0))
        self.end_what_is_over()
        self.settle_down()

    def end_what_is_over(self) -> None:
        for job_id, end in sorted(self.ends.items(), key=lambda one: (one[1], one[0])):
            if end <= self.now and job_id in self.running:
                self.end(job_id, self.rng.random() < 0.9)

    def end(self, job_id: int, succeeded: bool) -> None:
        self.log.append(("end", job_id, self.now))
        held = self.running.pop(job_id)
        del self.ends[job_id]
        self.over.add(job_id)
        self.scheduler.ended(job_id, self.now, succeeded=succeeded)
        if held.container:
            self.end_inside(job_id)

    def end_inside(self, container: int) -> None:
        for job_id in [i for i, held in self.running.items() if held.inside == container]:
            self.end(job_id, False)
        for job_id in [i for i, job in self.waiting.items() if job.inside == container]:
            self.cancel(job_id)

    def cancel(self, job_id: int) -> None:
        if job_id not in self.waiting:
            return
        job = self.waiting.pop(job_id)
        self.promises.pop(job_id, None)
        self.reserved.pop(job_id, None)
        self.over.add(job_id)
        self.scheduler.ended(job_id, self.now, succeeded=False)
        if job.container:
            self.end_inside(job_id)

    def submit(self) -> None:
        job = self.some_job()
        self.next_id += 1
        refusal = self.scheduler.submit(job, self.now)
        self.log.append(("submit", job.id, refusal))
        if refusal is None:
            self.waiting[job.id] = job
            placed = self.scheduler.prediction(job.id)
            if job.starts_at is not None:
                assert placed is not None and placed.start == job.starts_at
                self.reserved[job.id] = placed

    def some_job(self) -> WaitingJob:
        rng = self.rng
        alternatives = tuple(self.some_request() for _ in range(rng.choice((1, 1, 1, 2))))
        job = WaitingJob(id=self.next_id, alternatives=alternatives)
        if not self.options.kinds:
            return job
        kind = rng.random()
        containers = [i for i, one in self.waiting.items() if one.container]
        containers += [i for i, one in self.running.items() if one.container]
        if kind < 0.10:
            return msgspec.structs.replace(job, besteffort=True, priority=-1)
        if kind < 0.20:
            return msgspec.structs.replace(job, sharing=("ada", rng.choice("*x")))
        if kind < 0.25:
            return msgspec.structs.replace(job, container=True)
        if kind < 0.35 and containers:
            return msgspec.structs.replace(job, inside=rng.choice(containers))
        if kind < 0.42:
            return msgspec.structs.replace(job, starts_at=self.now + rng.randint(1, 200))
        if kind < 0.52 and self.waiting:
            others = frozenset(rng.sample(sorted(self.waiting), 1))
            return msgspec.structs.replace(job, after=others, success_only=rng.random() < 0.3)
        if kind < 0.60:
            return msgspec.structs.replace(job, priority=10)
        return job

    def some_request(self) -> Alternative:
        rng, of = self.rng, self.whole
        walltime = float(rng.randint(5, 90))
        group = rng.choice(
            (
                asked(of, ("core", rng.randint(1, 8))),
                asked(of, ("core", rng.randint(1, 3))),
                asked(of, ("network_address", rng.randint(1, 3))),
                asked(of, ("network_address", 2), ("core", rng.randint(1, 4))),
                asked(of, ("core", 2), allowed=of.table.all >> self.options.resources // 2),
            )
        )
        return Alternative((group,), walltime)

    def fail_or_revive(self) -> None:
        if self.dead and self.rng.random() < 0.6:
            self.revive(self.rng.choice(sorted(self.dead)))
            return
        node = self.rng.randrange(self.options.resources // 4)
        states = (ResourceState.DEAD, ResourceState.ABSENT, ResourceState.SUSPECTED)
        self.dead[node] = self.rng.choice(states)
        self.change()
        if self.dead[node] is ResourceState.DEAD:
            bits = 0b1111 << node * 4
            for job_id in [i for i, held in self.running.items() if held.bits & bits]:
                if job_id in self.running:
                    self.end(job_id, False)

    def revive(self, node: int) -> None:
        del self.dead[node]
        self.change()
        self.settle_down()

    def change(self) -> None:
        states = {
            node * 4 + core + 1: state for node, state in self.dead.items() for core in range(4)
        }
        self.cluster = with_states(self.whole, states)
        self.log.append(("change", self.now, tuple(sorted(self.dead))))
        self.scheduler.changed(self.now, cluster=self.cluster)

    def settle_down(self) -> None:
        """Do what the scheduler says until it says nothing, then check everything."""
        while True:
            decisions = self.scheduler.decide(self.now)
            for job_id in decisions.impossible:
                self.cancel(job_id)
            for job_id in decisions.preemptions:
                self.end(job_id, False)
            for job_id, placement in decisions.starts.items():
                self.start(job_id, placement)
            if not decisions.starts and not decisions.preemptions and not decisions.impossible:
                break
        self.scheduler.settle(self.now, self.options.settle)
        self.check()

    def start(self, job_id: int, placement: Placement) -> None:
        job = self.waiting.pop(job_id)
        self.promises.pop(job_id, None)
        held = self.scheduler.started(job_id, self.now)
        assert held.bits == placement.bits
        self.log.append(("start", job_id, self.now, held.bits))
        self.check_start(job, placement)
        self.running[job_id] = held
        length = held.end - self.now
        if self.options.early_ends:
            length *= self.rng.choice((0.1, 0.5, 0.9, 1.0, 1.0))
            length += self.rng.choice((0.0, 0.0, 0.0, 1.0, 8.0))
        self.ends[job_id] = self.now + length

    def check_start(self, job: WaitingJob, placement: Placement) -> None:
        alternative = job.alternatives[placement.alternative]
        fit = Requests(Compiler(self.cluster.table)).fit(alternative, self.cluster.table.possible)
        assert fit.choose(placement.bits) == placement.bits
        assert placement.bits & ~self.cluster.usable == 0
        assert job.after <= self.over
        for held in self.running.values():
            if held.inside == job.inside and held.bits & placement.bits:
                assert job.sharing is not None and job.sharing == held.sharing
        if job.inside is not None:
            assert placement.bits & ~self.running[job.inside].bits == 0
        reserved = self.reserved.pop(job.id, None)
        if reserved is not None:
            assert placement.start == reserved.start <= self.now

    def check(self) -> None:
        self.check_plan()
        self.check_promises()

    def check_plan(self) -> None:
        """No resource is planned for two, and nothing that could start now waits."""
        plan = self.scheduler.plan()
        jobs = [(self.waiting[i], placement) for i, placement in plan.items()]
        for (one, first), (two, second) in combinations(jobs, 2):
            apart = first.end <= second.start or second.end <= first.start
            if one.inside == two.inside and first.bits & second.bits and not apart:
                assert one.sharing is not None and one.sharing == two.sharing, (one, two)
        for job, placement in jobs:
            container = plan.get(job.inside) if job.inside is not None else None
            if container is not None:
                assert placement.bits & ~container.bits == 0
                assert container.start <= placement.start and placement.end <= container.end
            for other in job.after & plan.keys():
                assert placement.start >= plan[other].end
            for held in self.running.values():
                if held.inside == job.inside and held.bits & placement.bits:
                    shares = job.sharing is not None and job.sharing == held.sharing
                    late = max(held.end, self.now) - OVERRUN_S * 2 - 1
                    assert shares or held.besteffort or placement.start >= late

    def check_promises(self) -> None:
        """A prediction gets later only for a cause that is told."""
        plan = self.scheduler.plan()
        for job_id, promised in self.promises.items():
            placement = plan.get(job_id)
            if job_id in self.waiting and (
                placement is None or placement.start > promised + _TOLERANCE
            ):
                delay = self.scheduler.delay(job_id)
                assert delay is not None and delay.cause, (job_id, promised, placement)
        for job_id, reserved in self.reserved.items():
            placement = plan.get(job_id)
            if placement is None:
                assert self.scheduler.delay(job_id) is not None
                continue
            assert placement.start == reserved.start
            if placement.bits != reserved.bits:
                assert reserved.bits & ~self.cluster.usable
                self.reserved[job_id] = placement
        self.promises = {job_id: placement.start for job_id, placement in plan.items()}
