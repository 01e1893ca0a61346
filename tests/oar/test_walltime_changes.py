"""The walltime of a running job is changed over HTTP, and holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oar.batch_cluster import BatchCluster
from tests.server.process import wait_until

ALL = "/core=8,walltime=0:10:0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    folder = tmp_path_factory.mktemp("walltimes")
    made = BatchCluster(folder / "data", "--kill-grace", "1s", "--walltime-max-increase", "1h")
    try:
        yield made.begin()
        assert "defect" not in made.log_text()
    finally:
        made.close()


@pytest.fixture(autouse=True)
def empty(cluster: BatchCluster) -> Iterator[None]:
    """Whatever a test leaves in the queue is in nobody's way."""
    yield
    cluster.delete(*cluster.queue())


def running(cluster: BatchCluster, resource: str = ALL) -> int:
    job = cluster.submit(resource=resource)
    cluster.until(job, "Running")
    return job


def change(
    cluster: BatchCluster, job: int, walltime: Any, by: str = "kameleon", **more: Any
) -> Any:
    """The answer, which must be sound."""
    body = {"method": "walltime-change", "walltime": walltime, **more}
    return cluster.told("POST", f"/jobs/{job}.json", by, json=body)


def refused(cluster: BatchCluster, job: int, by: str = "kameleon", **more: Any) -> tuple[int, str]:
    """Status and message."""
    body = {"method": "walltime-change", **more}
    answer = cluster.ask("POST", f"/jobs/{job}.json", by, json=body)
    return answer.status_code, answer.json()["message"]


def view(cluster: BatchCluster, job: int, by: str = "oar") -> Any:
    return cluster.told("GET", f"/jobs/{job}.json", by)["walltime-change"]


def test_a_longer_walltime_is_lived_out_and_told_of(cluster: BatchCluster) -> None:
    job = running(cluster, "/core=1,walltime=0:0:2")
    said = change(cluster, job, "+0:0:2")
    assert said["status"] == "Accepted"
    assert said["cmd_output"] == f"Walltime change request accepted for job {job}, it is 0:0:4 now"
    assert view(cluster, job, "kameleon") == {
        "walltime": "0:0:4",
        "possible": "1:0:0",
        "granted": "+0:0:2",
        "pending": "0:0:0",
        "granted_with_force": "0:0:0",
        "granted_with_delay_next_jobs": "0:0:0",
        "force": "FORBIDDEN",
        "delay_next_jobs": "FORBIDDEN",
    }
    ended = cluster.until(job, "Error")
    assert ended["walltime"] == 4
    assert ended["stop_time"] - ended["start_time"] >= 3
    assert "WALLTIME" in [event["type"] for event in ended["events"]]


def test_a_shorter_walltime_ends_the_job_sooner(cluster: BatchCluster) -> None:
    job = running(cluster, "/core=1,walltime=1:0:0")
    change(cluster, job, "0:0:2")
    assert view(cluster, job)["granted"] == "-0:59:58"
    assert cluster.until(job, "Error", within_s=10)["walltime"] == 2


def test_what_would_make_others_wait_is_pending_until_they_do_not(cluster: BatchCluster) -> None:
    job = running(cluster)
    waiting = cluster.submit("true", resource=ALL)
    start = cluster.job(waiting)["scheduled_start"]
    said = change(cluster, job, "+0:30:0")
    assert said["cmd_output"].endswith("it is 0:10:0 now (pending: +0:30:0)")
    seen = view(cluster, job)
    assert (seen["walltime"], seen["granted"], seen["pending"]) == ("0:10:0", "0:0:0", "+0:30:0")
    assert cluster.job(waiting)["scheduled_start"] == start
    cluster.delete(waiting)
    wait_until(lambda: view(cluster, job)["granted"] == "+0:30:0", "what was pending")
    assert cluster.job(job)["walltime"] == 40 * 60


def test_others_wait_longer_where_an_administrator_says_so(cluster: BatchCluster) -> None:
    job = running(cluster)
    waiting = cluster.submit("true", resource=ALL)
    start = cluster.job(waiting)["scheduled_start"]
    status, message = refused(cluster, job, walltime="+0:30:0", delay_next_jobs="yes")
    assert status == 403 and "only administrators" in message
    change(cluster, job, "+0:30:0", "oar", delay_next_jobs="yes")
    seen = view(cluster, job)
    assert (seen["granted"], seen["delay_next_jobs"]) == ("+0:30:0", "YES")
    assert seen["granted_with_delay_next_jobs"] == "+0:30:0"
    assert cluster.job(waiting)["scheduled_start"] == start + 30 * 60


def test_more_than_is_allowed_is_for_administrators_who_force_it(cluster: BatchCluster) -> None:
    job = running(cluster)
    status, message = refused(cluster, job, walltime="+2:0:0")
    assert status == 403 and "walltime_max_increase" in message
    status, message = refused(cluster, job, walltime="+2:0:0", force="yes")
    assert status == 403 and "not allowed to be forced" in message
    assert cluster.job(job)["walltime"] == 600
    change(cluster, job, "+2:0:0", "oar", force="1")
    seen = view(cluster, job)
    assert (seen["granted"], seen["granted_with_force"], seen["force"]) == (
        "+2:0:0", "+1:0:0", "YES",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({}, "Walltime change request must have a walltime field"),
        ({"walltime": "soon"}, "walltime"),
        ({"walltime": "+"}, "walltime"),
        ({"walltime": "--1:0:0"}, "walltime"),
        ({"walltime": "0:0:0"}, "walltime"),
        ({"walltime": "-1:0:0"}, "walltime"),
        ({"walltime": "+0:1:0", "force": "perhaps"}, "force: 'perhaps' is neither yes nor no"),
        ({"walltime": "+0:1:0", "delay_next_jobs": 2}, "delay_next_jobs"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(
    cluster: BatchCluster, fields: dict[str, Any], part: str
) -> None:
    job = running(cluster)
    status, message = refused(cluster, job, **fields)
    assert status == 400 and part in message
    assert cluster.job(job)["walltime"] == 600


def test_only_a_running_job_of_ones_own_is_changed(cluster: BatchCluster) -> None:
    job = running(cluster)
    waiting = cluster.submit("true", resource=ALL)
    status, message = refused(cluster, waiting, walltime="+0:1:0")
    assert status == 400 and f"job {waiting} is Waiting" in message
    assert "walltime-change" not in cluster.job(waiting)
    status, message = refused(cluster, job, "alice", walltime="+0:1:0")
    assert status == 403 and "belongs to kameleon" in message
    cluster.act("rholds/new", job)
    status, message = refused(cluster, job, walltime="+0:1:0")
    assert status == 400 and "`resumptions` has it go on first" in message


def test_a_changed_walltime_survives_the_server(cluster: BatchCluster) -> None:
    job = running(cluster, "/core=1,walltime=0:0:3")
    change(cluster, job, "+0:0:3")
    seen, began = view(cluster, job), time.monotonic()
    cluster.kill_9()
    cluster.start()
    assert view(cluster, job) == seen
    cluster.until(job, "Error")
    assert time.monotonic() - began > 4


def test_it_is_not_there_where_an_administrator_forbids_it(tmp_path: Path) -> None:
    cluster = BatchCluster(tmp_path / "data")
    cluster.environ["HOPLITE_WALLTIME_CHANGE"] = "false"
    try:
        cluster.begin()
        job = running(cluster)
        body = {"method": "walltime-change", "walltime": "+0:1:0"}
        answer = cluster.ask("POST", f"/jobs/{job}.json", "kameleon", json=body)
        assert (answer.status_code, answer.json()["title"]) == (405, "Not available")
        assert "walltime_change" in answer.json()["message"]
        assert "walltime-change" not in cluster.job(job)
    finally:
        cluster.close()
