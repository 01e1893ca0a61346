"""The recorded requests of OAR 2.5.9 about admission rules, put to this server in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from tests.oar.cluster import Cluster
from tests.oar.golden import FOLDER, Case, Seen, as_recorded, cases, replay, seen
from tests.oar.rule_differences import RULES, VALUES

_STATUS = re.compile(r"\AStatus: .*?\r\n\r\n", re.DOTALL)
"""The block of headers that OAR puts before a body."""
_RULE = re.compile(r"(?<=/admission_rules/)\d+")


def _without_headers(case: Case) -> Case:
    body = _STATUS.sub("", case.response.body or "")
    return msgspec.structs.replace(case, response=msgspec.structs.replace(case.response, body=body))


CASES = {case.name: _without_headers(case) for case in cases("admission-rules")}
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)


class Replays:
    """The answers of one server to the recorded requests."""

    def __init__(self, server: Cluster) -> None:
        self.server = server
        self.ids: dict[str, str] = {}
        """Ours of the rules that the recording made."""
        self.answers: dict[str, requests.Response] = {}
        for name, case in CASES.items():
            if case.number == "667":
                made = server.told("POST", "/admission_rules.json", json={"rule": "# one more"})
                self.ids["20"] = str(made["id"])
            self.answers[name] = answer = replay(server, case, self.ours)
            recorded = _RULE.search(case.response.headers.get("location", ""))
            ours = _RULE.search(answer.headers.get("Location", ""))
            if recorded and ours:
                self.ids[recorded[0]] = ours[0]

    def ours(self, text: str) -> str:
        """``text`` with our ids."""
        return _RULE.sub(lambda found: self.ids.get(found[0], found[0]), text)


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    server = Cluster(tmp_path_factory.mktemp("rules-golden") / "data")
    server.start()
    assert server.url, server.log_text()
    yield Replays(server)
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    case, answer = CASES[name], replays.answers[name]
    if case.cut:
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (
            case.response.status,
            case.response.media,
        )
        return
    found, recorded = seen(answer, case, replays.ours), as_recorded(case)
    found = msgspec.structs.replace(found, changes=tuple(sorted(found.changes)))
    difference = RULES.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, difference.changes)
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


@pytest.mark.parametrize("name", VALUES)
def test_a_rule_that_is_not_to_run_is_not_enabled(replays: Replays, name: str) -> None:
    recorded = msgspec.json.decode(CASES[name].response.body or "")
    (rule,) = replays.answers[name].json()
    assert (recorded[0]["enabled"], rule["enabled"]) == ("YES", "NO")


def test_every_listed_case_is_recorded() -> None:
    assert set(RULES) | set(VALUES) <= set(CASES)


@pytest.mark.parametrize("row", sorted({*(each.row for each in RULES.values()), *VALUES.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)
