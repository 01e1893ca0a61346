"""First come, first served, within a number of places.

The OAR dialect's queues and resources take this function's place behind the same call.
"""

from __future__ import annotations

from collections.abc import Iterable


def next_starts(waiting: Iterable[int], running: int, places: int) -> list[int]:
    """The ids to start now: from the head of ``waiting`` (in order), as many as have a place."""
    free = max(0, places - running)
    return [job_id for _, job_id in zip(range(free), waiting, strict=False)]
