"""kill -9 at chosen points: what a client was told of is there, ends truly, and ran once."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger, died
from tests.server.process import ServerProcess

POINTS = [
    # The first commit is that of the machine's resources, the second the first POST; later ones
    # carry starts, statuses, ends and launches of those that waited.
    ("journal.before_commit:1", "journal.before_commit:2"),
    ("journal.after_commit:2", "journal.after_commit:1"),
    ("journal.after_commit:4", "manager.after_launch:1"),
    ("journal.before_commit:6", "manager.before_news:1"),
    ("journal.after_commit:10", "executor.before-ended:1"),
    ("manager.before_launch:2", "journal.before_commit:3"),
    ("manager.before_news:2", "manager.after_news:1"),
    ("manager.after_news:3", "executor.before-started:1"),
    ("executor.before-launch:2", "manager.before_launch:1"),
]


def submit_all_kinds(ledger: Ledger, server: ServerProcess) -> None:
    """One job of each kind of end, until the server dies."""
    for end in END_OF:
        if ledger.submit(server, end=end, pause=0.02) is None:
            return


@pytest.mark.parametrize(("first", "second"), POINTS)
def test_killed_twice_in_a_row(
    first: str, second: str, make_server: MakeServer, ledger: Ledger
) -> None:
    """Two places for the jobs: some run, some wait, and those that run report meanwhile.

    The second server may die while it still sees to what the first one left.
    """
    server = make_server("--max-running", "2")
    for point in (first, second):
        if server.start(crash_at=point).url:
            submit_all_kinds(ledger, server)
        died(server)
    taken = ledger.taken()
    server.start()
    ledger.check_kept(server, taken)
    ledger.check_ends(server)


def test_a_request_that_got_no_answer_is_repeated_with_its_key(
    make_server: MakeServer, ledger: Ledger
) -> None:
    """The first try made the job though the answer was lost; the second finds it."""
    server = make_server().start(crash_at="manager.before_launch:1")
    key = {"Idempotency-Key": "once"}
    body = {"name": "golden.busy", "config": {"path": str(ledger.notes)}, "run": True}
    with pytest.raises(requests.ConnectionError):
        server.request("POST", "/jobs", json=body, headers=key)
    died(server)
    server.start()
    again = server.request("POST", "/jobs", json=body, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    ledger.jobs[again.json()["uuid"]] = again.json()["job"]
    ledger.check_ends(server)
    assert len(server.get("/jobs")["jobs"]) == 1


def test_a_kill_that_was_journalled_is_carried_out(make_server: MakeServer, ledger: Ledger) -> None:
    """The server died after it had written down the kill and before any signal was sent."""
    server = make_server().start(crash_at="manager.before_kill:1")
    job = ledger.submit(server, count=1, until=str(ledger.notes) + ".never")
    assert job is not None
    server.get(f"/jobs/{job['uuid']}?wait=20&for=change&since=3")
    with pytest.raises(requests.ConnectionError):
        server.request("PUT", f"/jobs/{job['uuid']}/kill")
    died(server)
    server.start()
    assert server.job(job["uuid"])["killed"]
    ended = server.ended(job["uuid"])
    assert (ended["outcome"], ended["signal"], ended["killed"]) == ("killed", 15, True)
