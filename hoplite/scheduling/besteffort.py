"""Predictions for besteffort jobs.  Nothing is promised to them: each time all anew."""

from __future__ import annotations

from hoplite.scheduling.decisions import Placement
from hoplite.scheduling.plane import Plane, Region
from hoplite.scheduling.planner import Planner


def predict(planner: Planner) -> dict[int, Placement]:
    """Where each waiting besteffort job would run if nobody else came: behind all other plans and
    behind the besteffort jobs that run and wait before it."""
    book = planner.book
    entries = sorted((e for e in book.waiting.values() if not e.firm), key=lambda e: e.rank)
    if not entries:
        return {}
    plane = planner.levels.lowest.copy()
    for running in book.running.values():
        held = running.held
        if held.besteffort and held.inside is None:
            _occupy_until_taken(
                plane, Region(held.bits, planner.now, max(held.end, planner.now), held.sharing)
            )
    found: dict[int, Placement] = {}
    for entry in entries:
        placement = planner.find(entry, plane.view(entry.job.sharing))
        if placement is not None:
            found[entry.job.id] = placement
            plane.occupy(planner.region(entry, placement))
    return found


def _occupy_until_taken(plane: Plane, region: Region) -> None:
    """A running besteffort job keeps its resources until somebody has a better claim."""
    end = region.end
    for time, free in plane.view(region.sharing).slots.since(region.start):
        if time >= end or region.bits & ~free:
            end = min(end, time)
            break
    if end > region.start:
        plane.occupy(Region(region.bits, region.start, end, region.sharing))
