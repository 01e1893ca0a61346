"""Jobs a second, from POST with ``run`` until all have ended, durable, against a bare fork server
and RQ."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from hoplite.execution.local import warden
from tests.benchmarks import redis_queue
from tests.benchmarks.load import Load, measure, request
from tests.benchmarks.server import a_server
from tests.server.process import ServerProcess

WIDE = 8

_POST = request("POST", "/jobs", '{"name": "benchmark.noop", "run": true}')
_ALIVE = request("GET", "/jobs?limit=1&state=Waiting,toLaunch,Launching,Running,Finishing")


def run(quick: bool) -> None:
    count, rounds = (100, 1) if quick else (500, 5)
    no_rq = redis_queue.missing()
    floors, ours, theirs = [], [], []
    with a_server() as server:
        _server_rate(server, 50)
        for _ in range(rounds):
            floors.append(_floor(count))
            ours.append(_server_rate(server, count))
            if no_rq is None:
                theirs.append(redis_queue.jobs_a_second(count // 2))
        _check(server)
    print(f"bare fork server, {WIDE} wide       {statistics.median(floors):7.0f} /s")
    print(f"no-op jobs, {WIDE} clients, durable {statistics.median(ours):7.0f} /s")
    print(f"  share of the bare fork server    {_ratios(ours, floors)} (aim 0.6)")
    if no_rq is not None:
        print(f"RQ, 2 workers                 skipped: {no_rq}")
        return
    print(f"RQ, 2 workers, not durable    {statistics.median(theirs):7.0f} /s")
    print(f"  times of RQ                      {_ratios(ours, theirs)} (aim 2)")


def _ratios(ours: list[float], theirs: list[float]) -> str:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f}, rounds {' '.join(f'{each:.2f}' for each in ratios)}"


def _floor(count: int) -> float:
    """With the same modules in memory as our fork server, the warden, has."""
    script = Path(__file__).with_name("forkserver.py")
    done = subprocess.run(
        [sys.executable, str(script), str(count), str(WIDE), warden.__name__, *warden.PRELOADED],
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def _server_rate(server: ServerProcess, count: int) -> float:
    load = Load(
        url=server.url,
        requests=[_POST],
        count=count,
        connections=WIDE,
        then_until=(_ALIVE, '"jobs":[]'),
    )
    measured = measure(load)
    assert measured.statuses == {201: count}, measured.statuses
    return measured.rate


def _check(server: ServerProcess) -> None:
    page = server.get("/jobs?limit=1000&state=Terminated,Error")
    outcomes = {job["outcome"] for job in page["jobs"]}
    assert outcomes == {"succeeded"}, outcomes
