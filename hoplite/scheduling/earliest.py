"""The first time at which a request fits, and what is known of it from earlier questions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import inf

from hoplite.scheduling.placement import NEVER, Fit
from hoplite.scheduling.slots import Position, Slots


class Window:
    """One request's search through one line of slots.

    A job that has a place already and looks for an earlier one gives that place as ``own`` from
    ``own_start`` on: it does not stand in its way.  Then only starts before ``own_start`` may be
    asked for, and a length that is not greater than the place's.
    """

    __slots__ = ("fit", "length", "own", "own_start", "slots")

    def __init__(
        self, slots: Slots, fit: Fit, length: float, own: int = 0, own_start: float = inf
    ) -> None:
        self.slots, self.fit, self.length = slots, fit, length
        self.own, self.own_start = own, own_start

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
            first = at[1] if number == at[0] else 0
            own, split = self._own_in(chunk.times, first, index)
            whole = first == 0 and index == len(chunk.times) - 1 and split == first
            if whole and (left & (chunk.every | own)).bit_count() >= need:
                left &= chunk.every | own
            else:
                free, flip = chunk.free, chunk.flip
                for slot in range(index, first - 1, -1):
                    left &= free[slot] ^ flip | (own if slot >= split else 0)
                    if left.bit_count() < need:
                        return (number, slot), 0
            number -= 1
            index = len(chunks[number].times) - 1
        return None, left

    def _own_in(self, times: list[float], first: int, last: int) -> tuple[int, int]:
        """What of the own place to add to the slots from the second number on."""
        if times[last] < self.own_start:
            return 0, first
        return self.own, max(first, bisect_left(times, self.own_start))

    def _first_misfit(self, at: Position, end: float) -> Position:
        """The latest slot from which on to ``end`` the request cannot be satisfied.

        There is one: ``at``.  Adding slots only takes resources away, so it is found by halving.
        """
        tails: list[tuple[Position, int]] = []
        left, chunks = self.fit.mask, self.slots.chunks
        number, index = self.slots.before(end)
        while number >= at[0]:
            chunk, first = chunks[number], at[1] if number == at[0] else 0
            own, split = self._own_in(chunk.times, first, index)
            for slot in range(index, first - 1, -1):
                left &= chunk.free[slot] ^ chunk.flip | (own if slot >= split else 0)
                tails.append(((number, slot), left))
            number -= 1
            index = len(chunks[number].times) - 1
        choose = self.fit.choose
        found = bisect_left(tails, True, key=lambda tail: not choose(tail[1]))
        return tails[min(found, len(tails) - 1)][0]


_COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, *(int(2 ** (half / 2)) for half in range(7, 41))]
_LENGTHS = [0.0, *(2.0 ** (half / 2) for half in range(48))]


class Frontier:
    """Below which start requests of some size and length are known not to fit.

    What does not fit does not fit either when it is larger or longer, as long as nothing is given
    back.  So one table by (resources, seconds) in steps serves all requests by count over the same
    resources, and others, which need at least as many, read it too.
    """

    __slots__ = ("_by_count", "_by_fit")

    def __init__(self) -> None:
        self._by_count: dict[int, list[list[float]]] = {}
        self._by_fit: dict[Fit, list[float]] = {}

    def lower_bound(self, fit: Fit, length: float) -> float:
        """No start before this fits."""
        column = bisect_right(_LENGTHS, length) - 1
        rows = self._by_count.get(fit.mask)
        bound = -inf
        if rows is not None:
            bound = rows[bisect_right(_COUNTS, fit.minimum) - 1][column]
        own = self._by_fit.get(fit)
        return bound if own is None else max(bound, own[column])

    def learn(self, fit: Fit, length: float, start: float) -> None:
        """No start before ``start`` fits."""
        column = bisect_left(_LENGTHS, length)
        if not fit.counts_only:
            _raise_row(self._by_fit.setdefault(fit, [-inf] * len(_LENGTHS)), column, start)
            return
        rows = self._by_count.get(fit.mask)
        if rows is None:
            rows = self._by_count[fit.mask] = [[-inf] * len(_LENGTHS) for _ in _COUNTS]
        for row in rows[bisect_left(_COUNTS, fit.minimum) :]:
            if not _raise_row(row, column, start):
                break

    def given_back(self, start: float) -> None:
        """Something is free again from ``start`` on: what ends after it may fit now."""
        lower = [start - length for length in _LENGTHS[1:]] + [-inf]
        for rows in self._by_count.values():
            for row in rows:
                row[:] = map(min, row, lower)
        for row in self._by_fit.values():
            row[:] = map(min, row, lower)


def _raise_row(row: list[float], column: int, start: float) -> bool:
    """Raise the entries from ``column`` on; False if none was lower."""
    changed = False
    for at in range(column, len(row)):
        if row[at] >= start:
            break
        row[at] = start
        changed = True
    return changed
