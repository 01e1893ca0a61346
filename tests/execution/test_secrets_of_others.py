"""What a job can read of jobs of other owners in its own process: nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import msgspec

from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles
from tests.execution.recording import Recorder, spec


def test_a_job_finds_no_key_of_another_job(
    data_dir: Path, executor: LocalExecutor, recorder: Recorder
) -> None:
    """Neither of those launched before it nor of those that stand in line behind it."""
    executor.launch(spec(1, "noop"))
    recorder.end(1)
    claim = JobFiles.of(data_dir, 1).claim(1)
    assert claim is not None
    os.kill(claim.warden_pid, signal.SIGSTOP)
    jobs = range(2, 10)
    for job_id in jobs:
        secret = msgspec.structs.replace(
            spec(job_id, "peeking"), api_key=f"secret-key-of-{job_id}!"
        )
        executor.launch(secret)
    os.kill(claim.warden_pid, signal.SIGCONT)
    for job_id in jobs:
        assert recorder.end(job_id).exit_code == 0
        facts = json.loads((executor.directory(job_id) / "stdout").read_text())
        assert facts["keys"] == [job_id]
        assert not facts["warden"]
        assert not [name for name in facts["frames"] if name.startswith("Warden.")]
