"""What every executor must do: kills, signals, time limits, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from hoplite.execution.protocol import Ended, Executor, Running, Verb
from tests.execution.engines import Engine
from tests.execution.recording import Recorder, noted, spec, until

STUBBORN = {"deaf": True, "grandchildren": ["plain", "session", "twice"]}


def _waiting(executor: Executor, recorder: Recorder, tmp_path: Path, **config: Any) -> list[int]:
    """Launch job 1, a waiting one; the pids of all of it, its own last."""
    note = tmp_path / "note"
    expected = 1 + len(config.get("grandchildren", ()))
    timeout_s = config.pop("timeout_s", None)
    kill_grace_s = config.pop("kill_grace_s", 5.0)
    config = {"note": str(note), "until": str(tmp_path / "gate"), **config}
    executor.launch(spec(1, "waiting", config, timeout_s=timeout_s, kill_grace_s=kill_grace_s))
    recorder.running(1)
    until(lambda: len(noted(note)) == expected, "the note of all pids")
    return noted(note)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_kill_ends_the_job_by_sigterm(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    pids = _waiting(executor, recorder, tmp_path)
    assert executor.kill(1, grace_s=30)
    ended = recorder.end(1)
    assert (ended.signal, ended.exit_code, ended.report) == (signal.SIGTERM, None, None)
    assert all(map(_gone, pids))
    assert not executor.kill(1, grace_s=30)


def test_a_kill_ends_a_whole_tree_that_ignores_sigterm(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    """Grandchildren too, in sessions of their own and forked twice."""
    pids = _waiting(executor, recorder, tmp_path, **STUBBORN)
    assert executor.kill(1, grace_s=0.2)
    assert recorder.end(1).signal == signal.SIGKILL
    assert len(pids) == 4
    assert [pid for pid in pids if not _gone(pid)] == []


def test_a_kill_before_the_process_exists_is_not_lost(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    config = {"note": str(tmp_path / "note"), "until": str(tmp_path / "gate")}
    executor.launch(spec(1, "waiting", config))
    assert executor.kill(1, grace_s=30)
    assert recorder.end(1).signal == signal.SIGTERM


def test_a_stopped_job_is_killed_like_any_other(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    _waiting(executor, recorder, tmp_path)
    assert executor.signal(1, signal.SIGSTOP)
    assert executor.kill(1, grace_s=30)
    assert recorder.end(1).signal == signal.SIGTERM


def test_a_suspended_job_stands_still_until_it_is_resumed(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    assert {Verb.KILL, Verb.SIGNAL} <= executor.verbs
    _waiting(executor, recorder, tmp_path, code=3)
    assert executor.signal(1, signal.SIGSTOP)
    (tmp_path / "gate").touch()
    time.sleep(0.1)  # that nothing happens can only be seen by waiting
    assert len(recorder.heard) == 1
    assert executor.signal(1, signal.SIGCONT)
    assert recorder.end(1).exit_code == 3


def test_what_a_job_leaves_running_is_killed_at_its_end(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    pids = _waiting(executor, recorder, tmp_path, **STUBBORN)
    assert recorder.end(1).exit_code == 0
    assert [pid for pid in pids if not _gone(pid)] == []


def test_the_end_of_one_job_does_not_touch_what_another_has_detached(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    pids = _waiting(executor, recorder, tmp_path, grandchildren=["twice"])
    executor.launch(spec(2, "failing", {"how": "kill"}))
    recorder.end(2)
    assert not any(map(_gone, pids))
    (tmp_path / "gate").touch()
    assert recorder.end(1).exit_code == 0
    assert all(map(_gone, pids))


def test_a_job_over_its_time_is_ended(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    _waiting(executor, recorder, tmp_path, timeout_s=0.5)
    ended = recorder.end(1)
    assert (ended.timed_out, ended.signal) == (True, signal.SIGTERM)


def test_a_job_over_its_time_that_ignores_sigterm_is_killed(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    pids = _waiting(executor, recorder, tmp_path, **STUBBORN, timeout_s=1.5, kill_grace_s=0.2)
    ended = recorder.end(1)
    assert (ended.timed_out, ended.signal) == (True, signal.SIGKILL)
    assert [pid for pid in pids if not _gone(pid)] == []


def test_more_time_is_given_and_a_clock_that_stands_still_ends_nothing(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    began = time.monotonic()
    _waiting(executor, recorder, tmp_path, timeout_s=1.0)
    executor.extend(1, None)
    time.sleep(1.5)  # that nothing happens can only be seen by waiting
    assert len(recorder.heard) == 1
    executor.extend(1, 2.0)
    ended = recorder.end(1)
    assert (ended.timed_out, ended.signal) == (True, signal.SIGTERM)
    assert time.monotonic() - began >= 3.0


def test_time_that_was_given_outlives_the_server(
    engine: Engine, executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    began = time.monotonic()
    _waiting(executor, recorder, tmp_path, timeout_s=1.0)
    executor.extend(1, 2.0)
    executor.close()
    later = Recorder()
    second = engine.make()
    second.open(later)
    try:
        assert isinstance(second.adopt(1, None), Running)
        assert later.end(1).timed_out
        assert time.monotonic() - began >= 3.0
    finally:
        second.close()


def test_a_time_limit_is_shortened(executor: Executor, recorder: Recorder, tmp_path: Path) -> None:
    _waiting(executor, recorder, tmp_path, timeout_s=300.0)
    began = time.monotonic()
    executor.extend(1, -299.0)
    executor.extend(1, -298.0)
    assert recorder.end(1).timed_out
    assert 1.0 < time.monotonic() - began < 10.0


def test_a_time_limit_that_is_shortened_to_what_is_over_ends_the_job_at_once(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    _waiting(executor, recorder, tmp_path, timeout_s=300.0)
    executor.extend(1, None)
    executor.extend(1, -300.0)
    assert recorder.end(1).timed_out


def test_a_shortened_time_limit_outlives_the_server(
    engine: Engine, executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    """The job ends at it though no server is there."""
    (pid,) = _waiting(executor, recorder, tmp_path, timeout_s=300.0)
    executor.extend(1, -298.5)
    executor.close()
    until(lambda: _gone(pid), "the job's end")
    second = engine.make()
    second.open(Recorder())
    try:
        end = second.adopt(1, None)
        assert isinstance(end, Ended)
        assert end.timed_out
    finally:
        second.close()


def test_the_time_limit_of_a_job_of_an_earlier_server_is_shortened(
    engine: Engine, executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    _waiting(executor, recorder, tmp_path, timeout_s=300.0)
    executor.close()
    later, second = Recorder(), engine.make()
    second.open(later)
    try:
        assert isinstance(second.adopt(1, None), Running)
        second.extend(1, -299.5)
        assert later.end(1).timed_out
    finally:
        second.close()


def test_nothing_of_a_stopped_tree_runs(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    pids = _waiting(executor, recorder, tmp_path, grandchildren=["plain", "session", "twice"])
    assert executor.signal(1, signal.SIGSTOP)
    until(
        lambda: {psutil.Process(pid).status() for pid in pids} == {psutil.STATUS_STOPPED},
        "all processes to be stopped",
    )
    (tmp_path / "gate").touch()
    assert executor.signal(1, signal.SIGCONT)
    assert recorder.end(1).exit_code == 0


@pytest.mark.parametrize("grace_s", [0.0, 30.0])
def test_many_jobs_with_kills_between_all_end_once(
    executor: Executor, recorder: Recorder, tmp_path: Path, grace_s: float
) -> None:
    config = {"note": str(tmp_path / "note"), "until": str(tmp_path / "gate")}
    for job_id in range(1, 21):
        executor.launch(spec(job_id, "waiting" if job_id % 2 else "noop", config))
        if job_id % 2:
            executor.kill(job_id, grace_s)
    for job_id in range(1, 21):
        ended = recorder.end(job_id)
        if job_id % 2:
            assert ended.signal in (signal.SIGTERM, signal.SIGKILL)
        else:
            assert ended.exit_code == 0
    assert len(recorder.heard) == 40
