"""The scheduler's plan, kept true to the job table.

Nobody tells the scheduler of an event: :meth:`Plan.look` compares what it knows of a job with the
job as it is now and makes up the difference.  So it does not matter in which order the news of two
threads arrive, and a plan that is in doubt is made anew from the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import floor
from threading import Lock, RLock

import msgspec

from hoplite.exceptions import JobDoesNotExistError
from hoplite.manager.batch_demand import dependencies, succeeded
from hoplite.manager.batch_turn import Place, Start, Turn
from hoplite.manager.feasibility import Feasibility
from hoplite.manager.job_table import JobTable
from hoplite.manager.limits import Limits
from hoplite.manager.resources import Resources
from hoplite.model.batch import Granted
from hoplite.model.job import Job
from hoplite.model.lifecycle import STARTED, State
from hoplite.scheduling.decisions import Decisions, Placement, Reason, Refusal, Wait
from hoplite.scheduling.demand import Cluster, HeldJob, WaitingJob
from hoplite.scheduling.scheduler import Scheduler

_AT_A_TIME = 16
"""So many predictions are improved before others have their turn."""

_TOLERANCE_S = 0.001
"""Times are sums of floating-point numbers."""

_SET_BACK_S = 1.0
"""A clock that goes back by less stands still; one that goes back further was set."""

WAITS = frozenset({State.WAITING, State.RESUMING})
HOLDS_RESOURCES = STARTED - {State.SUSPENDED, State.RESUMING}


class Plan:
    """All methods may be called from any thread, but not with the lock of a job held."""

    def __init__(self, table: JobTable, resources: Resources, limits: Limits) -> None:
        self._table = table
        self._resources = resources
        self._limits = limits
        self._lock = RLock()
        self._counting = Lock()
        self._wanted = 0
        self._now = 0.0
        self._waiting: dict[int, WaitingJob] = {}
        self._holding: dict[int, float] = {}
        """Jobs that hold resources, and the walltime that is counted on."""
        self._lengthened: dict[int, float] = {}
        """Walltimes that were agreed to, and are not journalled yet."""
        self._starting: dict[int, Start] = {}
        """Let start, and not journalled yet."""
        self._reserved: dict[int, Job] = {}
        """Reservations that were granted, and are not journalled yet."""
        self._refused: set[int] = set()
        self._awaited: set[int] = set()
        """Jobs that others come after; some may be over.  A job is in it before it is looked at
        whether it lives: so of its end, if that comes later, the plan is told."""
        self._stranded: dict[int, int] = {}
        self._stale = True
        self._untaken = True
        self.feasibility = Feasibility(resources, limits)
        self._demand = self.feasibility.new_demand()
        self._scheduler = Scheduler(self._time(), Cluster.of(self._demand.table))
        self.on_planned: Callable[[float], None] = lambda _seconds: None
        """Told how long each look for what is to be done took."""
        self.wake_at: float | None = None
        """When something is due if nothing else happens before."""

    def doubt(self) -> None:
        """The resources are others, or it is not known what was kept: plan anew before the next
        answer.  Quick, and takes no lock."""
        self._stale = True

    def limits_changed(self) -> None:
        """Queues, the default walltime or the nodes of this machine are others."""
        self.feasibility.limits_changed()
        self.doubt()

    @property
    def waiting(self) -> int:
        """How many jobs wait for resources, to start or to go on."""
        return len(self._waiting)

    @property
    def holding(self) -> int:
        """How many jobs hold resources."""
        return len(self._holding)

    @property
    def wants_turn(self) -> bool:
        """Whether it is to be planned anew, or was (by whoever asked first) without a turn since."""
        return self._stale or self._untaken

    @property
    def settled_down(self) -> bool:
        """Whether :meth:`improve` has nothing to do."""
        with self._lock:
            return self._stale or self._scheduler.settled

    def concerned(self, jobs: Iterable[Job]) -> list[int]:
        """The ids of those that are in the queue, or that another in it comes after."""
        return [job.id for job in jobs if job.batch is not None or job.id in self._awaited]

    def look(self, job_ids: Iterable[int]) -> None:
        """These jobs may have changed."""
        with self._in_turn():
            try:
                for job_id in job_ids:
                    self._reserved.pop(job_id, None)
                    if not self._stale:
                        self._look(job_id)
            except BaseException:
                # Who is told once of an end that could not be read is not told again.
                self._stale = True
                raise

    def turn(self) -> Turn:
        """What is to be done now.  Each start must be followed by :meth:`settled`."""
        with self._sound() as now:
            self._untaken = False
            began = time.perf_counter()
            decisions = self._scheduler.decide(now)
            self.on_planned(time.perf_counter() - began)
            starts = [self._start(job_id, decisions, now) for job_id in decisions.starts]
            self.wake_at = decisions.wake_at
            stranded, self._stranded = self._stranded, {}
            impossible = sorted({*decisions.impossible, *self._refused})
            return Turn(starts, decisions.preemptions, impossible, stranded)

    def settled(self, job_ids: Iterable[int]) -> None:
        """These starts were journalled, or came to nothing: the table says which."""
        with self._lock:
            for job_id in job_ids:
                self._starting.pop(job_id, None)
            self.look(job_ids)

    def lengthen(self, job: Job, walltime_s: float, *, displacing: bool) -> float:
        """Let a running job have a longer walltime, as far as there is room: the walltime in whole
        seconds that it may have, at least its own.  Must be followed by :meth:`lengthened`."""
        with self._sound() as now:
            own_s, ends_at = job.walltime_s or 0.0, job.walltime_ends_at
            if ends_at is None or job.id not in self._holding:
                return own_s
            end = ends_at - own_s + walltime_s
            found = self._scheduler.lengthen(job.id, end, now, displacing=displacing)
            agreed = max(own_s, min(walltime_s, floor(own_s + found - ends_at + _TOLERANCE_S)))
            self._holding[job.id] = self._lengthened[job.id] = agreed
            return agreed

    def lengthened(self, job_id: int) -> None:
        """A longer walltime was journalled, or came to nothing: the table says which."""
        with self._lock:
            self._lengthened.pop(job_id, None)
            self.look([job_id])

    def improve(self) -> bool:
        """Improve some predictions; True when nothing is left to gain."""
        with self._sound() as now:
            return self._scheduler.settle(now, _AT_A_TIME)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for an answer.  The lock alone would not let him go first."""
        return self._wanted > 0

    def reserve(self, job: Job) -> Job | Refusal:
        """Keep resources for a reservation that is about to be created: the job with them.  Must be
        followed by :meth:`look`."""
        with self._sound() as now:
            waiting = self._asked(job)
            refusal = self._scheduler.submit(waiting, now)
            if refusal is not None:
                return refusal
            self._waiting[job.id] = waiting
            placement = self._scheduler.prediction(job.id)
            assert placement is not None  # it was not refused
            granted = Granted(assigned=self._demand.table.ids_of(placement.bits))
            self._reserved[job.id] = reserved = msgspec.structs.replace(job, granted=granted)
            return reserved

    def probe(self, job: Job) -> Place | Refusal | None:
        """Where a job would be placed if it were created now; nothing is changed."""
        with self._sound() as now:
            found = self._scheduler.probe(self._asked(job), now)
            if not isinstance(found, Placement):
                return found
            return Place(found, self._demand.table.ids_of(found.bits))

    def prediction(self, job_id: int) -> Placement | None:
        """The place planned for a job; None: it has none, or does not wait."""
        place = self.places([job_id]).get(job_id)
        return None if place is None else place.placement

    def predictions(self) -> dict[int, Placement]:
        """Every waiting job's place, where it can be taken in time."""
        with self._sound():
            return {
                job_id: placement
                for job_id, placement in self._all_plans().items()
                if self._is_in_time(job_id, placement)
            }

    def places(self, job_ids: Iterable[int]) -> dict[int, Place]:
        """The places planned for those of the jobs that wait and have one, in time."""
        with self._sound():
            waiting = [self._waiting[job_id] for job_id in job_ids if job_id in self._waiting]
            if any(job.besteffort for job in waiting):
                plans = self._all_plans()
                found = {job.id: plans.get(job.id) for job in waiting}
            else:
                found = {job.id: self._scheduler.prediction(job.id) for job in waiting}
            table = self._demand.table
            return {
                job_id: Place(placement, table.ids_of(placement.bits))
                for job_id, placement in found.items()
                if placement is not None and self._is_in_time(job_id, placement)
            }

    def _is_in_time(self, job_id: int, placement: Placement) -> bool:
        """Whether the job would not be cancelled before, by its types ``expire`` and ``deadline``."""
        job = self._find(job_id)
        if job is None or job.batch is None:
            return True
        latest = self.feasibility.latest_start(job.batch, placement.end - placement.start)
        return latest is None or placement.start <= latest.at

    def _all_plans(self) -> dict[int, Placement]:
        return {**self._scheduler.besteffort_plan(), **self._scheduler.plan()}

    def why(self, job_id: int) -> Wait | None:
        """What the job waits for; None: it is not in the queue."""
        with self._sound():
            if job_id not in self._waiting:
                return None
            wait = self._scheduler.why(job_id)
            if job_id not in self.places([job_id]):
                wait = msgspec.structs.replace(wait, predicted=None)
        job = self._find(job_id)
        if wait.reason is not Reason.IMPOSSIBLE or job is None or job.batch is None:
            return wait
        elsewhere = self.feasibility.elsewhere(job.batch)
        return msgspec.structs.replace(wait, elsewhere=tuple(sorted(elsewhere)))

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        with self._counting:
            self._wanted += 1
        self._lock.acquire()
        with self._counting:
            self._wanted -= 1
        try:
            self._mind_the_clock()
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _sound(self) -> Iterator[float]:
        with self._in_turn():
            if self._stale:
                self._stale, self._untaken = False, True
                began = time.perf_counter()
                try:
                    self._plan_anew()
                except BaseException:
                    self._stale = True
                    raise
                self.on_planned(time.perf_counter() - began)
            yield self._time()

    def _time(self) -> float:
        self._now = max(self._now, time.time())
        return self._now

    def _mind_the_clock(self) -> None:
        """A plan cannot go back in time, and a new one begins when it is made."""
        now = time.time()
        if now < self._now - _SET_BACK_S:
            self._now, self._stale = now, True

    def _find(self, job_id: int) -> Job | None:
        try:
            return self._table.get(job_id)
        except JobDoesNotExistError:
            return None

    def _asked(self, job: Job) -> WaitingJob:
        if job.batch is not None:
            # Before the look at whether they live: who ends from now on is told of.
            self._awaited.update(job.batch.after)
        alive, failed = dependencies(job, self._find)
        self._awaited |= alive
        return self._demand.waiting(job, alive | failed)

    def _start(self, job_id: int, decisions: Decisions, now: float) -> Start:
        held = self._scheduler.started(job_id, now)
        del self._waiting[job_id]
        live = self._table.find_live(job_id)
        resumes = live is not None and live.job.state is State.RESUMING
        whole_s = live.job.walltime_s if live is not None and resumes else None
        start = Start(
            job_id=job_id,
            assigned=self._demand.table.ids_of(held.bits),
            walltime_s=whole_s or round(held.end - now, 3),
            alternative=decisions.starts[job_id].alternative,
            held=held,
        )
        self._holding[job_id] = start.walltime_s
        self._starting[job_id] = start
        return start

    def _look(self, job_id: int) -> None:
        if job_id in self._starting:
            return
        job = self._find(job_id)
        if job is None or job.ended:
            self._over(job_id, job)
        elif job.state in HOLDS_RESOURCES:
            # It was let start by this plan, or the plan is not that of the table.
            self._stale = self._stale or job_id not in self._holding
            self._follow_walltime(job)
        else:
            self._waits_or_not(job)

    def _follow_walltime(self, job: Job) -> None:
        known_s = self._holding.get(job.id)
        if known_s is None or job.walltime_s in (None, known_s) or job.id in self._lengthened:
            return
        now = self._time()
        assert job.walltime_s is not None
        changed = (
            self._scheduler.prolonged if job.walltime_s > known_s else self._scheduler.shortened
        )
        changed(job.id, self._demand.held(job, now).end, now)
        self._holding[job.id] = job.walltime_s

    def _waits_or_not(self, job: Job) -> None:
        now = self._time()
        if job.id in self._holding:
            self._scheduler.suspended(job.id, now)
            del self._holding[job.id]
        if job.state in WAITS and job.id not in self._waiting:
            self._submit(job)
        elif job.state not in WAITS and self._waiting.pop(job.id, None) is not None:
            self._scheduler.withdraw(job.id, now)

    def _submit(self, job: Job) -> None:
        waiting = self._asked(job)
        if self._scheduler.submit(waiting, self._time()) is not None:
            self._refused.add(job.id)
            return
        self._waiting[job.id] = waiting
        self._break_off(job)

    def _break_off(self, job: Job) -> None:
        """Tell of the failed jobs that it comes after, now that the scheduler knows it."""
        for other in sorted(dependencies(job, self._find)[1]):
            self._scheduler.ended(other, self._time(), succeeded=False)

    def _over(self, job_id: int, job: Job | None) -> None:
        if job is not None and job.granted.resubmitted_as is not None:
            self._look(job.granted.resubmitted_as)
            self._follow(job_id)
        self._awaited.discard(job_id)
        self._waiting.pop(job_id, None)
        self._holding.pop(job_id, None)
        self._refused.discard(job_id)
        self._scheduler.ended(job_id, self._time(), succeeded=job is None or succeeded(job))

    def _follow(self, job_id: int) -> None:
        """Those that come after a job that runs again come after its successor."""
        for other in list(self._waiting):
            live = self._table.find_live(other)
            if live is not None and live.job.batch is not None and job_id in live.job.batch.after:
                self._scheduler.withdraw(other, self._time())
                self._waiting.pop(other)
                self._submit(live.job)

    def _plan_anew(self) -> None:
        before, promised = self._demand.table, self._scheduler.plan()
        self._demand = demand = self.feasibility.new_demand()
        self._awaited = set()
        now = self._time()
        known = {live.job.id: live.job for live in self._table.live if live.job.batch is not None}
        jobs = sorted({**self._reserved, **known}.values(), key=lambda job: job.id)
        holders = [self._as_agreed(job) for job in jobs if self._holds(job)]
        held = [demand.held(job, now) for job in holders]
        held += [self._translated(start) for start in self._starting.values()]
        waits = [job for job in jobs if job.state in WAITS and job.id not in self._starting]
        self._waiting = {job.id: self._asked(job) for job in waits}
        self._holding = {job.id: job.walltime_s or 0.0 for job in holders}
        self._holding |= {start.job_id: start.walltime_s for start in self._starting.values()}
        self._refused = set()
        self._stranded = self._on_dead(jobs)
        places = {
            job_id: msgspec.structs.replace(place, bits=demand.table.translated(place.bits, before))
            for job_id, place in promised.items()
        }
        places |= {job.id: place for job in waits if (place := self._granted(job)) is not None}
        self._scheduler = Scheduler(
            now,
            Cluster.of(demand.table),
            held=held,
            waiting=self._waiting.values(),
            promised={job_id: place for job_id, place in places.items() if place.bits},
        )
        for job in waits:
            self._break_off(job)

    def _holds(self, job: Job) -> bool:
        return job.state in HOLDS_RESOURCES and job.id not in self._starting

    def _as_agreed(self, job: Job) -> Job:
        walltime_s = self._lengthened.get(job.id, job.walltime_s)
        if walltime_s == job.walltime_s:
            return job
        granted = msgspec.structs.replace(job.granted, walltime_s=walltime_s)
        return msgspec.structs.replace(job, granted=granted)

    def _translated(self, start: Start) -> HeldJob:
        return msgspec.structs.replace(start.held, bits=self._demand.bits(start.assigned))

    def _granted(self, job: Job) -> Placement | None:
        """The place of a reservation that was granted."""
        waiting = self._waiting[job.id]
        if waiting.starts_at is None or not job.assigned:
            return None
        bits, walltime_s = self._demand.bits(job.assigned), waiting.alternatives[0].walltime_s
        return Placement(bits, waiting.starts_at, waiting.starts_at + walltime_s)

    def _on_dead(self, jobs: Iterable[Job]) -> dict[int, int]:
        table = self._resources.table
        usable = set(table.ids_of(table.possible))
        return {
            job.id: lost[0]
            for job in jobs
            if job.state in STARTED and (lost := [one for one in job.assigned if one not in usable])
        }
