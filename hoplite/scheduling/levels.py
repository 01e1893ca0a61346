"""Who stands in whose way: a plane for each queue priority, one for each container."""

from __future__ import annotations

from hoplite.scheduling.plane import Plane
from hoplite.scheduling.slots import Slots


class Levels:
    """The planes of a cluster.

    ``base`` knows what nobody may move: what jobs hold, and reservations.  The plane of a priority
    knows that and the places planned for jobs of at least that priority.  The plane of a container
    is free where and when the container holds its resources.
    """

    __slots__ = ("_planes", "base", "containers")

    def __init__(self, begin: float, usable: int, upto: tuple[tuple[float, int], ...]) -> None:
        self.base = Plane(Slots(begin, usable))
        for end, bits in upto:
            self.base.exclusive.slots.occupy(bits & usable, max(begin, end), float("inf"))
        self._planes: dict[int, Plane] = {}
        self.containers: dict[int, Plane] = {}

    def plane(self, priority: int) -> Plane:
        """What a job of that priority sees."""
        if priority not in self._planes:
            made = self.above(priority).copy()
            self._planes[priority] = made
            self._planes = dict(sorted(self._planes.items(), reverse=True))
        return self._planes[priority]

    def above(self, priority: int) -> Plane:
        """What a job of that priority cannot displace."""
        higher = [plane for other, plane in self._planes.items() if other > priority]
        return higher[-1] if higher else self.base

    def from_(self, priority: int) -> list[Plane]:
        """The planes in which a place planned at that priority stands."""
        self.plane(priority)
        return [plane for other, plane in self._planes.items() if other <= priority]

    def all(self) -> list[Plane]:
        """The planes of the cluster, from the base down."""
        return [self.base, *self._planes.values()]

    @property
    def lowest(self) -> Plane:
        """The plane that knows everything."""
        return next(reversed(self._planes.values()), self.base)

    def contain(self, container: int, bits: int, start: float, end: float) -> None:
        """Make the container's plane."""
        inner = Plane(Slots(min(start, self.base.exclusive.slots.begin), 0))
        inner.exclusive.slots.release(bits, start, end)
        self.containers[container] = inner

    def forget(self, time: float) -> None:
        """Nothing before ``time`` will be asked for."""
        for plane in (*self.all(), *self.containers.values()):
            plane.forget(time)
