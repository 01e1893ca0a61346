"""Who waits for a place to run, and who holds one."""

from __future__ import annotations

import threading

from hoplite.scheduling.order import next_starts


class Places:
    """The waiting line and the places of one server.  All methods are atomic."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._waiting: dict[int, None] = {}
        self._holding: set[int] = set()
        self._lock = threading.Lock()

    def become(self, places: int) -> None:
        """So many from now on.  Who holds one keeps it."""
        with self._lock:
            self.places = places

    def take_at_once(self, job_id: int) -> bool:
        """A place for a job that has not waited; False if there is none or others came first."""
        with self._lock:
            if self._waiting or len(self._holding) >= self.places:
                return False
            self._holding.add(job_id)
            return True

    def hold(self, job_id: int) -> None:
        """Count a job that runs already (after a restart), over the limit too."""
        with self._lock:
            self._holding.add(job_id)

    def wait(self, job_id: int) -> None:
        """To the end of the line."""
        with self._lock:
            self._waiting[job_id] = None

    def leave_line(self, job_id: int) -> bool:
        """Out of the line; False if it was not in it (any more)."""
        with self._lock:
            return self._waiting.pop(job_id, False) is None

    def give_back(self, job_id: int) -> None:
        with self._lock:
            self._holding.discard(job_id)

    def return_to_head(self, job_id: int) -> None:
        """Back to the front of the line: the launch could not be journalled."""
        with self._lock:
            self._holding.discard(job_id)
            self._waiting = {job_id: None, **self._waiting}

    def take_next(self) -> list[int]:
        """Move those whose turn it is from the line to places."""
        with self._lock:
            starts = next_starts(self._waiting, len(self._holding), self.places)
            for job_id in starts:
                del self._waiting[job_id]
                self._holding.add(job_id)
            return starts

    @property
    def holding(self) -> int:
        return len(self._holding)

    @property
    def waiting(self) -> int:
        return len(self._waiting)
