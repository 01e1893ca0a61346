"""What jobs asked for and used, in resources times seconds.  No I/O.

Consumption is counted in windows of a day (UTC), OAR's ``ACCOUNTING_WINDOW``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from hoplite.model.job import Job

WINDOW_S = 86_400
DEFAULT_PROJECT = "default"
_WINDOW_MS = WINDOW_S * 1000
_LONGEST_S = 100 * 365.0 * WINDOW_S
"""Of one job; a walltime may be of any length, and sums stay within 64 bits."""


class Kind(StrEnum):
    """What is counted."""

    ASKED = "ASKED"
    """Walltimes, from the start of each job on."""
    USED = "USED"
    """The time that it held its resources, without suspensions, from its start on."""


class Step(msgspec.Struct, frozen=True):
    """From a moment on, ``resources`` more are held, or fewer."""

    kind: Kind
    window: int
    """Windows since 1970 that ended before the moment."""
    offset_ms: int
    """Of the moment in its window."""
    resources: int


class Steps(msgspec.Struct, frozen=True):
    """Many steps of one kind, of one owner and project, as sums: what was held between two moments
    needs no more, however long the jobs are."""

    resources: int
    by_window: int
    """Of ``resources`` times ``window``."""
    by_offset_ms: int
    """Of ``resources`` times ``offset_ms``."""

    def held_ms(self, window: int) -> int:
        """Resources times milliseconds until the beginning of ``window``, after all of the steps."""
        return (window * self.resources - self.by_window) * _WINDOW_MS - self.by_offset_ms


class Consumption(msgspec.Struct, frozen=True, kw_only=True):
    """Of one owner in one project; resources times seconds."""

    project: str
    owner: str
    asked_s: int
    used_s: int


def steps_of(job: Job) -> Iterator[Step]:
    """What an ended job adds; nothing for one that never ran or held no resource."""
    if job.started_at is None or job.finished_at is None or not job.assigned:
        return
    granted = job.granted
    end = job.finished_at if granted.suspended_at is None else granted.suspended_at
    used_s = max(0.0, end - job.started_at - granted.suspended_s)
    for kind, length_s in ((Kind.USED, used_s), (Kind.ASKED, granted.walltime_s or 0.0)):
        began_ms = round(job.started_at * 1000)
        yield _step(kind, began_ms, len(job.assigned))
        yield _step(kind, began_ms + round(min(length_s, _LONGEST_S) * 1000), -len(job.assigned))


def window_at(at_s: float) -> int:
    """The window of a moment; seconds since 1970."""
    return int(at_s // WINDOW_S)


def _step(kind: Kind, at_ms: int, resources: int) -> Step:
    window, offset_ms = divmod(at_ms, _WINDOW_MS)
    return Step(kind, window, offset_ms, resources)
