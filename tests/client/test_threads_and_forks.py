"""One client, used by many threads, and by a process and its fork."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable

from requests.adapters import HTTPAdapter

from hoplite.client import RemoteJobManager
from tests.server.process import ServerProcess


def in_a_fork(check: Callable[[], object]) -> int:
    """The exit code of a forked child that does it: 0 if it raised nothing."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            check()
            code = 0
        except BaseException:  # noqa: BLE001, B902 - it must not go on as the tests do
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_threads_share_a_client(manager: RemoteJobManager) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for n in range(10):
            config = {"number": number, "n": n}
            job = manager.create_job("golden.noop", config)
            if job.config(force=True) != config or manager.get_job(job.uuid).config() != config:
                wrong.append(config)
            job.delete()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_threads_wait_for_one_job_while_others_ask(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep", {"seconds": 0.5})
    ends: list[bool] = []
    threads = [threading.Thread(target=lambda: ends.append(job.join(20))) for _ in range(2)]
    for thread in threads:
        thread.start()
    asked = 0
    while not job.finished(force=True):
        asked += 1
    for thread in threads:
        thread.join(20)
    assert ends == [True, True]
    assert asked > 5


def test_connections_are_kept(manager: RemoteJobManager) -> None:
    manager.get_job_plugins()
    (session,) = manager._connection._sessions._idle
    for _ in range(20):
        manager.get_job_plugins()
    assert list(manager._connection._sessions._idle) == [session]
    adapter = session.get_adapter("http://")
    assert isinstance(adapter, HTTPAdapter)
    pools = adapter.poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - it is no dict
    assert pool.num_connections == 1
    assert pool.num_requests == 21


def test_a_fork_has_connections_of_its_own(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep", {"seconds": 1})
    kept = list(manager._connection._sessions._idle)
    assert kept

    def child() -> None:
        for _ in range(20):
            assert job.uuid in [each["uuid"] for each in manager.jobs()]
        assert not set(map(id, kept)) & set(map(id, manager._connection._sessions._idle))

    pid = os.fork()
    if pid == 0:
        os._exit(in_a_fork(child))
    for _ in range(20):
        assert job.info(force=True)["uuid"] == job.uuid
    assert list(manager._connection._sessions._idle) == kept, "the parent's are untouched"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert job.join()


def test_a_fork_goes_on_with_events_by_itself(server: ServerProcess) -> None:
    with RemoteJobManager(server.url) as manager:
        job = manager.run("golden.echo", {"a": 1})
        whole = list(job.events())
        events = job.events()
        assert next(events) == whole[0]

        def child() -> None:
            assert list(events) == whole[1:]

        assert in_a_fork(child) == 0
        assert list(events) == whole[1:]
