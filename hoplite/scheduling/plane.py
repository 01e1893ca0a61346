"""The free time of a set of resources as each kind of job sees it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import inf, nextafter

import msgspec

from hoplite.scheduling.demand import Sharing
from hoplite.scheduling.earliest import Frontier, OwnWindow, Window
from hoplite.scheduling.placement import Fit
from hoplite.scheduling.slots import Slots


class Region(msgspec.Struct, frozen=True, gc=False):
    """What a job takes of a plane: these resources, from start to end."""

    bits: int
    start: float
    end: float
    sharing: Sharing | None = None


class View:
    """Slots with what is known of them."""

    __slots__ = ("frontier", "slots")

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.frontier = Frontier()

    def occupy(self, pieces: Iterable[Region]) -> None:
        for piece in pieces:
            self.slots.occupy(piece.bits, piece.start, piece.end)

    def release(self, pieces: Iterable[Region]) -> None:
        for piece in pieces:
            self.slots.release(piece.bits, piece.start, piece.end)
            self.frontier.given_back(piece.start, piece.end)

    def earliest(
        self, fit: Fit, length: float, begin: float, latest: float = inf
    ) -> tuple[float, int] | None:
        """As :meth:`Window.earliest`, starting where earlier questions left off."""
        spans = self.frontier.spans(fit, length, begin, latest)
        window, found = Window(self.slots, fit, length), None
        for first, last in spans:
            found = found or window.earliest(first, last)
        if begin <= self.slots.begin:
            self.frontier.learn(fit, length, latest if found is None else found[0])
        return found

    def earlier(
        self, fit: Fit, length: float, begin: float, latest: float, own: Region
    ) -> tuple[float, int] | None:
        """As :meth:`earliest` for a job that has the place ``own`` in these slots."""
        mine = own.bits if length <= own.end - own.start else 0
        search = OwnWindow(self.slots, fit, length, mine, own.start)
        latest = min(latest, nextafter(own.start, -inf))
        for first, last in self.frontier.spans(fit, length, begin, latest):
            found = search.earliest(min(first, max(begin, own.start - length)), last)
            if found is not None:
                return found
        return None


class Plane:
    """One view for jobs that share nothing, and one for each pair by which jobs share.

    In the view of a pair, its own jobs are not there.
    """

    __slots__ = ("_shared", "_sharers", "exclusive")

    def __init__(self, slots: Slots) -> None:
        self.exclusive = View(slots)
        self._shared: dict[Sharing, View] = {}
        self._sharers: dict[Sharing, list[Region]] = {}

    def copy(self) -> Plane:
        """A plane of its own; what was learnt is not copied."""
        made = Plane(self.exclusive.slots.copy())
        made._shared = {pair: View(view.slots.copy()) for pair, view in self._shared.items()}
        made._sharers = {pair: list(regions) for pair, regions in self._sharers.items()}
        return made

    def view(self, sharing: Sharing | None) -> View:
        """What a job sees that shares by this pair, or not at all."""
        if sharing is None:
            return self.exclusive
        return self._shared.get(sharing, self.exclusive)

    def views(self) -> Iterable[View]:
        return (self.exclusive, *self._shared.values())

    def free(self, region: Region) -> bool:
        """Whether nobody is in the way of the region."""
        free = self.view(region.sharing).slots.during(region.start, region.end)
        return region.bits & ~free == 0

    def occupy(self, region: Region) -> None:
        pair = region.sharing
        if pair is None:
            for view in self.views():
                view.occupy((region,))
            return
        if pair not in self._shared:
            self._shared[pair] = View(self.exclusive.slots.copy())
            self._sharers[pair] = []
        pieces = _uncovered(region, self._sharers[pair])
        for view in self._others(pair):
            view.occupy(pieces)
        self._sharers[pair].append(region)

    def release(self, region: Region) -> None:
        pair = region.sharing
        if pair is None:
            for view in self.views():
                view.release((region,))
            return
        self._sharers[pair].remove(region)
        pieces = _uncovered(region, self._sharers[pair])
        for view in self._others(pair):
            view.release(pieces)
        if not self._sharers[pair]:
            del self._sharers[pair], self._shared[pair]

    def forget(self, time: float) -> None:
        for view in self.views():
            view.slots.forget(time)

    def _others(self, pair: Sharing) -> list[View]:
        return [self.exclusive, *(view for key, view in self._shared.items() if key != pair)]


def _uncovered(region: Region, others: list[Region]) -> list[Region]:
    """The parts of a region that are in none of the others."""
    near = [
        other
        for other in others
        if other.start < region.end and other.end > region.start and other.bits & region.bits
    ]
    if not near:
        return [region]
    inner = {t for other in near for t in (other.start, other.end)}
    times = sorted({region.start, region.end, *(t for t in inner if region.start < t < region.end)})
    pieces = []
    for start, end in pairwise(times):
        bits = region.bits
        for other in near:
            if other.start <= start and other.end >= end:
                bits &= ~other.bits
        if bits:
            pieces.append(Region(bits, start, end))
    return pieces
