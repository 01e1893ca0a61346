"""Acting on jobs over HTTP, and what their processes do then."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.oar.batch_cluster import BatchCluster
from tests.server.process import wait_until

TREE = "sleep 300 & (sleep 300 & sleep 300 & wait) & sleep 300 & wait"
ALL = "/core=8,walltime=0:10:0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    made = BatchCluster(tmp_path_factory.mktemp("actions") / "data", "--kill-grace", "1s")
    yield made.begin()
    assert made.alive
    assert "defect" not in made.log_text()
    made.close()


@pytest.fixture(autouse=True)
def empty(cluster: BatchCluster) -> Iterator[None]:
    """Whatever a test leaves in the queue is in nobody's way."""
    yield
    cluster.delete(*cluster.queue())


def test_a_suspended_tree_stops_and_others_have_its_cores_until_it_goes_on(
    cluster: BatchCluster,
) -> None:
    """Children and grandchildren; resuming waits for the cores."""
    job = cluster.submit(TREE, resource=ALL)
    cluster.until(job, "Running")
    wait_until(lambda: len(cluster.processes(job)) >= 6, "the tree")
    gate = cluster.file("gate")
    other = cluster.submit(f"until [ -e {gate} ]; do sleep 0.02; done", resource=ALL)
    assert cluster.job(other)["state"] == "Waiting"
    assert cluster.act("rholds/new", job)["status"] == "Hold request registered"
    assert cluster.job(job)["state"] == "Suspended"
    wait_until(lambda: cluster.states(job) == {psutil.STATUS_STOPPED}, "the whole tree to stop")
    cluster.until(other, "Running")
    assert cluster.cores(other) == cluster.cores(job)
    assert cluster.act("resumptions/new", job)["status"] == "Resume request registered"
    assert cluster.job(job)["state"] == "Resuming"
    assert cluster.states(job) == {psutil.STATUS_STOPPED}
    gate.touch()
    cluster.until(other, "Terminated")
    cluster.until(job, "Running")
    wait_until(lambda: cluster.states(job) == {psutil.STATUS_SLEEPING}, "the whole tree to go on")
    kinds = [event["type"] for event in cluster.job(job)["events"]]
    assert kinds == ["HOLD_RUNNING_JOB", "RESUME_JOB"]
    cluster.delete(job)
    assert cluster.processes(job) == []


@pytest.mark.parametrize("state", ["Waiting", "Hold", "Running", "Suspended", "Resuming"])
def test_a_job_can_be_deleted_in_any_state(cluster: BatchCluster, state: str) -> None:
    blocker = None
    if state == "Waiting":
        blocker = cluster.submit(resource=ALL)
        cluster.until(blocker, "Running")
    job = cluster.submit(TREE, resource=ALL, hold=int(state == "Hold"))
    if state not in ("Waiting", "Hold"):
        cluster.until(job, "Running")
        wait_until(lambda: len(cluster.processes(job)) >= 6, "the tree")
    if state in ("Suspended", "Resuming"):
        cluster.act("rholds/new", job)
    if state == "Resuming":
        blocker = cluster.submit(resource=ALL)
        cluster.until(blocker, "Running")
        cluster.act("resumptions/new", job)
    assert cluster.job(job)["state"] == state
    cluster.told("DELETE", f"/jobs/{job}.json", "kameleon")
    ended = cluster.until(job, "Error")
    assert ended["exit_code"] is None
    assert (ended["start_time"] == 0) == (state in ("Waiting", "Hold"))
    assert (ended["stop_time"] == 0) == (state in ("Waiting", "Hold"))
    assert cluster.processes(job) == []
    if blocker is not None:
        cluster.delete(blocker)


def test_a_held_job_starts_when_it_is_resumed_and_not_before(cluster: BatchCluster) -> None:
    blocker = cluster.submit(resource=ALL)
    cluster.until(blocker, "Running")
    job, later = cluster.submit("true", resource=ALL), cluster.submit("true", resource=ALL)
    cluster.act("holds/new", job, "kameleon")
    assert cluster.job(job)["scheduled_start"] is None
    cluster.delete(blocker)
    cluster.until(later, "Terminated")
    assert cluster.job(job)["state"] == "Hold"
    cluster.act("resumptions/new", job, "kameleon")
    cluster.until(job, "Terminated")


def test_signals_reach_the_process(cluster: BatchCluster) -> None:
    notes = cluster.file("signals")
    job = cluster.submit(
        f"trap 'echo usr1 >> {notes}' USR1; trap 'echo usr2 >> {notes}; exit 3' USR2;"
        f"echo ready >> {notes}; while :; do sleep 0.02; done"
    )
    wait_until(lambda: cluster.lines("signals") == ["ready"], "the traps")
    said = cluster.act("signals/10", job, "kameleon")
    assert said["cmd_output"] == (
        f"Signaling the job {job} with 10 signal.\nDONE.\n"
        f"The job {job} was notified to signal itself with 10 on node1.\n"
    )
    wait_until(lambda: cluster.lines("signals")[1:] == ["usr1"], "the first signal")
    # Sent in order, the second one may find the shell still at the first one's command.
    cluster.act("checkpoints/new", job, "kameleon")
    assert cluster.until(job, "Terminated")["exit_code"] == 3 << 8
    assert cluster.lines("signals") == ["ready", "usr1", "usr2"]
    kinds = [event["type"] for event in cluster.job(job)["events"]]
    assert kinds[:2] == ["SIGNAL_10", "CHECKPOINT"]


def test_the_checkpoint_signal_comes_before_the_walltime_which_ends_the_job(
    cluster: BatchCluster,
) -> None:
    notes = cluster.file("checkpoint")
    job = cluster.submit(
        f"trap 'echo saved >> {notes}' USR1; while :; do sleep 0.02; done",
        resource="/core=1,walltime=0:0:3",
        checkpoint=2,
        signal=10,
    )
    wait_until(lambda: cluster.lines("checkpoint") == ["saved"], "the checkpoint signal")
    assert cluster.job(job)["state"] == "Running"
    ended = cluster.until(job, "Error")
    assert ended["exit_code"] is None
    assert 3 <= ended["stop_time"] - ended["start_time"] <= 6
    kinds = [event["type"] for event in ended["events"]]
    assert kinds[0] == "CHECKPOINT" and "WALLTIME" in kinds
    assert cluster.lines("checkpoint") == ["saved"]


def test_a_walltime_stands_still_in_suspension(cluster: BatchCluster) -> None:
    job = cluster.submit(resource="/core=1,walltime=0:0:2")
    cluster.until(job, "Running")
    cluster.act("rholds/new", job)
    time.sleep(2.5)  # that nothing happens can only be seen by waiting
    assert cluster.job(job)["state"] == "Suspended"
    cluster.act("resumptions/new", job)
    ended = cluster.until(job, "Error")
    assert ended["stop_time"] - ended["start_time"] >= 4


def test_an_array_is_held_resumed_suspended_signalled_and_deleted_as_one(
    cluster: BatchCluster,
) -> None:
    first = cluster.submit(array=3, hold=1)
    jobs = [first, first + 1, first + 2]

    def states() -> list[str]:
        return [cluster.job(job)["state"] for job in jobs]

    assert states() == ["Hold"] * 3
    cluster.told("POST", f"/jobs/array/{first}/resumptions/new.json", "kameleon")
    wait_until(lambda: states() == ["Running"] * 3, "the array to run")
    said = cluster.told("POST", f"/jobs/array/{first}/rholds/new.json")
    assert said["cmd_output"].count("Hold request was sent") == 3
    assert states() == ["Suspended"] * 3
    cluster.told("POST", f"/jobs/array/{first}/resumptions/new.json")
    wait_until(lambda: states() == ["Running"] * 3, "the array to go on")
    cluster.told("POST", f"/jobs/array/{first}/signals/15.json", "kameleon")
    for job in jobs:
        cluster.until(job, "Terminated", "Error")
    again = cluster.told("POST", f"/jobs/array/{first}/resubmissions/new.json", "kameleon")
    new = [again["id"] + n for n in range(3)]
    assert [cluster.job(job)["resubmit_job_id"] for job in new] == jobs
    assert {cluster.job(job)["array_id"] for job in new} == {first}
    cluster.told("POST", f"/jobs/array/{first}/deletions/new.json", "kameleon")
    for job in new:
        cluster.until(job, "Error")
