"""What the plan says: where jobs are to start, and what is to be done now."""

from __future__ import annotations

import msgspec

from hoplite.scheduling.decisions import Placement
from hoplite.scheduling.demand import HeldJob


class Start(msgspec.Struct, frozen=True):
    """A job that the plan lets start now: ``assigned`` are resource ids."""

    job_id: int
    assigned: tuple[int, ...]
    walltime_s: float
    """Of the whole run, also of a job that goes on."""
    alternative: int
    held: HeldJob


class Place(msgspec.Struct, frozen=True):
    """Where and when a job is to start, and the ids of the resources."""

    placement: Placement
    resources: tuple[int, ...]


class Turn(msgspec.Struct, frozen=True):
    """What is to be done now."""

    starts: list[Start]
    preemptions: dict[int, int]
    """Besteffort jobs to be ended, and the job that each is ended for."""
    impossible: list[int]
    """Waiting jobs that can never start."""
    stranded: dict[int, int]
    """Jobs to be ended because a resource of theirs is Dead: which one."""
