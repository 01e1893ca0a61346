"""Who waits with which plan, who holds what, and the ways to find them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf

import msgspec

from hoplite.scheduling.decisions import Cause, Delay, Placement
from hoplite.scheduling.demand import HeldJob, Sharing, WaitingJob
from hoplite.scheduling.placement import Fit
from hoplite.scheduling.plane import Region

Lane = tuple[int | None, bool, int, Sharing | None]
"""Jobs that look at the same view: container, besteffort, minus priority, sharing."""


class Option:
    """One alternative of a job, compiled."""

    __slots__ = ("fit", "length", "number", "walltime")

    def __init__(self, number: int, fit: Fit, walltime: float, gap: float) -> None:
        self.number, self.fit, self.walltime = number, fit, walltime
        self.length = walltime + gap


class Entry:
    """A waiting job and its plan."""

    __slots__ = ("broken", "delay", "job", "lane", "missing", "options", "planned", "rank", "start")

    def __init__(self, job: WaitingJob, options: tuple[Option, ...]) -> None:
        self.job, self.options = job, options
        self.rank = job.rank
        self.lane: Lane = (job.inside, job.besteffort, -job.priority, job.sharing)
        self.missing = set(job.after)
        self.planned: Placement | None = None
        self.start = inf
        """Of the plan; without one, infinity."""
        self.delay: Delay | None = None
        self.broken = False
        """What it comes after did not succeed."""

    def left(self) -> WaitingJob:
        """The job with what it still has to come after."""
        return msgspec.structs.replace(self.job, after=frozenset(self.missing))

    @property
    def firm(self) -> bool:
        """Whether its plan is kept in the planes."""
        return not self.job.besteffort or self.job.inside is not None

    def lost(self, cause: Cause, by: int | None) -> None:
        """Note that the prediction was given up."""
        if self.planned is not None:
            self.delay = Delay(cause, by, self.start)


class Running:
    """A job that holds resources, and what of that stands in the planes."""

    __slots__ = ("held", "regions", "until")

    def __init__(self, held: HeldJob, regions: list[Region], until: float) -> None:
        self.held, self.regions = held, regions
        self.until = until
        """Until when the plan counts on it: its end, or an overrun after that."""


Row = tuple[float, int, int, int, float, Entry, Option]
"""Order, id, number of the option, fewest resources, length, entry, option."""


class Book:
    """The bookkeeping; every change of a plan goes through :meth:`plan`."""

    def __init__(self) -> None:
        self.waiting: dict[int, Entry] = {}
        self.running: dict[int, Running] = {}
        self.lanes: dict[Lane, list[Row]] = {}
        self.unplaced: set[int] = set()
        """To be given a place."""
        self.parked: set[int] = set()
        """Have none until something else happens."""
        self.dependents: dict[int, set[int]] = {}
        self.inner: dict[int, set[int]] = {}
        """Waiting jobs by their container."""
        self.lost: set[int] = set()
        """Reservations that were granted and have no place any more."""
        self.broken: set[int] = set()
        """Waiting jobs for which there is no more hope."""
        self._starts: list[tuple[float, int]] = []
        self._due: set[int] = set()

    def add(self, entry: Entry) -> None:
        job = entry.job
        if job.id in self.waiting or job.id in self.running:
            raise ValueError(f"job {job.id} is known already")
        self.waiting[job.id] = entry
        self.unplaced.add(job.id)
        if job.starts_at is None:
            lane = self.lanes.setdefault(entry.lane, [])
            for row in _rows(entry):
                insort(lane, row)
        for other in job.after:
            self.dependents.setdefault(other, set()).add(job.id)
        if job.inside is not None:
            self.inner.setdefault(job.inside, set()).add(job.id)

    def remove(self, entry: Entry) -> None:
        job = entry.job
        del self.waiting[job.id]
        for known in (self.unplaced, self.parked, self.lost, self.broken, self._due):
            known.discard(job.id)
        if job.starts_at is None:
            lane = self.lanes[entry.lane]
            for row in _rows(entry):
                del lane[bisect_left(lane, row)]
            if not lane:
                del self.lanes[entry.lane]
        for other in entry.missing:
            self._drop(self.dependents, other, job.id)
        if job.inside is not None:
            self._drop(self.inner, job.inside, job.id)

    def plan(self, entry: Entry, placement: Placement | None) -> None:
        """Note a plan, or that there is none."""
        job_id = entry.job.id
        entry.planned = placement
        entry.start = inf if placement is None else placement.start
        self._due.discard(job_id)
        self.parked.discard(job_id)
        self.lost.discard(job_id)
        if placement is None:
            self.unplaced.add(job_id)
            return
        self.unplaced.discard(job_id)
        heappush(self._starts, (placement.start, job_id))

    def park(self, entry: Entry) -> None:
        """There is no place for it as things are."""
        self.unplaced.discard(entry.job.id)
        self.parked.add(entry.job.id)
        if entry.job.starts_at is not None:
            self.lost.add(entry.job.id)

    def due(self, now: float) -> list[Entry]:
        """Those whose planned start has come, by start, then rank."""
        while self._starts and (self._starts[0][0] <= now or not self._is_start(self._starts[0])):
            start = heappop(self._starts)
            if self._is_start(start):
                self._due.add(start[1])
        return sorted(
            (self.waiting[job_id] for job_id in self._due), key=lambda e: (e.start, e.rank)
        )

    def next_start(self) -> float | None:
        """The next planned start that has not come."""
        while self._starts and not self._is_start(self._starts[0]):
            heappop(self._starts)
        return self._starts[0][0] if self._starts else None

    def firm_in(self, container: int | None) -> Iterator[Entry]:
        """Those with a plan in the planes of a container, or of the cluster."""
        ids = self.waiting if container is None else self.inner.get(container, ())
        for job_id in ids:
            entry = self.waiting[job_id]
            if entry.planned is not None and entry.job.inside == container and entry.firm:
                yield entry

    def _is_start(self, start: tuple[float, int]) -> bool:
        entry = self.waiting.get(start[1])
        return entry is not None and entry.start == start[0] and start[1] not in self._due

    @staticmethod
    def _drop(index: dict[int, set[int]], key: int, job_id: int) -> None:
        found = index.get(key)
        if found is not None:
            found.discard(job_id)
            if not found:
                del index[key]


def _rows(entry: Entry) -> list[Row]:
    job = entry.job
    return [
        (job.order, job.id, option.number, option.fit.minimum, option.length, entry, option)
        for option in entry.options
    ]
