"""How late the Python client hears that its job has ended."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import datetime

from hoplite.client import RemoteJobManager
from tests.benchmarks.server import a_server

_JOB_S = 0.03
"""Time enough for the client to be waiting when the job ends."""
_AIM_MS = 20


def run(quick: bool) -> None:
    count = 20 if quick else 200
    ends, calls = [], []
    with (
        a_server() as server,
        RemoteJobManager(server.url) as manager,
        tempfile.TemporaryDirectory() as directory,
    ):
        for n in range(count + 5):
            end, call = _one_job(manager, f"{directory}/{n}")
            if n >= 5:
                ends.append(end)
                calls.append(call)
    _tell(f"end of the job to join's return (aim under {_AIM_MS})", ends)
    _tell("create, start and join an empty job", calls)


def _tell(what: str, seconds: list[float]) -> None:
    tenths = statistics.quantiles(seconds, n=10)
    print(
        f"{what:53} median {statistics.median(seconds) * 1e3:6.2f} ms,"
        f" nine in ten under {tenths[-1] * 1e3:.2f}, longest {max(seconds) * 1e3:.2f}"
    )


def _one_job(manager: RemoteJobManager, path: str) -> tuple[float, float]:
    """Seconds from the end of a job (``finished_at``: its process is gone) to ``join``'s return,
    and of one whole call that does nothing."""
    job = manager.start_job("benchmark.clock", {"path": path, "seconds": _JOB_S})
    job.join()
    heard = time.time()
    finished_at = datetime.fromisoformat(str(job.info()["finished_at"])).timestamp()
    began = time.perf_counter()
    manager.run("benchmark.noop")
    return heard - finished_at, time.perf_counter() - began
