"""The clocks and processes of jobs that are suspended, go on, or got another walltime."""

from __future__ import annotations

import signal
from collections.abc import Callable

import structlog

from hoplite.execution.protocol import Executor
from hoplite.manager.job_table import JobTable
from hoplite.model.job import Job
from hoplite.model.lifecycle import State

log = structlog.get_logger("hoplite.manager")


class Clocks:
    """Has the engine do what is journalled.  Call with the job's lock held."""

    def __init__(self, table: JobTable, executor: Executor) -> None:
        self._table = table
        self._executor = executor
        self._behind: set[int] = set()
        self.on_trouble: Callable[[], None] = lambda: None
        """Called when :meth:`try_again` is to be, in a while."""

    def restore(self, job: Job) -> None:
        """Have a job's clock and processes be as its state says."""
        if job.state in (State.SUSPENDED, State.RESUMING):
            self._extend(job, None)
            self._executor.signal(job.id, signal.SIGSTOP)
        elif job.state is State.RUNNING and job.granted.suspended_s:
            self.set(job)
            self._executor.signal(job.id, signal.SIGCONT)
        elif job.state is State.RUNNING and job.granted.walltime_change is not None:
            self.set(job)

    def set(self, job: Job) -> None:
        """Have a running job end when its walltime is over."""
        self._extend(job, extra_s(job))

    def try_again(self) -> None:
        """Set those that could not be set.  Call without the lock of a job."""
        for job_id in list(self._behind):
            self._behind.discard(job_id)
            live = self._table.find_live(job_id)
            if live is not None:
                with live.lock:
                    if live.job.running:
                        self.restore(live.job)

    @property
    def behind(self) -> bool:
        """Whether some could not be set."""
        return bool(self._behind)

    def _extend(self, job: Job, extra_s: float | None) -> None:
        try:
            self._executor.extend(job.id, extra_s)
        except OSError as error:
            # Its clock runs on meanwhile: it may be ended too early, and is never lost.
            log.error("a time limit could not be changed yet", job=job.id, error=str(error))
            self._behind.add(job.id)
            self.on_trouble()


def extra_s(job: Job) -> float:
    """By how much a running job's time limit is later than the one that it was launched with."""
    change = job.granted.walltime_change
    if change is None or job.walltime_s is None:
        return job.granted.suspended_s
    launched_with, now = change.first_s, job.walltime_s
    if job.timeout_s is not None:
        launched_with, now = min(launched_with, job.timeout_s), min(now, job.timeout_s)
    return job.granted.suspended_s + now - launched_with
