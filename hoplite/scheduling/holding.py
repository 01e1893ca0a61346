"""Jobs that hold resources: how they come to, how long the plan counts on them."""

from __future__ import annotations

from math import inf

import msgspec

from hoplite.scheduling.book import Entry, Running
from hoplite.scheduling.decisions import Cause, Placement
from hoplite.scheduling.demand import HeldJob, WaitingJob
from hoplite.scheduling.plane import Region
from hoplite.scheduling.planner import Planner


def adopt(planner: Planner, held: HeldJob, end: float) -> None:
    """Count a job that holds resources already, and on its ending at ``end``.

    What it holds of resources that no new job may use is in nobody's way.
    """
    regions: list[Region] = []
    until = max(end, planner.now) + planner.limits.gap_s
    if held.inside is not None:
        regions = [Region(held.bits, held.start, until, held.sharing)]
    elif not held.besteffort:
        regions = _usable(planner, Region(held.bits, held.start, until, held.sharing))
    planner.hold(Running(held, regions, until))
    if held.container:
        planner.levels.contain(held.id, held.bits, held.start, held.end)


def started(planner: Planner, entry: Entry) -> HeldJob:
    """A waiting job with a plan holds its resources from now on.

    Its plan keeps its end.  If the job starts late, its walltime ends later than that, and the
    plan follows as far as nobody is behind it; the others wait for its real end.
    """
    planned, job = entry.planned, entry.job
    if planned is None:
        raise ValueError(f"job {job.id} has no place to start in")
    held = _held(job, planned, planner.now)
    region = planner.region(entry, planned)
    if entry.firm:
        standing = planner.planes(job, fixed=job.starts_at is not None)
        for plane in planner.planes(held, fixed=True):
            if plane not in standing:
                plane.occupy(region)
    planner.book.remove(entry)
    running = Running(held, [region] if entry.firm else [], region.end)
    if held.inside is None:
        planner.held |= held.bits
    planner.book.running[held.id] = running
    prolong(planner, running, held.end + planner.limits.gap_s, False)
    return held


def _held(job: WaitingJob, planned: Placement, now: float) -> HeldJob:
    on_time = now <= planned.start or job.starts_at is not None
    return HeldJob(
        id=job.id,
        bits=planned.bits,
        start=now,
        end=planned.end if on_time else now + planned.end - planned.start,
        priority=job.priority,
        besteffort=job.besteffort,
        sharing=job.sharing,
        container=job.container,
        inside=job.inside,
    )


def prolong(planner: Planner, running: Running, until: float, displacing: bool) -> None:
    """Let the plan count on the job's holding its resources until then.

    Places of others that are in the way are taken from them, or nothing is done.  A reservation
    keeps its date: whether it can start shows when it comes.
    """
    held = running.held
    if until <= running.until or not running.regions:
        return
    region = Region(running.regions[0].bits, running.until, until, held.sharing)
    planes = planner.planes(held, fixed=True)
    if not displacing and not all(plane.free(region) for plane in planes):
        return
    planner.clear(region, planes, Cause.OVERRUN, held.id)
    if held.inside is None:
        view = planner.levels.base.view(held.sharing)
        region = Region(
            region.bits & view.slots.during(running.until, until),
            running.until,
            until,
            held.sharing,
        )
    for plane in planes:
        plane.occupy(region)
    running.regions.append(region)
    running.until = until
    if held.container:
        _contain(planner, running)


def curtail(planner: Planner, running: Running, until: float) -> None:
    """Let the plan count on the job's holding its resources until then only."""
    if until >= running.until or not running.regions:
        return
    planes = planner.planes(running.held, fixed=True)
    kept: list[Region] = []
    for region in running.regions:
        if region.end <= until:
            kept.append(region)
            continue
        left = msgspec.structs.replace(region, end=max(until, region.start))
        for plane in planes:
            plane.release(region)
            plane.occupy(left)
        kept.append(left)
    running.regions, running.until = kept, until
    if running.held.container:
        _contain(planner, running)
    planner.room_from(until)


def room(planner: Planner, running: Running, displacing: bool) -> float:
    """Until when the job could hold its resources: the start of the first place behind it, or, if
    places of others may be taken, of the first that may not be."""
    held = running.held
    if not running.regions:
        return inf
    bits = running.regions[0].bits
    if held.inside is None:
        planes = [planner.levels.base] if displacing else planner.levels.all()
        bits &= planner.cluster.usable
    else:
        planes = planner.planes(held)
    blocked = inf
    for plane in planes:
        slots = plane.view(held.sharing).slots
        taken = (at for at, free in slots.since(running.until) if bits & ~free)
        blocked = min(blocked, max(next(taken, inf), running.until))
    if held.inside is not None and displacing:
        blocked = _room_inside(planner, running)
    return blocked - planner.limits.gap_s


def _room_inside(planner: Planner, running: Running) -> float:
    """The same in a container, whose plane does not tell who may be displaced."""
    held = running.held
    assert held.inside is not None
    container = planner.book.running.get(held.inside)
    reserved = (
        entry.planned.start
        for entry in planner.book.firm_in(held.inside)
        if entry.job.starts_at is not None and entry.planned is not None
        if entry.planned.bits & held.bits and entry.planned.start >= running.until
    )
    return min(running.until if container is None else container.until, *reserved, inf)


def _contain(planner: Planner, container: Running) -> None:
    """Its plane anew, for the time that the plan counts on it."""
    held = container.held
    planner.close(held.id)
    planner.levels.contain(held.id, held.bits, held.start, container.until)
    for inner in planner.book.running.values():
        if inner.held.inside == held.id:
            for region in inner.regions:
                planner.levels.containers[held.id].occupy(region)
    planner.wake(planner.book.inner.get(held.id, set()))


def overdue(planner: Planner) -> None:
    """Those who should have ended long ago are counted on for a while more."""
    limits, now = planner.limits, planner.now
    for running in list(planner.book.running.values()):
        if running.regions and running.until + limits.overrun_s <= now:
            prolong(planner, running, now + max(limits.overrun_s, 1.0), True)


def _usable(planner: Planner, region: Region) -> list[Region]:
    """A region without what no new job may use."""
    bits = region.bits & planner.cluster.usable
    regions = []
    for time, ending in planner.cluster.upto:
        if bits & ending and region.start < time:
            end = min(region.end, time)
            regions.append(Region(bits & ending, region.start, end, region.sharing))
        bits &= ~ending
    return [Region(bits, region.start, region.end, region.sharing), *regions]
