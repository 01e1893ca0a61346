"""Waiting for the ends of processes that are not this process's children, nor its wardens'."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from hoplite.execution.local.event_loop import EventLoop
from hoplite.execution.local.live_jobs import LiveJob
from hoplite.execution.local.process_tree import LINUX, is_alive

_POLL_S = 0.2
_FIRST_RECHECK_S = 0.01
_LAST_RECHECK_S = 1.0


class Watching:
    """Used in the loop's thread.  ``conclude(job, waited_s)`` is called from the moment when the
    job's process is gone until it answers True."""

    def __init__(self, loop: EventLoop, conclude: Callable[[LiveJob, float], bool]) -> None:
        self._loop = loop
        self._conclude = conclude

    def watch(self, job: LiveJob) -> None:
        """Wait for the end of ``job``, which was adopted."""
        assert job.process is not None  # adopted jobs have one
        try:
            descriptor = os.pidfd_open(job.process.pid) if LINUX else None
        except OSError:
            # It is gone, or no descriptor is free.
            descriptor = None
        if not is_alive(job.process):
            if descriptor is not None:
                os.close(descriptor)
            self._ask(job, time.monotonic())
        elif descriptor is None:
            self._loop.call_later(_POLL_S, lambda: self.watch(job))
        else:
            job.pidfd = descriptor
            self._loop.watch(descriptor, lambda: self._exited(job))

    def close(self, jobs: Iterable[LiveJob]) -> None:
        """Watch no more; the loop must have been stopped."""
        for job in jobs:
            self._release(job)

    def _exited(self, job: LiveJob) -> None:
        if job.pidfd is not None:
            self._loop.unwatch(job.pidfd)
        self._release(job)
        self._ask(job, time.monotonic())

    def _ask(self, job: LiveJob, since: float) -> None:
        waited_s = time.monotonic() - since
        if not self._conclude(job, waited_s):
            pause_s = min(max(waited_s / 10, _FIRST_RECHECK_S), _LAST_RECHECK_S)
            self._loop.call_later(pause_s, lambda: self._ask(job, since))

    def _release(self, job: LiveJob) -> None:
        if job.pidfd is not None:
            os.close(job.pidfd)
            job.pidfd = None
