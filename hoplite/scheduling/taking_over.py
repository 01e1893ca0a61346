"""A plan from the beginning: everything that is held, then what was promised, then all others."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import inf

from hoplite.scheduling import besteffort, starting
from hoplite.scheduling.decisions import Cause, Delay, Placement, Refusal, Schedule
from hoplite.scheduling.demand import Cluster, HeldJob, Limits, WaitingJob
from hoplite.scheduling.holding import adopt
from hoplite.scheduling.planner import Planner


def schedule(
    now: float,
    cluster: Cluster,
    *,
    held: Iterable[HeldJob] = (),
    waiting: Iterable[WaitingJob] = (),
    limits: Limits | None = None,
    promised: Mapping[int, Placement] | None = None,
) -> Schedule:
    """One full pass: every waiting job gets its place, and what starts now is said."""
    planner = Planner(cluster, limits or Limits(), now)
    take_over(planner, held, waiting, promised or {})
    decisions = starting.decide(planner)
    hoped = besteffort.predict(planner)
    entries = planner.book.waiting.values()
    planned = {entry.job.id: entry.planned or hoped.get(entry.job.id) for entry in entries}
    refused: dict[int, Refusal] = {}
    for entry in entries:
        if entry.job.starts_at is not None and entry.planned is None:
            answer = planner.grant(entry)
            refused[entry.job.id] = answer if isinstance(answer, Refusal) else Refusal(None)
    return Schedule(decisions=decisions, planned=planned, refused=refused)


def take_over(
    planner: Planner,
    held: Iterable[HeldJob],
    waiting: Iterable[WaitingJob],
    promised: Mapping[int, Placement],
) -> None:
    """Fill an empty plan.  A place that was promised is kept where it is still possible."""
    starts = sorted((placement.start, placement.bits) for placement in promised.values())
    for one in sorted(held, key=lambda one: (one.inside is not None, one.id)):
        adopt(planner, one, _counted_on(one, starts, planner.limits.overrun_s))
    for job in waiting:
        planner.book.add(planner.entry(job))
    _keep(planner, promised)
    while planner.fill(max(1, len(planner.book.waiting))):
        pass
    planner.room = planner.now if promised else inf


def _counted_on(held: HeldJob, starts: list[tuple[float, int]], tolerance: float) -> float:
    """The job's end, or the slightly earlier one with which those behind it were planned."""
    at = bisect_left(starts, (held.end - tolerance, 0))
    for start, bits in starts[at:]:
        if start >= held.end:
            break
        if bits & held.bits and held.inside is None:
            return start
    return held.end


def _keep(planner: Planner, promised: Mapping[int, Placement]) -> None:
    waiting = planner.book.waiting
    entries = sorted(
        (waiting[job_id] for job_id in promised if job_id in waiting),
        key=lambda e: (e.job.starts_at is None, e.job.inside is not None, e.rank),
    )
    for entry in entries:
        old = promised[entry.job.id]
        plane = planner.own_plane(entry.job)
        kept = plane is not None and old.end > planner.now
        if plane is not None and kept and plane.free(planner.region(entry, old)):
            planner.put(entry, old)
        else:
            entry.delay = Delay(Cause.RESOURCES, None, old.start)
