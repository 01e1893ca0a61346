"""The table of outcomes, played, and compared with the one in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.crash.outcomes import ROWS, Row
from tests.server.process import ServerProcess

DOCS = Path(__file__).parents[2] / "docs" / "outcomes.rst"
PLAYED = [row for row in ROWS if row.plugin is not None]


def check(row: Row, server: ServerProcess, uuid: str) -> None:
    job = server.ended(uuid)
    assert (job["state"], job["outcome"]) == (row.state, row.outcome)
    assert (job["exit_code"], job["signal"]) == (row.exit_code, row.signal)
    exception = job["status"].get("exception")
    assert (exception is None) == (row.exception is None)
    if exception is not None and row.exception != "the exception's class":
        assert exception["type"] == row.exception


@pytest.fixture(scope="module")
def jobs(server: ServerProcess) -> dict[str, str]:
    """All rows that a plugin plays, at once: uuids by what happens."""
    return {row.what: server.run(str(row.plugin), row.config)["uuid"] for row in PLAYED}


@pytest.mark.parametrize("row", PLAYED, ids=[row.what for row in PLAYED])
def test_the_outcome_is_the_one_in_the_table(
    row: Row, server: ServerProcess, jobs: dict[str, str]
) -> None:
    check(row, server, jobs[row.what])


def test_the_outcome_is_the_same_after_a_restart(make_server: MakeServer) -> None:
    server = make_server().start()
    jobs = {row.what: server.run(str(row.plugin), row.config)["uuid"] for row in PLAYED}
    server.kill_9()
    server.start()
    for row in PLAYED:
        check(row, server, jobs[row.what])


def test_the_docs_have_the_same_table() -> None:
    cells = [line[7:] for line in DOCS.read_text().splitlines() if _is_cell(line)]
    rows = [cells[at : at + 6] for at in range(6, len(cells), 6)]
    assert rows == [
        [row.what, row.state or "—", row.outcome, _cell(row.exit_code), _cell(row.signal),
         row.exception or "—"]
        for row in ROWS
    ]  # fmt: skip


def _is_cell(line: str) -> bool:
    return line.startswith(("   * - ", "     - "))


def _cell(value: int | None) -> str:
    return "—" if value is None else str(value)
