from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hoplite.journal.protocol import Page
from hoplite.journal.store import SqliteJournal
from tests.journal.jobs import a_job, created

ROOT = Path(__file__).parents[2]


def commit_until_killed(path: Path, crash_at: str, jobs: int = 50) -> list[int]:
    """Ids whose commit had returned when the process died."""
    env = {**os.environ, "HOPLITE_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.journal.committing", str(path), str(jobs)],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return [int(line) for line in done.stdout.split()]


def kept(path: Path) -> list[int]:
    """The ids in the journal, oldest first; it must take the next commit too."""
    journal = SqliteJournal(path)
    ids = [job.id for job in journal.page(Page(limit=1000)).jobs][::-1]
    entries = journal.entries(after=0, job_id=None, limit=1000)
    assert [entry.job_id for entry in entries] == ids
    assert sum(journal.counts().values()) == len(ids)
    following = journal.last_ids()[0] + 1
    journal.commit(*created(a_job(following)))
    assert journal.job(following) == a_job(following)
    journal.close()
    return ids


def test_killed_before_a_commit_all_earlier_ones_are_there(tmp_path: Path) -> None:
    told = commit_until_killed(tmp_path / "j.db", "journal.before_commit:9")
    assert told == list(range(1, 9))
    assert kept(tmp_path / "j.db") == told


def test_killed_after_a_commit_it_is_there_though_nobody_was_told(tmp_path: Path) -> None:
    told = commit_until_killed(tmp_path / "j.db", "journal.after_commit:9")
    assert told == list(range(1, 9))
    assert kept(tmp_path / "j.db") == [*told, 9]


def test_killed_twice_in_a_row(tmp_path: Path) -> None:
    first = commit_until_killed(tmp_path / "j.db", "journal.before_commit:5")
    second = commit_until_killed(tmp_path / "j.db", "journal.after_commit:5")
    assert kept(tmp_path / "j.db") == [*first, *second, 9]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a process that was killed after its ninth commit."""
    directory = tmp_path_factory.mktemp("killed")
    commit_until_killed(directory / "j.db", "journal.after_commit:9")
    return directory


def test_a_torn_tail_loses_the_newest_commits_only(killed: Path, tmp_path: Path) -> None:
    """However much of the tail is missing, what is left is a beginning of what was committed."""
    size = (killed / "j.db-wal").stat().st_size
    lengths = []
    for n, cut in enumerate([0, 1, 100, 4096, 5000, 20_000, 60_000, size // 2]):
        copy = shutil.copytree(killed, tmp_path / str(n))
        os.truncate(copy / "j.db-wal", size - cut)
        (copy / "j.db-shm").unlink()
        ids = kept(copy / "j.db")
        assert ids == list(range(1, len(ids) + 1))
        lengths.append(len(ids))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[:3] == [9, 8, 8]


def test_a_damaged_tail_loses_the_newest_commit_only(killed: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(killed, tmp_path / "copy")
    (copy / "j.db-shm").unlink()
    with (copy / "j.db-wal").open("r+b") as wal:
        wal.seek(-50, os.SEEK_END)
        wal.write(b"\xff" * 20)
    assert kept(copy / "j.db") == list(range(1, 9))


def test_half_a_write_after_the_last_commit_loses_nothing(killed: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(killed, tmp_path / "copy")
    (copy / "j.db-shm").unlink()
    with (copy / "j.db-wal").open("ab") as wal:
        wal.write(os.urandom(30_000))
    assert kept(copy / "j.db") == list(range(1, 10))
