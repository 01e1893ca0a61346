"""The first time at which a request fits, and what is known of it from earlier questions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from math import inf

from hoplite.scheduling.placement import NEVER, Fit
from hoplite.scheduling.slots import Position, Slots


class Window:
    """One request's search through one line of slots."""

    __slots__ = ("fit", "length", "slots")

    def __init__(self, slots: Slots, fit: Fit, length: float) -> None:
        self.slots, self.fit, self.length = slots, fit, length

    def earliest(self, begin: float, latest: float = inf) -> tuple[float, int] | None:
        """The first start from ``begin`` to ``latest``, and what is free from it to its end.

        None if there is none.  When a window does not fit, the latest slot in it from which on it
        does not fit is found from its end, and the search goes on behind that one: all windows in
        between contain the same slots.
        """
        fit = self.fit
        if fit.minimum >= NEVER:
            return None
        at: Position | None = self.slots.find(begin)
        while (at := self._roomy(at, latest)) is not None:
            start = max(begin, self.slots.chunks[at[0]].times[at[1]])
            if start > latest:
                return None
            failed, free = self._narrowest(at, start + self.length)
            if failed is None:
                if fit.counts_only or fit.choose(free):
                    return start, free
                failed = self._first_misfit(at, start + self.length)
            at = self._after(failed)
        return None

    def _after(self, at: Position) -> Position | None:
        chunk, index = at
        if index + 1 < len(self.slots.chunks[chunk].times):
            return chunk, index + 1
        return (chunk + 1, 0) if chunk + 1 < len(self.slots.chunks) else None

    def _roomy(self, at: Position | None, latest: float) -> Position | None:
        """The first slot from ``at`` on in which enough of the mask is free."""
        if at is None:
            return None
        need, mask, chunks = self.fit.minimum, self.fit.mask, self.slots.chunks
        first, index = at
        for number in range(first, len(chunks)):
            chunk = chunks[number]
            if chunk.times[index] > latest:
                return None
            if chunk.most >= need:
                enough, flip = need - chunk.shift, chunk.flip
                counts, free = chunk.counts, chunk.free
                for slot in range(index, len(counts)):
                    if counts[slot] >= enough and ((free[slot] ^ flip) & mask).bit_count() >= need:
                        return number, slot
            index = 0
        return None

    def _narrowest(self, at: Position, end: float) -> tuple[Position | None, int]:
        """Backwards from ``end`` to the slot ``at``: where too few are left, or what is left."""
        need, left, chunks = self.fit.minimum, self.fit.mask, self.slots.chunks
        number, index = self.slots.before(end)
        while number >= at[0]:
            chunk = chunks[number]
            free = chunk.free
            first = at[1] if number == at[0] else 0
            if (
                first == 0
                and index == len(free) - 1
                and (less := left & chunk.every).bit_count() >= need
            ):
                left = less
            else:
                flip = chunk.flip
                for slot in range(index, first - 1, -1):
                    left &= free[slot] ^ flip
                    if left.bit_count() < need:
                        return (number, slot), 0
            number -= 1
            index = len(chunks[number].free) - 1
        return None, left

    def _first_misfit(self, at: Position, end: float) -> Position:
        """The latest slot from which on to ``end`` the request cannot be satisfied.

        There is one: ``at``.  Adding slots only takes resources away, so it is found by halving.
        """
        tails: list[tuple[Position, int]] = []
        left = self.fit.mask
        for position, free in self._backwards(at, end):
            left &= free
            tails.append((position, left))
        choose = self.fit.choose
        found = bisect_left(tails, True, key=lambda tail: not choose(tail[1]))
        return tails[min(found, len(tails) - 1)][0]

    def _backwards(self, at: Position, end: float) -> Iterator[tuple[Position, int]]:
        """The slots from ``end`` back to ``at``, and what is free in each."""
        chunks = self.slots.chunks
        number, index = self.slots.before(end)
        while number >= at[0]:
            chunk, first = chunks[number], at[1] if number == at[0] else 0
            free, flip = chunk.free, chunk.flip
            for slot in range(index, first - 1, -1):
                yield (number, slot), free[slot] ^ flip
            number -= 1
            index = len(chunks[number].free) - 1


class OwnWindow(Window):
    """The search of a job that has a place already, and looks for an earlier one.

    What it holds from ``own_start`` on does not stand in its way.  Only for starts before
    ``own_start``, and for a length that is not greater than the place's.
    """

    __slots__ = ("own", "own_start")

    def __init__(self, slots: Slots, fit: Fit, length: float, own: int, own_start: float) -> None:
        super().__init__(slots, fit, length)
        self.own, self.own_start = own, own_start

    def _narrowest(self, at: Position, end: float) -> tuple[Position | None, int]:
        if end <= self.own_start:
            return super()._narrowest(at, end)
        need, left = self.fit.minimum, self.fit.mask
        for position, free in self._backwards(at, end):
            left &= free
            if left.bit_count() < need:
                return position, 0
        return None, left

    def _backwards(self, at: Position, end: float) -> Iterator[tuple[Position, int]]:
        chunks, own, own_start = self.slots.chunks, self.own, self.own_start
        for position, free in super()._backwards(at, end):
            mine = chunks[position[0]].times[position[1]] >= own_start
            yield position, free | own if mine else free


_STEP = 2**0.125
_COUNTS = [1, 2, 3, 4, 6, 8, *(round(2 ** (half / 2)) for half in range(7, 41))]
_LENGTHS = [0.0, *(_STEP**step for step in range(8 * 24))]


Span = tuple[float, float]
"""From the first time to the second."""


class Frontier:
    """Below which start requests of some size and length are known not to fit.

    What does not fit does not fit either when it is larger or longer, as long as nothing is given
    back.  So one table by (resources, seconds) in steps serves all requests by count over the same
    resources, and others, which need at least as many, read it too.
    """

    __slots__ = ("_by_count", "_by_fit", "_given_back")

    def __init__(self) -> None:
        self._by_count: dict[int, list[_Bounds]] = {}
        self._by_fit: dict[Fit, _Bounds] = {}
        self._given_back: list[Span] = []

    def spans(self, fit: Fit, length: float, begin: float, latest: float) -> list[Span]:
        """Where starts from ``begin`` to ``latest`` are still to be looked for, in order."""
        column = bisect_right(_LENGTHS, length) - 1
        known = [bounds for bounds in (self._row(fit), self._by_fit.get(fit)) if bounds is not None]
        if not known:
            return [(begin, latest)]
        best = max(known, key=lambda row: row.current(self._given_back)[column])
        bound = best.current(self._given_back)[column]
        spans = []
        if begin < best.gap_end and best.gap_start - length < bound:
            spans.append((max(begin, best.gap_start - length), min(latest, best.gap_end)))
        spans.append((max(begin, bound), latest))
        return spans

    def _row(self, fit: Fit) -> _Bounds | None:
        rows = self._by_count.get(fit.mask)
        if rows is None or fit.minimum >= NEVER:
            return None
        return rows[bisect_right(_COUNTS, fit.minimum) - 1]

    def learn(self, fit: Fit, length: float, start: float) -> None:
        """No start before ``start`` fits."""
        column = bisect_left(_LENGTHS, length)
        if not fit.counts_only:
            bounds = self._by_fit.setdefault(fit, _Bounds(len(self._given_back)))
            bounds.lift(self._given_back, column, start)
            return
        rows = self._by_count.get(fit.mask)
        if rows is None:
            most = bisect_right(_COUNTS, fit.mask.bit_count())
            rows = [_Bounds(len(self._given_back)) for _ in _COUNTS[:most]]
            self._by_count[fit.mask] = rows
        for row in rows[bisect_left(_COUNTS, fit.minimum) :]:
            if not row.lift(self._given_back, column, start):
                break

    def given_back(self, start: float, end: float) -> None:
        """Something is free again in that time: what meets it may fit now."""
        self._given_back.append((start, end))
        if len(self._given_back) > _MOST_GIVEN_BACK:
            self._by_count.clear()
            self._by_fit.clear()
            self._given_back.clear()


_MOST_GIVEN_BACK = 10_000


class _Bounds:
    """For each length in ``_LENGTHS`` and more, up to the next, a time before which none fits.

    But for those that meet the gap, from ``gap_start`` to ``gap_end``: there something was given
    back.  A gap that reaches beyond a bound lowers it.
    """

    __slots__ = ("_bounds", "_seen", "gap_end", "gap_start")

    def __init__(self, seen: int) -> None:
        self._bounds = [-inf] * len(_LENGTHS)
        self._seen = seen
        self.gap_start, self.gap_end = inf, -inf

    def current(self, given_back: list[Span]) -> list[float]:
        """The bounds after what was given back since they were last looked at."""
        if self._seen < len(given_back):
            new = given_back[self._seen :]
            self._seen = len(given_back)
            self.gap_start = min(self.gap_start, *(start for start, _ in new))
            self.gap_end = max(self.gap_end, *(end for _, end in new))
            if self.gap_end >= min(self._bounds):
                self._lower()
        return self._bounds

    def lift(self, given_back: list[Span], column: int, start: float) -> bool:
        """Raise the bounds for the lengths from ``column`` on; False if none was lower."""
        bounds = self.current(given_back)
        stop = bisect_left(bounds, start, column) if column < len(bounds) else column
        if stop > column:
            bounds[column:stop] = [start] * (stop - column)
        return stop > column

    def _lower(self) -> None:
        reached, begin = self.gap_end, self.gap_start
        lower = [begin - length for length in _LENGTHS[1:]]
        self._bounds = [
            bound if bound > reached else min(bound, limit)
            for bound, limit in zip(self._bounds, [*lower, -inf], strict=True)
        ]
