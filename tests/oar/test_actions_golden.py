"""The recorded requests of OAR 2.5.9 that act on jobs, put to this server in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.oar.action_differences import ACTIONS
from tests.oar.batch_cluster import BatchCluster, date
from tests.oar.golden import FOLDER, cases
from tests.oar.job_replays import JobReplays, rows_of_the_documentation
from tests.server.process import wait_until

CASES = {case.name: case for case in cases("actions")}
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
OPTIONS = ("--visibility", "full")
"""As in OAR, where everybody sees all of every job."""
RUNNER = (
    "#!/bin/bash\ntrap 'echo GOT_USR1' USR1\ntrap 'echo GOT_USR2' USR2\necho ready > runner.$OAR_JOB_ID\n"
    "for n in $(seq 10000); do sleep 0.05; done\n"
)


class Replays(JobReplays):
    """The jobs that the recording knew by number, and what happened to them between the cases."""

    def __init__(self, server: BatchCluster) -> None:
        super().__init__(server)
        self._make_jobs()
        between: dict[str, Callable[[], object]] = {
            "469": lambda: server.act("rholds/new", self.jobs[54]),
            "475": lambda: server.until(self.jobs[54], "Running"),
            "496": self._resubmit,
            "497": lambda: server.delete(self._blocker),
            "511": lambda: server.told("DELETE", f"/jobs/{self.jobs[54]}.json", "kameleon"),
            "520": lambda: server.delete(self.jobs[39]),
            "521": lambda: server.until(self.jobs[55], "Error"),
            "527": lambda: [server.until(self.jobs[n], "Error") for n in (61, 62)],
            "530": self._besteffort,
        }
        for name, case in CASES.items():
            between.get(name[:3], str)()
            self.put(case)

    def _make_jobs(self) -> None:
        submit, until = self.server.submit, self.server.until
        self.jobs[6], self.jobs[7] = submit("true"), submit("/bin/sleep 0.1", resource="/core=1")
        self.jobs[16] = submit("exit 3")
        self.jobs[64] = submit("true", hold=1)
        self.jobs[61] = submit(resource="/core=1,walltime=0:0:3")
        asked: dict[str, Any] = {
            "resource": "/core=1,walltime=0:0:3",
            "name": "ckpt",
            "checkpoint": 2,
            "signal": 10,
        }
        self.jobs[62] = submit(script=RUNNER, **asked)
        for ended in (6, 7, 16):
            until(self.jobs[ended], "Terminated")
        for held in (38, 39, 40, 41):
            self.jobs[held] = submit("true", hold=1)
        self.jobs[42] = submit("true", array=2, hold=1)
        self.jobs[43] = self.jobs[42] + 1
        runner = {"resource": "/nodes=1/core=1,walltime=0:20:0", "name": "runner"}
        self.jobs[54] = submit(script=RUNNER, **runner)
        self.jobs[55] = submit(
            "sleep 600", resource="/nodes=2/core=1,walltime=0:20:0", project="p2"
        )
        self.jobs[56] = submit("sleep 600", array=2)
        self.jobs[57] = self.jobs[56] + 1
        for running in (54, 55, 56, 57):
            until(self.jobs[running], "Running")
        for trapping in (54, 62):
            self._ready(self.jobs[trapping])
        self.jobs[58] = submit("true", resource="/core=8,walltime=0:10:0")
        self.jobs[45] = submit("true", resource="/core=8", reservation=date(86400))

    def _ready(self, job_id: int) -> None:
        wait_until(lambda: self.server.lines(f"runner.{job_id}"), "the traps")

    def _resubmit(self) -> None:
        """While there is no room, as in the recording."""
        self._blocker = self.server.submit(resource="/core=3")
        self.server.until(self._blocker, "Running")
        answer = self.server.act("resubmissions/new", self.jobs[7], "kameleon")
        self.jobs[60] = answer["id"]

    def _besteffort(self) -> None:
        self.server.delete(*self.server.queue())
        self.jobs[63] = self.server.submit("sleep 500", resource="/core=8", type="besteffort")
        self.server.until(self.jobs[63], "Running")


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    server = BatchCluster(tmp_path_factory.mktemp("actions-golden") / "data", *OPTIONS)
    try:
        yield Replays(server.begin())
        assert server.alive
        assert "defect" not in server.log_text()
    finally:
        server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    replays.check(CASES[name], ACTIONS)


def test_every_listed_case_is_recorded() -> None:
    assert set(ACTIONS) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in ACTIONS.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    assert any(line.startswith(row) for line in rows_of_the_documentation())
