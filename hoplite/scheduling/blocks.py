"""Questions to many stretches of neighbouring bits at once.

When the resources of each node are neighbours in the order of the table, "which nodes are wholly
free" and "which have three free cores" are a few operations on one long int instead of a loop over
the nodes.  Every second stretch is looked at with its neighbours blanked out, so that a carry or a
borrow stays within it and the bit above it.
"""

from __future__ import annotations

from itertools import pairwise

_WORTH = 8
"""Below so many units a loop is as fast."""


class Blocks:
    """Units whose stretches, from lowest to highest member, do not overlap.

    A unit is named by the lowest bit of its stretch.
    """

    __slots__ = ("_by_name", "_parts")

    def __init__(self, units: list[int]) -> None:
        ordered = sorted(units, key=_low)
        self._parts = [_Part(half) for half in (ordered[::2], ordered[1::2]) if half]
        self._by_name = {_low(unit): unit for unit in ordered}

    @classmethod
    def of(cls, units: list[int]) -> Blocks | None:
        """None if stretches overlap, or there are too few to gain anything."""
        if len(units) < _WORTH or not all(units):
            return None
        ordered = sorted(units, key=_low)
        apart = all(
            first.bit_length() <= _low(second).bit_length() - 1
            for first, second in pairwise(ordered)
        )
        return cls(units) if apart else None

    def full(self, free: int) -> int:
        """The names of the units that are wholly in ``free``."""
        able = 0
        for part in self._parts:
            able |= part.names(((free & part.members | part.holes) + part.lows) & part.above)
        return able

    def with_at_least(self, count: int, free: int) -> int:
        """The names of the units with ``count`` members or more in ``free``."""
        able = 0
        for part in self._parts:
            left = free & part.members
            for _ in range(count - 1):
                left &= (left | part.above) - part.lows
            able |= part.names((left + part.stretches) & part.above)
        return able

    def lowest_of_each(self, free: int) -> int:
        """The lowest member in ``free`` of every unit that has one."""
        chosen = 0
        for part in self._parts:
            here = free & part.members
            chosen |= here & ~((here | part.above) - part.lows)
        return chosen

    def members(self, names: int) -> int:
        """The members of the units with these names."""
        together = 0
        while names:
            name = names & -names
            together |= self._by_name[name]
            names ^= name
        return together


class _Part:
    """Units with at least one bit between any two stretches."""

    __slots__ = ("_length", "_name_below", "above", "holes", "lows", "members", "stretches")

    def __init__(self, units: list[int]) -> None:
        self.members = self.lows = self.above = self.stretches = 0
        for unit in units:
            self.members |= unit
            self.lows |= _low(unit)
            self.above |= 1 << unit.bit_length()
            self.stretches |= (1 << unit.bit_length()) - _low(unit)
        self.holes = self.stretches & ~self.members
        lengths = {unit.bit_length() - _low(unit).bit_length() + 1 for unit in units}
        self._length = lengths.pop() if len(lengths) == 1 else None
        self._name_below = {1 << unit.bit_length(): _low(unit) for unit in units}

    def names(self, above: int) -> int:
        """The names of the units whose bits above are given."""
        if self._length is not None:
            return above >> self._length
        names = 0
        while above:
            bit = above & -above
            names |= self._name_below[bit]
            above ^= bit
        return names


def _low(bits: int) -> int:
    return bits & -bits
