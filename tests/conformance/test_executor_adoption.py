"""What every executor must do: finding jobs again after the server died."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import msgspec

from hoplite.execution.protocol import Ended, Executor, LaunchSpec, NeverStarted, Running
from tests.conformance.conftest import Host
from tests.execution.engines import Engine
from tests.execution.recording import Recorder, exception_of, noted, spec, until


def _waiting(tmp_path: Path, job_id: int = 1, **more: Any) -> LaunchSpec:
    config = {
        "note": str(tmp_path / f"note-{job_id}"),
        "until": str(tmp_path / "gate"),
        "code": 30 + job_id,
    }
    timeout_s = more.pop("timeout_s", None)
    return spec(job_id, "waiting", {**config, **more}, timeout_s=timeout_s)


def _runs(tmp_path: Path, job_id: int = 1) -> list[int]:
    return noted(tmp_path / f"note-{job_id}")


def _kill(host: Any) -> None:
    host.kill()
    host.wait()


def _opened(engine: Engine, recorder: Recorder) -> Executor:
    executor = engine.make()
    executor.open(recorder)
    return executor


def test_a_job_outlives_its_server_and_is_adopted(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    _kill(host(_waiting(tmp_path)))
    executor = _opened(engine, recorder)
    until(lambda: _runs(tmp_path), "the job's run")
    assert isinstance(executor.adopt(1, None), Running)
    assert recorder.heard == []
    (tmp_path / "gate").touch()
    assert recorder.end(1).exit_code == 31
    assert len(_runs(tmp_path)) == 1
    executor.close()


def test_two_servers_in_a_row_may_die(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    _kill(host(_waiting(tmp_path)))
    until(lambda: _runs(tmp_path), "the job's run")
    _kill(host(_waiting(tmp_path, 2)))
    until(lambda: _runs(tmp_path, 2), "the other job's run")
    executor = _opened(engine, recorder)
    assert isinstance(executor.adopt(1, None), Running)
    assert isinstance(executor.adopt(2, None), Running)
    (tmp_path / "gate").touch()
    assert recorder.end(1).exit_code == 31
    assert recorder.end(2).exit_code == 32
    executor.close()


def test_an_adopted_job_can_be_killed(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    _kill(host(_waiting(tmp_path, deaf=True, grandchildren=["twice"])))
    until(lambda: len(_runs(tmp_path)) == 2, "the job's run")
    executor = _opened(engine, recorder)
    executor.adopt(1, None)
    assert executor.kill(1, grace_s=0.2)
    assert recorder.end(1).signal == signal.SIGKILL
    executor.close()


def test_the_exit_code_is_kept_while_nobody_watches(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    specs = [_waiting(tmp_path), spec(2, "failing", {"how": "value_error"})]
    _kill(host(*specs, spec(3, "failing", {"how": "kill"})))
    until(lambda: _runs(tmp_path), "the job's run")
    (tmp_path / "gate").touch()
    executor = _opened(engine, recorder)

    def ended(job_id: int) -> Ended:
        found = executor.adopt(job_id, None)
        return found if isinstance(found, Ended) else recorder.end(job_id)

    assert ended(1).exit_code == 31
    assert exception_of(ended(2))["message"] == "the value is wrong"
    assert ended(3).signal == signal.SIGKILL
    executor.close()


def test_the_time_limit_holds_without_a_server(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    _kill(host(_waiting(tmp_path, timeout_s=0.5)))
    until(lambda: _runs(tmp_path), "the job's run")
    executor = _opened(engine, recorder)
    found = executor.adopt(1, None)
    ended = found if isinstance(found, Ended) else recorder.end(1)
    assert (ended.timed_out, ended.signal) == (True, signal.SIGTERM)
    executor.close()


def test_closing_leaves_jobs_running_for_the_next(
    engine: Engine, recorder: Recorder, tmp_path: Path
) -> None:
    first = _opened(engine, Recorder())
    first.launch(_waiting(tmp_path))
    until(lambda: _runs(tmp_path), "the job's run")
    first.close()
    second = _opened(engine, recorder)
    assert isinstance(second.adopt(1, None), Running)
    (tmp_path / "gate").touch()
    assert recorder.end(1).exit_code == 31
    second.close()


def test_a_launch_that_never_happened_may_be_made_again(
    engine: Engine, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    executor = _opened(engine, recorder)
    assert executor.adopt(1, None) == NeverStarted()
    assert executor.adopt(1, None) == NeverStarted()
    executor.launch(_waiting(tmp_path))
    assert recorder.end(1).exit_code == 31
    assert len(_runs(tmp_path)) == 1
    executor.close()


def test_a_server_killed_at_any_moment_of_a_launch_leaves_each_job_to_run_once(
    engine: Engine, host: Host, recorder: Recorder, tmp_path: Path
) -> None:
    """Launches are sent, the server is killed, and what never started is launched anew."""
    (tmp_path / "gate").touch()
    specs = [_waiting(tmp_path, job_id) for job_id in range(1, 13)]
    process = host(specs[0])
    assert process.stdin is not None
    _send_and_kill(process, specs[1:])
    executor = _opened(engine, recorder)
    _finish(executor, recorder, specs)
    assert [len(_runs(tmp_path, one.job_id)) for one in specs] == [1] * len(specs)
    executor.close()


def _send_and_kill(process: Any, specs: list[LaunchSpec]) -> None:
    process.stdin.write(b"".join(msgspec.json.encode(one) + b"\n" for one in specs))
    process.stdin.flush()
    process.stdout.readline()
    _kill(process)


def _finish(executor: Executor, recorder: Recorder, specs: list[LaunchSpec]) -> None:
    found = {one.job_id: executor.adopt(one.job_id, None) for one in specs}
    for one in specs:
        if isinstance(found[one.job_id], NeverStarted):
            executor.launch(one)
    for one in specs:
        fate = found[one.job_id]
        ended = fate if isinstance(fate, Ended) else recorder.end(one.job_id)
        assert ended.exit_code == 30 + one.job_id
