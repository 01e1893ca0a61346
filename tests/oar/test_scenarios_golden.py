"""The recorded scenarios of OAR 2.5.9, changes of walltimes and the last lists, put to this server in
their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.oar.batch_cluster import BatchCluster, date
from tests.oar.golden import FOLDER, Case, cases
from tests.oar.job_replays import JobReplays, rows_of_the_documentation
from tests.oar.scenario_differences import SCENARIOS

CASES = {
    case.name + ("-get" if case.name == "553-sc-inner" else ""): case
    for group in ("scenarios", "walltime-change", "final")
    for case in cases(group)
}
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
OPTIONS = ("--visibility", "full")
"""As in OAR, where everybody sees all of every job."""
ALL = "/core=8,walltime=0:10:0"


class Replays(JobReplays):
    """The jobs that the recording knew by number, and what happened to them between the cases."""

    def __init__(self, server: BatchCluster) -> None:
        super().__init__(server)
        ids = [each["id"] for each in server.told("GET", "/resources.json")["items"]]
        self.resources = dict(enumerate(ids, 1))
        self.jobs[5] = server.submit()
        server.until(self.jobs[5], "Running")
        server.delete(self.jobs[5])
        between: dict[str, Callable[[], object]] = {
            "535": lambda: server.submit("true", reservation=date(90_000)),
            "538": self._dependencies,
            "541": self._last_dependency,
            "542": lambda: [server.until(self.jobs[n], "Terminated") for n in (72, 73, 74)],
            "547": self._timesharing,
            "550": self._reserved,
            "551": self._container,
            "553": lambda: server.until(self.jobs[79], "Running"),
            "556": self._too_big,
            "578": self._lasting,
            "752": self._end,
        }
        for name, case in CASES.items():
            between.get(name[:3], str)()
            self.put(case, self._body(case))

    @staticmethod
    def _body(case: Case) -> str | None:
        """With the dates of reservations as far from now as they were then."""
        dates = {"532": 3600.0, "533": 3660.0, "535": 100_000.0}
        if case.number not in dates or case.request.body is None:
            return None
        head, key, rest = case.request.body.partition('"reservation": "')
        return head + key + date(dates[case.number]) + rest[rest.index('"') :]

    def _dependencies(self) -> None:
        server = self.server
        server.delete(*server.queue())
        self.jobs[70], self.jobs[71] = server.submit("exit 1"), server.submit("sleep 1")

    def _last_dependency(self) -> None:
        after = [self.jobs[71], self.jobs[70]]
        self.jobs[74] = self.server.submit("true", anterior=after)

    def _timesharing(self) -> None:
        for number in (76, 77):
            self.jobs[number] = self.server.submit(resource=ALL, type="timesharing=*,*")
            self.server.until(self.jobs[number], "Running")

    def _reserved(self) -> None:
        self.server.delete(*self.server.queue())
        self.jobs[69] = self.server.submit("true", reservation=date(2))
        self.server.until(self.jobs[69], "Terminated")

    def _container(self) -> None:
        self.jobs[78] = self.server.submit(resource="/core=4,walltime=0:10:0", type="container")
        self.server.until(self.jobs[78], "Running")

    def _too_big(self) -> None:
        self.jobs[80] = self.server.submit(
            "true", resource="/core=6,walltime=0:01:00", type=f"inner={self.jobs[78]}"
        )

    def _lasting(self) -> None:
        self.server.delete(*self.server.queue())
        lasting = "/core=1,walltime=0:10:0"
        self.jobs[99] = self.server.submit("sleep 300", resource=lasting)
        self.server.until(self.jobs[99], "Running")

    def _end(self) -> None:
        self.server.delete(*self.server.queue())
        wrong = self.server.told("GET", "/jobs.json?state=Error")["items"]
        assert len(wrong) > 3
        assert wrong[0]["id"] == self.jobs[5]


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    server = BatchCluster(tmp_path_factory.mktemp("scenarios-golden") / "data", *OPTIONS)
    try:
        yield Replays(server.begin())
        assert server.alive
        assert "defect" not in server.log_text()
    finally:
        server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    replays.check(CASES[name], SCENARIOS)


def test_every_listed_case_is_recorded() -> None:
    assert set(SCENARIOS) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in SCENARIOS.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    assert any(line.startswith(row) for line in rows_of_the_documentation())
