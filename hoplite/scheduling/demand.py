"""What the scheduler is told: who waits for what, who holds what, and what there is.

Sets of resources are ints of the :class:`~hoplite.model.resource_set.ResourceTable`; a lower bit is
preferred to a higher one.  Times are seconds since any epoch, the same in every value.
"""

from __future__ import annotations

import msgspec

from hoplite.model.resource import FOR_EVER
from hoplite.model.resource_request import Level
from hoplite.model.resource_set import ResourceTable, bits_at

Sharing = tuple[str, str]
"""Jobs with equal pairs may hold the same resources at the same time.  For OAR's
``timesharing=(user|*),(name|*)``: the job's user or ``*``, the job's name or ``*``."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A group of a request, its filter already answered."""

    levels: tuple[Level, ...]
    allowed: int
    """The resources that the filter lets through."""


class Alternative(msgspec.Struct, frozen=True, gc=False):
    """One way to run a job: the groups together, for that long."""

    groups: tuple[Asked, ...]
    walltime_s: float
    exactly: int = 0
    """Not groups but this very set: a job that resumes, a reservation that was granted."""


class WaitingJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job that waits and may be planned.  Jobs on hold are not given to the scheduler."""

    id: int
    alternatives: tuple[Alternative, ...]
    """At least one.  The one that would end first is taken; a reservation uses only the first."""
    queue: str = "default"
    priority: int = 0
    """The queue's; higher is planned first.  Jobs inside a container and besteffort jobs are ordered
    by it too."""
    order: float = 0.0
    """Within a priority, lower is first, then the lower id: the seam for fair share."""
    besteffort: bool = False
    """Planned after all others, and ended when one of them needs its resources."""
    sharing: Sharing | None = None
    container: bool = False
    """Other jobs may run inside what it holds."""
    inside: int | None = None
    """The container that it must run in, both in time and in resources."""
    after: frozenset[int] = frozenset()
    """Jobs that must have ended first.  An id that is never told of is waited for without end."""
    success_only: bool = False
    """One of ``after`` that does not succeed makes the job impossible."""
    not_before: float = 0.0
    starts_at: float | None = None
    """A reservation: granted for exactly then or refused at once."""

    @property
    def rank(self) -> tuple[float, float, int]:
        """Jobs are planned in ascending order of this."""
        return (-self.priority, self.order, self.id)


class HeldJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job that holds resources.  A suspended job holds none and is not given."""

    id: int
    bits: int
    start: float
    end: float
    """When its walltime is over."""
    priority: int = 0
    besteffort: bool = False
    sharing: Sharing | None = None
    container: bool = False
    inside: int | None = None


class Cluster(msgspec.Struct, frozen=True, gc=False):
    """The resources and which of them can start jobs."""

    table: ResourceTable
    usable: int
    """What new jobs may use: Alive and not drained."""
    upto: tuple[tuple[float, int], ...] = ()
    """From each time on, this set cannot be used any more; no resource is in two of them."""

    @classmethod
    def of(cls, table: ResourceTable) -> Cluster:
        """As the resources' own states say.

        Absent and Suspected resources start nothing but count as existing, so a request for all of
        them waits for their return.  ``available_upto`` ends the use of a resource.
        """
        usable = table.alive & ~table.where("drain", lambda value: value == "YES")
        ends: dict[int, list[int]] = {}
        for position, resource in enumerate(table.resources):
            if resource.available_upto < FOR_EVER:
                ends.setdefault(resource.available_upto, []).append(position)
        upto = tuple((float(end), bits_at(found)) for end, found in sorted(ends.items()))
        return cls(table, usable, upto)


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What bounds a schedule beside the resources."""

    running: int | None = None
    """At most so many jobs hold resources at once; predictions do not know of it."""
    stopped_queues: frozenset[str] = frozenset()
    """Jobs of these queues are not planned."""
    gap_s: float = 0.0
    """Between two jobs on the same resource in predictions (OAR's SECURITY_TIME)."""
    overrun_s: float = 30.0
    """So much later than predicted a job may end before those behind it are planned anew."""
    at_once: int = 16
    """So many jobs that lost their place are given a new one in the same call, the rest when the
    plan is settled."""
