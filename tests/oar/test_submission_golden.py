"""The recorded submissions to OAR 2.5.9, put to this server in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests

from tests.oar.cluster import Cluster
from tests.oar.golden import FOLDER, PASSWORD, Case, Seen, as_recorded, cases, replay, seen
from tests.oar.submission_differences import SUBMISSIONS
from tests.server.process import wait_until

CASES = {
    case.name: case
    for group in ("submit-errors", "submit-ok", "scenarios")
    for case in cases(group)
    if case.request.method == "POST"
    and re.fullmatch(r"/oarapi(-priv)?/jobs(\.\w+)?(\?.*)?", case.request.path)
}
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
_JOB = re.compile(r"(?<=/jobs/)\d+|(?<=\"anterior\": )\"?\d+\"?|(?<=inner=)\d+")
_DATE = re.compile(r"2026-11-22 \d\d:\d\d:\d\d")
_RECORDED_AT = datetime(2026, 11, 22, 4, 24, 59)
"""When the cases with such dates were recorded, in the time of that server."""
_NOW = datetime.now()


def _moved(date: str) -> str:
    return str(datetime.fromisoformat(date) - _RECORDED_AT + _NOW)[:19]


class Replays:
    """The answers of one server to the recorded requests."""

    def __init__(self, server: Cluster) -> None:
        self.server = server
        self.ids: dict[str, str] = {}
        """Ours of the jobs that the recording knew by number."""
        self.answers: dict[str, requests.Response] = {}
        for name, case in CASES.items():
            self._prepare(case)
            self.answers[name] = answer = replay(server, case, self.ours)
            self._learn(case, answer)

    def ours(self, text: str) -> str:
        """``text`` with our ids, and with dates as far ahead as they were then."""
        text = _DATE.sub(lambda found: _moved(found[0]), text)
        return _JOB.sub(lambda found: self.ids.get(found[0].strip('"'), found[0]), text)

    def _prepare(self, case: Case) -> None:
        """What was made before a case and is not among the recordings."""
        if case.number == "532":
            self._end_all()
        if case.number == "535":
            date = _moved("2026-11-22 06:58:08")
            new = {"command": "true", "resource": "/core=1,walltime=0:1:0", "reservation": date}
            self.server.told("POST", "/jobs.json", "kameleon", json=new)
        for number in map(str, (case.vars or {}).values()):
            if number not in self.ids and number in (case.request.body or ""):
                types = "container" if "inner" in (case.request.body or "") else ""
                new = {"command": "sleep 100", "resource": "/core=4,walltime=1", "type": types}
                made = self.server.told("POST", "/jobs.json", "kameleon", json={**new, "hold": 1})
                self.ids[number] = str(made["id"])

    def _end_all(self) -> None:
        """The scenarios were recorded on an idle cluster."""
        oar = ("oar", PASSWORD)
        for job in self.server.told("GET", "/jobs.json?limit=0")["items"]:
            killed = self.server.request("PUT", f"/jobs/{job['id']}/kill", auth=oar)
            if killed.status_code == 403:
                self.server.request("DELETE", f"/jobs/{job['id']}", auth=oar)
        wait_until(
            lambda: not self.server.told("GET", "/jobs.json")["total"], "the end of all jobs"
        )

    def _learn(self, case: Case, answer: requests.Response) -> None:
        recorded = re.search(r"/jobs/(\d+)", case.response.headers.get("location", ""))
        ours = re.search(r"/jobs/(\d+)", answer.headers.get("Location", ""))
        if recorded and ours:
            self.ids[recorded[1]] = ours[1]


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    server = Cluster(tmp_path_factory.mktemp("submission-golden") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield Replays(server)
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    case, answer = CASES[name], replays.answers[name]
    found, recorded = seen(answer, case, replays.ours), as_recorded(case)
    difference = SUBMISSIONS.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, difference.changes)
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


def test_every_listed_case_is_recorded() -> None:
    assert set(SUBMISSIONS) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in SUBMISSIONS.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)
