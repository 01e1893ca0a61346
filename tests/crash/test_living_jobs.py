"""Jobs live on without a server, and the next one finds them as they are."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger, check_timeline, events
from tests.server.process import ServerProcess, wait_until


def waiting_jobs(ledger: Ledger, server: ServerProcess, go: Path, **config: object) -> None:
    """One running job of each kind of end, all of whose statuses were taken."""
    for end in END_OF:
        ledger.submit(server, end=end, count=2, pause=0, until=str(go), **config)
    wait_until(lambda: len(ledger.noted("took")) == 2 * len(END_OF), "the statuses")


def children(server: ServerProcess) -> list[psutil.Process]:
    """The living processes of jobs."""
    found = server.job_processes()
    return [p for p in found if _name(p).startswith("hoplite-job")]


def wardens(server: ServerProcess) -> list[psutil.Process]:
    return [p for p in server.job_processes() if _name(p) == "hoplite-warden"]


def _name(process: psutil.Process) -> str:
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.name())
    except psutil.Error:
        return ""


def no_children(server: ServerProcess) -> None:
    wait_until(lambda: not children(server), "the ends of the jobs' processes")


def test_jobs_that_end_with_no_server_have_their_true_ends(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """Returned, raised, left by sys.exit and os._exit, died of a signal."""
    server = make_server().start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    server.kill_9()
    go.touch()
    no_children(server)
    wait_until(lambda: not wardens(server), "the end of the warden")
    server.start()
    assert all(server.job(uuid)["finished"] for uuid in ledger.jobs)
    ledger.check_ends(server)


def test_running_jobs_are_adopted_twice_and_report_later(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """Their processes are the same before and after; what they say and how they end arrives."""
    server = make_server().start()
    go = tmp_path / "go"
    job = server.run("golden.wait_for_file", {"path": str(go), "code": 5})
    waiting_jobs(ledger, server, go)
    before = {p.pid for p in children(server)}
    for _ in range(2):
        server.kill_9()
        server.start()
        ledger.check_kept(server, ledger.taken())
        running = server.get("/jobs/running")["jobs"]
        assert [each["state"] for each in running] == ["Running"] * (len(END_OF) + 1)
    assert {p.pid for p in children(server)} == before
    go.touch()
    ended = server.ended(job["uuid"])
    assert (ended["status"]["state"], ended["exit_code"]) == ("seen", 5)
    ledger.check_ends(server)
    names = [event["event"] for event in events(server) if event["id"] == job["id"]]
    assert names.count("adopted") == 2


def test_without_server_and_warden_the_jobs_own_reports_tell(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """Those that could write none are lost, and that is said."""
    server = make_server().start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    for warden in wardens(server):
        server.kill_9()
        warden.kill()
    assert len(children(server)) == len(END_OF)
    go.touch()
    no_children(server)
    server.start()
    check_reported(ledger, server)


def test_when_only_the_warden_dies_the_server_looks_after_its_jobs(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """Jobs launched later get another warden."""
    server = make_server().start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    for warden in wardens(server):
        warden.kill()
    assert server.ended(server.run("golden.noop")["uuid"])["outcome"] == "succeeded"
    assert len(server.get("/jobs/running")["jobs"]) == len(END_OF)
    go.touch()
    check_reported(ledger, server)


def check_reported(ledger: Ledger, server: ServerProcess) -> None:
    for uuid in ledger.jobs:
        job = server.ended(uuid)
        end = job["config"]["end"]
        if end in ("os_exit", "sigkill"):
            assert (job["outcome"], job["exit_code"], job["signal"]) == ("lost", None, None)
            assert job["status"]["exception"]["type"] == "JobLost"
            assert "vanished" in job["reason"]
        else:
            assert (job["outcome"], job["exit_code"], job["signal"]) == END_OF[end]
        assert job["status"]["n"] == 1
    ledger.check_ran_once()
    check_timeline(server)


def test_waiting_jobs_keep_their_order(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """By the time of their start, not of their creation; a job on hold stays there."""
    server = make_server("--max-running", "1").start()
    go = tmp_path / "go"
    held = server.create("golden.noop")
    late = server.create("golden.busy", {"path": str(ledger.notes)})
    ledger.submit(server, until=str(go))
    order = [job["id"] for _ in range(4) if (job := ledger.submit(server))]
    server.put(f"/jobs/{late['uuid']}/start")
    order.append(late["id"])
    cancelled = ledger.submit(server)
    assert cancelled is not None
    server.put(f"/jobs/{cancelled['uuid']}/kill")
    server.kill_9()
    server.start()
    states = [server.job(job_id)["state"] for job_id in order]
    assert states == ["Waiting"] * len(order)
    assert server.job(held["uuid"])["state"] == "Hold"
    assert server.job(cancelled["uuid"])["outcome"] == "cancelled"
    go.touch()
    for job_id in order:
        assert server.ended(job_id)["outcome"] == "succeeded"
    assert [int(job_id) for (job_id,) in ledger.noted("ran")][1:] == order
    server.put(f"/jobs/{held['uuid']}/start")
    assert server.ended(held["uuid"])["outcome"] == "succeeded"
    check_timeline(server)


def test_a_killed_job_stays_killed_and_its_grace_goes_on(make_server: MakeServer) -> None:
    """While no server runs, one obeys SIGTERM, and the other's warden sends SIGKILL."""
    server = make_server("--kill-grace", "1").start()
    obeys = server.run("golden.sleep")
    ignores = server.run("golden.ignore_sigterm")
    for job in (obeys, ignores):
        server.get(f"/jobs/{job['uuid']}?wait=20&for=change&since=4")
        assert server.job(job["uuid"])["status"]
        server.put(f"/jobs/{job['uuid']}/kill")
    server.kill_9()
    wait_until(lambda: not children(server), "the end of both")
    server.start()
    assert all(server.job(job["uuid"])["killed"] for job in (obeys, ignores))
    for job, signum in ((obeys, signal.SIGTERM), (ignores, signal.SIGKILL)):
        ended = server.ended(job["uuid"], 8)
        assert (ended["outcome"], ended["signal"], ended["killed"]) == ("killed", signum, True)
        assert ended["owner"] in ended["reason"]
    check_timeline(server)


@pytest.mark.parametrize("warden_dies", [False, True])
def test_a_timeout_holds_without_a_server(make_server: MakeServer, warden_dies: bool) -> None:
    server = make_server("--kill-grace", "0.2").start()
    job = server.run("golden.sleep", timeout=1)
    wait_until(lambda: server.job(job["uuid"])["status"], "the status")
    found = wardens(server)
    server.kill_9()
    if warden_dies:
        for warden in found:
            warden.kill()
    else:
        no_children(server)
    server.start()
    assert server.ended(job["uuid"], 8)["outcome"] == "timed_out"
