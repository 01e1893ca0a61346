"""How long a client waits for its job to begin, and to hear that it has ended."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.load import Connection, request
from tests.benchmarks.server import a_server

_JOB_S = 0.03
"""Time enough for the client to be waiting when the job ends."""


def run(quick: bool) -> None:
    count = 20 if quick else 200
    begins, ends, tellings = [], [], []
    with a_server() as server, tempfile.TemporaryDirectory() as directory:
        connection = Connection(server.url)
        for n in range(count + 5):
            begin, end, telling = _one_job(connection, Path(directory) / str(n))
            if n >= 5:
                begins.append(begin)
                ends.append(end)
                tellings.append(telling)
        connection.close()
    _tell("POST to the plugin's first line", begins, 15)
    _tell("end of the job to the answer", tellings, 5)
    _tell("its last line to the answer", ends, 5)


def _tell(what: str, seconds: list[float], aim_ms: int) -> None:
    tenths = statistics.quantiles(seconds, n=10)
    print(
        f"{what:33} median {statistics.median(seconds) * 1e3:6.2f} ms (aim under {aim_ms}),"
        f" nine in ten under {tenths[-1] * 1e3:.2f}"
    )


def _one_job(connection: Connection, path: Path) -> tuple[float, float, float]:
    """Seconds from the POST to the first line, from the last line to the answer of ``?wait``, and
    from the job's end (its process is gone: ``finished_at``) to that answer."""
    config = {"path": str(path), "seconds": _JOB_S}
    body = json.dumps({"name": "benchmark.clock", "config": config, "run": True})
    posted = time.monotonic()
    job = _json(connection.ask(request("POST", "/jobs", body).encode()), 201)
    ended = _json(connection.ask(request("GET", f"/jobs/{job['uuid']}?wait=30").encode()), 200)
    heard, heard_at = time.monotonic(), time.time()
    assert ended["outcome"] == "succeeded", ended
    first, last = map(float, path.read_text("ascii").split())
    finished_at = datetime.fromisoformat(ended["finished_at"]).timestamp()
    return first - posted, heard - last, heard_at - finished_at


def _json(answer: tuple[int, bytes], status: int) -> Any:
    assert answer[0] == status, answer
    return json.loads(answer[1])
