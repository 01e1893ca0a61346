"""What the scheduler costs: full passes, and single events with a long queue.

No server, no clock: the pure scheduler.  Seconds are those of the processor.  Each job asks for cores, nodes, or cores on
nodes, for a walltime that no other has; "round walltimes" are the few that people choose.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from math import log

import msgspec

from hoplite.scheduling.demand import WaitingJob
from hoplite.scheduling.scheduler import Scheduler
from tests.scheduling.clusters import cluster, random_jobs, random_request

KAMELOT = {200: 1.6, 500: 23.0, 1000: 124.0}
"""Seconds of OAR 3's scheduler for so many jobs on 1,008 resources, on such a machine."""
_EVENTS = 60


def run(quick: bool) -> None:
    full_passes(quick)
    for waiting, resources in ((1_000, 1_000), (10_000, 1_000)) if quick else _INCREMENTAL:
        events(waiting, resources)


_INCREMENTAL = ((1_000, 1_000), (10_000, 1_000), (100_000, 1_000), (1_000, 10_000))


def main(quick: bool = False) -> None:
    run(quick)


def full_passes(quick: bool) -> None:
    print("a full pass: every waiting job gets a predicted start")
    print(f"  {'jobs':>8} {'resources':>9} {'seconds':>8} {'us/job':>7} {'growth':>8}  OAR 3")
    sizes = [200, 500, 1_000, 10_000, *([] if quick else [100_000])]
    last: tuple[int, float] | None = None
    for jobs in sizes:
        last = _pass(jobs, 1_000, last, times=1 if jobs > 10_000 else 3)
    _pass(1_000, 10_000, None)
    print("  with round walltimes")
    _pass(10_000, 1_000, None, round_walltimes=True)


def _pass(
    jobs: int,
    resources: int,
    before: tuple[int, float] | None,
    *,
    times: int = 3,
    round_walltimes: bool = False,
) -> tuple[int, float]:
    """One row; the growth is the power of the number of jobs: 1 is linear, 2 is square."""
    of = cluster(resources)
    waiting = random_jobs(of, jobs, 1, round_walltimes=round_walltimes)
    seconds = min(_seconds(lambda: Scheduler(0.0, of, waiting=waiting)) for _ in range(times))
    growth = ""
    if before is not None:
        growth = f"n^{log(seconds / before[1]) / log(jobs / before[0]):.2f}"
    other = f"{KAMELOT[jobs]:g} s" if jobs in KAMELOT and resources == 1_000 else ""
    each = seconds / jobs * 1e6
    print(f"  {jobs:8} {resources:9} {seconds:8.3f} {each:7.0f} {growth:>8}  {other}", flush=True)
    return jobs, seconds


def events(waiting: int, resources: int) -> None:
    """One event each, with the queue as long as that and the cluster full."""
    of, rng = cluster(resources), random.Random(2)
    scheduler = Scheduler(0.0, of, waiting=random_jobs(of, waiting, 1))
    costs: dict[str, list[float]] = {}
    running = _start(scheduler, 0.0, costs)
    costs.clear()
    for number in range(_EVENTS):
        now = 1.0 + number
        gone = running.pop(rng.randrange(len(running)))
        _cost(costs, "an end", lambda: scheduler.ended(gone, now))  # noqa: B023 - called at once
        running += _start(scheduler, now, costs, "what an end lets start")
        request = random_request(of, rng, round_walltimes=False)
        new = WaitingJob(id=waiting + 1 + number, alternatives=request)
        _cost(costs, "a submission", lambda: scheduler.submit(new, now))  # noqa: B023
        running += _start(scheduler, now, costs, "what a submission lets start")
        urgent = msgspec.structs.replace(new, id=-number - 1, priority=10)
        _cost(costs, "a dry run", lambda: scheduler.probe(urgent, now))  # noqa: B023
        asked_for = rng.choice(sorted(scheduler.plan()))
        _cost(costs, "why", lambda: scheduler.why(asked_for))  # noqa: B023
        _cost(costs, "a step of settling, 16 jobs", lambda: scheduler.settle(now, 16))  # noqa: B023
    print(f"one event, {waiting} jobs waiting, {resources} resources: median and worst, ms")
    for name, seconds in costs.items():
        middle, worst = statistics.median(seconds) * 1e3, max(seconds) * 1e3
        print(f"  {name:28} {middle:8.2f} {worst:8.2f}   of {len(seconds)}", flush=True)


def _start(
    scheduler: Scheduler, now: float, costs: dict[str, list[float]], name: str = "decide"
) -> list[int]:
    began = time.process_time()
    starts = list(scheduler.decide(now).starts)
    costs.setdefault(name, []).append(time.process_time() - began)
    for job_id in starts:
        _cost(costs, "a start", lambda: scheduler.started(job_id, now))  # noqa: B023
    return starts


def _cost(costs: dict[str, list[float]], name: str, what: Callable[[], object]) -> None:
    costs.setdefault(name, []).append(_seconds(what))


def _seconds(what: Callable[[], object]) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


if __name__ == "__main__":
    main()
