"""What happened to a job, as OAR's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.oar_state import oar_state
from hoplite.model.resource_request import walltime_text
from hoplite.model.timeline import Entry, Happening
from hoplite.model.walltime_change import change_text


class JobEvent(msgspec.Struct, frozen=True):
    """One event.  ``date`` is in seconds since 1970; nobody has to check anything, so ``to_check``
    is always ``NO``."""

    event_id: int
    job_id: int
    type: str
    date: int
    description: str
    to_check: str = "NO"


class _Detail(msgspec.Struct):
    signal: int | None = None
    reason: str | None = None
    outcome: str | None = None
    to: int | None = msgspec.field(default=None, name="as")
    to_s: float | None = None
    granted_s: float = 0.0
    pending_s: float = 0.0


_MOST = 4
"""Of events for one entry: each has an id of its own."""

_Told = Iterator[tuple[str, str]]
"""Types and descriptions."""


def events_of(job: Job, entries: Iterable[Entry]) -> list[JobEvent]:
    """The events of ``job``, in order: what OAR has a name for, and what our server did of itself.
    Births, starts and launches are no events to OAR: the job's dates tell of them."""
    found: list[JobEvent] = []
    held = False
    for entry in entries:
        told = _TOLD.get(entry.what)
        if entry.what is Happening.QUEUED and held:
            told = _resumed
        held = entry.what is Happening.HELD or (held and entry.what is not Happening.QUEUED)
        if told is not None:
            detail = _Detail() if entry.detail is None else _read(entry.detail)
            found += [
                JobEvent(entry.seq * _MOST + n, entry.job_id, kind, int(entry.at), words)
                for n, (kind, words) in enumerate(told(job, entry, detail))
            ]
    return found


def _read(detail: msgspec.Raw) -> _Detail:
    try:
        return msgspec.json.decode(detail, type=_Detail)
    except msgspec.MsgspecError:  # of another time's server: what it meant is not known here
        return _Detail()


def _resumed(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "RESUME_JOB", f"User {entry.who} launched oarresume on the job {job.id}"


def _held(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "HOLD_WAITING_JOB", f"User {entry.who} launched oarhold on the job {job.id}"


def _suspended(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "HOLD_RUNNING_JOB", f"User {entry.who} launched oarhold on the job {job.id}"


def _checkpointed(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "CHECKPOINT", f"User {entry.who} requested a checkpoint on the job {job.id}"


def _signalled(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield (
        f"SIGNAL_{detail.signal}",
        f"User {entry.who} requested the signal {detail.signal} on the job {job.id}",
    )


def _walltime_changed(job: Job, entry: Entry, detail: _Detail) -> _Told:
    granted, pending = change_text(detail.granted_s), change_text(detail.pending_s)
    walltime = walltime_text(round(detail.to_s or 0))
    yield "WALLTIME", f"walltime changed: {walltime} (granted: {granted}/pending: {pending})"


def _kill_requested(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "FRAG_JOB_REQUEST", f"User {entry.who} requested to frag the job {job.id}"
    if detail.reason is not None and detail.reason.startswith("besteffort"):
        yield "BESTEFFORT_KILL", detail.reason
    yield "SEND_KILL_JOB", f"[hoplite] SIGTERM was sent to the processes of job {job.id}"


def _resubmitted(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "RESUBMIT_JOB_AUTOMATICALLY", f"Job {job.id} runs again as job {detail.to}"


def _requeued(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "REQUEUED", f"Nothing of job {job.id} ran when the server ended: it waits again"


def _adopted(job: Job, entry: Entry, detail: _Detail) -> _Told:
    yield "ADOPTED", f"A new server found the process of job {job.id} again"


def _ended(job: Job, entry: Entry, detail: _Detail) -> _Told:
    reason = detail.reason or "the job has ended"
    if detail.outcome == Outcome.CANCELLED:
        yield "FRAG_JOB_REQUEST", f"User {entry.who} requested to frag the job {job.id}: {reason}"
        return
    if detail.outcome == Outcome.TIMED_OUT:
        yield "WALLTIME", f"[hoplite] Job [{job.id}]: {reason}"
    if job.granted.fault is not None:
        yield job.granted.fault.value, f"[hoplite] Job [{job.id}]: {reason}"
    state = "TERMINATE" if oar_state(job) == State.TERMINATED.value else "ERROR"
    yield f"SWITCH_INTO_{state}_STATE", f"[hoplite {job.id}] {reason}"


_TOLD: dict[Happening, Callable[[Job, Entry, _Detail], _Told]] = {
    Happening.HELD: _held,
    Happening.SUSPENDED: _suspended,
    Happening.RESUMING: _resumed,
    Happening.CHECKPOINT_REQUESTED: _checkpointed,
    Happening.SIGNALLED: _signalled,
    Happening.WALLTIME_CHANGED: _walltime_changed,
    Happening.KILL_REQUESTED: _kill_requested,
    Happening.RESUBMITTED: _resubmitted,
    Happening.REQUEUED: _requeued,
    Happening.ADOPTED: _adopted,
    Happening.ENDED: _ended,
}
