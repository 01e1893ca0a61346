"""Under granian the server lives in a worker; when that dies, its parent starts another."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger
from tests.crash.test_living_jobs import waiting_jobs
from tests.server.process import ServerProcess, wait_until

pytest.importorskip("granian", reason="granian is not installed")

ROOT = Path(__file__).parents[2]


def hoplite_server(*command: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hoplite.cli.server", *command], cwd=ROOT, input=given,
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def token_for_me(data_dir: Path) -> str:
    """A user with the name of this process's account, which jobs can run as."""
    me, where = pwd.getpwuid(os.geteuid()).pw_name, ("--data-dir", str(data_dir))
    add = ("user", "add", me, "--role", "admin", "--password-stdin", *where)
    hoplite_server(*add, given="a password of mine\n")
    return hoplite_server("token", "create", "--user", me, *where)


def worker(server: ServerProcess) -> psutil.Process | None:
    for child in psutil.Process(server.pid).children():
        if child.status() != psutil.STATUS_ZOMBIE and child.name() != "hoplite-warden":
            return child
    return None


def answers(server: ServerProcess) -> bool:
    try:
        return server.request("GET", "/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def test_a_worker_that_dies_costs_no_job(
    make_server: MakeServer, ledger: Ledger, tmp_path: Path
) -> None:
    """Its successor adopts the jobs and takes their statuses."""
    server = make_server("--http", "granian", "--auth", "users")
    server.http.headers["Authorization"] = f"Bearer {token_for_me(server.data_dir)}"
    server.start()
    assert server.url, server.log_text()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    ledger.submit(server, count=150)
    before = worker(server)
    assert before is not None
    # Twice within seconds, and granian's parent would take it for a worker that cannot start.
    before.kill()
    wait_until(lambda: worker(server) not in (None, before), "another worker")
    wait_until(lambda: answers(server), "an answer of it")
    ledger.check_kept(server, ledger.taken())
    assert len(server.get("/jobs/running")["jobs"]) >= len(END_OF)
    go.touch()
    ledger.check_ends(server)
    server.signal(signal.SIGTERM)
    assert server.exit_code() == 0
