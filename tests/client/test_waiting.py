"""Waiting for jobs: at once, through restarts of the server, and not longer than allowed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from hoplite.client import RemoteJob, RemoteJobManager
from hoplite.exceptions import (
    ConnectionError,
    HopliteError,
    JobDoesNotExistError,
    JobFailedError,
    TimeoutError,
)
from tests.client.scripted_server import answer, answering
from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until


def same_port(server: ServerProcess) -> tuple[str, str]:
    return "--port", server.url.rpartition(":")[2]


@contextmanager
def meanwhile(do: object) -> Iterator[list[object]]:
    """Run ``do`` in a thread; its result, or what it raised, is in the list at the end."""
    results: list[object] = []

    def run() -> None:
        assert callable(do)
        try:
            results.append(do())
        except HopliteError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield results
    finally:
        thread.join(30)
        assert not thread.is_alive()


def test_a_wait_costs_one_request(manager: RemoteJobManager, tmp_path: Path) -> None:
    job = manager.start_job("golden.wait_for_file", {"path": str(tmp_path / "go")})
    asked: list[str] = []
    attempt = manager._connection.attempt

    def counted(method: str, path: str, **more: object) -> object:
        asked.append(path)
        return attempt(method, path, **more)  # type: ignore[arg-type] # passed on as it comes

    manager._connection.attempt = counted  # type: ignore[method-assign, assignment] # only counts
    with meanwhile(job.join) as results:
        wait_until(lambda: asked, "the question")
        time.sleep(0.5)  # it is about what does not happen meanwhile
        (tmp_path / "go").touch()
    assert results == [True]
    assert asked == [f"/jobs/{job.uuid}"]


def test_a_wait_ends_with_the_job(manager: RemoteJobManager) -> None:
    late = []
    for _ in range(9):
        job = manager.start_job("golden.sleep", {"seconds": 0.1})
        job.join()
        heard = time.time()
        late.append(heard - _end_of(job))
    # Not all of them: the machine may be busy with other tests.
    assert sorted(late)[2] < 0.02, late


def _end_of(job: RemoteJob) -> float:
    return datetime.fromisoformat(str(job.info()["finished_at"])).timestamp()


def test_a_wait_that_takes_too_long(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep")
    for timeout in (0, 0.3):
        began = time.monotonic()
        with pytest.raises(TimeoutError) as late:
            job.join(timeout)
        assert timeout <= time.monotonic() - began < timeout + 2
        assert late.value.uuid == job.uuid
    assert job.running(force=True), "the job goes on"
    job.kill()
    assert job.join(20) is True
    assert job.join(0) is True, "what is known to have ended needs no time"


def test_a_change_is_told_at_once(manager: RemoteJobManager, tmp_path: Path) -> None:
    job = manager.create_job("golden.wait_for_file", {"path": str(tmp_path / "go")})
    with pytest.raises(TimeoutError):
        job.wait_for_change(0.1)
    job.start()
    seen = [job.wait_for_change(20)]
    while (seen[-1]["status"] or {}).get("state") != "waiting":
        seen.append(job.wait_for_change(20))
    (tmp_path / "go").touch()
    while not seen[-1]["finished"]:
        seen.append(job.wait_for_change(20))
    versions = [info["version"] for info in seen]
    assert versions == sorted(set(versions)), "no change is told twice"
    assert job.wait_for_change(0) == job.info(), "there will be no more"
    assert job.wait_for_change(0, since=0)["version"] == versions[-1]


@pytest.mark.parametrize("ways", ["kill", "stop"])
def test_a_wait_goes_on_when_the_server_is_restarted(
    make_server: MakeServer, tmp_path: Path, ways: str
) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url) as manager:
        job = manager.start_job("golden.wait_for_file", {"path": str(tmp_path / "go")})
        wait_until(lambda: job.status(force=True), "the job to run")
        with meanwhile(job.join) as results:
            for _ in range(2):
                if ways == "kill":
                    server.kill_9()
                else:
                    server.terminate()
                server.start(*same_port(server))
            (tmp_path / "go").touch()
        assert results == [True]
        assert job.outcome == "succeeded"


def test_a_job_that_ends_while_there_is_no_server(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url) as manager:
        config = {"path": str(tmp_path / "marks"), "until": str(tmp_path / "go"), "end": "os_exit"}
        job = manager.start_job("golden.mark_once", {**config, "seconds": 1})
        with meanwhile(job.join) as results:
            server.kill_9()
            server.start(*same_port(server))
        assert results == [True]


def test_a_server_that_stays_away(make_server: MakeServer) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url, retry_s=0, reconnect_s=0.5) as manager:
        job = manager.start_job("golden.sleep")
        server.kill_9()
        began = time.monotonic()
        with pytest.raises(ConnectionError, match="connection refused: is hoplite-server running"):
            job.join()
        assert time.monotonic() - began < 5
        with pytest.raises(TimeoutError, match="connection refused"):
            job.join(0.1)
        with pytest.raises(ConnectionError):
            job.info(force=True)
        assert not manager.is_available()


def test_a_server_that_is_frozen(make_server: MakeServer) -> None:
    server = make_server().start()
    with RemoteJobManager(server.url, timeout_s=0.5, retry_s=0) as manager:
        job = manager.start_job("golden.sleep", {"seconds": 0.5})
        server.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(TimeoutError, match=f"for job {job.uuid}"):
                job.join(0.3)
            with pytest.raises(ConnectionError, match="no answer within 0.5 s"):
                manager.get_job_plugins()
            assert time.monotonic() - began < 10
            with meanwhile(job.join) as results:
                server.signal(signal.SIGCONT)
            assert results == [True]
        finally:
            server.signal(signal.SIGCONT)


@pytest.mark.parametrize("options", [("--max-wait", "0.1"), ("--max-streams", "0")])
def test_a_server_that_lets_nobody_wait_long(
    make_server: MakeServer, options: tuple[str, str]
) -> None:
    server = make_server(*options).start()
    with RemoteJobManager(server.url) as manager:
        job = manager.start_job("golden.sleep", {"seconds": 0.5})
        with pytest.raises(TimeoutError):
            job.join(0.2)
        assert job.join() is True


def test_a_job_that_is_deleted_meanwhile(manager: RemoteJobManager) -> None:
    job = manager.create_job("golden.noop")
    with meanwhile(job.join) as results:
        manager.get_job(job.uuid).delete()
    assert isinstance(results[0], JobDoesNotExistError) or results == [True]


def test_a_job_that_fails_meanwhile(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sigkill_self")
    with pytest.raises(JobFailedError, match="ProcessSignalled"):
        job.join()
    with pytest.raises(JobFailedError):
        job.join(0)


def test_an_interrupted_wait_leaves_a_client_that_works(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep")
    # Not so where the tests themselves run in the background of a shell.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        job.join()
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert job.running(force=True)
    job.kill()
    job.join()


def test_what_is_no_server_of_ours_ends_a_wait() -> None:
    job = {"uuid": "u", "id": 1, "name": "x", "version": 3, "outcome": None, "finished": False}
    with (
        answering(answer(200, {"job": job}), answer(404, b"<html>")) as server,
        RemoteJob(server.address, uuid="u") as remote,
        pytest.raises(HopliteError, match="answered 404"),
    ):
        remote.join()
