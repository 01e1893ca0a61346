"""The recorded requests of OAR 2.5.9 about resources, put to this server in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.oar.cluster import Cluster
from tests.oar.golden import FOLDER, Seen, as_recorded, cases, replay, seen
from tests.oar.resource_differences import RESOURCES

CASES = {case.name: case for group in ("resources-get", "resources-admin") for case in cases(group)}
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
_RESOURCE = re.compile(r"(?<=/resources/)\d+|(?<=\")\d+(?=\" : )")
"""An id, in addresses and, with ``structure=oar``, as a key."""
_OURS = re.compile(r"(?<=/resources/)\d+|\b\d+(?=: number)")


class Replays:
    """The answers of one server to the recorded requests."""

    def __init__(self, server: Cluster) -> None:
        self.server = server
        self.ids = {str(n): each for n, each in enumerate(server.make_nodes(), 1)}
        self.answers: dict[str, requests.Response] = {}
        for name, case in CASES.items():
            self._prepare(name.partition("-")[0])
            self.answers[name] = answer = replay(server, case, self.ours)
            if name.startswith("607"):
                first, second = yaml.safe_load(answer.text)["items"]
                self.ids |= {"10": first["id"], "11": second["id"]}

    def ours(self, text: str) -> str:
        """``text`` with our ids of the resources that the recording knew by number."""
        return _RESOURCE.sub(lambda found: str(self.ids.get(found[0], found[0])), text)

    def theirs(self, found: Seen) -> Seen:
        """``found`` with the recording's numbers of resources."""
        theirs = {str(ours): number for number, ours in self.ids.items()}
        changes = (_OURS.sub(lambda at: theirs[at[0]], change) for change in found.changes)
        return Seen(found.status, found.media, tuple(sorted(changes)))

    def _prepare(self, number: str) -> None:
        """What happened before a case and is not among the recordings."""
        if number == "610":
            new = {"hostname": "test2", "cpu": 10, "besteffort": "NO"}
            self.ids["9"] = self.server.told("POST", "/resources.json", json=new)["id"]
        elif number == "628":
            self.server.told("DELETE", f"/resources/{self.ids['9']}.json")
        elif number == "632":
            path = f"/resources/{self.ids['10']}/state.json"
            self.server.told("POST", path, json={"state": "Dead"})


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    server = Cluster(tmp_path_factory.mktemp("resources-golden") / "data")
    server.start()
    assert server.url, server.log_text()
    yield Replays(server)
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    case, answer = CASES[name], replays.answers[name]
    found, recorded = replays.theirs(seen(answer, case, replays.ours)), as_recorded(case)
    difference = RESOURCES.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, tuple(sorted(difference.changes)))
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


def test_every_listed_case_is_recorded() -> None:
    assert set(RESOURCES) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in RESOURCES.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)
