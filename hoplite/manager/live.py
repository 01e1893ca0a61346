"""Jobs that have not ended, in memory: an index over the journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from hoplite.model.job import Job


class LiveJob:
    """One job that lives, its lock, and those who wait for its next change.

    ``job`` is always a value that the journal holds.  It is replaced under ``lock`` and read without.
    """

    __slots__ = ("_changed", "born", "job", "lock")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.born = False
        """Its creation is on disk: it may be shown.  Set under ``lock``."""
        self.lock = threading.Lock()
        self._changed = threading.Condition()

    def become(self, job: Job) -> None:
        """Show a value that was committed, and wake who waits.  Call with ``lock`` held."""
        self.job = job
        with self._changed:
            self._changed.notify_all()

    def wake(self) -> None:
        """Have those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def wait_past(self, version: int, timeout_s: float) -> Job:
        """The job once its version is over ``version``, or as it is after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self.job.version > version, timeout_s)
        return self.job


class LiveIndex:
    """The live jobs by id and by uuid."""

    def __init__(self) -> None:
        self._by_id: dict[int, LiveJob] = {}
        self._by_uuid: dict[str, LiveJob] = {}
        self._lock = threading.Lock()

    def add(self, live: LiveJob) -> None:
        with self._lock:
            self._by_id[live.job.id] = live
            self._by_uuid[live.job.uuid] = live

    def remove(self, job: Job) -> None:
        with self._lock:
            self._by_id.pop(job.id, None)
            self._by_uuid.pop(job.uuid, None)

    def find(self, ref: int | str) -> LiveJob | None:
        """By id, by uuid, or by an id in digits."""
        if isinstance(ref, int):
            return self._by_id.get(ref)
        found = self._by_uuid.get(ref)
        if found is None and ref.isascii() and ref.isdigit() and len(ref) < 19:
            found = self._by_id.get(int(ref))
        return found

    def __iter__(self) -> Iterator[LiveJob]:
        with self._lock:
            return iter([live for live in self._by_id.values() if live.born])

    def __len__(self) -> int:
        return len(self._by_id)
