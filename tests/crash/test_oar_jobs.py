"""kill -9 of a server whose jobs came over the OAR interface: it tells the same before and after, the
plan is the same, and all of them end right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.oar.batch_cluster import BatchCluster, date
from tests.server.process import wait_until

_OF_THE_ANSWER = {"api_timestamp", "events"}
"""When it was told, and what the servers themselves went through."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[BatchCluster]:
    made = BatchCluster(tmp_path / "data", "--kill-grace", "1s", "--visibility", "full")
    try:
        yield made.begin()
        assert "defect" not in made.log_text()
    finally:
        made.close()


class Jobs:
    """One of each kind; each writes its name when it begins, and ends once the gate is open."""

    def __init__(self, cluster: BatchCluster) -> None:
        self.cluster = cluster
        self.gate = cluster.file("gate")
        self.running = self._submit("running", "/core=2,walltime=0:0:10")
        self.suspended = self._submit(
            "suspended", "/core=1,walltime=0:0:5", "sleep 300 & sleep 300 &"
        )
        again = "[ $(grep -c besteffort notes) = 2 ] || sleep 300;"
        types = ["besteffort", "idempotent"]
        self.besteffort = self._submit("besteffort", "/core=1,walltime=0:1:0", again, type=types)
        for job in (self.running, self.suspended, self.besteffort):
            cluster.until(job, "Running")
        wait_until(lambda: len(cluster.lines("notes")) == 3, "all that runs")
        cluster.act("rholds/new", self.suspended)
        soon = date(15)
        self.reserved = self._submit("reserved", "/core=8,walltime=0:0:5", reservation=soon)
        self.waiting = self._submit("waiting", "/core=8,walltime=0:0:20")
        self.dependent = self._submit("dependent", "/core=1,walltime=0:0:20", anterior=self.waiting)
        self.held = self._submit("held", "/core=1,walltime=0:0:20", hold=1)
        self.array = self._submit("array", "/core=4,walltime=0:0:20", array=3)

    def _submit(self, name: str, resource: str, first: str = "", **keys: Any) -> int:
        command = f"echo {name} >> notes; {first} until [ -e {self.gate} ]; do sleep 0.05; done"
        return self.cluster.submit(command, resource=resource, **keys)

    def told(self) -> Any:
        """All that the server says of jobs and resources, and of who holds what."""
        ask = self.cluster.told
        jobs = ask("GET", "/jobs/details.json?limit=0")["items"]
        listed = ask("GET", "/jobs.json?limit=0")["items"]
        resources = ask("GET", "/resources/details.json?limit=0")["items"]
        held = {each["id"]: sorted(self.cluster.cores(each["id"])) for each in jobs}
        shown = [self.cluster.job(each["id"]) for each in jobs]
        return [*map(_lasting, [*jobs, *listed, *resources, *shown]), held]


def _lasting(value: Any) -> Any:
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in _OF_THE_ANSWER}
    return value


def test_the_queue_is_told_and_planned_the_same_after_a_crash_and_all_ends_right(
    cluster: BatchCluster,
) -> None:
    jobs = Jobs(cluster)
    before, queue = jobs.told(), cluster.queue()
    assert Counter(state for state, _ in queue.values()) == {
        "Running": 2, "Suspended": 1, "Hold": 1, "Waiting": 6,
    }  # fmt: skip
    assert queue[jobs.held][1] is None
    planned = [jobs.reserved, jobs.waiting, jobs.dependent, jobs.array, jobs.array + 2]
    assert all(queue[job][1] for job in planned), queue
    shells = {job: cluster.processes(job)[0] for job in (jobs.running, jobs.suspended)}
    for _ in range(2):
        cluster.kill_9()
        cluster.start()
        assert cluster.url, cluster.log_text()
        assert cluster.queue() == queue
        assert jobs.told() == before
    assert {job: cluster.processes(job)[0] for job in shells} == shells
    assert cluster.states(jobs.suspended) == {psutil.STATUS_STOPPED}

    jobs.gate.touch()
    cluster.act("resumptions/new", jobs.held)
    cluster.act("resumptions/new", jobs.suspended)
    cluster.until(jobs.reserved, "Launching", "Running", "Terminated", within_s=30)
    cluster.kill_9()
    cluster.start()
    ended = {job: cluster.until(job, "Terminated", "Error", within_s=40) for job in queue}
    states = {job: shown["state"] for job, shown in ended.items()}
    assert {job for job, state in states.items() if state == "Error"} == {jobs.besteffort}
    assert 0 <= ended[jobs.reserved]["start_time"] - queue[jobs.reserved][1] <= 2
    assert ended[jobs.dependent]["start_time"] >= ended[jobs.waiting]["stop_time"]
    (successor,) = wait_until(
        lambda: [
            each["id"]
            for each in cluster.told("GET", "/jobs.json?state=&limit=0")["items"]
            if each["id"] not in queue
        ],
        "the successor of the besteffort job",
    )
    assert cluster.until(successor, "Terminated")["resubmit_job_id"] == jobs.besteffort
    once = ["running", "suspended", "reserved", "waiting", "dependent", "held"]
    assert Counter(cluster.lines("notes")) == {
        **dict.fromkeys(once, 1),
        "array": 3,
        "besteffort": 2,
    }
