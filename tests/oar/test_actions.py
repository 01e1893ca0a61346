"""Acting on jobs over HTTP, and what their processes do then."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests

from tests.oar.batch_cluster import BatchCluster
from tests.oar.golden import PASSWORD
from tests.server.process import wait_until

TREE = "sleep 300 & (sleep 300 & sleep 300 & wait) & sleep 300 & wait"
ALL = "/core=8,walltime=0:10:0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    made = BatchCluster(tmp_path_factory.mktemp("actions") / "data", "--kill-grace", "1s")
    try:
        yield made.begin()
        assert made.alive
        assert "defect" not in made.log_text()
    finally:
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


def test_a_large_array_is_taken_out_of_the_plan_at_once(cluster: BatchCluster) -> None:
    blocker = cluster.submit(resource=ALL)
    cluster.until(blocker, "Running")
    first = cluster.submit("true", resource=ALL, array=40)
    last = cluster.submit("true", resource=ALL)
    late = cluster.job(last)["scheduled_start"]
    ends = cluster.job(blocker)["start_time"] + 600
    assert late - ends >= 40 * 600 - 60
    cluster.told("POST", f"/jobs/array/{first}/holds/new.json", "kameleon")
    assert abs(cluster.job(last)["scheduled_start"] - ends) <= 1
    cluster.told("POST", f"/jobs/array/{first}/resumptions/new.json", "kameleon")
    assert all(cluster.job(job)["scheduled_start"] for job in (first, first + 39))
    cluster.told("POST", f"/jobs/array/{first}/deletions/new.json", "kameleon")
    assert set(cluster.queue()) == {blocker, last}
    assert abs(cluster.job(last)["scheduled_start"] - ends) <= 1


def test_whatever_is_asked_at_the_same_time_no_job_is_lost(cluster: BatchCluster) -> None:
    """Every answer is a sound one, and in the end every job ends."""
    jobs = [cluster.submit(TREE, resource="/core=3,walltime=0:10:0") for _ in range(6)]
    array = cluster.submit(resource="/core=2,walltime=0:10:0", array=4)
    jobs += range(array, array + 4)
    actions = ["holds/new", "rholds/new", "resumptions/new", "signals/18", "checkpoints/new",
               "deletions/new", "resubmissions/new"]  # fmt: skip
    weights = [5, 5, 8, 3, 2, 1, 1]

    def act(seed: int) -> set[int]:
        chosen = random.Random(seed)
        return {_act_at_random(cluster, chosen, jobs, array, actions, weights) for _ in range(40)}

    with ThreadPoolExecutor(4) as threads:
        statuses = set[int]().union(*threads.map(act, range(4)))
    assert statuses <= {201, 202, 400}, statuses
    assert 202 in statuses
    left = list(cluster.queue())
    cluster.delete(*left)
    assert cluster.queue() == {}
    for job in {*left, *jobs}:
        assert cluster.processes(job) == []
    after = cluster.submit("true", resource=ALL)
    cluster.until(after, "Terminated")


def _act_at_random(
    cluster: BatchCluster,
    chosen: random.Random,
    jobs: list[int],
    array: int,
    actions: list[str],
    weights: list[int],
) -> int:
    (action,) = chosen.choices(actions, weights)
    whom = f"array/{array}" if chosen.random() < 0.1 else str(chosen.choice(jobs))
    with requests.Session() as session:
        path = f"{cluster.url}/oarapi-priv/jobs/{whom}/{action}.json"
        return session.post(path, auth=("oar", PASSWORD), timeout=30).status_code
