"""The line of slots and the search in it, against a list of seconds."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from hoplite.scheduling.earliest import OwnWindow, Window
from hoplite.scheduling.placement import Compiler, Fit
from hoplite.scheduling.plane import Plane, Region
from hoplite.scheduling.slots import Slots
from tests.scheduling.clusters import asked, cluster

HORIZON = 400
CLUSTER = cluster(24, 4)
ALL = CLUSTER.table.all


class Seconds:
    """What is free in each second."""

    def __init__(self) -> None:
        self.free = [ALL] * HORIZON

    def during(self, start: int, end: int) -> int:
        left = ALL
        for second in range(start, min(end, HORIZON)):
            left &= self.free[second]
        return left

    def turn(self, bits: int, start: int, end: int) -> None:
        for second in range(start, min(end, HORIZON)):
            self.free[second] ^= bits

    def earliest(self, fit: Fit, length: int, begin: int, own: Region | None = None) -> int | None:
        for start in range(begin, HORIZON - length):
            left = ALL
            for second in range(start, start + length):
                mine = own.bits if own is not None and own.start <= second < own.end else 0
                left &= self.free[second] | mine
            if fit.choose(left):
                return start
        return None


def requests() -> list[Fit]:
    compiler = Compiler(CLUSTER.table)
    rows = [
        *(asked(CLUSTER, ("core", count)) for count in (1, 3, 9, 17)),
        asked(CLUSTER, ("core", 2), allowed=0x0F0F0F),
        asked(CLUSTER, ("network_address", 2)),
        asked(CLUSTER, ("network_address", 3), ("core", 2)),
    ]
    return [compiler.compiled(row.levels, row.allowed) for row in rows]


@pytest.mark.parametrize("seed", range(6))
def test_slots_know_what_every_second_knows(seed: int) -> None:
    rng = random.Random(seed)
    slots, seconds = Slots(0.0, ALL), Seconds()
    taken: list[tuple[int, int, int]] = []
    for _ in range(500):
        start = rng.randrange(HORIZON - 2)
        end = rng.randint(start + 1, min(HORIZON - 1, start + 80))
        bits = seconds.during(start, end) & rng.getrandbits(24)
        if taken and rng.random() < 0.45:
            bits, start, end = taken.pop(rng.randrange(len(taken)))
            slots.release(bits, start, end)
            seconds.turn(bits, start, end)
        elif bits:
            taken.append((bits, start, end))
            slots.occupy(bits, start, end)
            seconds.turn(bits, start, end)
        assert slots.during(start, end) == seconds.during(start, end)
        if rng.random() < 0.1:
            check(slots, seconds)
    for one in taken:
        slots.release(*one)
    assert list(slots) == [(0.0, ALL)]


def check(slots: Slots, seconds: Seconds) -> None:
    rows = [*slots, (float(HORIZON), 0)]
    for (start, free), (end, _) in pairwise(rows):
        assert all(seconds.free[second] == free for second in range(int(start), int(end)))
    for (_, free), (_, more) in pairwise(rows[:-1]):
        assert free != more
    for chunk in slots.chunks:
        assert chunk.most == max((f ^ chunk.flip).bit_count() for f in chunk.free)
        left = ALL
        for free in chunk.free:
            left &= free ^ chunk.flip
        assert chunk.every == left


@pytest.mark.parametrize("seed", range(20))
def test_the_earliest_window_is_the_earliest(seed: int) -> None:
    rng = random.Random(seed)
    plane, seconds, fits = Plane(Slots(0.0, ALL)), Seconds(), requests()
    taken: list[Region] = []
    for _ in range(150):
        fit, length = rng.choice(fits), rng.choice((5, 20, rng.randint(1, 40)))
        begin = rng.choice((0, 0, rng.randrange(200)))
        expected = seconds.earliest(fit, length, begin)
        found = plane.exclusive.earliest(fit, length, begin)
        if expected is None or found is None or found[0] > HORIZON - length:
            continue
        assert found[0] == expected
        assert found[1] == seconds.during(expected, expected + length) & fit.mask
        if taken and rng.random() < 0.4:
            region = taken.pop(rng.randrange(len(taken)))
            plane.release(region)
        else:
            region = Region(fit.choose(found[1]), expected, expected + length)
            taken.append(region)
            plane.occupy(region)
        seconds.turn(region.bits, int(region.start), int(region.end))


@pytest.mark.parametrize("seed", range(4))
def test_a_place_of_ones_own_is_not_in_the_way(seed: int) -> None:
    rng = random.Random(seed)
    slots, seconds, fits = Slots(0.0, ALL), Seconds(), requests()
    regions = []
    for _ in range(60):
        fit, length = rng.choice(fits), rng.randint(1, 40)
        found = Window(slots, fit, length).earliest(rng.choice((0, rng.randrange(200))))
        if found is None or found[0] + length >= HORIZON:
            continue
        region = Region(fit.choose(found[1]), found[0], found[0] + length)
        regions.append((fit, length, region))
        slots.occupy(region.bits, region.start, region.end)
        seconds.turn(region.bits, int(region.start), int(region.end))
    for _, _, gone in regions[:10]:
        slots.release(gone.bits, gone.start, gone.end)
        seconds.turn(gone.bits, int(gone.start), int(gone.end))
    for fit, length, own in regions[10:]:
        if own.start:
            search = OwnWindow(slots, fit, length, own.bits, own.start)
            found = search.earliest(0, own.start - 1)
            expected = seconds.earliest(fit, length, 0, own)
            assert expected is not None
            assert (own.start if found is None else found[0]) == min(expected, own.start)


def test_jobs_that_share_see_all_but_each_other() -> None:
    plane = Plane(Slots(0.0, 0b1111))
    plane.occupy(Region(0b0011, 0.0, 10.0, ("ada", "*")))
    plane.occupy(Region(0b0110, 5.0, 20.0, ("ada", "*")))
    assert plane.exclusive.slots.during(5, 10) == 0b1000
    assert plane.exclusive.slots.during(10, 20) == 0b1001
    assert plane.view(("ada", "*")).slots.during(0, 20) == 0b1111
    assert plane.view(("bob", "*")).slots.during(5, 10) == 0b1000
    plane.release(Region(0b0011, 0.0, 10.0, ("ada", "*")))
    assert plane.exclusive.slots.during(0, 5) == 0b1111
    assert plane.exclusive.slots.during(5, 10) == 0b1001
    plane.release(Region(0b0110, 5.0, 20.0, ("ada", "*")))
    assert list(plane.exclusive.slots) == [(0.0, 0b1111)]
