"""Why a job waits, and what would start it sooner."""

from __future__ import annotations

from hoplite.scheduling.book import Entry
from hoplite.scheduling.decisions import Reason, Wait
from hoplite.scheduling.placement import NEVER
from hoplite.scheduling.planner import Planner


def why(planner: Planner, entry: Entry, predicted: float | None) -> Wait:
    """What keeps the job from starting now."""
    reason, jobs = _reason(planner, entry)
    view = planner.view(entry.job)
    hidden = 0 if entry.firm else planner.held
    free = 0 if view is None else next(view.slots.since(planner.now))[1] & ~hidden
    mask = 0
    for option in entry.options:
        mask |= option.fit.mask
    return Wait(
        reason=reason,
        jobs=jobs,
        predicted=predicted,
        delay=entry.delay,
        free_now=(free & mask).bit_count(),
        walltime_now=_walltime_now(planner, entry) if reason in _SHORTER_HELPS else None,
    )


_SHORTER_HELPS = (Reason.AHEAD, Reason.RESERVATION)


def _reason(planner: Planner, entry: Entry) -> tuple[Reason, tuple[int, ...]]:
    job = entry.job
    if job.queue in planner.limits.stopped_queues:
        return Reason.QUEUE, ()
    if entry.broken or all(option.fit.minimum >= NEVER for option in entry.options):
        return Reason.IMPOSSIBLE, ()
    if entry.missing:
        return Reason.DEPENDENCY, tuple(sorted(entry.missing))
    if job.inside is not None and job.inside not in planner.book.running:
        return Reason.CONTAINER, (job.inside,)
    if job.starts_at is not None and job.starts_at > planner.now:
        return Reason.RESERVATION, (job.id,)
    if job.not_before > planner.now:
        return Reason.DATE, ()
    return _reason_of_resources(planner, entry)


def _reason_of_resources(planner: Planner, entry: Entry) -> tuple[Reason, tuple[int, ...]]:
    if entry.start <= planner.now:
        return _reason_of_due(planner, entry)
    if not _fits_this_moment(planner, entry):
        return Reason.RESOURCES, _holders(planner, entry)
    ahead = _planned_ahead(planner, entry)
    reserved = tuple(job for job in ahead if planner.book.waiting[job].job.starts_at is not None)
    return (Reason.RESERVATION, reserved) if reserved else (Reason.AHEAD, ahead)


def _reason_of_due(planner: Planner, entry: Entry) -> tuple[Reason, tuple[int, ...]]:
    bits = entry.planned.bits if entry.planned is not None else 0
    blockers = [
        other.held
        for other in planner.book.running.values()
        if other.held.inside == entry.job.inside
        and other.held.bits & bits
        and (entry.job.sharing is None or other.held.sharing != entry.job.sharing)
    ]
    ids = tuple(sorted(held.id for held in blockers))
    if any(not held.besteffort for held in blockers):
        return Reason.RESOURCES, ids
    if blockers:
        return Reason.PREEMPTION, ids
    most = planner.limits.running
    full = most is not None and len(planner.book.running) >= most
    return (Reason.LIMIT if full else Reason.STARTING), ()


def _holders(planner: Planner, entry: Entry) -> tuple[int, ...]:
    """The running jobs on resources that the job could use, those that end first first."""
    mask = 0
    for option in entry.options:
        mask |= option.fit.mask
    found = [
        other.held
        for other in planner.book.running.values()
        if other.held.inside == entry.job.inside and other.held.bits & mask
    ]
    return tuple(held.id for held in sorted(found, key=lambda held: (held.end, held.id)))


def _fits_this_moment(planner: Planner, entry: Entry) -> bool:
    """Whether it would fit if nothing were planned."""
    free = _unheld(planner, entry)
    return any(
        (free & option.fit.mask).bit_count() >= option.fit.minimum and option.fit.choose(free)
        for option in entry.options
    )


def _unheld(planner: Planner, entry: Entry) -> int:
    inside = entry.job.inside
    if inside is None:
        return planner.cluster.usable & ~planner.held
    free = planner.book.running[inside].held.bits
    for other in planner.book.running.values():
        if other.held.inside == inside:
            free &= ~other.held.bits
    return free


def _planned_ahead(planner: Planner, entry: Entry) -> tuple[int, ...]:
    """The jobs whose plans meet what is free now during the job's walltime."""
    free = _unheld(planner, entry)
    end = planner.now + min(option.length for option in entry.options)
    found = [
        other
        for other in planner.book.firm_in(entry.job.inside)
        if other is not entry
        and other.start < end
        and other.planned is not None
        and other.planned.bits & free
    ]
    return tuple(
        other.job.id for other in sorted(found, key=lambda other: (other.start, other.rank))
    )


def _walltime_now(planner: Planner, entry: Entry) -> float | None:
    """The longest walltime with which one of the alternatives could start now."""
    view = planner.view(entry.job)
    if view is None:
        return None
    longest: float | None = None
    for option in entry.options:
        left, last = option.fit.mask, planner.now
        for time, free in view.slots.since(planner.now):
            left &= free
            last = time
            if left.bit_count() < option.fit.minimum or not option.fit.choose(left):
                break
        room = last - planner.now - planner.limits.gap_s
        if room > 0 and (longest is None or room > longest):
            longest = room
    return longest
