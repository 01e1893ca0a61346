"""Until when a job can start: its types ``expire`` and ``deadline``."""

from __future__ import annotations

import time

import msgspec

from hoplite.model.batch_types import BatchTypes


class LatestStart(msgspec.Struct, frozen=True):
    """``why`` is in words."""

    at: float
    why: str


def latest_start(types: BatchTypes, shortest_s: float) -> LatestStart | None:
    """None: at any time.  ``shortest_s``: the least walltime that the job asks for."""
    found = []
    if types.expire is not None:
        found.append(LatestStart(types.expire, f"it was to start by {_moment(types.expire)}"))
    if types.deadline is not None:
        why = f"it was to have run for its walltime by {_moment(types.deadline)}"
        found.append(LatestStart(types.deadline - shortest_s, why))
    return min(found, key=lambda one: one.at, default=None)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
