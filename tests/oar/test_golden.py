"""The recorded requests of OAR 2.5.9, put to this server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oar.cluster import Cluster
from tests.oar.differences import META, NOT_YET
from tests.oar.golden import FOLDER, Seen, as_recorded, cases, replay, seen
from tests.server.process import ServerProcess

CASES = {case.name: case for case in cases("meta")}
PREFIXED = ("059-x-api-path-prefix-dash", "058-x-api-path-prefix")
"""Recorded with a header that is believed of proxies alone here, and not in the second spelling."""
UNDERSCORES = "Headers whose names have underscores"
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[Cluster]:
    """A server that takes this machine for a trusted proxy."""
    cluster = Cluster(tmp_path / "data", "--behind-proxy", "127.0.0.1")
    cluster.start()
    yield cluster
    cluster.close()


def test_the_prefix_of_a_trusted_proxy_is_before_every_address(behind_proxy: Cluster) -> None:
    first = behind_proxy.make_nodes()[0]

    def ours(text: str) -> str:
        return text.replace("/resources/1", f"/resources/{first}")

    dashed, underscored = CASES[PREFIXED[0]], CASES[PREFIXED[1]]
    assert seen(replay(behind_proxy, dashed), dashed, ours) == as_recorded(dashed)
    without = replay(behind_proxy, underscored)
    assert without.json()["links"][0]["href"].startswith("/oarapi/")


@pytest.mark.parametrize("name", sorted(set(CASES) - set(PREFIXED)))
def test_the_answer_is_the_recorded_one_or_a_listed_difference(
    oar: ServerProcess, name: str
) -> None:
    case = CASES[name]
    answer = replay(oar, case)
    found, recorded = seen(answer, case), as_recorded(case)
    difference = META.get(name)
    if name in NOT_YET:
        assert found != recorded, "it is answered now: take it off the list NOT_YET"
    elif difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, difference.changes)
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


def test_every_listed_case_is_recorded_and_listed_once() -> None:
    assert set(META) | set(NOT_YET) <= set(CASES)
    assert not set(META) & set(NOT_YET)


@pytest.mark.parametrize("row", [*sorted({each.row for each in META.values()}), UNDERSCORES])
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)
