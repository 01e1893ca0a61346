"""What OAR is used for, from the submission to the end, over HTTP: the recorded scenarios in seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.oar.batch_cluster import BatchCluster, date
from tests.server.process import wait_until

ALL = "/core=8,walltime=0:10:0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    made = BatchCluster(tmp_path_factory.mktemp("scenarios") / "data", "--kill-grace", "1s")
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


def test_besteffort_jobs_make_room_and_idempotent_ones_run_again(cluster: BatchCluster) -> None:
    mortal = cluster.submit(resource="/core=4,walltime=0:10:0", type="besteffort")
    again = cluster.submit(resource="/core=4,walltime=0:10:0", type=["besteffort", "idempotent"])
    for job in (mortal, again):
        assert cluster.until(job, "Running")["queue"] == "besteffort"
    normal = cluster.submit("sleep 0.5", resource=ALL)
    for job in (mortal, again):
        ended = cluster.until(job, "Error")
        assert "BESTEFFORT_KILL" in [event["type"] for event in ended["events"]]
    cluster.until(normal, "Terminated")
    queue = cluster.queue()
    assert len(queue) == 1, "only the idempotent one runs again"
    (successor,) = queue
    assert cluster.until(successor, "Running")["resubmit_job_id"] == again


def test_a_job_comes_after_those_that_it_names_however_they_end(cluster: BatchCluster) -> None:
    gate = cluster.file("dependency")
    good = cluster.submit(f"until [ -e {gate} ]; do sleep 0.02; done")
    bad = cluster.submit(f"until [ -e {gate} ]; do sleep 0.02; done; exit 3")
    after = cluster.submit("true", anterior=[good, bad])
    shown = cluster.job(after)
    assert (shown["state"], sorted(shown["dependencies"])) == ("Waiting", [good, bad])
    gate.touch()
    ended = cluster.until(after, "Terminated")
    assert ended["dependencies"] == []
    assert ended["start_time"] >= max(cluster.job(job)["stop_time"] for job in (good, bad))


def test_a_job_after_one_that_does_not_exist_is_refused(cluster: BatchCluster) -> None:
    body = {"command": "true", "anterior": 999999}
    answer = cluster.ask("POST", "/jobs.json", "kameleon", json=body)
    assert answer.status_code == 400 and "there is no job 999999" in answer.json()["message"]


def test_the_jobs_of_an_array_know_their_places(cluster: BatchCluster) -> None:
    notes = cluster.file("array")
    first = cluster.submit(
        f"echo $OAR_ARRAY_ID/$OAR_ARRAY_INDEX/$OAR_JOB_ID/$1 >> {notes}; true", array=3
    )
    for nth in range(3):
        cluster.until(first + nth, "Terminated")
    assert sorted(cluster.lines("array")) == [f"{first}/{n + 1}/{first + n}/" for n in range(3)]
    listed = cluster.told("GET", f"/jobs.json?array={first}")["items"]
    assert [each["id"] for each in listed] == [first, first + 1, first + 2]


def test_a_reservation_starts_at_its_date_and_nothing_is_in_its_way(cluster: BatchCluster) -> None:
    began = time.time()
    reserved = cluster.submit("sleep 0.3", resource=ALL, reservation=date(4))
    assert time.time() - began < 1
    shown = cluster.job(reserved)
    assert (shown["state"], shown["reservation"]) == ("Waiting", "Scheduled")
    long = cluster.submit("true", resource="/core=1,walltime=0:5:0")
    short = cluster.submit("true", resource="/core=1,walltime=0:0:1")
    cluster.until(short, "Terminated")
    assert cluster.job(long)["state"] == "Waiting"
    ended = cluster.until(reserved, "Terminated")
    assert 0 <= ended["start_time"] - shown["scheduled_start"] <= 1
    cluster.until(long, "Terminated")
    refused = {"command": "true", "resource": "/core=8", "reservation": date(5)}
    cluster.submit(resource=ALL, reservation=date(5))
    answer = cluster.ask("POST", "/jobs.json", "kameleon", json=refused)
    assert answer.status_code == 400
    assert "the resources are not free at that time, but are from" in answer.json()["message"]


def test_a_reservation_without_a_command_holds_its_cores_for_all_of_its_walltime(
    cluster: BatchCluster,
) -> None:
    """Also for a walltime that became longer, and where its owner has no home."""
    what = {"resource": "/core=2,walltime=0:0:2", "reservation": date(1), "workdir": "/nonexistent"}
    answer = cluster.told("POST", "/jobs.json", json=what)
    job = answer["id"]
    cluster.until(job, "Running")
    longer = {"method": "walltime-change", "walltime": "+0:0:2"}
    cluster.told("POST", f"/jobs/{job}.json", json=longer)
    ended = cluster.until(job, "Terminated")
    assert ended["exit_code"] is None
    assert 3 <= ended["stop_time"] - ended["start_time"] <= 6


def test_an_inner_job_runs_inside_its_container_and_a_bigger_one_waits(
    cluster: BatchCluster,
) -> None:
    container = cluster.submit(resource="/nodes=1/core=4,walltime=0:10:0", type="container")
    cluster.until(container, "Running")
    inner = cluster.submit(
        "sleep 0.5", resource="/core=2,walltime=0:1:0", type=f"inner={container}"
    )
    big = cluster.submit("true", resource="/core=6,walltime=0:1:0", type=f"inner={container}")
    cluster.until(inner, "Terminated")
    assert cluster.cores(inner) < cluster.cores(container)
    waits = cluster.job(big)
    assert (waits["state"], waits["scheduled_start"]) == ("Waiting", None)
    body = {"command": "true", "type": f"inner={inner}"}
    answer = cluster.ask("POST", "/jobs.json", "kameleon", json=body)
    assert answer.status_code in (400, 403) and str(inner) in answer.json()["message"]


def test_timesharing_jobs_of_one_key_share_cores_and_others_do_not(cluster: BatchCluster) -> None:
    keys = {"resource": ALL, "type": "timesharing=user,*"}
    first, second = (cluster.submit(**keys) for _ in range(2))
    for job in (first, second):
        cluster.until(job, "Running")
    assert cluster.cores(first) == cluster.cores(second)
    on_first = cluster.told("GET", f"/resources/{min(cluster.cores(first))}/jobs.json")["items"]
    assert [each["id"] for each in on_first] == [first, second]
    other = cluster.submit(by="alice", **keys)
    assert cluster.job(other)["state"] == "Waiting"


def test_of_several_requests_the_one_that_ends_first_is_taken(cluster: BatchCluster) -> None:
    blocker = cluster.submit("sleep 1", resource="/core=4,walltime=0:0:5")
    cluster.until(blocker, "Running")
    # Eight cores for a minute, but in five seconds, end before two cores for two minutes, now.
    job = cluster.submit("true", resource=["/core=8,walltime=0:1:0", "/core=2,walltime=0:2:0"])
    shown = cluster.job(job)
    assert (shown["state"], shown["walltime"]) == ("Waiting", 60)
    cluster.until(job, "Terminated")
    assert len(cluster.cores(job)) == 8


def test_a_noop_job_runs_nothing_and_ends_well_when_it_is_deleted(cluster: BatchCluster) -> None:
    job = cluster.submit("false", type="noop")
    cluster.until(job, "Running")
    assert cluster.processes(job) == []
    cluster.delete(job)
    assert cluster.job(job)["state"] == "Terminated"


def test_an_absent_node_is_planned_around_and_a_dead_one_ends_its_jobs(
    cluster: BatchCluster,
) -> None:
    job = cluster.submit(resource="/nodes=1/core=4,walltime=0:10:0")
    cluster.until(job, "Running")
    lost = min(cluster.cores(job))
    waiting = cluster.submit("true", resource=ALL)
    cluster.told("POST", f"/resources/{lost}/state.json", json={"state": "Dead"})
    ended = cluster.until(job, "Error")
    assert any(f"resource {lost} is Dead" in event["description"] for event in ended["events"])
    assert cluster.job(waiting)["state"] == "Waiting"
    cluster.told("POST", f"/resources/{lost}/state.json", json={"state": "Absent"})
    assert cluster.job(waiting)["state"] == "Waiting"
    cluster.told("POST", f"/resources/{lost}/state.json", json={"state": "Alive"})
    cluster.until(waiting, "Terminated")


def test_a_job_that_fits_starts_at_once(cluster: BatchCluster) -> None:
    """OAR takes 5 to 60 seconds."""
    blocker = cluster.submit(resource=ALL)
    cluster.until(blocker, "Running")
    job = cluster.submit("sleep 0.2", resource=ALL)
    began = time.monotonic()
    cluster.told("DELETE", f"/jobs/{blocker}.json")
    wait_until(lambda: cluster.job(job)["state"] != "Waiting", "the start")
    assert time.monotonic() - began < 3
