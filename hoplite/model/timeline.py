"""Entries of the timeline: what happened to which job or resources, when, and who did it."""

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
    HELD = "held"
    """Out of the queue, until it is released."""
    SUSPENDED = "suspended"
    RESUMING = "resuming"
    """It waits for its resources to go on."""
    RESUMED = "resumed"
    CHECKPOINT_REQUESTED = "checkpoint_requested"
    WALLTIME_CHANGED = "walltime_changed"
    SIGNALLED = "signalled"
    RESUBMITTED = "resubmitted"
    """The batch system made another job in its place."""
    REQUEUED = "requeued"
    ADOPTED = "adopted"
    """A new server found the job's process again."""
    KILL_REQUESTED = "kill_requested"
    ENDED = "ended"
    LOG_REMOVED = "log_removed"
    FORGOTTEN = "forgotten"
    RESOURCE_ADDED = "resource_added"
    RESOURCE_CHANGED = "resource_changed"
    RESOURCE_REMOVED = "resource_removed"
    PROPERTY_ADDED = "property_added"
    PROPERTY_REMOVED = "property_removed"
    SETTING_CHANGED = "setting_changed"
    RULE_ADDED = "rule_added"
    """An admission rule."""
    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"


OF_RESOURCES = frozenset(
    {
        Happening.RESOURCE_ADDED,
        Happening.RESOURCE_CHANGED,
        Happening.RESOURCE_REMOVED,
        Happening.PROPERTY_ADDED,
        Happening.PROPERTY_REMOVED,
    }
)
"""Happenings that concern no job.  Everybody may know of them, as of the resources themselves."""

OF_ADMINISTRATION = frozenset(
    {
        Happening.SETTING_CHANGED,
        Happening.RULE_ADDED,
        Happening.RULE_CHANGED,
        Happening.RULE_REMOVED,
    }
)
"""Happenings that concern no job, and of which administrators alone may know."""

NO_JOB = 0
"""``job_id`` of an entry about resources or administration; its ``uuid`` and ``owner`` are empty, its version 0."""


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
