"""kill -9 while statuses come in."""

from __future__ import annotations

import time

from tests.conftest import MakeServer
from tests.crash.ledger import Ledger
from tests.server.process import wait_until


def test_no_status_that_was_taken_is_lost(make_server: MakeServer, ledger: Ledger) -> None:
    """Each server listens on another port; the jobs find it, and their last status is there."""
    server = make_server().start()
    count = 150
    for _ in range(4):
        ledger.submit(server, count=count, pause=0)
    urls = {server.url}
    for part in (1, 2):
        while len(ledger.noted("took")) < part * count:
            time.sleep(0.01)
        server.kill_9()
        taken = ledger.taken()
        assert min(taken.values()) < count - 1, "all jobs were done before the crash"
        server.start()
        urls.add(server.url)
        ledger.check_kept(server, taken)
    assert len(urls) == 3
    ledger.check_ends(server)


def test_a_status_that_no_server_took_comes_with_the_end(
    make_server: MakeServer, ledger: Ledger
) -> None:
    """A job that gave up on its server keeps its last status in its report."""
    server = make_server("--status-retry", "0.3").start()
    job = server.run("golden.progress", {"total": 1000, "pause": 0.02})
    done = wait_until(lambda: server.job(job["uuid"]).get("progress"), "progress")["done"]
    server.kill_9()
    wait_until(lambda: not server.job_processes(), "the end of the job and its warden")
    server.start()
    ended = server.job(job["uuid"])
    assert ended["outcome"] == "failed"
    assert ended["status"]["exception"]["type"] == "hoplite.exceptions.ConnectionError"
    assert ended["progress"]["done"] > done
