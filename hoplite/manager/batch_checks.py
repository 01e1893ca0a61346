"""What is looked at before a job that asks for resources is made."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hoplite.exceptions import InvalidFieldError, NotAuthorizedError, NotEnoughResourcesError
from hoplite.manager.feasibility import Feasibility
from hoplite.manager.job_table import JobTable
from hoplite.manager.limits import Limits
from hoplite.manager.notices import check_notify
from hoplite.manager.requests import NewJob
from hoplite.model.batch import Batch
from hoplite.model.batch_types import BatchTypes, read_types
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import State

_NOT_STARTED = (State.WAITING, State.HOLD)


class Checks:
    """Every method raises what is wrong, with the name of the option."""

    def __init__(self, table: JobTable, feasibility: Feasibility, limits: Limits) -> None:
        self._table = table
        self._feasibility = feasibility
        self._limits = limits

    def count(self, jobs: Sequence[NewJob]) -> None:
        """Of the jobs of one submission."""
        if not 1 <= len(jobs) <= self._limits.max_array:
            raise InvalidFieldError(
                f"array: {len(jobs)} jobs; from 1 to {self._limits.max_array} are taken at once "
                "(setting max_array)",
                field="array",
            )
        if len(jobs) > 1 and any(new.batch and new.batch.starts_at is not None for new in jobs):
            raise InvalidFieldError(
                "reservation: an array cannot be reserved; reserve jobs one by one",
                field="reservation",
            )

    def job(self, caller: Caller, new: NewJob) -> None:
        """Whether the caller may have the job, and it could ever run."""
        batch = new.batch
        if batch is None:
            raise ValueError("a job of the batch system needs its batch part")
        types = read_types(batch.types)
        self._queue(batch)
        self._inside(types)
        self._after(batch)
        self._dates(batch, types)
        check_notify(batch.notify, self._limits.sendmail)
        self._quota(caller, batch)
        self._resources(batch)

    def _queue(self, batch: Batch) -> None:
        if batch.queue not in self._limits.queues:
            raise InvalidFieldError(
                f"queue: there is no queue {batch.queue!r}; there are "
                + ", ".join(self._limits.queues),
                field="queue",
            )

    def _inside(self, types: BatchTypes) -> None:
        if types.inner is None:
            return
        outer = self._table.find_live(types.inner)
        batch = outer.job.batch if outer is not None and outer.job.batch is not None else Batch()
        if not read_types(batch.types).container:
            raise InvalidFieldError(
                f"type: job {types.inner} is no container that lives, so nothing can run in it",
                field="type",
            )

    def _after(self, batch: Batch) -> None:
        for other in batch.after:
            if self._table.find_live(other) is None and self._table.journal.job(other) is None:
                raise InvalidFieldError(
                    f"anterior: there is no job {other} to come after", field="anterior"
                )

    def _dates(self, batch: Batch, types: BatchTypes) -> None:
        if batch.starts_at is not None and batch.starts_at < time.time() - 1:
            raise InvalidFieldError("reservation: its date has passed", field="reservation")
        latest = self._feasibility.latest_start(batch)
        first = max(time.time(), types.postpone, batch.starts_at or 0.0)
        if latest is not None and latest.at < first:
            raise InvalidFieldError(
                f"type: {latest.why}, and it cannot start before {_moment(first)}", field="type"
            )

    def _quota(self, caller: Caller, batch: Batch) -> None:
        most = self._limits.max_reservations
        if batch.starts_at is None or most is None or caller.is_admin:
            return
        waiting = [live.job for live in self._table.live if _is_reservation(live.job, caller.name)]
        if len(waiting) >= most:
            raise NotAuthorizedError(
                f"reservation: {caller.name} has {len(waiting)} waiting reservations already; at "
                f"most {most} are allowed at once (setting max_reservations)",
                field="reservation",
            )

    def _resources(self, batch: Batch) -> None:
        if self._feasibility.is_possible(batch):
            return
        strangers = sorted(self._feasibility.elsewhere(batch))
        if strangers:
            raise NotEnoughResourcesError(
                "resource: only with resources of other nodes could this request be granted, and "
                f"jobs run on this machine alone; if {', '.join(strangers[:3])} "
                "stand for this machine, the setting local_nodes must name them",
                field="resource",
            )
        raise NotEnoughResourcesError(
            "resource: there are not enough resources for this request (those that are Dead "
            "do not count, those that are Absent or busy do)",
            field="resource",
        )


def _is_reservation(job: Job, owner: str) -> bool:
    if job.owner != owner or job.batch is None:
        return False
    return job.batch.starts_at is not None and job.state in _NOT_STARTED


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
