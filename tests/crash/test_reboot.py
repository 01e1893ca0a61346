"""The machine rebooted, or pids were given to strangers: lost, and nobody is harmed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import check_timeline
from tests.crash.test_living_jobs import no_children, wardens
from tests.server.process import ServerProcess, wait_until


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    """A process that has nothing to do with the server."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield psutil.Process(process.pid)
        process.kill()


def kill_all(server: ServerProcess) -> None:
    """Server, wardens and jobs, so that none can write down an end."""
    for warden in wardens(server):
        warden.suspend()
    server.kill_9()
    for process in server.job_processes():
        process.kill()
    no_children(server)


def start_time(process: psutil.Process) -> int:
    """As the kernel counts it, in ticks since the boot."""
    return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])


def rewrite_claim(server: ServerProcess, job: dict[str, Any], **changes: Any) -> None:
    """Have the job's claim, and its handle in the journal, name other facts."""
    directory = server.data_dir / "jobs" / f"{job['id'] // 1000:06d}" / str(job["id"])
    claim = directory / "claim.1"
    facts = {**msgspec.json.decode(str(claim.readlink())), **changes}
    claim.unlink()
    claim.symlink_to(msgspec.json.encode(facts).decode())
    with sqlite3.connect(server.data_dir / "journal.db") as journal:
        (handle,) = journal.execute("SELECT handle FROM jobs WHERE id = ?", (job["id"],)).fetchone()
        known = msgspec.json.decode(handle)
        known.update({key: value for key, value in changes.items() if key in known})
        journal.execute(
            "UPDATE jobs SET handle = ? WHERE id = ?", (msgspec.json.encode(known), job["id"])
        )
    journal.close()


def reboot(server: ServerProcess) -> None:
    """Have what was noted of this boot be of another one."""
    (server.data_dir / "engine.json").write_text('{"boot_id": "an earlier boot"}')


@pytest.mark.parametrize("kill", [False, True])
def test_after_a_reboot_a_running_job_is_lost(
    kill: bool, make_server: MakeServer, stranger: psutil.Process
) -> None:
    """Though a stranger has its pid, and even its start time; also if it was to be killed."""
    server = make_server("--kill-grace", "0.1").start()
    job = server.run("golden.ignore_sigterm")
    wait_until(lambda: server.job(job["uuid"])["status"], "the status")
    if kill:
        for warden in wardens(server):
            warden.suspend()
        server.put(f"/jobs/{job['uuid']}/kill")
    kill_all(server)
    rewrite_claim(
        server, job, boot_id="an earlier boot", pid=stranger.pid, start_time=start_time(stranger)
    )
    reboot(server)
    server.start()
    found = server.job(job["uuid"])
    if kill:
        assert found["outcome"] == "killed"
        assert "nothing was seen of its end" in found["reason"]
    else:
        assert found["outcome"] == "lost"
        assert "rebooted" in found["reason"]
        assert found["status"]["exception"]["type"] == "JobLost"
    assert (found["exit_code"], found["signal"]) == (None, None)
    check_timeline(server)
    assert server.ended(server.run("golden.noop")["uuid"])["outcome"] == "succeeded"
    assert stranger.is_running()
    assert stranger.status() != psutil.STATUS_ZOMBIE


def test_after_a_reboot_a_launch_that_left_no_trace_is_not_repeated(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """Whether it ran cannot be known: what it did before the power went may be on no disk."""
    server = make_server().start()
    server.ended(server.run("golden.noop")["uuid"])
    server.kill_9()
    server.start(crash_at="manager.before_launch:1")
    marks = tmp_path / "marks"
    with pytest.raises(requests.ConnectionError):
        server.run("golden.mark_once", {"path": str(marks)})
    server.kill_9()
    reboot(server)
    server.start()
    (job, _) = server.get("/jobs")["jobs"]
    assert (job["outcome"], job["state"]) == ("lost", "Error")
    assert not marks.exists()


def test_a_waiting_job_is_not_touched_by_a_reboot(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server("--max-running", "1").start()
    first = server.run("golden.sleep")
    marks = tmp_path / "marks"
    waiting = server.run("golden.mark_once", {"path": str(marks)})
    wait_until(lambda: server.job(first["uuid"])["status"], "the status")
    kill_all(server)
    rewrite_claim(server, first, boot_id="an earlier boot")
    reboot(server)
    server.start()
    assert server.job(first["uuid"])["outcome"] == "lost"
    assert server.ended(waiting["uuid"])["outcome"] == "succeeded"
    assert marks.read_text() == f"{waiting['id']}\n"


def test_a_stranger_with_the_pid_of_a_job_is_left_alone(
    make_server: MakeServer, stranger: psutil.Process
) -> None:
    """In the same boot: its start time is another.  The kill that was pending hits nobody."""
    server = make_server("--kill-grace", "0.1").start()
    job = server.run("golden.ignore_sigterm")
    wait_until(lambda: server.job(job["uuid"])["status"], "the status")
    for warden in wardens(server):
        warden.suspend()
    server.put(f"/jobs/{job['uuid']}/kill")
    kill_all(server)
    rewrite_claim(server, job, pid=stranger.pid, start_time=start_time(stranger) - 5)
    server.start()
    assert server.ended(job["uuid"])["killed"]
    server.request("PUT", f"/jobs/{job['uuid']}/kill")
    assert server.ended(server.run("golden.noop")["uuid"])["outcome"] == "succeeded"
    assert stranger.is_running()
    assert stranger.status() != psutil.STATUS_ZOMBIE
