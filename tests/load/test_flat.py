"""What a server and its warden use does not grow with the jobs that they have run."""

from __future__ import annotations

import os

import psutil
import pytest

from tests.conftest import MakeServer
from tests.load.test_many_jobs import Client, at_once, idle, left_over, wardens
from tests.server.process import ServerProcess, wait_until

JOBS = int(os.environ.get("HOPLITE_TEST_JOBS", "2000"))
WARM_UP = min(200, JOBS // 2)
MIB = 1 << 20
SERVER_MAY_GROW = 12 * MIB
"""The caches of the journal's pages and of the latest events fill up to their bounds."""
WARDEN_MAY_GROW = 2 * MIB
CLIENTS = 4


def run_no_ops(server: ServerProcess, count: int) -> None:
    def work(client: Client, number: int) -> None:
        for _ in range(number, count, CLIENTS):
            client.run("golden.noop", {})

    at_once(server, CLIENTS, work)
    wait_until(lambda: idle(server), "the end of all jobs", 100)


def memory(process: psutil.Process) -> int:
    """Bytes."""
    used: int = process.memory_info().rss
    return used


def assert_as_many_descriptors(process: psutil.Process, before: int) -> None:
    """Give or take three, as soon as connections that ended have been closed."""
    wait_until(lambda: abs(process.num_fds() - before) <= 3, f"{before} descriptors again", 10)


@pytest.mark.timeout(240)
def test_descriptors_and_memory_are_flat(make_server: MakeServer) -> None:
    server = make_server().start()
    run_no_ops(server, WARM_UP)
    (warden,) = wardens(server)
    main = psutil.Process(server.pid)
    descriptors, warden_descriptors = main.num_fds(), warden.num_fds()
    server_memory, warden_memory = memory(main), memory(warden)
    run_no_ops(server, JOBS - WARM_UP)
    assert warden.is_running() and wardens(server) == [warden]
    assert_as_many_descriptors(main, descriptors)
    assert_as_many_descriptors(warden, warden_descriptors)
    assert memory(main) - server_memory < SERVER_MAY_GROW
    assert memory(warden) - warden_memory < WARDEN_MAY_GROW
    assert not left_over(server)
    page = server.get("/jobs?limit=1000&state=Terminated")
    assert page["next"] is not None or len(page["jobs"]) == JOBS
    assert {job["outcome"] for job in page["jobs"]} == {"succeeded"}
