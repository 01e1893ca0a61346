"""What is free when: a line of slots, each with a set of free resources, until the end of time.

A change goes over many slots, a question over many more, so slots are kept in chunks that know the
intersection of their slots and the largest count in them.  A job's resources are wholly free before
it is put in and wholly taken before it is taken out, so both are one exclusive-or: a chunk that a
job covers from end to end only notes the change for all its slots.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import reduce
from math import inf
from operator import and_

_LARGEST = 96
_SMALLEST = 24

Position = tuple[int, int]
"""Chunk and slot within it."""


class Chunk:
    """Some slots in a row.  A slot's free set is its entry in ``free`` xor ``flip``, its count its
    entry in ``counts`` plus ``shift``."""

    __slots__ = ("_every", "counts", "flip", "free", "most", "shift", "times")

    def __init__(self, times: list[float], free: list[int], counts: list[int]) -> None:
        self.times, self.free, self.counts = times, free, counts
        self.flip = self.shift = 0
        self.most = max(counts)
        self._every: int | None = None

    def copy(self) -> Chunk:
        made = Chunk(self.times.copy(), self.free.copy(), self.counts.copy())
        made.flip, made.shift, made.most, made._every = (
            self.flip,
            self.shift,
            self.most,
            self._every,
        )
        return made

    @property
    def every(self) -> int:
        """What is free in all the slots."""
        if self._every is None:
            flip = self.flip
            self._every = reduce(and_, [free ^ flip for free in self.free])
        return self._every

    def change(self, bits: int, count: int, first: int, stop: int) -> None:
        """Turn ``bits`` in the slots from ``first`` to before ``stop``: ``count`` more are free."""
        if stop - first == len(self.times):
            self.flip ^= bits
            self.shift += count
            self.most += count
            if self._every is not None:
                self._every ^= bits
            return
        free, counts = self.free, self.counts
        for index in range(first, stop):
            free[index] ^= bits
            counts[index] += count
        self.most = max(counts) + self.shift
        if count > 0:
            self._every = None
        elif self._every is not None:
            self._every &= ~bits

    def tail(self, index: int) -> Chunk:
        """Cut off the slots from ``index`` on, as a chunk of their own."""
        made = Chunk(self.times[index:], self.free[index:], self.counts[index:])
        made.flip, made.shift = self.flip, self.shift
        made.most += self.shift
        del self.times[index:], self.free[index:], self.counts[index:]
        self.renew()
        return made

    def absorb(self, other: Chunk) -> None:
        """Take in the slots of the chunk behind."""
        turn, more = self.flip ^ other.flip, other.shift - self.shift
        self.times += other.times
        self.free += [free ^ turn for free in other.free]
        self.counts += [count + more for count in other.counts]
        self.renew()

    def renew(self) -> None:
        """After slots were added or removed."""
        self.most = max(self.counts) + self.shift
        self._every = None


class Slots:
    """The free resources from ``begin`` on."""

    __slots__ = ("_starts", "begin", "chunks")

    def __init__(self, begin: float, free: int) -> None:
        self.begin = begin
        self.chunks = [Chunk([begin], [free], [free.bit_count()])]
        self._starts = [begin]

    def copy(self) -> Slots:
        made = Slots.__new__(Slots)
        made.begin = self.begin
        made.chunks = [chunk.copy() for chunk in self.chunks]
        made._starts = self._starts.copy()
        return made

    def __len__(self) -> int:
        return sum(len(chunk.times) for chunk in self.chunks)

    def __iter__(self) -> Iterator[tuple[float, int]]:
        """Each slot's start and what is free in it."""
        return self.since(self.begin)

    def since(self, time: float) -> Iterator[tuple[float, int]]:
        """The slots from the one that holds ``time`` on: each start and what is free."""
        first, index = self.find(time)
        for chunk in self.chunks[first:]:
            flip = chunk.flip
            for at in range(index, len(chunk.times)):
                yield chunk.times[at], chunk.free[at] ^ flip
            index = 0

    def find(self, time: float) -> Position:
        """The slot that holds ``time``; the first one for a time before ``begin``."""
        chunk = max(0, bisect_right(self._starts, time) - 1)
        return chunk, max(0, bisect_right(self.chunks[chunk].times, time) - 1)

    def before(self, time: float) -> Position:
        """The last slot that starts before ``time``, which is later than ``begin``."""
        chunk = max(0, bisect_left(self._starts, time) - 1)
        return chunk, max(0, bisect_left(self.chunks[chunk].times, time) - 1)

    def during(self, start: float, end: float) -> int:
        """What is free all the time from ``start`` to ``end``."""
        first, index = self.find(start)
        free = -1
        for chunk in self.chunks[first:]:
            if chunk.times[index] >= end:
                break
            if index == 0 and chunk.times[-1] < end:
                free &= chunk.every
                continue
            stop = bisect_left(chunk.times, end)
            for at in range(index, stop):
                free &= chunk.free[at] ^ chunk.flip
            index = 0
        return free

    def occupy(self, bits: int, start: float, end: float) -> None:
        """Take ``bits``, which are free all that time."""
        self._change(bits, -bits.bit_count(), start, end)

    def release(self, bits: int, start: float, end: float) -> None:
        """Give back ``bits``, which are taken all that time."""
        self._change(bits, bits.bit_count(), start, end)

    def forget(self, time: float) -> None:
        """Begin at ``time``; nothing before it will be asked for."""
        chunk, index = self.find(time)
        del self.chunks[:chunk], self._starts[:chunk]
        first = self.chunks[0]
        if index:
            del first.times[:index], first.free[:index], first.counts[:index]
            first.renew()
        first.times[0] = max(first.times[0], time)
        self.begin = self._starts[0] = first.times[0]

    def _change(self, bits: int, count: int, start: float, end: float) -> None:
        start = max(start, self.begin)
        if start >= end or not bits:
            return
        self._cut(start)
        self._cut(end)
        at, index = self.find(start)
        while at < len(self.chunks) and self.chunks[at].times[0] < end:
            chunk = self.chunks[at]
            chunk.change(bits, count, index, bisect_left(chunk.times, end))
            at, index = at + 1, 0
        self._join(end)
        self._join(start)

    def _cut(self, time: float) -> None:
        """Make a slot start at ``time``."""
        if time == inf:
            return
        at, index = self.find(time)
        chunk = self.chunks[at]
        if chunk.times[index] == time:
            return
        chunk.times.insert(index + 1, time)
        chunk.free.insert(index + 1, chunk.free[index])
        chunk.counts.insert(index + 1, chunk.counts[index])
        if len(chunk.times) > _LARGEST:
            behind = chunk.tail(_LARGEST // 2)
            self.chunks.insert(at + 1, behind)
            self._starts.insert(at + 1, behind.times[0])

    def _join(self, time: float) -> None:
        """Make one of the slot that starts at ``time`` and the one before if they are equal."""
        if time in (inf, self.begin):
            return
        at, index = self.find(time)
        chunk = self.chunks[at]
        before = chunk if index else self.chunks[at - 1]
        if chunk.free[index] ^ chunk.flip != before.free[index - 1] ^ before.flip:
            return
        del chunk.times[index], chunk.free[index], chunk.counts[index]
        if not chunk.times:
            del self.chunks[at], self._starts[at]
            return
        chunk.renew()
        self._starts[at] = chunk.times[0]
        if at and len(chunk.times) + len(before.times) < _SMALLEST and before is not chunk:
            before.absorb(chunk)
            del self.chunks[at], self._starts[at]
