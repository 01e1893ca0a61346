"""Sets of resources as ints."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.model.resource import Resource, ResourceState
from hoplite.model.resource_set import ResourceTable, bits_at
from tests.model.properties import cluster, clusters, resource


def test_resources_are_ordered_by_id() -> None:
    table = ResourceTable(reversed(cluster()))
    assert table.ids == (1, 2, 3, 4, 5, 6, 7, 8)
    assert table.position(3) == 2
    assert table.bit(3) == 0b100
    assert table.bits([1, 3]) == 0b101
    assert table.ids_of(0b1010) == (2, 4)
    assert [one.id for one in table.resources_of(0b1010)] == [2, 4]
    assert table.all == 0b1111_1111
    assert (len(table), 8 in table, 9 in table) == (8, True, False)
    with pytest.raises(KeyError):
        table.bit(9)


def test_an_id_is_there_once() -> None:
    with pytest.raises(ValueError, match="same id"):
        ResourceTable([resource(1), resource(1)])


def test_an_empty_table_has_only_the_empty_set() -> None:
    table = ResourceTable([])
    assert (table.all, table.alive, table.possible) == (0, 0, 0)
    assert table.ids_of(0) == ()
    assert table.by_value("core") == {}


def test_resources_are_grouped_by_value_in_order() -> None:
    table = ResourceTable([*cluster(), resource(9)])
    assert list(table.by_value("network_address").items())[:2] == [
        ("node1", 0b0000_1111),
        ("node2", 0b1111_0000),
    ]
    assert table.by_value("cpu")[4] == 0b1100_0000
    assert table.by_value("cpu")[None] == 1 << 8


def test_masks_follow_the_states() -> None:
    states = [*ResourceState]
    table = ResourceTable(resource(n, state) for n, state in enumerate(states, 1))
    assert table.alive == 0b0001
    assert table.possible == 0b0111
    assert table.in_state(ResourceState.ABSENT, ResourceState.DEAD) == 0b1010


def test_a_change_keeps_every_set() -> None:
    """The new table says the same as one made from scratch, with or without what was cached."""
    old = ResourceTable(cluster())
    old.by_value("state"), old.by_value("cpu"), old.below("core", 3), old.below("cpu", 3)
    dead = msgspec.structs.replace(old.resource(2), state=ResourceState.DEAD)
    other = old.resource(7).with_values({"core": 70})
    new = old.changed(dead, other)
    scratch = ResourceTable([*[one for one in cluster() if one.id not in (2, 7)], dead, other])
    assert old.alive == old.all
    assert new.alive == scratch.alive == old.all & ~old.bit(2)
    for name in ("state", "cpu", "core", "state_num"):
        assert new.by_value(name) == scratch.by_value(name)
    assert new.below("core", 9) == scratch.below("core", 9) == new.all & ~new.bit(7)
    with pytest.raises(KeyError):
        old.changed(resource(99))


def test_a_set_follows_its_ids_to_another_table() -> None:
    old = ResourceTable(cluster())
    new = ResourceTable([one for one in cluster() if one.id != 2])
    assert new.translated(old.bits([1, 2, 3]), old) == new.bits([1, 3])


@given(st.sets(st.integers(0, 300)))
def test_a_set_is_its_positions(positions: set[int]) -> None:
    assert bits_at(positions) == sum(1 << position for position in positions)
    table = ResourceTable(resource(n) for n in range(301))
    assert set(table.ids_of(bits_at(positions))) == positions


@given(
    st.lists(st.none() | st.integers(-200, 200), max_size=300),
    st.integers(-201, 201),
    st.booleans(),
)
def test_below_is_what_it_says(values: list[int | None], bound: int, inclusive: bool) -> None:
    table = ResourceTable(resource(n, core=value) for n, value in enumerate(values))
    expected = {
        n
        for n, value in enumerate(values)
        if value is not None and (value < bound or (inclusive and value == bound))
    }
    assert set(table.ids_of(table.below("core", bound, inclusive=inclusive))) == expected


@given(clusters)
def test_the_groups_of_a_property_share_out_the_resources(resources: list[Resource]) -> None:
    table = ResourceTable(resources)
    for name in ("core", "host", "state", "resource_id"):
        sets = table.by_value(name)
        assert sum(sets.values()) == table.all
        assert all(
            one.value(name) == value
            for value, bits in sets.items()
            for one in table.resources_of(bits)
        )
