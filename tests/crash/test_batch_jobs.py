"""kill -9 of a server with jobs that ask for resources: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hoplite.model.fault import Fault
from hoplite.model.lifecycle import State
from tests.crash.batch_host import BatchHost
from tests.server.process import wait_until

POINTS = [
    "manager.before_batch_launches:1",
    "manager.before_batch_launches:3",
    "manager.before_launch:1",
    "manager.before_launch:2",
    "manager.after_launch:1",
    "manager.before_news:2",
    "manager.after_news:2",
    "journal.before_commit:9",
    "journal.after_commit:8",
    "journal.after_commit:11",
    "executor.before-launch:2",
    "executor.before-ended:1",
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[BatchHost]:
    made = BatchHost(tmp_path / "data")
    yield made
    made.close()
    for process in psutil.process_iter(["environ"]):
        environ = process.info["environ"] or {}
        if environ.get("HOPLITE_TEST_BATCH") == str(tmp_path):
            process.kill()
    assert "defect" not in made.log_text()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.touch()
    return made


def lines(notes: Path) -> list[str]:
    return notes.read_text().split()


def state_of(pid: int) -> str:
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return "gone"


@pytest.mark.parametrize("point", POINTS)
def test_each_job_runs_once_whenever_the_server_dies(
    point: str, host: BatchHost, notes: Path
) -> None:
    """Four jobs over two cores, one of them after another; those that were told of are there."""
    told: list[int] = []
    if host.start(crash_at=point).ready:
        for nth in range(4):
            after = told[:1] if nth == 3 else []
            job = host.ask(
                "submit",
                request="/resource_id=1",
                command=f"echo $OAR_JOB_ID:$(cat $OAR_NODEFILE) >> {notes}; sleep 0.1",
                after=after,
            )
            if job is None:
                break
            told.append(job["id"])
        host.died()
    host.start()
    jobs = wait_until(
        lambda: (found := host.ask("jobs")) is not None
        and all(job["outcome"] for job in found)
        and found,
        "the end of all jobs",
    ) if host.ask("jobs") else []  # fmt: skip
    assert {job["outcome"] for job in jobs} <= {"succeeded"}
    assert set(told) <= {job["id"] for job in jobs}
    assert Counter(lines(notes)) == Counter(f"{job['id']}:node1" for job in jobs)


def test_the_queue_is_the_same_after_a_crash(host: BatchHost, notes: Path) -> None:
    """Running, suspended, waiting, held and reserved jobs."""
    host.start()
    running = host.ask("submit", request="/resource_id=1,walltime=1:0:0", command="sleep 300")
    stopped = host.ask(
        "submit",
        request="/resource_id=1,walltime=0:30:0",
        command=f"echo $$ >> {notes}; sleep 300 & wait",
    )
    (pid,) = wait_until(lambda: lines(notes), "the pid")
    host.until(stopped["id"], State.RUNNING)
    host.until(running["id"], State.RUNNING)
    start = time.time() + 30_000
    reserved = host.ask("submit", request="/resource_id=2", command="true", starts_at=start)
    waiting = [host.ask("submit", request="/resource_id=2", command="true") for _ in range(2)]
    held = host.ask("submit", request="/resource_id=1", command="true", hold=True)
    assert host.ask("suspend", id=stopped["id"])["state"] == "Suspended"
    assert state_of(int(pid)) == psutil.STATUS_STOPPED
    before, planned = host.ask("jobs"), host.ask("planned")
    assert planned.keys() == {str(job["id"]) for job in (reserved, *waiting)}
    host.kill_9()
    os.kill(int(pid), 18)  # somebody let it go on meanwhile
    host.start()
    assert (host.ask("jobs"), host.ask("planned")) == (before, planned)
    assert state_of(int(pid)) == psutil.STATUS_STOPPED
    assert host.ask("resume", id=stopped["id"])["state"] in ("Running", "Resuming")
    host.until(stopped["id"], State.RUNNING)
    wait_until(lambda: state_of(int(pid)) == psutil.STATUS_SLEEPING, "the job to go on")
    assert host.ask("release", id=held["id"])["state"] == "Waiting"


def test_a_server_that_died_while_it_suspended_a_job_stops_it_at_the_next_start(
    host: BatchHost, notes: Path
) -> None:
    host.start(crash_at="manager.before_stop:1")
    job = host.ask("submit", request="/resource_id=1", command=f"echo $$ >> {notes}; sleep 300")
    (pid,) = wait_until(lambda: lines(notes), "the pid")
    host.until(job["id"], State.RUNNING)
    assert host.ask("suspend", id=job["id"]) is None
    host.died()
    host.start()
    assert host.ask("job", id=job["id"])["state"] == "Suspended"
    assert state_of(int(pid)) == psutil.STATUS_STOPPED


def test_a_walltime_ends_a_job_and_stands_still_while_it_is_suspended(
    host: BatchHost, notes: Path
) -> None:
    """Also when the server died and another one came."""
    host.start()
    job = host.ask(
        "submit", request="/resource_id=1,walltime=0:0:2", command=f"echo x >> {notes}; sleep 300"
    )
    wait_until(lambda: lines(notes), "the job")
    host.until(job["id"], State.RUNNING)
    host.ask("suspend", id=job["id"])
    host.kill_9()
    host.start()
    began = time.monotonic()
    time.sleep(2.5)  # that nothing happens can only be seen by waiting
    assert host.ask("job", id=job["id"])["state"] == "Suspended"
    host.ask("resume", id=job["id"])
    ended = host.until(job["id"], State.ERROR)
    assert (ended["outcome"], ended["reason"]) == (
        "timed_out",
        "it ran longer than its walltime of 2 s",
    )
    assert time.monotonic() - began > 3


def test_besteffort_jobs_that_were_ended_run_again_after_a_crash(
    host: BatchHost, notes: Path
) -> None:
    host.start(crash_at="manager.before_kill:1")
    filler = host.ask(
        "submit",
        request="/resource_id=2",
        command=f"echo $OAR_JOB_ID >> {notes}; [ $(wc -l < {notes}) = 2 ] || sleep 300",
        types=["besteffort", "idempotent"],
        queue="besteffort",
    )
    wait_until(lambda: lines(notes), "the besteffort job")
    host.until(filler["id"], State.RUNNING)
    host.ask("submit", request="/resource_id=2", command="true")
    host.died()
    host.start()
    ended = host.until(filler["id"], State.ERROR)
    assert (ended["outcome"], ended["assigned"]) == ("killed", filler["assigned"])
    again = ended["resubmitted_as"]
    assert host.until(again, State.TERMINATED)["outcome"] == "succeeded"
    assert lines(notes) == [str(filler["id"]), str(again)]


def test_output_goes_where_it_was_asked_to(host: BatchHost, tmp_path: Path) -> None:
    host.start()
    job = host.ask(
        "submit",
        request="/resource_id=1",
        command="pwd; echo wrong >&2; trap 'echo usr2' USR2; kill -USR2 $$",
        launching_directory=str(tmp_path),
        stdout="OAR.%jobid%.stdout",
        stderr="OAR.%jobid%.stderr",
    )
    host.until(job["id"], State.TERMINATED)
    assert (tmp_path / f"OAR.{job['id']}.stdout").read_text() == f"{tmp_path}\nusr2\n"
    assert (tmp_path / f"OAR.{job['id']}.stderr").read_text() == "wrong\n"


def test_a_checkpoint_signal_reaches_the_command_and_not_its_keeper(
    host: BatchHost, notes: Path
) -> None:
    host.start()
    job = host.ask(
        "submit",
        request="/resource_id=1",
        command=f"trap 'echo saved >> {notes}; exit 3' USR2; echo ready >> {notes};"
        " while :; do sleep 0.05; done",
    )
    wait_until(lambda: lines(notes), "the trap")
    host.until(job["id"], State.RUNNING)
    host.ask("checkpoint", id=job["id"])
    ended = host.until(job["id"], State.TERMINATED)
    assert (ended["exit_code"], lines(notes)) == (3, ["ready", "saved"])


def test_the_jobs_of_a_dead_resource_end_though_the_server_dies(
    host: BatchHost, notes: Path
) -> None:
    host.start(crash_at="manager.before_kill:1")
    job = host.ask("submit", request="/resource_id=1", command=f"echo x >> {notes}; sleep 300")
    wait_until(lambda: lines(notes), "the job")
    host.until(job["id"], State.RUNNING)
    host.ask("dead", ids=job["assigned"])
    host.died()
    host.start()
    ended = host.until(job["id"], State.ERROR)
    assert ended["outcome"] == "killed"
    assert ended["reason"] == f"ended by the server, as resource {job['assigned'][0]} is Dead"


@pytest.mark.parametrize("point", ["", "manager.before_walltime:1"])
def test_a_shortened_walltime_ends_a_job_whenever_the_server_dies(
    point: str, host: BatchHost, notes: Path
) -> None:
    """Told of, it holds with no server there; written down only, from the next start on."""
    host.start(crash_at=point)
    job = host.ask(
        "submit", request="/resource_id=1,walltime=1:0:0", command=f"echo $$ >> {notes}; sleep 300"
    )
    (pid,) = wait_until(lambda: lines(notes), "the pid")
    host.until(job["id"], State.RUNNING)
    told = host.ask("change_walltime", id=job["id"], text="0:0:2")
    if point:
        assert told is None
        host.died()
    else:
        assert told["walltime_s"] == 2
        host.kill_9()
        wait_until(lambda: state_of(int(pid)) == "gone", "the end without a server")
    host.start()
    ended = host.until(job["id"], State.ERROR)
    assert ended["reason"] == "it ran longer than its walltime of 2 s"


def test_a_longer_walltime_holds_after_a_crash(host: BatchHost, notes: Path) -> None:
    host.start()
    job = host.ask(
        "submit",
        request="/resource_id=1,walltime=0:0:2",
        command=f"echo x >> {notes}; sleep 3; echo y >> {notes}",
    )
    wait_until(lambda: lines(notes), "the job")
    host.until(job["id"], State.RUNNING)
    assert host.ask("change_walltime", id=job["id"], text="+0:1:0")["walltime_s"] == 62
    host.kill_9()
    host.start()
    assert host.until(job["id"], State.TERMINATED)["walltime_s"] == 62
    assert lines(notes) == ["x", "y"]


@pytest.mark.parametrize("kill", [True, False])
def test_a_noop_job_runs_nothing_and_ends_well_whatever_becomes_of_the_server(
    kill: bool, host: BatchHost, notes: Path
) -> None:
    host.start()
    walltime = "1:0:0" if kill else "0:0:2"
    job = host.ask(
        "submit",
        request=f"/resource_id=2,walltime={walltime}",
        command=f"echo x >> {notes}",
        types=["noop"],
        launching_directory="/nowhere",
    )
    host.until(job["id"], State.RUNNING)
    host.kill_9()
    host.start()
    if kill:
        host.ask("delete", id=job["id"])
    ended = host.until(job["id"], State.TERMINATED)
    assert (ended["outcome"], ended["exit_code"]) == ("succeeded", None)
    assert lines(notes) == []


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ({"launching_directory": "/nowhere"}, Fault.WORKING_DIRECTORY),
        ({"launching_directory": "/tmp", "stdout": "/nowhere/out"}, Fault.OUTPUT_FILES),
        ({"stderr": "nowhere/err"}, Fault.OUTPUT_FILES),
    ],
)
def test_a_job_that_cannot_begin_tells_what_was_wrong(
    where: dict[str, str], fault: Fault, host: BatchHost
) -> None:
    host.start()
    job = host.ask("submit", request="/resource_id=1", command="true", **where)
    ended = host.until(job["id"], State.TERMINATED)
    assert (ended["outcome"], ended["fault"]) == ("failed", fault)
    assert ended["oar_state"] == "Error"
    assert "/" in ended["reason"]
    failed = host.ask("submit", request="/resource_id=1", command="exit 3")
    ended = host.until(failed["id"], State.TERMINATED)
    assert (ended["fault"], ended["oar_state"], ended["exit_code"]) == (None, "Terminated", 3)


def test_an_end_without_a_server_is_told_by_the_next_one(
    host: BatchHost, notes: Path, tmp_path: Path
) -> None:
    teller = tmp_path / "teller"
    teller.write_text(f"#!/bin/sh\necho told:$3 >> {notes}\n")
    teller.chmod(0o755)
    host.start()
    job = host.ask(
        "submit",
        request="/resource_id=1",
        command=f"while [ ! -e {tmp_path}/gate ]; do sleep 0.05; done; echo ran >> {notes}",
        notify=f"exec:{teller} -",
        name="n",
    )
    host.until(job["id"], State.RUNNING)
    wait_until(lambda: "told:n" in lines(notes), "the notice of the start")
    host.kill_9()
    (tmp_path / "gate").touch()
    wait_until(lambda: "ran" in lines(notes), "the end of the job")
    host.start()
    assert host.until(job["id"], State.TERMINATED)["outcome"] == "succeeded"
    wait_until(lambda: lines(notes) == ["told:n", "ran", "told:n"], f"the notice in {lines(notes)}")
