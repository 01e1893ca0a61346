"""From jobs to what the scheduler is told of them, over one table of resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hoplite.model.batch import Batch
from hoplite.model.batch_types import BatchTypes, read_types
from hoplite.model.filter_evaluation import matching
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.property_expression import Expression
from hoplite.model.resource_request import ResourceRequest
from hoplite.model.resource_set import ResourceTable
from hoplite.scheduling.demand import Alternative, Asked, HeldJob, Sharing, WaitingJob
from hoplite.scheduling.groups import Requests
from hoplite.scheduling.placement import Compiler


class Demand:
    """Reads jobs over ``table``.  Its sets of resources are those of that table."""

    def __init__(
        self, table: ResourceTable, queues: Mapping[str, int], default_walltime_s: float
    ) -> None:
        self.table = table
        self._queues = queues
        self._default_walltime_s = default_walltime_s
        self._matching: dict[Expression, int] = {}
        self._requests = Requests(Compiler(table))

    def is_possible(self, batch: Batch) -> bool:
        """Whether one of the requests could be granted if nothing else ran and all that is not
        Dead (if it is permissive, all that is known) were there."""
        permissive = read_types(batch.types).permissive
        possible = self.table.all if permissive else self.table.possible
        return any(
            self._requests.fit(alternative, possible).choose(possible)
            for alternative in self.alternatives(batch)
        )

    def alternatives(self, batch: Batch) -> tuple[Alternative, ...]:
        allowed = self._allowed(batch)
        return tuple(self._alternative(request, allowed) for request in batch.requests)

    def waiting(self, job: Job, after: Iterable[int]) -> WaitingJob:
        """A job that waits, to start or to go on; it comes after ``after``."""
        batch, types = _of(job)
        resuming = job.state is State.RESUMING
        alternatives = (self._as_before(job),) if resuming else self.alternatives(batch)
        return WaitingJob(
            id=job.id,
            alternatives=alternatives,
            queue=batch.queue,
            priority=self._queues.get(batch.queue, 0),
            besteffort=types.besteffort,
            sharing=_sharing(job, batch, types),
            container=types.container,
            inside=types.inner,
            after=frozenset(after),
            success_only=batch.success_only,
            not_before=types.postpone,
            starts_at=None if resuming else batch.starts_at,
        )

    def held(self, job: Job, now: float) -> HeldJob:
        """A job that was launched, with what it holds of this table."""
        batch, types = _of(job)
        start = job.started_at if job.started_at is not None else now
        end = start + job.granted.suspended_s + (job.walltime_s or 0.0)
        return HeldJob(
            id=job.id,
            bits=self.bits(job.assigned),
            start=min(start, now),
            end=max(end, now),
            priority=self._queues.get(batch.queue, 0),
            besteffort=types.besteffort,
            sharing=_sharing(job, batch, types),
            container=types.container,
            inside=types.inner,
        )

    def bits(self, ids: Iterable[int]) -> int:
        """The set of those of the resources that there are."""
        return self.table.bits(id_ for id_ in ids if id_ in self.table)

    def walltime(self, request: ResourceRequest) -> float:
        return self._default_walltime_s if request.walltime_s is None else request.walltime_s

    def _alternative(self, request: ResourceRequest, allowed: int) -> Alternative:
        groups = tuple(
            Asked(
                group.levels,
                allowed if group.filter is None else allowed & self._where(group.filter),
            )
            for group in request.groups
        )
        return Alternative(groups, self.walltime(request))

    def _as_before(self, job: Job) -> Alternative:
        granted = job.granted
        began = job.started_at if job.started_at is not None else job.created_at
        stopped = granted.suspended_at if granted.suspended_at is not None else began
        ran = max(0.0, stopped - began - granted.suspended_s)
        left = max(1.0, (granted.walltime_s or 0.0) - ran)
        return Alternative((), left, exactly=self.bits(granted.assigned))

    def _allowed(self, batch: Batch) -> int:
        return self.table.all if batch.filter is None else self._where(batch.filter)

    def _where(self, expression: Expression) -> int:
        found = self._matching.get(expression)
        if found is None:
            found = self._matching[expression] = matching(expression, self.table)
        return found


def dependencies(job: Job, find: Callable[[int], Job | None]) -> tuple[set[int], set[int]]:
    """The jobs that ``job`` comes after: those that live, and those that failed it.

    A job that the batch system ran again stands for the one in its place.  A forgotten one is over.
    """
    alive: set[int] = set()
    failed: set[int] = set()
    if job.batch is None or job.state is State.RESUMING:
        return alive, failed
    for first in job.batch.after:
        other = find(first)
        while other is not None and other.granted.resubmitted_as is not None:
            other = find(other.granted.resubmitted_as)
        if other is None:
            continue
        if not other.ended:
            alive.add(other.id)
        elif job.batch.success_only and not succeeded(other):
            failed.add(other.id)
    return alive, failed


def succeeded(job: Job) -> bool:
    return job.ended and job.outcome is not None and job.outcome.value == "succeeded"


def _of(job: Job) -> tuple[Batch, BatchTypes]:
    if job.batch is None:
        raise ValueError(f"job {job.id} asks nothing of the batch system")
    return job.batch, read_types(job.batch.types)


def _sharing(job: Job, batch: Batch, types: BatchTypes) -> Sharing | None:
    if types.timesharing is None:
        return None
    user, name = types.timesharing
    return (job.owner if user == "user" else "*", (batch.name or "") if name == "name" else "*")
