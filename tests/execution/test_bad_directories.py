"""Directories that cannot be used, read or removed as usual."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hoplite.exceptions import StorageUnavailableError
from hoplite.execution.local.adoption import Handle
from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.process_tree import entry, is_alive
from hoplite.execution.protocol import Ended
from tests.execution.recording import Recorder, noted, spec, until

_FORGET = """
import os, sys
from pathlib import Path
from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles

if os.geteuid() == 0:
    # Now: the interpreter may be where only root finds it.
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
executor = LocalExecutor(Path(sys.argv[1]))
files = JobFiles.of(Path(sys.argv[1]), 1)
locked = Path(files.work, "locked", "deeper")
locked.mkdir(parents=True)
locked.joinpath("file").touch()
outside = Path(sys.argv[1], "outside")
outside.mkdir()
outside.joinpath("kept").touch()
locked.joinpath("link").symlink_to(outside)
Path(files.stdout).touch()
outside.chmod(0o555)
locked.chmod(0o000)
locked.parent.chmod(0o555)
executor.forget([1, 2])
executor.close()
print(os.path.exists(files.directory), outside.joinpath("kept").exists(), oct(outside.stat().st_mode))
"""


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A directory that an ordinary account may write."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def test_directories_without_permissions_are_removed(anybodys: Path) -> None:
    """By a server that is not root; what links in them lead to stays as it is."""
    done = subprocess.run(
        [sys.executable, "-c", _FORGET, str(anybodys / "data")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    assert done.stdout.split() == ["False", "True", "0o40555"], done.stderr


def test_a_sparse_log_counts_as_what_it_takes(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path))
    Path(files.stderr).write_bytes(b"x" * 5000)
    with Path(files.stdout).open("wb") as file:
        file.truncate(2**40)
    assert files.log_bytes() == 5000


@pytest.mark.parametrize("python", [None, "/nonexistent/python"])
def test_an_executor_that_cannot_open_says_so_and_can_be_closed(
    tmp_path: Path, recorder: Recorder, python: str | None
) -> None:
    data_dir = tmp_path / "data"
    if python is None:
        tmp_path.joinpath("file").touch()
        data_dir = tmp_path / "file" / "data"
    executor = LocalExecutor(data_dir, python=python or sys.executable)
    with pytest.raises(StorageUnavailableError, match="jobs cannot be run from"):
        executor.open(recorder)
    executor.close()


def test_an_executor_that_was_never_opened_can_be_closed(tmp_path: Path) -> None:
    LocalExecutor(tmp_path).close()


def test_a_job_whose_directory_cannot_be_read_is_not_adopted(
    data_dir: Path, executor: LocalExecutor
) -> None:
    data_dir.joinpath("jobs").mkdir()
    data_dir.joinpath("jobs", "000000").write_text("in the way")
    with pytest.raises(StorageUnavailableError, match="job 1 cannot be told"):
        executor.adopt(1, None)


def test_no_end_is_told_while_a_late_child_could_still_run_the_job(
    data_dir: Path,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The warden died, and the job's directory could not be read for a while."""
    monkeypatch.setenv("HOPLITE_WARDEN_CRASH_AT", "child.before-claim:1:SIGSTOP")
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    note = tmp_path / "note"
    executor.launch(spec(1, "waiting", {"note": str(note), "code": 4}))
    late = msgspec.json.decode(recorder.running(1).handle, type=Handle).process
    until(lambda: (seen := entry(late.pid)) and seen.state == "T", "the child to stand still")
    child = entry(late.pid)
    assert child is not None
    directory = executor.directory(1)
    aside = directory.rename(tmp_path / "aside")
    directory.touch()
    with caplog.at_level(logging.WARNING):
        os.kill(child.parent, signal.SIGKILL)
        until(lambda: "job 1 cannot be told yet" in caplog.text, "the failure to revoke")
    assert recorder.count(1, Ended) == 0
    directory.unlink()
    aside.rename(directory)
    assert recorder.end(1).exit_code == 4
    os.kill(late.pid, signal.SIGCONT)
    until(lambda: not is_alive(late), "the end of the late child")
    assert len(noted(note)) == 1
    executor.close()
