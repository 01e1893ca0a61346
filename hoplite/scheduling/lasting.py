"""What is free now, and how long it stays so."""

from __future__ import annotations

from bisect import bisect_left
from math import inf

from hoplite.scheduling.slots import Slots


class Lasting:
    """The resources that are free now, less and less of them as time goes on."""

    __slots__ = ("_left", "_now", "_times")

    def __init__(self, slots: Slots, now: float, hidden: int = 0) -> None:
        """``hidden``: what is not free though the slots say so."""
        self._now = now
        self._times: list[float] = []
        self._left: list[int] = []
        left = ~hidden
        for time, free in slots.since(now):
            if left & ~free or not self._times:
                left &= free
                self._times.append(time)
                self._left.append(left)
                if not left:
                    break

    @property
    def at_once(self) -> int:
        """What is free at this moment."""
        return self._left[0]

    def until(self, end: float) -> int:
        """What is free from now to ``end``, which is later than now."""
        return self._left[max(0, bisect_left(self._times, end) - 1)]

    def longest(self) -> list[float]:
        """For each number of resources, for how long so many stay free; from 0 to all."""
        most = self._left[0].bit_count()
        lasting = [inf] * (most + 1)
        for time, left in zip(self._times[1:], self._left[1:], strict=True):
            fewer = left.bit_count()
            lasting[fewer + 1 : most + 1] = [time - self._now] * (most - fewer)
            most = fewer
        return lasting
