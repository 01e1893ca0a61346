"""``walltime-change``: what can be asked of the walltime of a running job, and what came of it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.job_acts import Act
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import InvalidFieldError
from hoplite.manager.array_commands import Command
from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource_request import walltime_text
from hoplite.model.walltime_change import (
    WalltimeAsk,
    WalltimeChange,
    change_text,
    read_walltime_change,
)

_YES, _NO = {"1", "yes", "true", "y"}, {"", "0", "no", "false", "n"}
_NEXT = "its walltime is that of its request until it runs"


class WalltimeView(msgspec.Struct, frozen=True):
    """``h:m:s`` all of them, but ``possible``, which may be UNLIMITED; ``force`` and
    ``delay_next_jobs`` are YES or NO as the last request had it, or FORBIDDEN to the caller."""

    walltime: str
    possible: str
    granted: str
    pending: str
    granted_with_force: str
    granted_with_delay_next_jobs: str
    force: str
    delay_next_jobs: str


def walltime_view(call: OarCall[Any, Any], job: Job) -> dict[str, WalltimeView]:
    """``walltime-change`` of a job that was started, where walltimes can be changed."""
    manager = call.service.manager
    if not manager.limits.walltime_change or job.batch is None or job.walltime_s is None:
        return {}
    change = job.granted.walltime_change or WalltimeChange(first_s=job.walltime_s)
    may_force, may_delay = manager.batch.walltime_rights(call.caller)
    view = WalltimeView(
        walltime=walltime_text(round(job.walltime_s)),
        possible=_possible(job, manager.limits.walltime_max_increase_s),
        granted=change_text(change.granted_s),
        pending=change_text(change.pending_s),
        granted_with_force=change_text(change.granted_with_force_s),
        granted_with_delay_next_jobs=change_text(change.granted_with_delay_next_jobs_s),
        force=_told(change.force, may_force),
        delay_next_jobs=_told(change.delay_next_jobs, may_delay),
    )
    return {"walltime-change": view}


def changing_walltime(walltime: Any, force: Any, delay_next_jobs: Any) -> Act:
    """The act of changing the walltime, read from a request."""
    if walltime in (UNSET, None, ""):
        raise Titled(
            "Missing Required Field",
            InvalidFieldError(
                "Walltime change request must have a walltime field: +h:m:s, -h:m:s or h:m:s",
                field="walltime",
            ),
        )
    ask = read_walltime_change(str(walltime))
    forced, delaying = _flag(force, "force"), _flag(delay_next_jobs, "delay_next_jobs")

    def of(manager: JobManager) -> Command:
        def change(caller: Caller, ref: str) -> Job:
            return _change(manager, caller, ref, ask, forced, delaying)

        return change

    instead = dict.fromkeys((State.WAITING, State.HOLD), _NEXT)
    instead[State.SUSPENDED] = "`resumptions` has it go on first"
    return Act("changed in its walltime", "Accepted", of, _said, instead)


def _change(
    manager: JobManager, caller: Caller, ref: str, ask: WalltimeAsk, force: bool, delay: bool
) -> Job:
    return manager.batch.change_walltime(caller, ref, ask, force=force, delay_next_jobs=delay)


def _said(job: Job, _node: str) -> str:
    walltime = walltime_text(round(job.walltime_s or 0))
    change = job.granted.walltime_change
    pending = f" (pending: {change_text(change.pending_s)})" if change and change.pending_s else ""
    return f"Walltime change request accepted for job {job.id}, it is {walltime} now{pending}"


def _possible(job: Job, most_s: float | None) -> str:
    if job.state is not State.RUNNING:
        return walltime_text(0)
    return "UNLIMITED" if most_s is None else walltime_text(round(most_s))


def _told(asked: bool, may: bool) -> str:
    if not may:
        return "FORBIDDEN"
    return "YES" if asked else "NO"


def _flag(given: bool | float | str | UnsetType | None, name: str) -> bool:
    text = "" if given is UNSET or given is None else str(given).lower().removesuffix(".0")
    if text not in _YES | _NO:
        raise InvalidFieldError(f"{name}: {given!r} is neither yes nor no", field=name)
    return text in _YES
