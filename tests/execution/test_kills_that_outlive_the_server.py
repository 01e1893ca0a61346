"""SIGKILL comes at the end of the grace, also where the server has stopped before."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hoplite.execution.local.adoption import Handle
from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.process_tree import ProcessId, is_alive
from hoplite.execution.protocol import Running
from tests.execution.recording import Recorder, noted, spec, until


def _deaf(executor: LocalExecutor, recorder: Recorder, tmp_path: Path) -> ProcessId:
    """Launch job 1, which ignores SIGTERM."""
    note = tmp_path / "note"
    config = {"note": str(note), "until": str(tmp_path / "gate"), "deaf": True}
    executor.launch(spec(1, "waiting", config))
    until(lambda: noted(note), "the job's run")
    return msgspec.json.decode(recorder.running(1).handle, type=Handle).process


def test_the_warden_carries_out_a_kill_whose_server_is_gone(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder, tmp_path: Path
) -> None:
    process = _deaf(executor, recorder, tmp_path)
    assert executor.kill(1, grace_s=0.5)
    executor.close()
    assert is_alive(process)
    until(lambda: JobFiles.of(data_dir, 1).read_end(), "the end")
    assert not is_alive(process)


def test_a_kill_of_an_adopted_job_is_carried_out_before_the_server_stops(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder, tmp_path: Path
) -> None:
    process = _deaf(executor, recorder, tmp_path)
    executor.close()
    second = LocalExecutor(data_dir)
    second.open(Recorder())
    assert isinstance(second.adopt(1, None), Running)
    assert second.kill(1, grace_s=600)
    assert is_alive(process)
    second.close()
    until(lambda: not is_alive(process), "the end of the job")
