"""Many jobs in all states, and crashes at moments that nobody chose."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger, check_timeline, listed_jobs
from tests.server.process import ServerProcess

JOBS = 30
CRASHES = 3


class Client:
    """Submits, holds, starts and kills at random, and keeps what it was told."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self.random = random.Random(seed)
        self.ledger = ledger
        self.held: set[str] = set()
        self.killed: set[str] = set()
        self.maybe_killed: set[str] = set()
        self.maybe_started: set[str] = set()

    def work(self, server: ServerProcess, jobs: int) -> None:
        """Until ``jobs`` are there or the server is gone."""
        with requests.Session() as session:
            session.trust_env = False
            while len(self.ledger.jobs) < jobs:
                try:
                    self._one_step(session, server.url)
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    return

    def _one_step(self, session: requests.Session, url: str) -> None:
        dice = self.random.random()
        if dice < 0.15 and self.ledger.jobs:
            self._kill(session, url, self.random.choice(list(self.ledger.jobs)))
        elif dice < 0.25 and self.held:
            self._start(session, url, self.random.choice(sorted(self.held)))
        else:
            self._submit(session, url, run=dice < 0.85)

    def _submit(self, session: requests.Session, url: str, *, run: bool) -> None:
        end = self.random.choice(list(END_OF))
        config: dict[str, Any] = {"path": str(self.ledger.notes), "end": end}
        config |= {"count": self.random.randint(1, 6), "pause": self.random.uniform(0, 0.05)}
        body = {"name": "golden.busy", "config": config, "run": run}
        job = session.post(f"{url}/jobs", json=body, timeout=20).json()["job"]
        self.ledger.jobs[job["uuid"]] = job
        if not run:
            self.held.add(job["uuid"])

    def _kill(self, session: requests.Session, url: str, uuid: str) -> None:
        if uuid in self.held:
            return
        self.maybe_killed.add(uuid)
        assert session.put(f"{url}/jobs/{uuid}/kill", timeout=20).status_code == 200
        self.killed.add(uuid)

    def _start(self, session: requests.Session, url: str, uuid: str) -> None:
        self.held.discard(uuid)
        self.maybe_started.add(uuid)
        answer = session.put(f"{url}/jobs/{uuid}/start", timeout=20)
        assert answer.status_code == 200, answer.text
        self.maybe_started.discard(uuid)

    def check(self, job: dict[str, Any]) -> None:
        """The job, which has ended or is on hold, agrees with what was told."""
        uuid = job["uuid"]
        if job["state"] == "Hold":
            assert uuid in self.held | self.maybe_started
            return
        assert job["finished"] and uuid not in self.held, job
        if job["outcome"] in ("killed", "cancelled"):
            assert uuid in self.maybe_killed, job
            return
        # It had ended before the kill, if there was one.
        assert (job["outcome"], job["exit_code"], job["signal"]) == END_OF[job["config"]["end"]]
        assert job["status"]["n"] == job["config"]["count"] - 1


@pytest.mark.parametrize("seed", [15])
def test_crashes_at_random_moments_lose_nothing(
    seed: int, make_server: MakeServer, ledger: Ledger
) -> None:
    server = make_server("--max-running", "4", "--kill-grace", "0.5").start()
    client = Client(seed, ledger)
    for crash in range(1, CRASHES + 1):
        worker = threading.Thread(
            target=client.work, args=(server, JOBS * crash // CRASHES), daemon=True
        )
        worker.start()
        time.sleep(client.random.uniform(0.05, 0.5))
        server.kill_9()
        worker.join(20)
        taken = ledger.taken()
        server.start()
        ledger.check_kept(server, taken)
    client.work(server, JOBS)
    for uuid, job in listed_jobs(server).items():
        if uuid in ledger.jobs:
            client.check(job if job["state"] == "Hold" else server.ended(uuid))
        elif job["state"] != "Hold":
            server.ended(uuid)
    runs = [int(job_id) for (job_id,) in ledger.noted("ran")]
    assert len(runs) == len(set(runs)), "a job ran twice"
    check_timeline(server)
