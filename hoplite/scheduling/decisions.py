"""What the scheduler answers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Placement(msgspec.Struct, frozen=True, gc=False):
    """A set of resources for a time."""

    bits: int
    start: float
    end: float
    alternative: int = 0
    """Which of the job's alternatives, counted from 0."""


class Cause(StrEnum):
    """Why a prediction got later."""

    PRIORITY = "a job of a higher priority took the place"
    RESERVATION = "a reservation took the place"
    OVERRUN = "a job holds its resources longer than it was to"
    LATE = "it could not start when it was to: others ran on, or as many ran as may"
    RESOURCES = "resources changed"
    DEPENDENCY = "a job that it comes after ends later"
    CONTAINER = "its container changed its place"


class Delay(msgspec.Struct, frozen=True, gc=False):
    """A prediction that was given up."""

    cause: Cause
    by: int | None
    """The job that caused it, if one did."""
    promised: float
    """The start that was predicted before."""


class Reason(StrEnum):
    """What a job waits for."""

    RESOURCES = "resources"
    """More than is free now; ``jobs`` hold some of it."""
    AHEAD = "ahead"
    """Enough is free now, but not for long enough: ``jobs`` are planned before it."""
    RESERVATION = "reservation"
    """Enough is free now, but reserved for ``jobs``; or the job's own date has not come."""
    DEPENDENCY = "dependency"
    CONTAINER = "container"
    """Its container, ``jobs``, does not run."""
    QUEUE = "queue"
    """Its queue is stopped."""
    LIMIT = "limit"
    """As many jobs run as may."""
    DATE = "date"
    """It asked not to start before a date."""
    PREEMPTION = "preemption"
    """The besteffort ``jobs`` are being ended for it."""
    IMPOSSIBLE = "impossible"
    """More than there is, or what it comes after did not succeed."""
    STARTING = "starting"
    """Nothing: it can start."""


class Wait(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a job waits, until when, and what would start it sooner."""

    reason: Reason
    jobs: tuple[int, ...] = ()
    predicted: float | None = None
    delay: Delay | None = None
    """The last time its prediction got later."""
    free_now: int = 0
    """How many of the resources that it may use are free now."""
    walltime_now: float | None = None
    """With at most this walltime it could start now; None: with none."""
    elsewhere: tuple[str, ...] = ()
    """Nodes that it is impossible without and that are not the machine that jobs run on."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A reservation that cannot be granted."""

    could_start: float | None
    """The first time from the asked one on at which it could be; None: never."""


class Decisions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is to be done now."""

    starts: dict[int, Placement]
    """To be started and confirmed by :meth:`Scheduler.started`."""
    preemptions: dict[int, int]
    """Besteffort jobs to be ended, and the job that each is ended for."""
    impossible: tuple[int, ...]
    """Waiting jobs that can never start: what they come after did not succeed, or they are
    reservations whose resources were gone until their time was over."""
    wake_at: float | None
    """The next time at which something is due if nothing else happens before."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The whole answer of a full pass."""

    decisions: Decisions
    planned: dict[int, Placement | None]
    """For every waiting job; None: no prediction is possible."""
    refused: dict[int, Refusal]
