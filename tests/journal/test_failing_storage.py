from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from hoplite.exceptions import StorageFullError, StorageUnavailableError
from hoplite.journal.protocol import Page
from hoplite.journal.storage_errors import storage_error
from hoplite.journal.store import SqliteJournal
from tests.journal.failing_storage import CASES
from tests.journal.jobs import a_job, created

ROOT = Path(__file__).parents[2]


TRIAL = """
d=$(mktemp -d) && mount -t tmpfs tmpfs "$d" && umount "$d" && rmdir "$d" && exec "$0" -c ""
"""


def namespace() -> list[str]:
    """The command that gives another command mounts of its own."""
    for options in (["--mount"], ["--mount", "--map-root-user"]):
        command = ["unshare", *options]
        trial = [*command, "sh", "-c", TRIAL, sys.executable]
        if (
            shutil.which("unshare")
            and not subprocess.run(trial, capture_output=True, check=False, timeout=20).returncode
        ):
            return command
    pytest.skip("file systems cannot be mounted here, neither as root nor in a user namespace")


@pytest.mark.parametrize("case", CASES)
def test_storage_that_fails_and_comes_back(case: str, tmp_path: Path) -> None:
    """Full and read-only file systems: see the cases."""
    done = subprocess.run(
        [*namespace(), sys.executable, "-m", "tests.journal.failing_storage", case, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db")
    yield opened
    opened.close()


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_failing_write_keeps_nothing_and_the_next_commit_works(journal: SqliteJournal) -> None:
    """Input/output errors come and go without a restart."""
    journal.commit(*created(a_job(1)))
    size = journal.path.with_name("journal.db-wal").stat().st_size
    big = msgspec.Raw(msgspec.json.encode("x" * 300_000))
    for _ in range(3):
        with files_limited_to(size + 100_000), pytest.raises(StorageUnavailableError) as caught:
            journal.commit(*created(a_job(2, config=big)))
        assert "nothing of the request was kept" in str(caught.value)
        assert journal.job(2) is None
        assert [job.id for job in journal.live_jobs()] == [1]
    journal.commit(*created(a_job(2, config=big)))
    assert journal.job(2) == a_job(2, config=big)
    assert journal.last_ids() == (2, 2)


def test_a_read_only_directory_is_told_to_an_ordinary_user(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes whatever the modes say; the read-only file system case covers it")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageUnavailableError, match="Permission denied"):
            SqliteJournal(tmp_path / "journal.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_journal_whose_file_was_removed_takes_no_more_commits(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    """They would go to a file without a name, and be gone with the process."""
    journal.commit(*created(a_job(1)))
    journal.path.rename(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailableError, match="removed or replaced"):
        journal.check()
    with pytest.raises(StorageUnavailableError, match="put it back"):
        journal.commit(*created(a_job(2)))
    (tmp_path / "elsewhere").rename(journal.path)
    journal.check()
    journal.commit(*created(a_job(2)))
    assert [job.id for job in journal.page(Page(limit=9)).jobs] == [2, 1]


def test_another_writer_that_holds_the_journal_is_named(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoplite.journal.connections._BUSY_TIMEOUT_S", 0.05)
    other = SqliteJournal(journal.path)
    intruder = sqlite3.connect(journal.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailableError, match="another process"):
        other.commit(*created(a_job(1)))
    intruder.execute("ROLLBACK")
    other.commit(*created(a_job(1)))
    intruder.close()
    other.close()


def test_a_quota_counts_as_full(tmp_path: Path) -> None:
    error = storage_error(OSError(122, "Disk quota exceeded"), tmp_path / "j.db")
    assert isinstance(error, StorageFullError)
    assert storage_error(ValueError("x"), tmp_path / "j.db") is None
