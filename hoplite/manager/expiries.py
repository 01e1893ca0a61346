"""Jobs that must start by some time, or not at all."""

from __future__ import annotations

import time

from hoplite.manager.batch_turn import Start
from hoplite.manager.feasibility import Feasibility
from hoplite.model.job import Job
from hoplite.model.latest_start import LatestStart
from hoplite.model.lifecycle import State

_TOLERANCE_S = 1.0
"""A start takes its time."""


class Expiries:
    """Until when jobs that wait can start.  May be used from any thread."""

    def __init__(self, feasibility: Feasibility) -> None:
        self._feasibility = feasibility
        self._known: dict[int, LatestStart] = {}

    def note(self, job: Job) -> None:
        """The job is another, or new."""
        if job.state not in (State.WAITING, State.HOLD):
            self._known.pop(job.id, None)
        elif (
            job.batch is not None
            and (latest := self._feasibility.latest_start(job.batch)) is not None
        ):
            self._known[job.id] = latest

    @property
    def next_at(self) -> float | None:
        return min((latest.at for latest in list(self._known.values())), default=None)

    def due(self) -> dict[int, str]:
        """The jobs that cannot start any more, and why."""
        now = time.time()
        return {job_id: one.why for job_id, one in list(self._known.items()) if one.at <= now}

    def forget(self, job_id: int) -> None:
        """It was cancelled, or does not wait any more."""
        self._known.pop(job_id, None)

    def why_too_late(self, job: Job, start: Start) -> str | None:
        """Why a start comes too late: not the shortest of a job's requests was chosen."""
        if job.id not in self._known or job.batch is None:
            return None
        latest = self._feasibility.latest_start(job.batch, start.walltime_s)
        late = latest is not None and time.time() > latest.at + _TOLERANCE_S
        return latest.why if latest is not None and late else None
