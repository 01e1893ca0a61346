"""The recorded requests of OAR 2.5.9 about its configuration, put to this server in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.oar.config_differences import CONFIG
from tests.oar.golden import FOLDER, Seen, as_recorded, cases, oar_server, replay, seen

CASES = {case.name: case for case in cases("config")}
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, requests.Response]]:
    server = oar_server(tmp_path_factory.mktemp("config-golden") / "data")
    server.start()
    assert server.url, server.log_text()
    yield {name: replay(server, case) for name, case in CASES.items()}
    assert "defect" not in server.log_text()
    server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(
    answers: dict[str, requests.Response], name: str
) -> None:
    case, answer = CASES[name], answers[name]
    if case.cut:
        # In the middle of the text of a file.
        media = answer.headers["Content-Type"].partition(";")[0]
        assert Seen(answer.status_code, media) == as_recorded(case)
        assert "file" in answer.text
        return
    found, recorded = seen(answer, case), as_recorded(case)
    difference = CONFIG.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, tuple(sorted(difference.changes)))
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


def test_every_listed_case_is_recorded() -> None:
    assert set(CONFIG) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in CONFIG.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)
