"""Going through the plan, job by job in their order, to use what was given back.

Nothing has to wait for it: the plan is valid all the time, and a job that can start now was found
already.  What is gained are earlier predictions.
"""

from __future__ import annotations

from math import inf

from hoplite.scheduling.book import Entry
from hoplite.scheduling.planner import Planner


class Settling:
    """A walk over the waiting jobs, a few at a time, once after the last change.

    What moves in the walk makes room for the jobs behind it; those before it are not looked at
    again.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._round: list[Entry] = []
        self._at = 0
        self._room = inf
        """From when on there was room when the round began."""

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to gain."""
        planner = self._planner
        return (
            not any(planner.book.waiting[job_id].firm for job_id in planner.book.unplaced)
            and self._at >= len(self._round)
            and planner.room == inf
        )

    def step(self, limit: int) -> int:
        """Look at up to ``limit`` jobs; how many were looked at."""
        looked = self._planner.fill(limit)
        while looked < limit and not self.settled:
            if self._at >= len(self._round):
                self._begin()
                continue
            entry = self._round[self._at]
            self._at += 1
            looked += self._improve(entry)
            if self._planner.book.unplaced:
                looked += self._planner.fill(max(1, limit - looked))
        return looked

    def _begin(self) -> None:
        planner = self._planner
        self._room, planner.room = planner.room, inf
        self._at = 0
        self._round = sorted(
            (e for e in planner.book.waiting.values() if e.firm and e.start > self._room),
            key=lambda entry: entry.rank,
        )

    def _improve(self, entry: Entry) -> int:
        """Bring the entry forward if there is room for it; 1 if that had to be looked for."""
        planner, job = self._planner, entry.job
        room = min(self._room, planner.room)
        known = planner.book.waiting.get(job.id) is entry
        if not known or entry.planned is None or job.starts_at is not None:
            return 0
        if entry.start <= max(room, planner.now):
            return 0
        found = planner.find_earlier(entry)
        if found is not None:
            room = planner.room
            planner.lift(entry)
            planner.put(entry, found)
            self._room, planner.room = min(self._room, planner.room), room
        return 1
