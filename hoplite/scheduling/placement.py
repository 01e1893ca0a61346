"""Which resources satisfy a request: hierarchies over any properties, on ints.

A request is compiled once for a table of resources and a filter, then asked many times for a choice
out of what is free.  Every choice takes the first units in the order of their lowest resources, so
taking away what was not chosen does not change the choice (but of BESTHALF, which depends on all).
"""

from __future__ import annotations

from typing import Protocol

from hoplite.model.resource_request import CountWord, Level
from hoplite.model.resource_set import ResourceTable
from hoplite.scheduling.blocks import Blocks

NEVER = 1 << 62
"""The ``minimum`` of what no set of resources satisfies."""


class Fit(Protocol):
    """A compiled request."""

    @property
    def mask(self) -> int:
        """The resources that it may use."""
        ...

    @property
    def minimum(self) -> int:
        """It takes at least so many resources; ``NEVER`` if there are not enough in the world."""
        ...

    @property
    def counts_only(self) -> bool:
        """Whether any ``minimum`` resources of ``mask`` satisfy it."""
        ...

    def choose(self, free: int) -> int:
        """The resources to take out of ``free``; 0: it cannot be satisfied."""
        ...


def lowest(bits: int, count: int) -> int:
    """The ``count`` lowest members of a set that has at least so many."""
    if count == bits.bit_count():
        return bits
    low, high = count - 1, bits.bit_length()
    while high - low > 1:
        middle = (low + high) >> 1
        if (bits & ((1 << middle) - 1)).bit_count() >= count:
            high = middle
        else:
            low = middle
    return bits & ((1 << high) - 1)


def wanted(count: int | CountWord, able: int, total: int) -> int:
    """How many units to take when ``able`` of ``total`` can be had; 0: not enough."""
    if isinstance(count, int):
        return count if able >= count else 0
    if count is CountWord.ALL:
        return total if able == total else 0
    return able if count is CountWord.BEST else (able + 1) // 2


def least(count: int | CountWord, sizes: list[int]) -> int:
    """The fewest resources in ``count`` of units of these sizes."""
    number = count if isinstance(count, int) else len(sizes) if count is CountWord.ALL else 1
    if number == 0 or number > len(sizes):
        return NEVER
    return min(NEVER, sum(sorted(sizes)[:number]))


class Singles:
    """Units of one resource each."""

    def __init__(self, count: int | CountWord, mask: int) -> None:
        self.count, self.mask, self.total = count, mask, mask.bit_count()
        number = count if isinstance(count, int) else self.total if count is CountWord.ALL else 1
        self.minimum = number if 0 < number <= self.total else NEVER
        self.counts_only = isinstance(count, int)

    def choose(self, free: int) -> int:
        here = free & self.mask
        number = wanted(self.count, here.bit_count(), self.total)
        return lowest(here, number) if number else 0


class Wholes:
    """Units of several resources each, taken whole."""

    counts_only = False

    def __init__(self, count: int | CountWord, units: list[int]) -> None:
        self.count, self.units = count, units
        self.mask = 0
        for unit in units:
            self.mask |= unit
        self.minimum = least(count, [unit.bit_count() for unit in units])
        self._blocks = Blocks.of(units)

    def choose(self, free: int) -> int:
        if self._blocks is not None:
            return self._of_blocks(self._blocks, free)
        able = [unit for unit in self.units if free & unit == unit]
        number = wanted(self.count, len(able), len(self.units))
        return _union(able[:number])

    def _of_blocks(self, blocks: Blocks, free: int) -> int:
        able = blocks.full(free)
        number = wanted(self.count, able.bit_count(), len(self.units))
        return blocks.members(lowest(able, number)) if number else 0


class Nested:
    """Units in which something is chosen by the next level."""

    counts_only = False

    def __init__(self, count: int | CountWord, units: list[Fit]) -> None:
        self.count, self.units = count, units
        self.mask = 0
        for unit in units:
            self.mask |= unit.mask
        possible = [unit.minimum for unit in units if unit.minimum < NEVER]
        all_needed = count is CountWord.ALL and len(possible) < len(units)
        self.minimum = NEVER if all_needed else least(count, possible)
        inner = {unit.count for unit in units if isinstance(unit, Singles)}
        plain = all(isinstance(unit, Singles) for unit in units) and len(inner) == 1
        self._each = inner.pop() if plain else None
        countable = isinstance(self._each, int) and self._each <= 16
        self._blocks = Blocks.of([unit.mask for unit in units]) if countable else None

    def choose(self, free: int) -> int:
        if self._blocks is not None and isinstance(self._each, int):
            return self._of_blocks(self._blocks, self._each, free)
        enough = self.count if isinstance(self.count, int) else NEVER
        able: list[int] = []
        for unit in self.units:
            chosen = unit.choose(free)
            if chosen:
                able.append(chosen)
                if len(able) == enough:
                    break
        return _union(able[: wanted(self.count, len(able), len(self.units))])

    def _of_blocks(self, blocks: Blocks, each: int, free: int) -> int:
        able = blocks.with_at_least(each, free)
        number = wanted(self.count, able.bit_count(), len(self.units))
        if not number:
            return 0
        left, chosen = blocks.members(lowest(able, number)) & free, 0
        for _ in range(each):
            first = blocks.lowest_of_each(left)
            chosen |= first
            left ^= first
        return chosen


class Exactly:
    """One set and no other."""

    counts_only = True

    def __init__(self, bits: int) -> None:
        self.mask, self.minimum = bits, bits.bit_count() or NEVER

    def choose(self, free: int) -> int:
        return self.mask if free & self.mask == self.mask else 0


def _union(sets: list[int]) -> int:
    together = 0
    for one in sets:
        together |= one
    return together


class Compiler:
    """Compiles levels for one table of resources, each combination once."""

    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        self._made: dict[tuple[tuple[Level, ...], int], Fit] = {}
        self._single: dict[str, int | None] = {}

    def compiled(self, levels: tuple[Level, ...], allowed: int) -> Fit:
        """``levels`` over the resources ``allowed``."""
        key = (levels, allowed)
        fit = self._made.get(key)
        if fit is None:
            fit = self._made[key] = self._compile(levels, allowed)
        return fit

    def _compile(self, levels: tuple[Level, ...], mask: int) -> Fit:
        level, rest = levels[0], levels[1:]
        if rest:
            return Nested(level.count, [self._compile(rest, u) for u in self._units(level, mask)])
        single = self._single_resources(level.property)
        if single is not None:
            return Singles(level.count, single & mask)
        units = self._units(level, mask)
        if all(unit.bit_count() == 1 for unit in units):
            return Singles(level.count, _union(units))
        return Wholes(level.count, units)

    def _units(self, level: Level, mask: int) -> list[int]:
        sets = self._table.by_value(level.property)
        if mask.bit_count() * 4 < len(sets):
            return self._few_units(level.property, mask)
        return [bits & mask for value, bits in sets.items() if value is not None and bits & mask]

    def _few_units(self, name: str, mask: int) -> list[int]:
        """The same for a set much smaller than the number of values."""
        found: dict[object, int] = {}
        while mask:
            bit = mask & -mask
            mask ^= bit
            value = self._table.resources[bit.bit_length() - 1].value(name)
            if value is not None:
                found[value] = found.get(value, 0) | bit
        return list(found.values())

    def _single_resources(self, name: str) -> int | None:
        """The resources with a value, if no two have the same."""
        if name not in self._single:
            sets = [bits for value, bits in self._table.by_value(name).items() if value is not None]
            single = all(bits.bit_count() == 1 for bits in sets)
            self._single[name] = _union(sets) if single else None
        return self._single[name]
