"""Cases that need a file system of their own.  Each runs in a mount namespace that dies with it.

``python -m tests.journal.failing_storage CASE DIRECTORY``; a case that fails raises.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from hoplite.exceptions import HopliteError, StorageFullError, StorageUnavailableError
from hoplite.journal.protocol import Change, JobCreated, JobForgotten, Page
from hoplite.journal.store import SqliteJournal
from tests.journal.jobs import a_job, created

BIG = msgspec.Raw(msgspec.json.encode("x" * 50_000))


def mount(directory: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(directory)], check=True)


def raised(call: Callable[[], object]) -> HopliteError | None:
    try:
        call()
    except HopliteError as error:
        return error
    return None


def fill(journal: SqliteJournal, first: int = 1) -> list[int]:
    """Commit until the disk is full; the ids whose commit returned."""
    told: list[int] = []
    for job_id in range(first, first + 5000):
        error = raised(lambda n=job_id: journal.commit(*big(n)))  # type: ignore[misc]
        if error is not None:
            assert isinstance(error, StorageFullError), repr(error)
            assert "no space" in str(error).lower(), str(error)
            return told
        told.append(job_id)
    raise AssertionError("the disk never filled")


def big(job_id: int) -> tuple[Change, ...]:
    return created(a_job(job_id, config=BIG))


def ids(journal: SqliteJournal) -> list[int]:
    return [job.id for job in journal.page(Page(limit=10_000)).jobs][::-1]


def full_disk(directory: Path) -> None:
    """Full: 507, reads go on, nothing half-written.  Space back: commits go on by themselves."""
    mount(directory, "-t", "tmpfs", "-o", "size=3m", "tmpfs")
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(1_000_000))
    journal = SqliteJournal(directory / "j.db")
    told = fill(journal)
    assert told
    assert ids(journal) == told
    full_for_all(journal, first=2000)
    assert ids(journal) == told
    ballast.unlink()
    journal.check()
    following = told[-1] + 1
    journal.commit(*big(following))
    assert ids(journal) == [*told, following]
    journal.close()
    journal = SqliteJournal(directory / "j.db")
    assert ids(journal) == [*told, following]
    journal.close()


def full_for_all(journal: SqliteJournal, first: int) -> None:
    errors: list[HopliteError | None] = []

    def commit(job_id: int) -> None:
        errors.append(raised(lambda: journal.commit(*big(job_id))))

    threads = [threading.Thread(target=commit, args=(first + n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 8
    assert all(isinstance(error, StorageFullError) for error in errors), errors
    assert len(set(map(id, errors))) == 8


def full_again_and_again(directory: Path) -> None:
    """Through many checkpoints that find no room, nothing that was told is lost."""
    mount(directory, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
    journal = SqliteJournal(directory / "j.db")
    expected: list[int] = []
    for _ in range(4):
        expected += fill(journal, journal.last_ids()[0] + 1)
        assert ids(journal) == expected
        mount(directory, "-o", "remount,size=200m")
        gone, expected = expected[: len(expected) // 2], expected[len(expected) // 2 :]
        journal.commit(*(JobForgotten(job_id, "room", 0.0) for job_id in gone))
        assert ids(journal) == expected
        used = sum(file.stat().st_size for file in directory.iterdir())
        mount(directory, "-o", f"remount,size={used + 3_000_000}")
    journal.close()
    journal = SqliteJournal(directory / "j.db")
    assert ids(journal) == expected
    journal.close()


def no_room_to_begin(directory: Path) -> None:
    mount(directory, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    (directory / "ballast").write_bytes(bytes(50_000))
    error = raised(lambda: SqliteJournal(directory / "j.db"))
    assert isinstance(error, StorageFullError), repr(error)
    mount(directory, "-o", "remount,size=4m")
    journal = SqliteJournal(directory / "j.db")
    journal.commit(*created(a_job(1)))
    journal.close()


def read_only(directory: Path) -> None:
    mount(directory, "-t", "tmpfs", "tmpfs")
    mount(directory, "-o", "remount,ro")
    error = raised(lambda: SqliteJournal(directory / "j.db"))
    assert isinstance(error, StorageUnavailableError), repr(error)
    assert "Read-only" in str(error), str(error)
    mount(directory, "-o", "remount,rw")
    journal = SqliteJournal(directory / "j.db")
    journal.commit(*created(a_job(1)))
    journal.close()
    mount(directory, "-o", "remount,ro")
    error = raised(lambda: SqliteJournal(directory / "j.db"))
    assert isinstance(error, StorageUnavailableError), repr(error)
    mount(directory, "-o", "remount,rw")
    journal = SqliteJournal(directory / "j.db")
    journal.commit(JobCreated(a_job(2)))
    assert ids(journal) == [1, 2]
    journal.close()


CASES = {
    case.__name__: case for case in (full_disk, full_again_and_again, no_room_to_begin, read_only)
}

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]))
