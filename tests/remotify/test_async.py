"""Calls that are waited for later."""

from __future__ import annotations

import asyncio
import concurrent.futures
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from hoplite.client import RemoteJobManager
from hoplite.exceptions import (
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobFailedError,
    JobKilledError,
    JobNotStartedError,
    TimeoutError,
)
from hoplite.remote_enabler import RemoteAsyncJobWrapper, remote_async
from tests.remotify import calls
from tests.server.process import wait_until

MODULE: Any = calls


def started(path: Path) -> int:
    return int(wait_until(lambda: path.exists() and path.read_text(), "its start"))


def test_nothing_runs_before_start(address: str, tmp_path: Path) -> None:
    path = tmp_path / "started"
    call = MODULE.remote_async_sleep(address, 0, str(path))
    assert isinstance(call, RemoteAsyncJobWrapper)
    assert not call.running(force=True)
    assert not call.finished(force=True)
    assert not path.exists()
    with pytest.raises(JobNotStartedError):
        call.join()
    assert call.start()
    assert call.join() == "slept"
    assert path.exists()
    with pytest.raises(JobAlreadyStartedError):
        call.start()
    assert call.finished()
    assert call.join() == "slept", "again"


def test_methods_and_large_arguments(address: str) -> None:
    counter: Any = calls.Counter(5)
    call = counter.remote_async_plus(address, 2)
    call.start()
    assert call.join() == 7
    call = counter.remote_async_double(address, 2)
    call.start()
    assert call.join() == 4
    call = MODULE.remote_async_length(address, bytes(2_000_000))
    call.start()
    assert call.join() == 2_000_000


def test_progress_log_and_events(address: str) -> None:
    call = MODULE.remote_async_talk(address)
    call.start()
    assert "printed\n" in list(call.follow_log())
    assert call.join() == "talked"
    assert call.log("stderr") == "INFO a.part: logged\n"
    assert call.progress == {"done": 2, "total": 2, "text": "whole"}
    assert [event.event for event in call.events()][-1] == "ended"
    assert call.status()["progress"]["done"] == 2
    assert call.config()["function_name"] == "talk"
    assert call.uuid in repr(call)


def test_what_it_raised_is_raised_by_all(address: str) -> None:
    call = MODULE.remote_async_fail(address, "two parts")
    call.start()
    with pytest.raises(calls.TwoPartsError) as caught:
        call.join()
    assert isinstance(caught.value.__cause__, JobFailedError)
    for asked in (call.result, call.status, call.finished):
        with pytest.raises(calls.TwoPartsError):
            asked()
    assert isinstance(call.exception(), calls.TwoPartsError)


def test_a_timeout_error_of_the_function_is_no_limit_of_ours(address: str) -> None:
    call = MODULE.remote_async_fail(address, "timeout")
    call.start()
    with pytest.raises(__builtins__["TimeoutError"], match="of its own"):  # type: ignore[index] # a dict here
        call.join(30)


def test_join_kills_and_result_does_not(address: str, tmp_path: Path) -> None:
    path = tmp_path / "started"
    call = MODULE.remote_async_sleep(address, 60, str(path))
    call.start()
    pid = started(path)
    with pytest.raises(concurrent.futures.TimeoutError):
        call.result(timeout=0.1)
    assert call.running(force=True)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="it was killed"):
        call.join(0.1)
    assert time.monotonic() - began < 10
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its process")
    with pytest.raises(JobKilledError):
        call.result(timeout=20)


def test_remote_timeout_holds_when_nobody_waits(address: str, tmp_path: Path) -> None:
    path = tmp_path / "started"
    call = MODULE.remote_async_sleep(address, 60, str(path), remote_timeout=0.5)
    call.start()
    started(path)
    with pytest.raises(TimeoutError, match="longer than it may"):
        call.join()


def test_it_is_a_future(address: str) -> None:
    both = [remote_async(calls.add)(address, n) for n in range(3)]
    told: list[int] = []
    for call in both:
        call.add_done_callback(lambda done: told.append(done.result()))
        assert not call.done()
        call.start()
    done, waiting = concurrent.futures.wait(both, timeout=30)
    assert (len(done), len(waiting)) == (3, 0)
    assert sorted(call.result() for call in concurrent.futures.as_completed(both)) == [1, 2, 3]
    wait_until(lambda: len(told) == 3, "the callbacks")


def test_asyncio_can_await_it(address: str) -> None:
    async def both() -> list[int]:
        jobs = [remote_async(calls.add)(address, n) for n in range(2)]
        for call in jobs:
            call.start()
        return await asyncio.gather(*map(asyncio.wrap_future, jobs))

    assert asyncio.run(both()) == [1, 2]


def test_cancel_kills(address: str, tmp_path: Path) -> None:
    path = tmp_path / "started"
    call = MODULE.remote_async_sleep(address, 60, str(path))
    call.start()
    pid = started(path)
    assert call.cancel()
    assert call.cancelled() and call.done()
    with pytest.raises(concurrent.futures.CancelledError):
        call.join()
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its process")
    assert call.cancel(), "as often as one likes"
    told: list[bool] = []
    other = remote_async(calls.add)(address, 1)
    other.add_done_callback(lambda future: told.append(future.cancel()))
    assert other.cancel()
    assert told == [True], "from a callback too"
    done = remote_async(calls.add)(address, 1)
    done.start()
    assert done.join() == 2
    assert not done.cancel()


def test_cancel_before_the_start_leaves_no_job(address: str) -> None:
    call = remote_async(calls.add)(address, 1)
    assert call.cancel()
    with RemoteJobManager(address) as manager, pytest.raises(JobDoesNotExistError):
        manager.get_job(call.uuid)
    with pytest.raises(concurrent.futures.CancelledError):
        call.result()


def test_it_is_made_of_a_job_as_in_hoplite_15(address: str) -> None:
    first = remote_async(calls.add)(address, 1)
    with RemoteJobManager(address) as manager:
        again: RemoteAsyncJobWrapper[int] = RemoteAsyncJobWrapper(
            manager.get_job(first.uuid), "add"
        )
        again.start()
        assert again.join() == 2


def test_kill_is_told_by_join(address: str, tmp_path: Path) -> None:
    path = tmp_path / "started"
    call = MODULE.remote_async_sleep(address, 60, str(path))
    call.start()
    started(path)
    assert call.kill()
    with pytest.raises(JobKilledError):
        call.join(30)


def test_it_is_not_pickled(address: str) -> None:
    with pytest.raises(TypeError, match="a call is not pickled: keep its uuid"):
        pickle.dumps(remote_async(calls.add)(address, 1))


def test_many_calls_leave_no_threads(address: str) -> None:
    threads = threading.active_count()
    for n in range(20):
        call = remote_async(calls.add)(address, n)
        call.start()
        assert call.join() == n + 1
    wait_until(lambda: threading.active_count() <= threads, "the end of the threads")
