"""kill -9 at chosen points: what a client was told of is there, ends truly, and ran once."""

from __future__ import annotations

import pytest

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger, died
from tests.server.process import ServerProcess

POINTS = [
    # The first POST; in its wake the launch, the start, the statuses and the end.
    *(f"journal.before_commit:{n}" for n in (1, 2, 3, 5, 9)),
    *(f"journal.after_commit:{n}" for n in (1, 2, 3, 5, 9)),
    "manager.before_launch:1",
    "manager.before_launch:3",
    "manager.after_launch:1",
    "manager.after_launch:3",
    "manager.before_news:1",
    "manager.before_news:3",
    "manager.after_news:1",
    "manager.after_news:3",
    "executor.before-launch:2",
    "executor.before-started:1",
    "executor.before-ended:1",
]


def submit_all_kinds(ledger: Ledger, server: ServerProcess) -> None:
    """One job of each kind of end, until the server dies."""
    for end in END_OF:
        if ledger.submit(server, end=end, pause=0.02) is None:
            return


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, make_server: MakeServer, ledger: Ledger) -> None:
    """Two places for five jobs: some run, some wait, and those that run report meanwhile."""
    server = make_server("--max-running", "2").start(crash_at=point)
    submit_all_kinds(ledger, server)
    died(server)
    taken = ledger.taken()
    server.start()
    ledger.check_kept(server, taken)
    ledger.check_ends(server)
