"""What the journal costs, against a bare SQLite loop on the same disk in the same run.

``python -m tests.benchmarks.journal [--million]``
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from hoplite.journal.protocol import Change, Happened, JobCreated, Page
from hoplite.journal.store import SqliteJournal
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, LIVE, Outcome, State
from hoplite.model.timeline import Happening
from tests.journal.jobs import START, a_job, an_ended_job, an_entry, created

COMMITS = 1500
CONFIG = msgspec.Raw(b'{"command": "make -j2 all", "workdir": "/srv/build", "retries": 3}')
STATUS = msgspec.Raw(b'{"exit_code": 0, "usage": {"user_s": 1.25, "system_s": 0.5}}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="pages and start with 1e6 jobs too")
    parser.add_argument("--dir", type=Path, help="where to write (default: a temporary directory)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.dir) as directory:
        commits(Path(directory))
        base = kept(Path(directory), 100, None)
        kept(Path(directory), 100_000, base)
        if asked.million:
            kept(Path(directory), 1_000_000, base)


def commits(directory: Path) -> None:
    bare = floor(directory / "floor.db")
    print(f"bare insert + commit            {bare:8.0f} /s")
    for threads in (1, 8, 32):
        rate, batch = commit_rate(directory / f"commits{threads}.db", threads)
        print(
            f"commit of a job, {threads:2} threads    {rate:8.0f} /s  {rate / bare:5.2f} of bare,"
            f" {batch:.1f} commits a write"
        )


def floor(path: Path) -> float:
    """Single rows of the same size, each in a durable transaction of its own."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, job TEXT)")
    began = time.perf_counter()
    for n in range(COMMITS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO jobs (job) VALUES (?)", (f"{n:0300}",))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return COMMITS / seconds


def commit_rate(path: Path, threads: int) -> tuple[float, float]:
    """Commits of a new job with its entry a second, and commits in a write."""
    journal = SqliteJournal(path)
    batches: list[int] = []
    journal.on_commit_time = lambda _, tickets: batches.append(tickets)
    jobs = [created(a_job(n, config=CONFIG)) for n in range(1, COMMITS + 1)]

    def work(mine: list[tuple[Change, ...]]) -> None:
        for changes in mine:
            journal.commit(*changes)

    workers = [threading.Thread(target=work, args=(jobs[n::threads],)) for n in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    journal.close()
    return COMMITS / seconds, COMMITS / len(batches)


PAGES = {
    "no filter": Page(limit=100),
    "state = Terminated": Page(limit=100, states=frozenset({State.TERMINATED})),
    "state = Error (1 %)": Page(limit=100, states=frozenset({State.ERROR})),
    "states = ended": Page(limit=100, states=ENDED),
    "states = live (none)": Page(limit=100, states=LIVE),
    "owner (1 in 1000)": Page(limit=100, owner="carol"),
    "plugin (half)": Page(limit=100, plugin="p1"),
    "since the first": Page(limit=100, since=START),
    "owner + plugin + ended": Page(limit=100, owner="carol", plugin="p1", states=ENDED),
    "Error + other plugin (none)": Page(
        limit=100, plugin="p0", owner="alice", states=frozenset({State.ERROR})
    ),
}


def kept(directory: Path, jobs: int, base: dict[str, float] | None) -> dict[str, float]:
    """Print what ``jobs`` ended jobs cost; the seconds of each kind of page that is full."""
    path = directory / f"kept{jobs}.db"
    # In a process of its own, so that what it frees does not hide what reading takes.
    filler = multiprocessing.get_context("spawn").Process(target=fill, args=(path, jobs))
    filler.start()
    filler.join()
    before = resident_bytes()
    began = time.perf_counter()
    journal = SqliteJournal(path)
    journal.live_jobs()
    journal.counts()
    journal.last_ids()
    opened = time.perf_counter() - began
    full = {name for name, page in PAGES.items() if len(journal.page(page).jobs) == page.limit}
    pages = {name: median_s(lambda page=page: journal.page(page)) for name, page in PAGES.items()}  # type: ignore[misc]
    memory = resident_bytes() - before
    print(
        f"\n{jobs} ended jobs: start {opened * 1e3:.1f} ms, {memory / jobs:.0f} bytes of memory and"
        f" {path.stat().st_size / jobs:.0f} of disk each"
    )
    for name, seconds in pages.items():
        ratio = (
            f"  {seconds / base[name]:5.2f} of 100 jobs"
            if base and name in base and name in full
            else ""
        )
        print(f"  page of 100, {name:28} {seconds * 1e6:8.0f} µs{ratio}")
    print(f"  page of 100, half way down        {halfway(journal, jobs) * 1e6:15.0f} µs")
    randomly = random.Random(1)
    ids = [randomly.randint(1, jobs) for _ in range(2000)]
    began = time.perf_counter()
    for job_id in ids:
        journal.job(job_id)
    print(
        f"  job by id                          {(time.perf_counter() - began) / 2000e-6:14.1f} µs"
    )
    print(f"  logs_beyond, none is              {retention(journal) * 1e6:15.1f} µs")
    journal.close()
    return {name: seconds for name, seconds in pages.items() if name in full}


def halfway(journal: SqliteJournal, jobs: int) -> float:
    page = Page(limit=100, before_id=jobs // 2)
    return median_s(lambda: journal.page(page))


def retention(journal: SqliteJournal) -> float:
    return median_s(lambda: journal.logs_beyond(10**12, 500))


def median_s(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(30):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def fill(path: Path, jobs: int) -> None:
    journal = SqliteJournal(path)
    for first in range(1, jobs + 1, 1000):
        changes: list[Change] = []
        for job_id in range(first, min(first + 1000, jobs + 1)):
            job = ended(job_id)
            changes.append(JobCreated(job))
            changes += [
                Happened(an_entry(job, what))
                for what in (Happening.CREATED, Happening.STARTED, Happening.ENDED)
            ]
        journal.commit(*changes)
    journal.close()


def ended(job_id: int) -> Job:
    return an_ended_job(
        job_id,
        Outcome.KILLED if job_id % 100 == 1 else Outcome.SUCCEEDED,
        owner="carol" if job_id % 1000 == 1 else "alice",
        plugin=f"p{job_id % 2}",
        config=CONFIG,
        status=STATUS,
        log_bytes=1000,
        key_hash=bytes(32),
    )


def resident_bytes() -> int:
    """0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * 4096


if __name__ == "__main__":
    main()
