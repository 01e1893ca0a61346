"""SIGTERM, SIGINT, and a second server on the same data."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import check_timeline
from tests.crash.test_living_jobs import children, no_children, wardens
from tests.server.process import PLUGINS, ServerProcess, wait_until


def running_job(server: ServerProcess) -> str:
    uuid = str(server.run("golden.sleep")["uuid"])
    wait_until(lambda: server.job(uuid)["status"], "the status")
    return uuid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_the_jobs_running(make_server: MakeServer, number: signal.Signals) -> None:
    """Who waits is answered, streams end, and the next server goes on with the jobs."""
    server = make_server("--max-running", "1").start()
    uuid = running_job(server)
    waiting = server.run("golden.noop")["uuid"]
    paths = (f"/jobs/{uuid}?wait=60", "/events", f"/jobs/{uuid}/log?follow=1")
    asked = [_ask(server, path) for path in paths]
    # They are read in order: once these are answered, those above are being waited for.
    for _ in range(2):
        server.get("/health/live")
    began = time.monotonic()
    server.signal(number)
    answers = [(connection.getresponse(), connection) for connection in asked]
    texts = [answer.read() for answer, _ in answers]
    assert server.exit_code() == 0
    assert time.monotonic() - began < 4
    assert [answer.status for answer, _ in answers] == [200, 200, 200]
    assert json.loads(texts[0])["running"]
    for connection in asked:
        connection.close()
    assert children(server) and wardens(server)
    server.start()
    assert server.job(uuid)["running"]
    assert server.job(waiting)["state"] == "Waiting"
    server.put(f"/jobs/{uuid}/kill")
    assert server.ended(uuid)["outcome"] == "killed"
    assert server.ended(waiting)["outcome"] == "succeeded"
    check_timeline(server)


def _ask(server: ServerProcess, path: str) -> http.client.HTTPConnection:
    """A request whose answer is not waited for."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    return connection


def test_a_server_that_stops_takes_no_more_work(make_server: MakeServer) -> None:
    """A request on a connection that is open still gets an answer or none, and never a job."""
    server = make_server().start()
    server.get("/jobs")
    refused: list[int] = []

    def submit() -> None:
        with requests.Session() as session:
            session.trust_env = False
            while server.alive:
                try:
                    body = {"name": "golden.noop"}
                    answer = session.post(f"{server.url}/jobs", json=body, timeout=10)
                except requests.RequestException:
                    return
                if answer.status_code != 201:
                    assert answer.json()["code"] == "shutting-down"
                    refused.append(answer.status_code)
                told.append(answer.json().get("uuid"))

    told: list[str | None] = []
    threads = [threading.Thread(target=submit, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(told) > 20, "jobs")
    assert server.terminate() == 0
    for thread in threads:
        thread.join(5)
    assert set(refused) <= {503}
    server.start()
    kept = {job["uuid"] for job in server.get("/jobs?limit=1000")["jobs"]}
    assert {uuid for uuid in told if uuid} <= kept


def test_with_stop_jobs_a_stop_kills_them(make_server: MakeServer) -> None:
    """Those that wait go on waiting; nothing of this server is left."""
    options = ("--stop-jobs", "--max-running", "2", "--kill-grace", "0.3")
    server = make_server().start(*options)
    uuid = running_job(server)
    stubborn = server.run("golden.ignore_sigterm")["uuid"]
    wait_until(lambda: server.job(stubborn)["status"], "the status")
    waiting = server.run("golden.noop")["uuid"]
    assert server.terminate() == 0
    assert not children(server)
    server.start(*options)
    for ended, signum in ((server.job(uuid), 15), (server.job(stubborn), 9)):
        assert (ended["outcome"], ended["signal"]) == ("killed", signum)
        assert "killed by server" in ended["reason"]
    assert server.ended(waiting)["outcome"] == "succeeded"
    check_timeline(server)


def test_ctrl_c_in_the_servers_terminal_reaches_no_job(make_server: MakeServer) -> None:
    """The signal goes to the server's whole process group."""
    server = make_server().start()
    uuid = running_job(server)
    os.killpg(server.pid, signal.SIGINT)
    assert server.exit_code() == 0
    assert len(children(server)) == 1
    server.start()
    assert server.job(uuid)["running"]
    server.put(f"/jobs/{uuid}/kill")
    assert server.ended(uuid)["outcome"] == "killed"
    no_children(server)


def test_a_second_server_on_the_same_data_refuses(own_server: ServerProcess) -> None:
    """In one line that names the first, which goes on undisturbed."""
    uuid = running_job(own_server)
    second = subprocess.run(
        [sys.executable, "-m", "hoplite.cli.server", "--port", "0", "--data-dir",
         str(own_server.data_dir)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGINS), *sys.path])},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert second.stdout == ""
    assert len(second.stderr.splitlines()) == 1, second.stderr
    assert f"in use by hoplite-server pid {own_server.pid}" in second.stderr
    assert own_server.url in second.stderr and str(own_server.data_dir) in second.stderr
    assert own_server.job(uuid)["running"]
    assert psutil.pid_exists(children(own_server)[0].pid)
    assert own_server.ended(own_server.run("golden.noop")["uuid"])["outcome"] == "succeeded"
    address = (own_server.data_dir / "server.url").read_text().strip()
    assert address == own_server.url
