"""What a job asks of the batch system, and what it was given.  No I/O."""

from __future__ import annotations

import msgspec

from hoplite.model.batch_types import read_types
from hoplite.model.fault import Fault
from hoplite.model.property_expression import Expression
from hoplite.model.resource_request import DEFAULT_REQUEST, ResourceRequest
from hoplite.model.walltime_change import WalltimeChange

CHECKPOINT_SIGNAL = 12
"""OAR's default: SIGUSR2."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a job asked for.  It never changes; times are seconds since 1970, UTC."""

    name: str | None = None
    project: str = ""
    queue: str = "default"
    """Empty: it is for the admission rules to say."""
    types: tuple[str, ...] = ()
    """As they were written; :mod:`hoplite.model.batch_types` reads them."""
    requests: tuple[ResourceRequest, ...] = (DEFAULT_REQUEST,)
    """At least one; several make the job moldable."""
    properties: str = ""
    """The property filter as it was written, for all groups of all requests."""
    filter: Expression | None = None
    """``properties``, read."""
    initial_request: str = ""
    """The whole request as it came, for those who want to see it again."""
    command: str | None = None
    """The command as it was written, where there is one."""
    script: str | None = None
    """The text of a program, which the job finds as a file of its own; ``command`` runs it."""
    launching_directory: str | None = None
    stdout: str | None = None
    """Where standard output is appended to, ``%jobid%`` and ``%jobname%`` replaced, relative to the
    launching directory; None: the job's log."""
    stderr: str | None = None
    starts_at: float | None = None
    """The date of an advance reservation."""
    checkpoint_s: float | None = None
    """So long before the end of its walltime the job gets ``signal``."""
    signal: int = CHECKPOINT_SIGNAL
    notify: str | None = None
    array_id: int | None = None
    """Id of the first job of the array; None: the job's own id."""
    array_index: int = 1
    array_size: int = 1
    resubmit_of: int | None = None
    after: tuple[int, ...] = ()
    """Jobs that must have ended before."""
    success_only: bool = False
    """They must have succeeded, too."""
    hold: bool = False
    """It was submitted on hold."""


def runs_nothing(batch: Batch | None) -> bool:
    """Whether the job holds its resources for its walltime, and that is all: one of the type
    ``noop``, or a reservation without anything to run."""
    return batch is not None and (batch.command == "" or read_types(batch.types).noop)


class Granted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the batch system gave a job, and did to it."""

    assigned: tuple[int, ...] = ()
    """Resource ids: those that it holds or held; of a reservation that waits, those kept for it."""
    walltime_s: float | None = None
    """How long it may run, from its start on; time in suspension does not count."""
    alternative: int = 0
    """Which of its requests was granted, counted from 0."""
    suspended_at: float | None = None
    """Since when it is suspended."""
    suspended_s: float = 0.0
    """How long it was, before."""
    kill_reason: str | None = None
    """Why the batch system asked for its end."""
    resubmitted_as: int | None = None
    """The job that the batch system made in its place."""
    walltime_change: WalltimeChange | None = None
    """What was asked of ``walltime_s`` while it ran, and given."""
    fault: Fault | None = None
    """Why it ended before it ran what it was made for."""


NOTHING_GRANTED = Granted()
