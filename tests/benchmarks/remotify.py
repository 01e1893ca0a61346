"""What a remote call costs beside the bare job: ``remote_f`` of an empty function, next to a POST of a
job that does nothing and the wait for its end, over one connection and without a client library."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from typing import Any

from hoplite.remote_enabler import close_connections
from tests.benchmarks.load import Connection, request
from tests.benchmarks.server import PLUGINS, a_server

_AIM_MS = 25
_LARGE = 50_000_000


def run(quick: bool) -> None:
    count = 20 if quick else 200
    sys.path.insert(0, str(PLUGINS))  # as the server's: by that name its jobs import it too
    module = importlib.import_module("benchmark_jobs.calls")
    bare, calls = [], []
    with a_server() as server:
        address = server.url.removeprefix("http://")
        connection = Connection(server.url)
        for n in range(count + 5):
            # In turn, so that whatever else the machine does is shared by both.
            bare_s, call_s = _bare_job(connection), _call(module, address)
            if n >= 5:
                bare.append(bare_s)
                calls.append(call_s)
        connection.close()
        _tell("POST and wait of an empty job", bare)
        _tell(f"remote_f of an empty function (aim {_AIM_MS})", calls)
        print(
            f"a call costs {statistics.median(calls) / statistics.median(bare):.2f} times the bare job"
        )
        _tell_large(module, address)
        close_connections()


def _bare_job(connection: Connection) -> float:
    body = json.dumps({"name": "benchmark.noop", "run": True})
    began = time.perf_counter()
    status, answer = connection.ask(request("POST", "/jobs", body).encode())
    assert status == 201, answer
    uuid = json.loads(answer)["job"]["uuid"]
    status, answer = connection.ask(request("GET", f"/jobs/{uuid}?wait=30").encode())
    took = time.perf_counter() - began
    assert json.loads(answer)["job"]["outcome"] == "succeeded", answer
    return took


def _call(module: Any, address: str) -> float:
    began = time.perf_counter()
    module.remote_nothing(address)
    return time.perf_counter() - began


def _tell(what: str, seconds: list[float]) -> None:
    tenths = statistics.quantiles(seconds, n=10)
    print(
        f"{what:44} median {statistics.median(seconds) * 1e3:6.2f} ms,"
        f" nine in ten under {tenths[-1] * 1e3:.2f}"
    )


def _tell_large(module: Any, address: str) -> None:
    began = time.perf_counter()
    assert module.remote_length(address, b"x" * _LARGE) == _LARGE
    there = time.perf_counter()
    assert len(module.remote_large(address, _LARGE)) == _LARGE
    back = time.perf_counter()
    print(f"50 MB as an argument {there - began:.2f} s, as a result {back - there:.2f} s")
