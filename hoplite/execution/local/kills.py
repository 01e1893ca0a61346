"""SIGTERM now and SIGKILL later, whatever becomes of the server between."""

from __future__ import annotations

import time

from hoplite.execution.local.event_loop import EventLoop
from hoplite.execution.local.live_jobs import LiveJob, LiveJobs
from hoplite.execution.local.process_tree import ProcessId, is_alive, kill_tree, terminate_tree
from hoplite.execution.local.wire import Kill

_LAST_GRACE_S = 2.0
_POLL_S = 0.02


class Kills:
    """The kills of ``jobs``.  May be used from any thread."""

    def __init__(self, loop: EventLoop, jobs: LiveJobs) -> None:
        self._loop = loop
        self._jobs = jobs

    def begin(self, job: LiveJob, process: ProcessId, grace_s: float) -> bool:
        """SIGTERM to the tree, SIGKILL to what is left after ``grace_s``; False if it is gone."""
        job.killed = True
        # Its warden outlives this server; the timer is for the case that the warden dies.
        link = job.link
        kill = Kill(job_id=job.job_id, launch=job.launch, grace_s=grace_s)
        if link is not None and link.send(kill):
            job.killer = link
        sent = terminate_tree(process)
        self._loop.call_later(grace_s, lambda: self._kill_what_is_left(job, process))
        return sent

    def finish(self) -> None:
        """The server stops: kills that no warden knows of (of jobs of an earlier server, say) are
        carried out now, after two seconds of grace at most.  The loop must still run."""
        deadline = time.monotonic() + _LAST_GRACE_S
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for process in left:
            kill_tree(process)

    def _left(self) -> list[ProcessId]:
        return [
            job.process
            for job in self._jobs.all()
            if job.killed and (job.link is None or job.killer is not job.link)
            if job.process is not None and is_alive(job.process)
        ]

    def _kill_what_is_left(self, job: LiveJob, process: ProcessId) -> None:
        # Of a job that has ended nothing is left: that is seen to before its end is told.
        if self._jobs.has(job):
            kill_tree(process)
