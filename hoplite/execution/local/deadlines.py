"""When a warden ends its jobs: at their time limits, and after the grace of a kill."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable

from hoplite.execution.local.ends import WardedJob
from hoplite.execution.local.process_tree import kill_tree, terminate_tree

_STANDSTILL_S = 0.5
"""How often it is looked whether the time of a suspended job that is overdue goes on."""


class Deadlines:
    """``lives`` tells whether a job is still the warden's."""

    def __init__(self, lives: Callable[[WardedJob], bool]) -> None:
        self._lives = lives
        self._due: list[tuple[float, int, WardedJob]] = []
        self._order = itertools.count()

    @property
    def next_at(self) -> float | None:
        """A time of :func:`time.monotonic`."""
        return self._due[0][0] if self._due else None

    def time_out(self, job: WardedJob, after_s: float) -> None:
        """SIGTERM after ``after_s``, unless its time is put off by then, and SIGKILL after the job's
        grace."""
        job.limit_at = job.times_out_at = time.monotonic() + after_s
        self._push(job.times_out_at, job)

    def kill(self, job: WardedJob, after_s: float) -> None:
        """SIGKILL after ``after_s``, or earlier if that is due already."""
        at = time.monotonic() + after_s
        if job.kill_at is None or at < job.kill_at:
            job.kill_at = at
            self._push(at, job)

    def look_again(self, jobs: Iterable[WardedJob]) -> None:
        """Their times may have been shortened."""
        for job in jobs:
            if job.times_out_at is None or job.timed_out:
                continue
            at = _put_off(job, time.monotonic())
            if at < job.times_out_at:
                job.times_out_at = at
                self._push(at, job)

    def carry_out(self) -> None:
        """Do what is due by now."""
        while self._due and self._due[0][0] <= time.monotonic():
            job = heapq.heappop(self._due)[2]
            if self._lives(job):
                self._carry_out(job, time.monotonic())

    def _push(self, at: float, job: WardedJob) -> None:
        heapq.heappush(self._due, (at, next(self._order), job))

    def _carry_out(self, job: WardedJob, now: float) -> None:
        if job.times_out_at is not None and job.times_out_at <= now and not job.timed_out:
            job.times_out_at = _put_off(job, now)
            if job.times_out_at > now:
                self._push(job.times_out_at, job)
            else:
                job.timed_out = True
                terminate_tree(job.process)
                self.kill(job, job.kill_grace_s)
        if job.kill_at is not None and job.kill_at <= now:
            kill_tree(job.process)


def _put_off(job: WardedJob, now: float) -> float:
    """When the job's time is over, or it is to be looked at again."""
    assert job.limit_at is not None  # it has a time limit
    extra_s = job.files.read_extra_time()
    return now + _STANDSTILL_S if extra_s is None else job.limit_at + extra_s
