"""Ended jobs that were read lately."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from hoplite.model.job import Job

MAX_JOBS = 512
MAX_JOB_BYTES = 16384
"""Config and status of a job that is kept; a larger one is read from disk each time."""


class EndedJobs:
    """The least recently used go first.  Never older than the last commit that returned.

    ``mark`` is taken before a job is read; ``keep`` takes the job only if no ended job changed
    since, as what was read may be from before that change.
    """

    def __init__(self, max_jobs: int = MAX_JOBS) -> None:
        self._max_jobs = max_jobs
        self._lock = threading.Lock()
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._ids: dict[str, int] = {}
        self._drops = 0

    def mark(self) -> int:
        return self._drops

    def get(self, ref: int | str) -> Job | None:
        with self._lock:
            job_id = ref if isinstance(ref, int) else self._ids.get(ref)
            job = None if job_id is None else self._jobs.get(job_id)
            if job is not None:
                self._jobs.move_to_end(job.id)
            return job

    def keep(self, job: Job, mark: int) -> None:
        if (
            not job.ended
            or len(memoryview(job.config)) + len(memoryview(job.status)) > MAX_JOB_BYTES
        ):
            return
        with self._lock:
            if mark != self._drops:
                return
            self._jobs[job.id] = job
            self._ids[job.uuid] = job.id
            if len(self._jobs) > self._max_jobs:
                _, oldest = self._jobs.popitem(last=False)
                self._ids.pop(oldest.uuid, None)

    def drop(self, job_ids: Iterable[int]) -> None:
        """These jobs changed or went."""
        with self._lock:
            self._drops += 1
            for job_id in job_ids:
                job = self._jobs.pop(job_id, None)
                if job is not None:
                    self._ids.pop(job.uuid, None)
