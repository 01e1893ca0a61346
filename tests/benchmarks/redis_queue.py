"""RQ on Redis, the peer that also takes a process for each job."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.nothing import nothing

_DEADLINE_S = 300.0


def missing() -> str | None:
    """Why it cannot be measured here; None: it can."""
    if shutil.which("redis-server") is None:
        return "redis-server is not installed"
    absent = [name for name in ("rq", "redis") if importlib.util.find_spec(name) is None]
    return f"pip install {' '.join(absent)}" if absent else None


def jobs_a_second(count: int, workers: int = 2) -> float:
    """From the first job enqueued to the last one done.  Redis does not write to disk: RQ's jobs
    are not durable here, ours are."""
    with _redis() as port, _workers(port, workers):
        connection: Any = importlib.import_module("redis").Redis(port=port)
        queue: Any = importlib.import_module("rq").Queue(connection=connection)
        done = queue.finished_job_registry
        for _ in range(workers):
            queue.enqueue(nothing)
        _until(lambda: done.count >= workers)
        began = time.perf_counter()
        for _ in range(count):
            queue.enqueue(nothing)
        _until(lambda: done.count >= workers + count)
        return count / (time.perf_counter() - began)


def _until(true: Any) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("RQ did not finish its jobs")
        time.sleep(0.005)


@contextlib.contextmanager
def _redis() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", directory]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _until(lambda: _answers(port))
            yield port
        finally:
            server.terminate()
            server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def _workers(port: int, count: int) -> Iterator[None]:
    url = f"redis://127.0.0.1:{port}"
    command = [sys.executable, "-m", "rq.cli", "worker", "--url", url, "-q"]
    crew = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for worker in crew:
            worker.terminate()
        for worker in crew:
            worker.wait()
