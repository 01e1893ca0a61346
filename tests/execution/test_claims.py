"""Reboots, pids that are used again, and launches that come late."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hoplite.execution.local.adoption import Handle, settle
from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import Claim, JobFiles
from hoplite.execution.local.process_tree import ProcessId, identity
from hoplite.execution.local.warden_link import WardenLink
from hoplite.execution.local.wire import FromWarden, Launch, Ready, Started
from hoplite.execution.protocol import Ended, NeverStarted, Running
from tests.execution.recording import Recorder, noted, spec, until

NOBODY = ProcessId(2**22 + 1, 1)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no job, leading a session like one."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


def _files(data_dir: Path, job_id: int = 1) -> JobFiles:
    files = JobFiles.of(data_dir, job_id)
    files.make()
    return files


def _claim(process: ProcessId, warden: ProcessId = NOBODY, boot: str | None = None) -> Claim:
    return Claim.of(process, warden, boot or boot_id())


def _note_other_boot(data_dir: Path) -> None:
    data_dir.mkdir(exist_ok=True)
    (data_dir / "engine.json").write_bytes(msgspec.json.encode({"boot_id": "the-one-before"}))


def test_a_pid_that_was_used_again_is_no_job_and_is_never_signalled(
    data_dir: Path, executor: LocalExecutor, stranger: subprocess.Popen[bytes]
) -> None:
    _files(data_dir).try_claim(1, _claim(ProcessId(stranger.pid, 1)))
    found = executor.adopt(1, None)
    assert isinstance(found, Ended)
    assert found.lost == "vanished"
    assert not executor.kill(1, 0.0)
    assert stranger.poll() is None


def test_an_adopted_process_that_is_replaced_by_a_stranger_is_not_signalled(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder, stranger: subprocess.Popen[bytes]
) -> None:
    real = identity(stranger.pid)
    assert real is not None
    _files(data_dir).try_claim(1, _claim(real))
    assert isinstance(executor.adopt(1, None), Running)
    stranger.kill()
    assert recorder.end(1).lost == "vanished"


def test_a_running_job_of_before_a_reboot_is_lost(data_dir: Path, executor: LocalExecutor) -> None:
    me = identity(os.getpid())
    assert me is not None
    _files(data_dir).try_claim(1, _claim(me, boot="the-one-before"))
    found = executor.adopt(1, None)
    assert isinstance(found, Ended)
    assert found.lost == "rebooted"


def test_what_was_written_before_a_reboot_is_the_truth(
    data_dir: Path, executor: LocalExecutor
) -> None:
    for job_id in (1, 2):
        _files(data_dir, job_id).try_claim(1, _claim(NOBODY, boot="the-one-before"))
    Path(_files(data_dir, 1).report).write_bytes(b'{"returned":true,"exit_code":0}\n')
    _files(data_dir, 2).write_end(Ended(exit_code=5, at=time.time()))
    first, second = executor.adopt(1, None), executor.adopt(2, None)
    assert isinstance(first, Ended)
    assert isinstance(second, Ended)
    assert (first.exit_code, first.lost) == (0, None)
    assert first.report is not None
    assert second.exit_code == 5


@pytest.mark.parametrize("half", [b"", b'{"returned":true,"exit_code":0}', b"[]\n", b"\xff\n"])
def test_a_report_that_is_not_whole_is_none(
    data_dir: Path, executor: LocalExecutor, half: bytes
) -> None:
    _files(data_dir).try_claim(1, _claim(NOBODY))
    Path(_files(data_dir).report).write_bytes(half)
    found = executor.adopt(1, None)
    assert isinstance(found, Ended)
    assert found.lost == "vanished"


def test_a_job_without_a_trace_of_before_a_reboot_is_not_launched_again(
    data_dir: Path, recorder: Recorder
) -> None:
    _note_other_boot(data_dir)
    for _ in range(2):
        executor = LocalExecutor(data_dir)
        executor.open(recorder)
        found = executor.adopt(1, None)
        assert isinstance(found, Ended)
        assert found.lost == "rebooted"
        executor.close()


def test_the_handle_tells_of_a_reboot_too(executor: LocalExecutor) -> None:
    handle = Handle(pid=1, start_time=1, boot_id="the-one-before", launch=1)
    found = executor.adopt(1, handle.raw())
    assert isinstance(found, Ended)
    assert found.lost == "rebooted"


def test_a_launch_that_was_revoked_leaves_its_time_limit_to_itself(data_dir: Path) -> None:
    files = _files(data_dir)
    files.make()
    files.write_extra_time(None)
    assert settle(files, rebooted=False) == NeverStarted()
    assert files.read_extra_time() == 0.0


def test_a_late_child_of_a_revoked_launch_runs_nothing(
    data_dir: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """Launch 1 reaches an old warden only after a new server has revoked it and launched again."""
    files = _files(data_dir)
    assert settle(files, rebooted=False) == NeverStarted()
    old = WardenLink(data_dir, sys.executable)
    late = spec(1, "waiting", {"note": str(tmp_path / "late")})
    assert old.send(Launch(spec=late, launch=1, directory=files.directory))
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    executor.launch(spec(1, "waiting", {"note": str(tmp_path / "right"), "code": 7}))
    assert recorder.end(1).exit_code == 7
    old.retire()
    _read_to_the_end(old)
    assert len(noted(tmp_path / "right")) == 1
    assert noted(tmp_path / "late") == []
    found = files.read_end()
    assert found is not None
    assert found.exit_code == 7
    executor.close()


def _read_to_the_end(link: WardenLink) -> None:
    heard: list[FromWarden] = []

    def gone() -> bool:
        try:
            heard.extend(link.messages())
        except EOFError:
            return True
        return False

    until(gone, "the end of the warden")
    link.close()
    assert [type(one) for one in heard] == [Ready, Started]


def test_claims_are_made_once(data_dir: Path) -> None:
    files = _files(data_dir)
    assert files.try_claim(1, _claim(NOBODY))
    assert not files.try_claim(1, _claim(NOBODY))
    assert files.claims() == 1
    assert files.claim(2) is None
    assert files.claim(1) == _claim(NOBODY)
