"""Jobs a second, from POST with ``run`` until all have ended, durable, against a bare fork server
and RQ."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import redis_queue
from tests.benchmarks.load import Load, measure, request
from tests.benchmarks.server import a_server
from tests.server.process import ServerProcess

WIDE = 8
PRELOADED = ("hoplite.execution.local.warden", "json", "requests", "subprocess")
"""What the warden has imported when it forks."""

_POST = request("POST", "/jobs", '{"name": "benchmark.noop", "run": true}')
_ALIVE = request("GET", "/jobs?limit=1&state=Waiting,toLaunch,Launching,Running,Finishing")


def run(quick: bool) -> None:
    count, rounds = (100, 1) if quick else (600, 5)
    floors, ours = [], []
    with a_server() as server:
        server.ended(server.run("benchmark.noop")["uuid"])
        _server_rate(server, 50)
        for _ in range(rounds):
            floors.append(_floor(count))
            ours.append(_server_rate(server, count))
        _check(server)
    shares = [mine / floor for mine, floor in zip(ours, floors, strict=True)]
    floor, mine = statistics.median(floors), statistics.median(ours)
    print(f"bare fork server, {WIDE} wide       {floor:7.0f} /s")
    print(
        f"no-op jobs, {WIDE} clients, durable {mine:7.0f} /s   {statistics.median(shares):.2f} of the"
        f" bare fork server (aim 0.6; rounds {' '.join(f'{share:.2f}' for share in shares)})"
    )
    reason = redis_queue.missing()
    if reason is not None:
        print(f"RQ, 2 workers                 skipped: {reason}")
        return
    rq = statistics.median(redis_queue.jobs_a_second(count // 2) for _ in range(min(rounds, 3)))
    print(f"RQ, 2 workers, not durable    {rq:7.0f} /s   ours are {mine / rq:.1f} times (aim 2)")


def _floor(count: int) -> float:
    script = Path(__file__).with_name("forkserver.py")
    done = subprocess.run(
        [sys.executable, str(script), str(count), str(WIDE), *PRELOADED],
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
