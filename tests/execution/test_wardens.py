"""Wardens that die, that cannot start, and what they cost."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.process_tree import is_alive, processes
from hoplite.execution.protocol import Running
from tests.execution.recording import Recorder, noted, spec, until


def _warden_pid(data_dir: Path, job_id: int) -> int:
    claim = JobFiles.of(data_dir, job_id).claim(1)
    assert claim is not None
    return claim.warden_pid


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_the_death_of_a_warden_ends_no_job(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder, tmp_path: Path
) -> None:
    """The job's own report tells its outcome; later launches go to another warden."""
    note, gate = tmp_path / "note", tmp_path / "gate"
    config = {"note": str(note), "until": str(gate), "grandchildren": ["session"], "code": 8}
    executor.launch(spec(1, "waiting", config))
    until(lambda: len(noted(note)) == 2, "the job's run")
    os.kill(_warden_pid(data_dir, 1), signal.SIGKILL)
    executor.launch(spec(2, "noop"))
    assert recorder.end(2).exit_code == 0
    gate.touch()
    ended = recorder.end(1)
    assert ended.exit_code == 8
    assert ended.report is not None
    assert ended.lost is None
    assert recorder.count(1, Running) == 1


def test_a_job_that_dies_without_a_word_after_its_warden_is_lost(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    executor.launch(spec(1, "waiting", {"note": str(note), "until": str(tmp_path / "gate")}))
    until(lambda: noted(note), "the job's run")
    os.kill(_warden_pid(data_dir, 1), signal.SIGKILL)
    os.kill(noted(note)[0], signal.SIGKILL)
    assert recorder.end(1).lost == "vanished"


@pytest.mark.parametrize("point", ["warden.before-fork", "warden.after-fork", "warden.before-end"])
@pytest.mark.parametrize("nth", [1, 3])
def test_a_warden_that_dies_at_any_point_costs_no_job(
    data_dir: Path,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    nth: int,
) -> None:
    monkeypatch.setenv("HOPLITE_WARDEN_CRASH_AT", f"{point}:{nth}")
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    for job_id in range(1, 7):
        executor.launch(spec(job_id, "waiting", {"note": str(tmp_path / f"{job_id}"), "code": 9}))
    codes = [recorder.end(job_id).exit_code for job_id in range(1, 7)]
    assert codes == [9] * 6
    assert [len(noted(tmp_path / f"{job_id}")) for job_id in range(1, 7)] == [1] * 6
    assert [recorder.count(job_id, Running) for job_id in range(1, 7)] == [1] * 6
    executor.close()


def test_wardens_that_cannot_start_are_told_as_failed_launches(
    tmp_path: Path, recorder: Recorder
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho there is no python here >&2\nexit 3\n")
    python.chmod(0o755)
    executor = LocalExecutor(tmp_path / "data", python=str(python))
    executor.open(recorder)
    for job_id in (1, 2):
        executor.launch(spec(job_id, "noop"))
        error = recorder.end(job_id).launch_error
        assert error is not None
        assert "there is no python here" in error
    executor.close()


def test_a_directory_that_cannot_be_made_is_told_as_a_failed_launch(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder
) -> None:
    (data_dir / "jobs").mkdir()
    (data_dir / "jobs" / "000000").write_text("in the way")
    executor.launch(spec(1, "noop"))
    assert recorder.end(1).launch_error is not None
    (data_dir / "jobs" / "000000").unlink()
    executor.launch(spec(2, "noop"))
    assert recorder.end(2).exit_code == 0


def test_a_warden_ends_after_its_last_job_when_its_server_is_gone(
    data_dir: Path, recorder: Recorder, tmp_path: Path
) -> None:
    gate, note = tmp_path / "gate", tmp_path / "note"
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    executor.launch(spec(1, "waiting", {"note": str(note), "until": str(gate)}))
    until(lambda: noted(note), "the job's run")
    claim = JobFiles.of(data_dir, 1).claim(1)
    assert claim is not None
    executor.close()
    os.kill(claim.warden_pid, signal.SIGTERM)
    os.kill(claim.warden_pid, signal.SIGINT)
    assert is_alive(claim.warden)
    gate.touch()
    until(lambda: not is_alive(claim.warden), "the end of the warden")
    assert JobFiles.of(data_dir, 1).read_end() is not None


def test_neither_wardens_nor_jobs_hold_the_servers_descriptors(
    data_dir: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """A port can be bound again at once, though a job of the server that held it still runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(listening.fileno(), True)
    address = listening.getsockname()
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    note = tmp_path / "note"
    executor.launch(spec(1, "waiting", {"note": str(note), "until": str(tmp_path / "gate")}))
    until(lambda: noted(note), "the job's run")
    listening.close()
    socket.create_server(address).close()
    executor.kill(1, 0.0)
    recorder.end(1)
    executor.close()


def test_two_hundred_jobs_leave_no_descriptor_thread_or_zombie(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder
) -> None:
    executor.launch(spec(1, "noop"))
    recorder.end(1)
    warden = _warden_pid(data_dir, 1)
    before = _descriptors(os.getpid()), _descriptors(warden)
    for job_id in range(2, 202):
        executor.launch(spec(job_id, "noop" if job_id % 10 else "failing", {"how": "kill"}))
    for job_id in range(2, 202):
        recorder.end(job_id)
    assert (_descriptors(os.getpid()), _descriptors(warden)) == before
    until(lambda: not [p for p in processes().values() if p.parent == warden], "no child is left")
    executor.reload()
    executor.launch(spec(300, "noop"))
    recorder.end(300)
    until(lambda: _descriptors(os.getpid()) == before[0], "the old warden's connection is closed")
    assert [p for p in processes().values() if p.parent == os.getpid() and p.state == "Z"] == []


def test_a_full_disk_does_not_lose_an_end(tmp_path: Path) -> None:
    """What cannot be written now is written when there is space again."""
    from hoplite.execution.local.ends import PendingEnds
    from hoplite.execution.protocol import Ended

    files = JobFiles(str(tmp_path))
    blocker = tmp_path / "exit.json.new"
    blocker.mkdir()
    ends = PendingEnds()
    ends.write(files, Ended(exit_code=3, at=time.time()))
    assert ends
    blocker.rmdir()
    ends.retry()
    assert not ends
    found = files.read_end()
    assert found is not None
    assert found.exit_code == 3


def test_the_interpreter_is_the_one_that_was_asked_for(data_dir: Path, recorder: Recorder) -> None:
    executor = LocalExecutor(data_dir, python=sys.executable)
    executor.open(recorder)
    executor.launch(spec(1, "noop"))
    recorder.end(1)
    interpreter = Path(f"/proc/{_warden_pid(data_dir, 1)}/exe").resolve()
    assert interpreter == Path(sys.executable).resolve()
    executor.close()
