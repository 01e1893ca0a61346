"""Many jobs, many clients, at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import requests

from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until


class Client:
    """One client of several; a session of ``requests`` is for one thread."""

    def __init__(self, server: ServerProcess) -> None:
        self._url = server.url
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._http.request(method, self._url + path, timeout=60, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def run(self, plugin: str, config: Any) -> str:
        body = {"name": plugin, "config": config, "run": True}
        return str(self.ask("POST", "/jobs", json=body)["uuid"])


def at_once(server: ServerProcess, clients: int, work: Callable[[Client, int], Any]) -> list[Any]:
    """What ``work`` gave to each of so many clients in threads of their own."""

    def one(number: int) -> Any:
        with Client(server) as client:
            return work(client, number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(clients)))


def metric(server: ServerProcess, name: str) -> float:
    text = server.request("GET", "/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.split()[1])


def idle(server: ServerProcess) -> bool:
    """No job holds a place or waits for one."""
    return metric(server, "hoplite_jobs_running") == metric(server, "hoplite_jobs_waiting") == 0


def wardens(server: ServerProcess) -> list[psutil.Process]:
    found = [p for p in server.job_processes() if p.name().startswith("hoplite-warden")]
    assert found, server.job_processes()
    return found


def left_over(server: ServerProcess) -> list[psutil.Process]:
    """Children of wardens, and zombies of the server."""
    below = [child for each in wardens(server) for child in each.children(recursive=True)]
    own = [
        child
        for child in psutil.Process(server.pid).children()
        if child.status() == psutil.STATUS_ZOMBIE
    ]
    return below + own


def test_200_jobs_with_interleaved_kills_all_end_rightly(make_server: MakeServer) -> None:
    server = make_server("--max-running", "8", "--kill-grace", "1").start()
    made: list[str] = []
    told: set[str] = set()
    done = threading.Event()

    def create(client: Client, number: int) -> None:
        for n in range(50):
            plugin = "golden.ignore_sigterm" if n == 25 and number == 0 else "golden.sleep"
            made.append(client.run(plugin, {"seconds": n % 4 * 0.03}))

    def kill(client: Client, number: int) -> None:
        chance = random.Random(number)
        while not done.is_set():
            waits = [uuid for uuid in made[-40:] if uuid not in told]
            if waits:
                uuid = chance.choice(waits)
                told.add(uuid)
                assert client.ask("PUT", f"/jobs/{uuid}/kill") == {"uuid": uuid, "killed": True}
            time.sleep(0.01)

    def work(client: Client, number: int) -> None:
        if number < 4:
            create(client, number)
        else:
            kill(client, number)

    def stop_killing() -> None:
        wait_until(lambda: len(made) == 200, "the 200 jobs", 100)
        wait_until(lambda: idle(server), "the end of all jobs", 100)

    killers = threading.Thread(target=lambda: at_once(server, 7, work))
    killers.start()
    try:
        stop_killing()
    finally:
        done.set()
        killers.join()
    jobs = {job["uuid"]: job for job in server.get("/jobs?limit=1000")["jobs"]}
    assert jobs.keys() == set(made) and len(made) == 200
    for uuid, job in jobs.items():
        assert job["finished"]
        allowed = {"killed", "cancelled", "succeeded"} if uuid in told else {"succeeded"}
        assert job["outcome"] in allowed, job
        assert job["killed"] is (job["outcome"] in ("killed", "cancelled"))
        assert (job["started_at"] is None) is (job["outcome"] == "cancelled")
    outcomes = {job["outcome"] for job in jobs.values()}
    assert outcomes == {"killed", "cancelled", "succeeded"}
    wait_until(lambda: not left_over(server), "the end of all processes")


def test_status_bursts_of_8_jobs_all_arrive(make_server: MakeServer) -> None:
    server = make_server("--max-running", "8").start()
    count = 100

    def burst(client: Client, number: int) -> dict[str, Any]:
        uuid = client.run("golden.status_burst", {"count": count, "number": number})
        job: dict[str, Any] = client.ask("GET", f"/jobs/{uuid}?wait=50")["job"]
        return job

    for job in at_once(server, 8, burst):
        assert job["outcome"] == "succeeded", str(job)
        assert job["status"] == {"n": count - 1}
        # Created, queued, launched, started, each status and the end made a version of their own.
        assert job["version"] >= count + 5


def test_8_clients_list_while_jobs_come_and_go(make_server: MakeServer) -> None:
    """Each page is whole and in order, and each answer comes in time."""
    server = make_server("--max-running", "4").start()
    done = threading.Event()

    def create(client: Client) -> list[str]:
        made = [client.run("golden.noop", {"n": n}) for n in range(100)]
        wait_until(lambda: idle(server), "the end of all jobs", 100)
        done.set()
        return made

    def watch(client: Client) -> float:
        slowest = 0.0
        while not done.is_set():
            began = time.monotonic()
            page = client.ask("GET", "/jobs?limit=30")
            running = client.ask("GET", "/jobs/running")["jobs"]
            slowest = max(slowest, time.monotonic() - began)
            ids = [job["id"] for job in page["jobs"]]
            assert ids == sorted(set(ids), reverse=True)
            assert len(running) <= 4 and all(job["running"] for job in running)
            for job in page["jobs"]:
                assert job["finished"] is (job["outcome"] is not None)
        return slowest

    def work(client: Client, number: int) -> Any:
        return create(client) if number == 0 else watch(client)

    made, *slowest = at_once(server, 9, work)
    assert max(slowest) < 10
    assert {job["uuid"] for job in server.get("/jobs?limit=1000")["jobs"]} == set(made)
