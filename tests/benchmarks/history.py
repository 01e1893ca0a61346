"""What ended jobs cost that are kept: memory, pages, a restart."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from hoplite.data_directory import JOURNAL_FILE, prepare
from tests.benchmarks.journal import fill
from tests.benchmarks.load import Connection, request
from tests.benchmarks.server import new_server
from tests.server.process import ServerProcess

_FOREVER = ("--keep-days", "36500", "--keep-jobs", "10000000")
_PAGES = {
    "newest": "/jobs?limit=100",
    "half way down": "/jobs?limit=100&cursor={half}",
    "state=Terminated": "/jobs?limit=100&state=Terminated",
    "owner=alice": "/jobs?limit=100&owner=alice",
}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured with so many jobs; seconds and bytes."""

    jobs: int
    start: float
    resident: int
    pages: dict[str, float]


def run(quick: bool, *, million: bool = False) -> None:
    empty = _with(100)
    print(f"start, process to listening, with {empty.jobs} jobs {empty.start:6.2f} s")
    for jobs in (10_000 if quick else 100_000, *([1_000_000] if million else [])):
        _tell(_with(jobs), empty)


def _tell(kept: Kept, base: Kept) -> None:
    each = (kept.resident - base.resident) / kept.jobs
    print(
        f"{kept.jobs} ended jobs: start {kept.start:.2f} s, of that for the jobs"
        f" {kept.start - base.start:+.2f} s (aim under 3); memory {each:.0f} bytes a job (aim under"
        " 2000)"
    )
    for name, seconds in kept.pages.items():
        print(
            f"  page of 100, {name:18} {seconds * 1e3:6.2f} ms,"
            f" {seconds / base.pages[name]:.2f} of the same with {base.jobs} jobs (aim 1.5)"
        )


def _with(jobs: int) -> Kept:
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
            return _measure(server, jobs)
        finally:
            server.close()


def _measure(server: ServerProcess, jobs: int) -> Kept:
    starts = []
    for _ in range(3):
        began = time.perf_counter()
        server.start()
        starts.append(time.perf_counter() - began)
        assert server.url, server.log_text()
        if len(starts) < 3:
            server.kill_9()
    connection = Connection(server.url)
    # 101 jobs would make each page full and followed; below that, what is half way down is empty.
    half = jobs // 2 if jobs > 200 else jobs + 1
    pages = {name: _median_s(connection, path.format(half=half)) for name, path in _PAGES.items()}
    connection.close()
    resident = psutil.Process(server.pid).memory_info().rss
    return Kept(jobs=jobs, start=statistics.median(starts), resident=resident, pages=pages)


def _median_s(connection: Connection, path: str) -> float:
    text = request("GET", path).encode()
    seconds = []
    for _ in range(50):
        began = time.perf_counter()
        status, body = connection.ask(text)
        seconds.append(time.perf_counter() - began)
        assert status == 200, body
    return statistics.median(seconds)
