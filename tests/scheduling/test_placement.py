"""Choices of resources, against trying out every combination."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoplite.model.resource import Resource
from hoplite.model.resource_request import CountWord, Level
from hoplite.model.resource_set import ResourceTable
from hoplite.scheduling.blocks import Blocks
from hoplite.scheduling.demand import Alternative, Asked
from hoplite.scheduling.groups import Requests
from hoplite.scheduling.placement import NEVER, Compiler, lowest

TABLE = ResourceTable(
    Resource(
        id=number + 1,
        network_address=f"node{number // 3}",
        properties={"switch": f"s{number // 6}", "core": number, "gpu": number % 2 or None},
    )
    for number in range(12)
)
PROPERTIES = ["switch", "network_address", "core", "gpu", "resource_id"]
counts = st.one_of(st.integers(1, 4), st.sampled_from(list(CountWord)))
levels = st.lists(st.builds(Level, st.sampled_from(PROPERTIES), counts), min_size=1, max_size=3)
sets = st.integers(0, TABLE.all)


def units(name: str, mask: int) -> list[int]:
    return [b & mask for value, b in TABLE.by_value(name).items() if value is not None and b & mask]


def possible(asked: tuple[Level, ...], mask: int, free: int) -> set[int]:
    """Every set that satisfies the levels, by trying out all combinations."""
    here = units(asked[0].property, mask)
    each = [
        possible(asked[1:], unit, free) if asked[1:] else ({unit} if unit & ~free == 0 else set())
        for unit in here
    ]
    able = [sets for sets in each if sets]
    count = asked[0].count
    if isinstance(count, int):
        number = count
    elif count is CountWord.ALL:
        number = len(here)
    else:
        number = len(able) if count is CountWord.BEST else (len(able) + 1) // 2
    if not number:
        return set()
    return {whole for chosen in combinations(able, number) for whole in unions(list(chosen))}


def unions(choices: list[set[int]]) -> set[int]:
    found = {0}
    for one in choices:
        found = {a | b for a in found for b in one}
    return found


@settings(max_examples=400, deadline=None)
@given(levels, sets, sets)
def test_a_choice_is_one_of_the_possible_ones_and_there_is_one_if_any_is_possible(
    asked: list[Level], mask: int, free: int
) -> None:
    fit = Compiler(TABLE).compiled(tuple(asked), mask)
    chosen = fit.choose(free)
    every = possible(tuple(asked), mask, free)
    assert chosen in every if every else chosen == 0
    if chosen:
        assert fit.minimum <= min(one.bit_count() for one in every)
        if fit.counts_only:
            assert chosen.bit_count() == fit.minimum
    if fit.minimum >= NEVER:
        assert not possible(tuple(asked), mask, mask)


@settings(max_examples=200, deadline=None)
@given(levels, sets, sets, sets)
def test_taking_away_what_was_not_chosen_does_not_change_the_choice(
    asked: list[Level], mask: int, free: int, less: int
) -> None:
    fit = Compiler(TABLE).compiled(tuple(asked), mask)
    chosen = fit.choose(free)
    # Half of what there is does depend on what there is.
    if chosen and all(level.count is not CountWord.BESTHALF for level in asked):
        assert fit.choose(free & less | chosen) == chosen


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(levels, sets), min_size=2, max_size=3), sets)
def test_groups_share_nothing_and_two_that_fit_together_are_found(
    groups: list[tuple[list[Level], int]], free: int
) -> None:
    asked = tuple(Asked(tuple(one), mask) for one, mask in groups)
    chosen = Requests(Compiler(TABLE)).fit(Alternative(asked, 1.0), TABLE.all).choose(free)
    every = [possible(one.levels, one.allowed, free) for one in asked]
    together = {0}
    for one in every:
        together = {a | b for a in together for b in one if not a & b}
    if chosen:
        assert not chosen & ~free
    # BEST takes what is left by the others, which the list of all choices out of free is not.
    if chosen and all(isinstance(level.count, int) for one in asked for level in one.levels):
        assert chosen in together


@pytest.mark.parametrize("seed", range(5))
def test_two_overlapping_groups_by_count_are_found_whenever_they_fit(seed: int) -> None:
    rng = random.Random(seed)
    requests = Requests(Compiler(TABLE))
    for _ in range(200):
        masks = [rng.getrandbits(12), rng.getrandbits(12)]
        asked = tuple(Asked((Level("core", rng.randint(1, 4)),), mask) for mask in masks)
        free = rng.getrandbits(12)
        first, second = (possible(one.levels, one.allowed, free) for one in asked)
        exists = any(not a & b for a in first for b in second)
        assert (requests.fit(Alternative(asked, 1.0), TABLE.all).choose(free) != 0) == exists


@given(st.integers(1, 1 << 80), st.data())
def test_the_lowest_members(bits: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, bits.bit_count()))
    members = [bit for bit in range(bits.bit_length()) if bits >> bit & 1]
    assert lowest(bits, count) == sum(1 << bit for bit in members[:count])


@settings(deadline=None)
@given(st.lists(st.integers(1, 31), min_size=8, max_size=12), st.data())
def test_blocks_answer_as_a_loop_over_the_units_does(
    shapes: list[int], data: st.DataObject
) -> None:
    wide = data.draw(st.booleans())
    units_ = [(31 if wide else shape) << 5 * at for at, shape in enumerate(shapes)]
    free = data.draw(st.integers(0, (1 << 5 * len(units_)) - 1))
    count = data.draw(st.integers(1, 5))
    blocks = Blocks.of(units_)
    assert blocks is not None
    full = [unit for unit in units_ if unit & ~free == 0]
    assert blocks.full(free) == sum(unit & -unit for unit in full)
    enough = [unit for unit in units_ if (unit & free).bit_count() >= count]
    assert blocks.with_at_least(count, free) == sum(unit & -unit for unit in enough)
    assert blocks.members(blocks.with_at_least(count, free)) == sum(enough)
    assert blocks.lowest_of_each(free) == sum((u & free) & -(u & free) for u in units_)
