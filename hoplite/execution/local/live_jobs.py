"""The jobs that an engine has processes for, or is making them."""

from __future__ import annotations

import threading

from hoplite.execution.local.adoption import Claimed
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.local.warden_link import WardenLink
from hoplite.execution.protocol import LaunchSpec


class LiveJob:
    """One job.  Changed under the lock of its :class:`LiveJobs` only."""

    def __init__(self, job_id: int, files: JobFiles) -> None:
        self.job_id = job_id
        self.files = files
        self.launch = 0
        self.spec: LaunchSpec | None = None
        """Kept for another launch, should the warden die before the job was claimed; None for a job
        of an earlier server."""
        self.link: WardenLink | None = None
        """The warden that will tell of its end; None: its directory will."""
        self.process: ProcessId | None = None
        self.claimed: Claimed | None = None
        self.pidfd: int | None = None
        self.tries = 0
        self.looks = 0
        """How often it was said when to look whether its time is over; only the last counts."""
        self.timed_out = False
        """This server ended it at its time limit, its warden being gone."""
        self.kill_grace_s: float | None = None
        """A kill that was asked for before there was a process."""
        self.killed = False
        """It was sent SIGTERM, and SIGKILL will follow."""
        self.killer: WardenLink | None = None
        """The warden that will send the SIGKILL, should this server be gone by then."""


class LiveJobs:
    """By id, with one lock for all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._changed = threading.Condition(self.lock)
        self._jobs: dict[int, LiveJob] = {}

    def get(self, job_id: int) -> LiveJob | None:
        return self._jobs.get(job_id)

    def add(self, job: LiveJob) -> None:
        with self.lock:
            self._jobs[job.job_id] = job

    def remove(self, job: LiveJob) -> bool:
        """Forget it: its end is about to be told; False if it has been."""
        with self.lock:
            if self._jobs.get(job.job_id) is not job:
                return False
            del self._jobs[job.job_id]
            self._changed.notify_all()
            return True

    def has(self, job: LiveJob) -> bool:
        return self._jobs.get(job.job_id) is job

    def of(self, link: WardenLink) -> list[LiveJob]:
        """Those that this warden tells of."""
        with self.lock:
            return [job for job in self._jobs.values() if job.link is link]

    def all(self) -> list[LiveJob]:
        with self.lock:
            return list(self._jobs.values())

    def exists_as(self, job: LiveJob, process: ProcessId) -> tuple[bool, float | None]:
        """Note its process.  Answers whether this is the first time, and the grace time of a kill
        that waits for it."""
        with self.lock:
            first = job.process is None
            job.process = process
            grace_s, job.kill_grace_s = job.kill_grace_s, None
            self._changed.notify_all()
            return first, grace_s

    def wait_for_process(self, job: LiveJob, timeout_s: float) -> ProcessId | None:
        """The job's process, as soon as it exists; None if it does not in time, or will not."""
        with self.lock:
            self._changed.wait_for(lambda: job.process is not None or not self.has(job), timeout_s)
            return job.process

    def kill_when_started(self, job: LiveJob, grace_s: float) -> ProcessId | None:
        """Remember the kill; if there is a process by now, answer that instead."""
        with self.lock:
            if job.process is None:
                job.kill_grace_s = grace_s
            return job.process
