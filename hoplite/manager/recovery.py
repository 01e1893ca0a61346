"""After a start: find every job that lived when the last server died."""

from __future__ import annotations

import time

import msgspec
import structlog

from hoplite.execution.protocol import Ended, Executor, NeverStarted, Running
from hoplite.journal.protocol import Change, Happened, JobChanged, JobCreated
from hoplite.manager.endings import ended_entry, job_at_end, job_running
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.launching import Launcher
from hoplite.manager.successors import succession
from hoplite.model.batch import NOTHING_GRANTED, Granted
from hoplite.model.job import Job
from hoplite.model.lifecycle import STARTED, Event, Outcome, State, ending
from hoplite.model.timeline import Entry, Happening

log = structlog.get_logger("hoplite.manager")


class Recovered(msgspec.Struct):
    """How the last server's jobs were found, by id."""

    waiting: list[int] = []
    running: list[int] = []
    ended: list[int] = []
    requeued: list[int] = []


def recover(table: JobTable, executor: Executor, launcher: Launcher) -> Recovered:
    """Bring the live jobs of the journal up to date, in one commit, and put them in their places."""
    found = Recovered()
    changes: list[Change] = []
    jobs = sorted(table.journal.live_jobs(), key=lambda job: (job.queued_at or 0.0, job.id))
    now: list[Job] = []
    for job in jobs:
        current, entries = _up_to_date(job, executor)
        made = succession(current, table.next_birth) if current.ended else None
        if made is not None:
            current = made.ended
            entries = [*entries, *made.entries]
            changes.append(JobCreated(made.successor))
            now.append(made.successor)
            found.waiting.append(made.successor.id)
        if current is not job:
            changes.append(JobChanged(current))
        changes += map(Happened, entries)
        now.append(current)
        _count(found, job, current)
    if changes:
        table.journal.commit(*changes)
    for current in now:
        _place(current, table, launcher)
    log.info("recovered", **{k: len(v) for k, v in msgspec.structs.asdict(found).items()})
    return found


def _up_to_date(job: Job, executor: Executor) -> tuple[Job, list[Entry]]:
    if job.state is State.TO_LAUNCH:
        return _requeued(job)
    if job.state not in STARTED:
        return job, []
    fate = executor.adopt(job.id, job.handle)
    if isinstance(fate, Running):
        moved, entries = job_running(job, fate)
        return moved, [*entries, entry(moved, Happening.ADOPTED, SERVER, time.time())]
    if isinstance(fate, Ended):
        return job_at_end(job, fate)
    assert isinstance(fate, NeverStarted)
    return _cancelled(job) if job.kill_by else _requeued(job)


def _requeued(job: Job) -> tuple[Job, list[Entry]]:
    # Its process may have existed: made by a warden that died, and gone before it began the job.
    moved = job.moved(
        Event.UNLAUNCHED,
        key_hash=b"",
        handle=None,
        started_at=None,
        reason="waits for a place to run",
        granted=_granted_again(job),
    )
    return moved, [entry(moved, Happening.REQUEUED, SERVER, time.time())]


def _granted_again(job: Job) -> Granted:
    """A reservation keeps its resources; whatever else was granted is granted anew."""
    if job.batch is None or job.batch.starts_at is None:
        return NOTHING_GRANTED
    return Granted(assigned=job.assigned)


def _cancelled(job: Job) -> tuple[Job, list[Entry]]:
    """Killed before its process existed."""
    now = time.time()
    moved = job.moved(
        Event.UNLAUNCHED,
        *ending(State.WAITING, Outcome.CANCELLED),
        outcome=Outcome.CANCELLED,
        finished_at=now,
        handle=None,
        started_at=None,
        reason=f"cancelled by {job.kill_by} before it started",
    )
    return moved, [ended_entry(moved, job.kill_by or SERVER)]


def _count(found: Recovered, before: Job, job: Job) -> None:
    if job.ended:
        found.ended.append(job.id)
    elif job.running:
        found.running.append(job.id)
    elif job.state is State.WAITING:
        (found.requeued if before.state is not State.WAITING else found.waiting).append(job.id)


def _place(job: Job, table: JobTable, launcher: Launcher) -> None:
    if job.ended:
        return
    table.take_over(job)
    if job.batch is not None:
        return
    if job.running:
        launcher.places.hold(job.id)
    elif job.state is State.WAITING:
        launcher.places.wait(job.id)
