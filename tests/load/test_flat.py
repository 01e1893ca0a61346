"""What a server and its warden use does not grow with the jobs that they have run."""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil

from tests.conftest import MakeServer
from tests.load.test_many_jobs import Client, at_once, idle, left_over, wardens
from tests.server.process import ServerProcess, wait_until

JOBS = int(os.environ.get("HOPLITE_TEST_JOBS", "2000"))
WARM_UP = min(200, JOBS // 2)
MIB = 1 << 20
SERVER_MAY_GROW = 12 * MIB
"""The cache of the journal's pages, filled once."""
WARDEN_MAY_GROW = 2 * MIB
CLIENTS = 4


def run_no_ops(server: ServerProcess, count: int) -> None:
    def work(client: Client, number: int) -> None:
        for _ in range(number, count, CLIENTS):
            client.run("golden.noop", {})

    at_once(server, CLIENTS, work)
    wait_until(lambda: idle(server), "the end of all jobs")


def usage(process: psutil.Process) -> tuple[int, int]:
    """Descriptors, and bytes of memory."""
    return process.num_fds(), process.memory_info().rss


def settled(fds: Callable[[], int], before: int) -> int:
    """The descriptors when connections that ended have been closed."""
    wait_until(lambda: fds() <= before + 3, "the descriptors of the first jobs", 10)
    return fds()


def test_descriptors_and_memory_are_flat(make_server: MakeServer) -> None:
    server = make_server().start()
    run_no_ops(server, WARM_UP)
    (warden,) = wardens(server)
    main = psutil.Process(server.pid)
    server_before, warden_before = usage(main), usage(warden)
    run_no_ops(server, JOBS - WARM_UP)
    assert warden.is_running() and wardens(server) == [warden]
    settled(main.num_fds, server_before[0])
    settled(warden.num_fds, warden_before[0])
    server_after, warden_after = usage(main), usage(warden)
    print(f"server {server_before} {server_after}; warden {warden_before} {warden_after}")
    assert abs(server_after[0] - server_before[0]) <= 3
    assert abs(warden_after[0] - warden_before[0]) <= 3
    assert server_after[1] - server_before[1] < SERVER_MAY_GROW
    assert warden_after[1] - warden_before[1] < WARDEN_MAY_GROW
    assert not left_over(server)
    page = server.get("/jobs?limit=1000&state=Terminated")
    assert page["next"] is not None or len(page["jobs"]) == JOBS
    assert {job["outcome"] for job in page["jobs"]} == {"succeeded"}
