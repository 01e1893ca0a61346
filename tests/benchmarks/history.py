"""What ended jobs cost that are kept: memory, pages, a restart."""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from hoplite.data_directory import JOURNAL_FILE, prepare
from tests.benchmarks.journal import fill
from tests.benchmarks.load import Connection, request
from tests.benchmarks.server import new_server
from tests.server.process import ServerProcess

_FOREVER = ("--keep-days", "36500", "--keep-jobs", "10000000")
_FEW = 100
_STARTS = 5
_PAIRS = 100
_PAGES = {
    "newest": "/jobs?limit=100",
    "half way down": "/jobs?limit=100&cursor={half}",
    "state=Terminated": "/jobs?limit=100&state=Terminated",
    "owner=alice": "/jobs?limit=100&owner=alice",
}


class Filled(msgspec.Struct):
    """A server with so many ended jobs, and a connection to it."""

    jobs: int
    server: ServerProcess
    start_s: float
    """From making the process to listening."""
    connection: Connection

    def resident_bytes(self) -> int:
        return int(psutil.Process(self.server.pid).memory_info().rss)

    def page_s(self, path: str) -> float:
        """Seconds that a page of 100 takes."""
        # Of few jobs none is left half way down: their page is the newest.
        half = self.jobs // 2 if self.jobs > 200 else self.jobs + 1
        text = request("GET", path.format(half=half)).encode()
        began = time.perf_counter()
        status, body = self.connection.ask(text)
        seconds = time.perf_counter() - began
        assert status == 200, body
        return seconds


def run(quick: bool, *, million: bool = False) -> None:
    with _filled(_FEW) as few:
        print(f"start, process to listening, with {few.jobs} jobs {few.start_s:6.2f} s")
        for jobs in (10_000 if quick else 100_000, *([1_000_000] if million else [])):
            with _filled(jobs) as many:
                _compare(many, few)


def _compare(many: Filled, few: Filled) -> None:
    pages = {name: _times_of_few(many, few, path) for name, path in _PAGES.items()}
    each = (many.resident_bytes() - few.resident_bytes()) / many.jobs
    print(
        f"{many.jobs} ended jobs: start {many.start_s:.2f} s, of that for the jobs"
        f" {many.start_s - few.start_s:+.2f} s (aim under 3); memory {each:.0f} bytes a job (aim"
        " under 2000)"
    )
    for name, (seconds, ratio) in pages.items():
        print(
            f"  page of 100, {name:18} {seconds * 1e3:6.2f} ms,"
            f" {ratio:.2f} of the same with {few.jobs} jobs (aim 1.5)"
        )


def _times_of_few(many: Filled, few: Filled, path: str) -> tuple[float, float]:
    """Seconds of a page, and their ratio to those of few jobs, asked in turn.  The lower quartiles:
    what else the machine does only adds to them."""
    pairs = [(many.page_s(path), few.page_s(path)) for _ in range(_PAIRS)]
    seconds, base = (statistics.quantiles(each, n=4)[0] for each in zip(*pairs, strict=True))
    return seconds, seconds / base


@contextlib.contextmanager
def _filled(jobs: int) -> Iterator[Filled]:
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
            start_s = _start_s(server)
            connection = Connection(server.url)
            yield Filled(jobs, server, start_s, connection)
            connection.close()
        finally:
            server.close()


def _start_s(server: ServerProcess) -> float:
    """Started by killing it each time but the last: a restart has more to do than a start."""
    starts = []
    for n in range(_STARTS):
        if n:
            server.kill_9()
        began = time.perf_counter()
        server.start()
        starts.append(time.perf_counter() - began)
        assert server.url, server.log_text()
    return statistics.median(starts)
