"""Entries of the timeline: what happened to which job, when, and who did it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Happening(StrEnum):
    """The kinds of entries that clients see."""

    CREATED = "created"
    QUEUED = "queued"
    LAUNCHED = "launched"
    STARTED = "started"
    STATUS = "status"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REQUEUED = "requeued"
    ADOPTED = "adopted"
    """A new server found the job's process again."""
    KILL_REQUESTED = "kill_requested"
    ENDED = "ended"
    LOG_REMOVED = "log_removed"
    FORGOTTEN = "forgotten"


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry.  ``seq`` is given by the journal: it rises in the order of the commits."""

    seq: int = 0
    job_id: int
    uuid: str
    owner: str
    at: float
    """Seconds since 1970, UTC."""
    what: Happening
    who: str
    """A user's name, ``job`` for the job's own process, ``server``."""
    version: int
    """The job's version after it."""
    detail: msgspec.Raw | None = None
    """A JSON object, where the kind has more to say."""
