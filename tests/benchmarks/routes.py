"""Requests a second of the two routes that are asked most, against a bare Flask route, and against one
that has as much on the disk before it answers."""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

from tests.benchmarks.bare_flask import bare_flask
from tests.benchmarks.load import Connection, Load, measure, request
from tests.benchmarks.server import a_server
from tests.server.process import ServerProcess, wait_until

_JOBS = 8
_STATUS_WRITE_BYTES = 3 * 4120
"""Three pages of the write-ahead log."""


def run(quick: bool) -> None:
    count, rounds = (300, 1) if quick else (1000, 11)
    with a_server() as server:
        uuid = server.create("benchmark.noop", run=True)["uuid"]
        server.ended(uuid)
        get = request("GET", f"/jobs/{uuid}")
        puts = [_status_put(server) for _ in range(_JOBS)]
        # Fills the journal's write-ahead log, which costs more while it grows.
        measure(Load(url=server.url, requests=puts, count=5 * count, connections=_JOBS))
        sync_s = _sync_s(server.data_dir)
        print(f"a durable write here, in the same run: {sync_s * 1e6:.0f} µs")
        body = _answer(server, f"/jobs/{uuid}")
        durable = server.data_dir / "floor", _STATUS_WRITE_BYTES
        with bare_flask(body) as bare, bare_flask(body, durable) as durably:
            for name, texts, floor, against, aim in (
                ("GET /jobs/<uuid>", [get], bare, "bare Flask", 0.7),
                ("PUT status, durable", puts, bare, "bare Flask", 0.5),
                ("PUT status, durable", puts, durably, "syncing Flask", None),
            ):
                for connections in (1, _JOBS):
                    loads = tuple(
                        Load(url=url, requests=texts, count=count, connections=connections)
                        for url in (server.url, floor)
                    )
                    _compare(name, against, aim, loads, rounds)
        for job in server.get("/jobs/running")["jobs"]:
            server.put(f"/jobs/{job['uuid']}/kill")


def _status_put(server: ServerProcess) -> str:
    """A status of a job of its own: jobs do not report on each other."""
    uuid = server.run("benchmark.hold")["uuid"]
    key = wait_until(lambda: server.job(uuid)["status"].get("key"), "the job's key")
    body = {"status": {"done": 12, "of": 100, "file": "a.txt"}, "api_key": key}
    return request("PUT", f"/jobs/{uuid}", json.dumps(body))


def _sync_s(directory: Path) -> float:
    """Seconds that the disk takes for as much as the journal writes for one status."""
    with (directory / "sync").open("wb") as file:
        file.write(bytes(_STATUS_WRITE_BYTES))
        os.fsync(file.fileno())
        seconds = []
        for _ in range(200):
            began = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(_STATUS_WRITE_BYTES), 0)
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _answer(server: ServerProcess, path: str) -> bytes:
    connection = Connection(server.url)
    body = connection.ask(request("GET", path).encode())[1]
    connection.close()
    return body


def _compare(
    name: str, against: str, aim: float | None, loads: tuple[Load, ...], rounds: int
) -> None:
    """``loads``: ours and the bare one's, in turn."""
    rates = [[_rate(load) for load in loads] for _ in range(rounds)]
    shares = sorted(ours / bare for ours, bare in rates)
    told = "" if aim is None else f"aim {aim}; "
    ours, bare = (statistics.median(each) for each in zip(*rates, strict=True))
    print(
        f"{name:20} {loads[0].connections} connections {ours:6.0f} /s, {against} {bare:6.0f} /s,"
        f" share {statistics.median(shares):.2f} ({told}rounds from {shares[0]:.2f} to"
        f" {shares[-1]:.2f})"
    )


def _rate(load: Load) -> float:
    measured = measure(load)
    assert measured.statuses == {200: load.count}, measured.statuses
    return measured.rate
