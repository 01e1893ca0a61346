"""Several groups of one request: all of them at once, no resource in two."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice, permutations

from hoplite.scheduling.demand import Alternative
from hoplite.scheduling.placement import NEVER, Compiler, Exactly, Fit, Nested, Wholes, wanted

_TRIES = 200
"""So many choices of one group are tried before another order of the groups is.  What it misses is
a request of overlapping hierarchies that fits only in an odd way: it starts later than it could."""
_ORDERS = 24


class Together:
    """Groups over resources that they may have to share out among themselves."""

    counts_only = False

    def __init__(self, fits: tuple[Fit, ...]) -> None:
        self.fits = fits
        self.mask = 0
        for fit in fits:
            self.mask |= fit.mask
        total = sum(fit.minimum for fit in fits)
        self.minimum = total if total <= self.mask.bit_count() else NEVER
        apart = sum(fit.mask.bit_count() for fit in fits) == self.mask.bit_count()
        self._apart = apart

    def choose(self, free: int) -> int:
        if any(not fit.choose(free) for fit in self.fits):
            return 0
        if self._apart:
            return _first_of(self.fits, free)
        for order in islice(permutations(self.fits), _ORDERS):
            found = _first_of(order, free)
            if found:
                return found
        return 0


def _first_of(fits: tuple[Fit, ...], free: int) -> int:
    """A choice for all of them, made in this order."""
    first, others = fits[0], fits[1:]
    if not others:
        return first.choose(free)
    for chosen in _choices(first, others, free):
        rest = _first_of(others, free & ~chosen)
        if rest:
            return chosen | rest
    return 0


def _choices(fit: Fit, others: tuple[Fit, ...], free: int) -> Iterator[int]:
    """Choices of one group, those that leave the others' resources alone first."""
    elsewhere = free
    for other in others:
        elsewhere &= ~other.mask
    sparing = fit.choose(elsewhere) or _mixed(fit, elsewhere, free)
    if sparing:
        yield sparing
    yield from islice(_combined(fit, free), _TRIES)


def _mixed(fit: Fit, preferred: int, free: int) -> int:
    """For a request by count, what is preferred and as little else as it takes."""
    if not fit.counts_only:
        return 0
    preferred &= fit.mask
    missing = fit.minimum - preferred.bit_count()
    left = free & fit.mask & ~preferred
    if missing > left.bit_count():
        return 0
    while missing:
        preferred |= left & -left
        left &= left - 1
        missing -= 1
    return preferred


def _combined(fit: Fit, free: int) -> Iterator[int]:
    """A hierarchy's choices by its outermost units, in their order."""
    units = _able(fit, free)
    total = len(fit.units) if isinstance(fit, Nested | Wholes) else len(units)
    number = wanted(fit.count, len(units), total) if isinstance(fit, Nested | Wholes) else 1
    for taken in combinations(units, number) if number else ():
        chosen = 0
        for one in taken:
            chosen |= one
        yield chosen


def _able(fit: Fit, free: int) -> list[int]:
    if isinstance(fit, Nested):
        return [chosen for unit in fit.units if (chosen := unit.choose(free))]
    if isinstance(fit, Wholes):
        return [unit for unit in fit.units if free & unit == unit]
    chosen = fit.choose(free)
    return [chosen] if chosen else []


class Requests:
    """Compiles alternatives, equal ones to the same object."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._together: dict[tuple[Fit, ...], Together] = {}

    def fit(self, alternative: Alternative, exists: int) -> Fit:
        """The compiled alternative over resources that exist."""
        if alternative.exactly:
            return Exactly(alternative.exactly)
        fits = tuple(
            self._compiler.compiled(group.levels, group.allowed & exists)
            for group in alternative.groups
        )
        if len(fits) == 1:
            return fits[0]
        if fits not in self._together:
            self._together[fits] = Together(fits)
        return self._together[fits]
