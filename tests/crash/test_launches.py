"""Deaths between the order to launch a job and its first step: it runs once, or ends truly."""

from __future__ import annotations

import psutil
import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import Ledger, check_timeline, events
from tests.crash.test_living_jobs import wardens
from tests.server.process import ServerProcess, wait_until

WARDEN_POINTS = ["warden.before-fork:2", "warden.after-fork:2", "warden.before-end:2"]


@pytest.mark.parametrize("point", WARDEN_POINTS)
def test_a_warden_that_dies_costs_no_job(
    point: str, make_server: MakeServer, ledger: Ledger
) -> None:
    """Each warden dies at its second job; the server sees to it that none runs twice."""
    server = make_server(HOPLITE_WARDEN_CRASH_AT=point).start()
    for _ in range(5):
        ledger.submit(server)
    ledger.check_ends(server)


@pytest.mark.parametrize("point", WARDEN_POINTS[1:])
def test_a_warden_that_dies_with_its_server_costs_no_job(
    point: str, make_server: MakeServer, ledger: Ledger
) -> None:
    server = make_server(HOPLITE_WARDEN_CRASH_AT=point)
    server.start(crash_at="executor.before-started:2")
    for _ in range(5):
        ledger.submit(server)
    wait_until(lambda: not server.alive or len(ledger.noted("ran")) == 5, "a crash")
    server.kill_9()
    server.environ.clear()
    server.start()
    ledger.check_kept(server, ledger.taken())
    ledger.check_ends(server)


def test_a_child_that_was_late_leaves_its_job_to_another(
    make_server: MakeServer, ledger: Ledger
) -> None:
    """It stood still between its fork and its claim while its server died; the next one launched
    the job anew, and the late child runs nothing."""
    server, late = stopped_before_its_claim(make_server, ledger)
    server.start()
    ledger.check_ends(server)
    (job,) = ledger.jobs.values()
    names = [event["event"] for event in events(server) if event["id"] == job["id"]]
    assert "requeued" in names
    late.resume()
    wait_until(lambda: not is_alive(late), "the end of the late child")
    ledger.check_ends(server)
    assert len(server.get("/jobs")["jobs"]) == 1


def test_a_job_that_was_killed_before_it_began_does_not_begin(
    make_server: MakeServer, ledger: Ledger
) -> None:
    """The kill came while its child stood still; then server and warden died."""
    server, late = stopped_before_its_claim(make_server, ledger, kill=True)
    server.start()
    (uuid,) = ledger.jobs
    job = server.job(uuid)
    assert job["outcome"] == "cancelled" and job["killed"]
    late.resume()
    wait_until(lambda: not is_alive(late), "the end of the late child")
    assert not ledger.noted("ran")
    assert server.job(uuid) == job
    check_timeline(server)


def stopped_before_its_claim(
    make_server: MakeServer, ledger: Ledger, *, kill: bool = False
) -> tuple[ServerProcess, psutil.Process]:
    """A dead server and warden, and a child of theirs that has not claimed its job yet."""
    server = make_server(HOPLITE_WARDEN_CRASH_AT="child.before-claim:1:SIGSTOP")
    # The kill is journalled, and the server dies before it sends a signal.
    server.start(crash_at="manager.before_kill:1")
    job = ledger.submit(server)
    assert job is not None
    wait_until(lambda: server.job(job["uuid"])["state"] == "Running", "the start")
    late = wait_until(lambda: _stopped(wardens(server)), "the child to stand still")[0]
    (warden,) = set(wardens(server)) - {late}
    if kill:
        with pytest.raises(requests.ConnectionError):
            server.request("PUT", f"/jobs/{job['uuid']}/kill")
    server.kill_9()
    warden.kill()
    server.environ.clear()
    return server, late


def _stopped(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.status() == psutil.STATUS_STOPPED]


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
