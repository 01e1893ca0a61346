from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hoplite.journal.changes import Checked, ConflictingChange
from hoplite.journal.group_commit import GroupCommit, Ticket
from hoplite.journal.protocol import JobChanged, JobCreated
from hoplite.journal.store import SqliteJournal
from tests.journal.jobs import a_job, created


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db")
    yield opened
    opened.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def in_threads(calls: Sequence[Callable[[], None]]) -> list[BaseException | None]:
    """What each call raised; all run at once."""
    results: list[BaseException | None] = [None] * len(calls)

    def run(n: int) -> None:
        try:
            calls[n]()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Gate:
    """A write that waits until told, and remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[list[float]] = []
        self.group = GroupCommit(self.write)

    def write(self, tickets: Sequence[Ticket]) -> None:
        changes = [c.at for ticket in tickets for c in ticket.changes if isinstance(c, Checked)]
        self.batches.append(changes)
        assert self.open.wait(20)
        for ticket in tickets:
            ticket.settle(KeyError(changes[0]) if changes[0] < 0 else None)

    def waiting(self) -> int:
        return len(self.group._waiting)

    def commit(self, at: float) -> Callable[[], None]:
        return lambda: self.group.commit([Checked(at)])


def test_what_comes_during_a_write_shares_the_next() -> None:
    gate = Gate()
    first = threading.Thread(target=gate.commit(0))
    first.start()
    until(lambda: gate.batches == [[0]])
    others = [threading.Thread(target=gate.commit(n)) for n in range(1, 9)]
    for other in others:
        other.start()
    until(lambda: gate.waiting() == 8)
    gate.open.set()
    for thread in (first, *others):
        thread.join(20)
        assert not thread.is_alive()
    assert [sorted(batch) for batch in gate.batches] == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]


def test_each_caller_gets_what_became_of_its_own() -> None:
    gate = Gate()
    gate.open.set()
    with pytest.raises(KeyError):
        gate.commit(-1)()
    gate.commit(1)()


def test_a_write_that_dies_leaves_nobody_waiting() -> None:
    dead = threading.Event()

    def write(tickets: Sequence[Ticket]) -> None:
        until(dead.is_set)
        raise KeyboardInterrupt

    group = GroupCommit(write)
    calls = [lambda: group.commit([Checked(0)])] * 5
    threading.Timer(0.05, dead.set).start()
    assert all(isinstance(error, KeyboardInterrupt) for error in in_threads(calls))


def test_commits_at_the_same_time_share_writes(journal: SqliteJournal) -> None:
    batches: list[int] = []
    journal.on_commit_time = lambda seconds, tickets: batches.append(tickets)
    threads, each = 32, 10

    def commit(first: int) -> Callable[[], None]:
        def run() -> None:
            for n in range(each):
                journal.commit(*created(a_job(first + n)))

        return run

    assert in_threads([commit(1 + n * each) for n in range(threads)]) == [None] * threads
    assert sum(batches) == threads * each
    assert max(batches) > 1
    assert len(batches) < threads * each
    assert journal.counts() == {("Hold", ""): threads * each}


def test_a_bad_commit_fails_none_of_its_neighbours(journal: SqliteJournal) -> None:
    """Sent together with many that are good, in one batch or several."""

    def good(n: int) -> Callable[[], None]:
        return lambda: journal.commit(*created(a_job(n)))

    def bad(n: int) -> Callable[[], None]:
        return lambda: journal.commit(JobCreated(a_job(n)), JobChanged(a_job(99_999)))

    for first in range(1, 200, 20):
        calls = [bad(n) if n % 3 == 0 else good(n) for n in range(first, first + 20)]
        for n, error in enumerate(in_threads(calls), first):
            assert isinstance(error, ConflictingChange) == (n % 3 == 0)
            assert (journal.job(n) is None) == (n % 3 == 0)


def test_a_hook_that_fails_breaks_no_commit(journal: SqliteJournal) -> None:
    def fail(seconds: float, tickets: int) -> None:
        raise RuntimeError

    journal.on_commit_time = fail
    journal.commit(*created(a_job(1)))
    assert journal.job(1) == a_job(1)
