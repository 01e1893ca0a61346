"""Jobs a second over the OAR dialect, from the first POST until the queue is empty, on all cores, and
against bare processes; and how long a job waits that could start at once."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.load import Connection, Load, measure, request
from tests.benchmarks.server import a_server
from tests.server.process import ServerProcess

_CLIENTS = 8
_REAL_OAR = 0.6
"""Jobs a second of OAR 2.5.9 on the same kind of machine."""
_COMMAND = "/bin/true"
_QUEUE = request("GET", "/oarapi/jobs.json?limit=1")


def run(quick: bool) -> None:
    count, rounds = (40, 1) if quick else (200, 5)
    cores = len(os.sched_getaffinity(0))
    with a_server() as server, tempfile.TemporaryDirectory() as directory:
        _server_rate(server, directory, 20)
        floors, ours = [], []
        for _ in range(rounds):
            floors.append(_floor(count, cores))
            ours.append(_server_rate(server, directory, count))
        _check(server)
        _tell_waits([_wait(server, directory, n) for n in range(10 if quick else 100)])
    shares = sorted(mine / floor for mine, floor in zip(ours, floors, strict=True))
    rate = statistics.median(ours)
    print(f"bare processes, {cores} at once      {statistics.median(floors):7.0f} /s")
    print(f"{count} jobs of {_COMMAND}, durable  {rate:7.1f} /s")
    print(f"  share of bare processes       {statistics.median(shares):.2f} (from {shares[0]:.2f})")
    print(f"  times OAR 2.5.9 ({_REAL_OAR} /s)      {rate / _REAL_OAR:5.0f} (aim 100)")


def _floor(count: int, cores: int) -> float:
    """As many at once as there are cores, each by a shell as OAR has it."""
    began, alive, left = time.perf_counter(), set[int](), count
    bash = shutil.which("bash") or "/bin/bash"
    while alive or left:
        while left and len(alive) < cores:
            alive.add(os.posix_spawn(bash, ["bash", "-c", _COMMAND], os.environ))
            left -= 1
        alive.remove(os.wait()[0])
    return count / (time.perf_counter() - began)


def _submission(directory: str, command: str = _COMMAND) -> str:
    body = {"command": command, "resource": "/core=1", "directory": directory}
    return request("POST", "/oarapi/jobs.json", json.dumps(body))


def _server_rate(server: ServerProcess, directory: str, count: int) -> float:
    load = Load(
        url=server.url,
        requests=[_submission(directory)],
        count=count,
        connections=_CLIENTS,
        then_until=(_QUEUE, '"total": 0'),
    )
    measured = measure(load)
    assert measured.statuses == {201: count}, measured.statuses
    return measured.rate


def _check(server: ServerProcess) -> None:
    jobs = server.get("/oarapi/jobs/table.json?state=Terminated,Error&limit=0")["items"]
    assert {(job["state"], job["exit_code"]) for job in jobs} == {("Terminated", 0)}


def _wait(server: ServerProcess, directory: str, nth: int) -> float:
    """Seconds from the POST until the command runs, where the cores are free."""
    began_at = Path(directory) / f"began{nth}"
    connection = Connection(server.url)
    posted = time.time()
    job = _json(connection.ask(_submission(directory, f"date +%s.%N > {began_at}").encode()), 201)
    ended = connection.ask(request("GET", f"/jobs/{job['id']}?wait=30").encode())
    connection.close()
    assert _json(ended, 200)["outcome"] == "succeeded", ended
    return float(began_at.read_text("ascii")) - posted - _date_s()


def _date_s() -> float:
    """What ``bash -c date`` takes by itself."""
    began = time.time()
    told = subprocess.run(["bash", "-c", "date +%s.%N"], stdout=subprocess.PIPE, check=True).stdout
    return float(told) - began


def _tell_waits(seconds: Sequence[float]) -> None:
    tenths = statistics.quantiles(seconds, n=10)
    print(
        f"POST to the start of the command median {statistics.median(seconds) * 1e3:.1f} ms (aim"
        f" under 50), nine in ten under {tenths[-1] * 1e3:.1f}, all under {max(seconds) * 1e3:.1f}"
    )


def _json(answer: tuple[int, bytes], status: int) -> Any:
    assert answer[0] == status, answer
    return json.loads(answer[1])
