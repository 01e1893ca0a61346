"""What lists of jobs over the OAR interface cost where many ended jobs are kept."""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hoplite.data_directory import JOURNAL_FILE, prepare
from tests.benchmarks.journal import fill
from tests.benchmarks.load import Connection, request
from tests.benchmarks.server import new_server

_FOREVER = ("--keep-days", "36500", "--keep-jobs", "10000000")
_TIMES = 100
_AIM_MS = 15
_PAGES = {
    "what is in the queue": "/jobs.json?limit=100",
    "state=Terminated": "/jobs.json?limit=100&state=Terminated",
    "state=Terminated, deep": "/jobs.json?limit=100&state=Terminated&offset={deep}",
    "all states, deep": "/jobs.json?limit=100&state=&offset={deep}",
    "user=alice, Terminated": "/jobs.json?limit=100&state=Terminated&user=alice",
    "of the last hour": "/jobs.json?limit=100&from={hour}",
    "table": "/jobs/table.json?limit=100&state=Terminated",
    "details": "/jobs/details.json?limit=100&state=Terminated",
}


def run(quick: bool) -> None:
    jobs = 10_000 if quick else 100_000
    with _filled(jobs) as connection:
        for name, form in _PAGES.items():
            path = form.format(deep=jobs * 9 // 10, hour=int(time.time()) - 3600)
            times = sorted(_page_s(connection, path) for _ in range(_TIMES))
            print(
                f"{jobs} ended jobs, page of 100: {name:24} median"
                f" {statistics.median(times) * 1e3:6.2f} ms, 95 of 100 in {times[94] * 1e3:6.2f} ms"
                f" (aim under {_AIM_MS})"
            )


def _page_s(connection: Connection, path: str) -> float:
    text = request("GET", f"/oarapi{path}").encode()
    began = time.perf_counter()
    status, body = connection.ask(text)
    seconds = time.perf_counter() - began
    assert status == 200, body
    return seconds


@contextlib.contextmanager
def _filled(jobs: int) -> Iterator[Connection]:
    with tempfile.TemporaryDirectory(prefix="hoplite-benchmark-") as directory:
        server = new_server(Path(directory), *_FOREVER)
        prepare(server.data_dir)
        # In a process of its own: this one stays small.
        filler = multiprocessing.get_context("spawn").Process(
            target=fill, args=(server.data_dir / JOURNAL_FILE, jobs)
        )
        filler.start()
        filler.join()
        try:
            server.start()
            assert server.url, server.log_text()
            connection = Connection(server.url)
            yield connection
            connection.close()
        finally:
            server.close()
