"""Resources in a fixed order, so that a set of them is one Python int: bit *n* is the *n*-th.

``&``, ``|`` and ``& ~`` on such ints are the set operations, ``bits.bit_count()`` the size.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import compress
from operator import or_
from typing import Any

from hoplite.model.resource import Resource, ResourceState, Value, reader

_DIGITS = bytes.maketrans(b"01", b"\0\1")
_FEW = 64
_BLOCK = 64


def bits_at(positions: Iterable[int]) -> int:
    """The set whose bits are ``positions``."""
    found = list(positions)
    if len(found) <= _FEW:
        return reduce(or_, [1 << position for position in found], 0)
    octets = bytearray((max(found) >> 3) + 1)
    for position in found:
        octets[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(octets, "little")


class ResourceTable:
    """An immutable view of resources, ordered by id.

    A new resource has the highest id, so it takes a new bit and sets made before stay valid; so do
    they when a resource changes.  After a removal they must be made anew from the ids
    (:meth:`translated`).
    """

    __slots__ = ("_by_property", "_orders", "_positions", "all", "ids", "resources")

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(sorted(resources, key=lambda resource: resource.id))
        self.ids = tuple(resource.id for resource in self.resources)
        self._positions = {id_: position for position, id_ in enumerate(self.ids)}
        if len(self._positions) != len(self.ids):
            raise ValueError("two resources have the same id")
        self.all = (1 << len(self.ids)) - 1
        self._by_property: dict[str, dict[Value, int]] = {}
        self._orders: dict[str, tuple[list[Any], list[int]]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __contains__(self, resource_id: object) -> bool:
        return resource_id in self._positions

    def position(self, resource_id: int) -> int:
        """The number of the resource's bit; raises KeyError."""
        return self._positions[resource_id]

    def resource(self, resource_id: int) -> Resource:
        """Raises KeyError."""
        return self.resources[self._positions[resource_id]]

    def bit(self, resource_id: int) -> int:
        """The set of this one resource; raises KeyError."""
        return 1 << self._positions[resource_id]

    def bits(self, ids: Iterable[int]) -> int:
        """The set of the resources with these ids; raises KeyError."""
        positions = self._positions
        return bits_at(positions[id_] for id_ in ids)

    def ids_of(self, bits: int) -> tuple[int, ...]:
        """The ids in a set, ascending."""
        return tuple(compress(self.ids, _selectors(bits)))

    def resources_of(self, bits: int) -> tuple[Resource, ...]:
        """The resources in a set, by ascending id."""
        return tuple(compress(self.resources, _selectors(bits)))

    def translated(self, bits: int, old: ResourceTable) -> int:
        """A set of ``old`` as a set of this table, without the resources that are gone."""
        return self.bits(id_ for id_ in old.ids_of(bits) if id_ in self._positions)

    def by_value(self, name: str) -> dict[Value, int]:
        """For a property, the set of the resources that have each value; None are those without.

        In the order of the first resource of each value.  Computed once; do not change it.
        """
        found = self._by_property.get(name)
        if found is None:
            found = self._by_property[name] = self._grouped(name)
        return found

    def where(self, name: str, holds: Callable[[Value], bool]) -> int:
        """The set of the resources whose value of a property satisfies ``holds``."""
        return reduce(or_, [bits for value, bits in self.by_value(name).items() if holds(value)], 0)

    def below(self, name: str, value: str | int, *, inclusive: bool = False) -> int:
        """The set of the resources whose value of a property is less than ``value``.

        ``value`` is of the property's type.  Takes logarithmic time but for the first call.
        """
        values, blocks = self._ordered(name)
        count = (bisect_right if inclusive else bisect_left)(values, value)
        rest = values[count - count % _BLOCK : count]
        sets = self.by_value(name)
        return reduce(or_, [sets[one] for one in rest], blocks[count // _BLOCK])

    def in_state(self, *states: ResourceState) -> int:
        """The set of the resources in any of ``states``."""
        by_state = self.by_value("state")
        return reduce(or_, [by_state.get(state, 0) for state in states], 0)

    @property
    def alive(self) -> int:
        """What can run a job now."""
        return self.in_state(ResourceState.ALIVE)

    @property
    def possible(self) -> int:
        """What a request may count on: all that is not Dead."""
        return self.all & ~self.in_state(ResourceState.DEAD)

    def changed(self, *resources: Resource) -> ResourceTable:
        """A table with new values of resources that it has; every set keeps its meaning.

        Raises KeyError for a resource that it does not have.
        """
        table = ResourceTable.__new__(ResourceTable)
        renewed = list(self.resources)
        for resource in resources:
            renewed[self._positions[resource.id]] = resource
        table.resources = tuple(renewed)
        table.ids, table._positions, table.all = self.ids, self._positions, self.all
        pairs = [(self.resource(resource.id), resource) for resource in resources]
        table._by_property = {
            name: sets
            for name, sets in self._by_property.copy().items()
            if all(old.value(name) == new.value(name) for old, new in pairs)
        }
        table._orders = {
            name: order for name, order in self._orders.copy().items() if name in table._by_property
        }
        return table

    def _ordered(self, name: str) -> tuple[list[Any], list[int]]:
        """The values ascending, and after each block of them the set of all that came so far."""
        found = self._orders.get(name)
        if found is None:
            sets = self.by_value(name)
            values: list[Any] = sorted(value for value in sets if value is not None)
            blocks = [0]
            for start in range(0, len(values), _BLOCK):
                here = [sets[value] for value in values[start : start + _BLOCK]]
                blocks.append(reduce(or_, here, blocks[-1]))
            found = self._orders[name] = values, blocks
        return found

    def _grouped(self, name: str) -> dict[Value, int]:
        positions: dict[Value, list[int]] = {}
        for position, value in enumerate(map(reader(name), self.resources)):
            positions.setdefault(value, []).append(position)
        return {value: bits_at(found) for value, found in positions.items()}


def _selectors(bits: int) -> bytes:
    return format(bits, "b")[::-1].encode().translate(_DIGITS)
