"""What a job shows of changes of its walltime while it runs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from hoplite.api.oar.job_facts import JobFacts
from hoplite.api.oar.job_texts import asked_walltime, walltime_of
from hoplite.model.lifecycle import State
from hoplite.model.resource_request import walltime_text
from hoplite.model.walltime_change import WalltimeChange, change_text

_FORBIDDEN = "FORBIDDEN"
_UNLIMITED = "UNLIMITED"


class WalltimeChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """Times are `hours:minutes:seconds`; changes have a sign."""

    walltime: str
    possible: Annotated[
        str, Meta(description="By how much it can be made longer: UNLIMITED, or a time.")
    ]
    pending: Annotated[str, Meta(description="Asked for, and given once there is room.")]
    granted: str
    granted_with_force: str
    granted_with_delay_next_jobs: str
    force: Annotated[
        str, Meta(description="FORBIDDEN to the caller; else whether it was asked for.")
    ]
    delay_next_jobs: Annotated[
        str, Meta(description="FORBIDDEN to the caller; else whether it was asked for.")
    ]


def walltime_change(facts: JobFacts) -> WalltimeChangeView | None:
    """None: it cannot be changed here (setting ``walltime_change``), or never is of such a job."""
    rights, job = facts.walltime_rights, facts.job
    if rights is None or job.batch is None:
        return None
    walltime = walltime_of(facts)
    change = job.granted.walltime_change or WalltimeChange(first_s=float(walltime or 0))
    return WalltimeChangeView(
        walltime=walltime_text(asked_walltime(facts) if walltime is None else walltime),
        possible=_possible(facts, rights.max_increase_s),
        pending=change_text(change.pending_s),
        granted=change_text(change.granted_s),
        granted_with_force=change_text(change.granted_with_force_s),
        granted_with_delay_next_jobs=change_text(change.granted_with_delay_next_jobs_s),
        force=_asked(change.force, rights.may_force),
        delay_next_jobs=_asked(change.delay_next_jobs, rights.may_delay),
    )


def _possible(facts: JobFacts, most_s: float | None) -> str:
    if facts.job.state is not State.RUNNING:
        return change_text(0)
    return _UNLIMITED if most_s is None else change_text(most_s)


def _asked(asked: bool, may: bool) -> str:
    if not may:
        return _FORBIDDEN
    return "YES" if asked else "NO"
