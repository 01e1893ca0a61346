"""A disk that is full, or takes no writes: clear refusals, nothing half-written, and all goes on
when it is over."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import MakeServer
from tests.crash.ledger import END_OF, Ledger, check_timeline, listed_jobs
from tests.crash.test_living_jobs import children, no_children, waiting_jobs
from tests.server.process import ServerProcess, wait_until

RECOVERS_S = 15


def root_does(*command: str) -> bool:
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    return done.returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory with a file system of 12 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not root_does("mount", "-t", "tmpfs", "-o", "size=12m,mode=711", "tmpfs", str(disk)):
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield disk
    root_does("umount", "-l", str(disk))


def fill(disk: Path) -> Path:
    """Take all the space there is."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)) == 4096:
            pass
    with pytest.raises(OSError, match="No space left"), (disk / "probe").open("wb", 0) as file:
        file.write(b"x")
    (disk / "probe").unlink()
    return ballast


def post(server: ServerProcess, **body: Any) -> requests.Response:
    return server.request("POST", "/jobs", json={"name": "golden.noop", **body})


def submit_until_refused(server: ServerProcess, told: list[str]) -> requests.Response:
    """A few may still find room in what the journal's file has already."""
    for _ in range(500):
        answer = post(server, config={"much": "x" * 20_000})
        if answer.status_code != 201:
            return answer
        told.append(answer.json()["uuid"])
    raise AssertionError("the disk never filled")


def check_refused(server: ServerProcess, answer: requests.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["code"], body["exception"]) == (code, _CLASSES[code])
    assert "nothing of the request was kept" in body["error"]
    assert int(answer.headers["Retry-After"]) > 0
    health = server.request("GET", "/health")
    assert health.status_code == 503
    assert health.json()["checks"]["journal"] != "ok"
    assert server.request("GET", "/health/live").status_code == 200


_CLASSES = {
    "storage-full": "StorageFullError",
    "storage-unavailable": "StorageUnavailableError",
}


def test_a_full_disk_refuses_and_goes_on_when_there_is_space(
    make_server: MakeServer, ledger: Ledger, small_disk: Path, tmp_path: Path
) -> None:
    """Jobs that end meanwhile are told of truly; a held job can be started again."""
    server = make_server(name="disk").start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    held = server.create("golden.noop")
    told: list[str] = [held["uuid"]]
    ballast = fill(small_disk)
    check_refused(server, submit_until_refused(server, told), 507, "storage-full")
    start = server.request("PUT", f"/jobs/{held['uuid']}/start")
    assert start.status_code == 507
    listed = listed_jobs(server)
    assert set(listed) == {*told, *ledger.jobs}
    assert listed[held["uuid"]] == held
    go.touch()
    assert server.request("GET", f"/jobs/{held['uuid']}/log").status_code == 200
    assert server.get("/jobs/running")["jobs"]
    ballast.unlink()
    ledger.check_ends(server, RECOVERS_S)
    assert server.get("/health")["status"] == "ok"
    server.put(f"/jobs/{held['uuid']}/start")
    assert server.ended(held["uuid"])["outcome"] == "succeeded"
    assert post(server, run=True).status_code == 201
    assert set(told) <= set(listed_jobs(server))


def test_jobs_end_on_a_full_disk_without_a_server(
    make_server: MakeServer, ledger: Ledger, small_disk: Path, tmp_path: Path
) -> None:
    """Their processes (and the warden, for those that died) keep the truth until there is space."""
    server = make_server(name="disk").start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    server.kill_9()
    ballast = fill(small_disk)
    go.touch()
    refused = server.start()
    assert refused.url == ""
    assert server.exit_code() == 1
    assert "no space" in server.log_text().lower()
    ballast.unlink()
    server.start()
    ledger.check_ends(server, RECOVERS_S)


def test_adopted_jobs_that_end_on_a_full_disk_have_their_true_ends(
    make_server: MakeServer, ledger: Ledger, small_disk: Path, tmp_path: Path
) -> None:
    """Only their warden knows how some of them ended; it is waited for until it can say so."""
    server = make_server(name="disk").start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    server.kill_9()
    server.start()
    ballast = fill(small_disk)
    go.touch()
    wait_until(lambda: len(children(server)) == 3, "the ends of those that need no disk")
    assert len(server.get("/jobs/running")["jobs"]) == len(END_OF)
    ballast.unlink()
    ledger.check_ends(server, RECOVERS_S)


def test_a_server_does_not_start_on_a_read_only_disk(
    make_server: MakeServer, small_disk: Path
) -> None:
    """It says so in a line; when the disk takes writes again, it starts and has its jobs."""
    server = make_server(name="disk").start()
    job = server.ended(server.run("golden.echo")["uuid"])
    assert server.terminate() == 0
    wait_until(lambda: not server.job_processes(), "the end of the warden")
    assert root_does("mount", "-o", "remount,ro", str(small_disk))
    assert server.start().url == ""
    assert server.exit_code() == 1
    last = server.log_text().splitlines()[-1]
    assert "Read-only file system" in last and str(small_disk) in last
    assert "Traceback" not in server.log_text()
    assert root_does("mount", "-o", "remount,rw", str(small_disk))
    server.start()
    assert server.job(job["uuid"]) == job


def takes_writes(file: FileIO) -> bool:
    try:
        file.write(b"x")
    except PermissionError:
        return False
    return True


@pytest.fixture
def immutable(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose file system can be told to refuse writes to files that are open."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o711)
    trial = disk / "trial"
    with trial.open("wb", buffering=0) as file:
        root_does("chattr", "+i", str(trial))
        taken = takes_writes(file)
        root_does("chattr", "-i", str(trial))
    if taken:
        pytest.skip("needs root and a file system whose chattr +i stops open files (ext4)")
    trial.unlink()
    yield disk
    root_does("chattr", "-i", str(disk), *map(str, disk.glob("journal.db*")))


def test_a_data_directory_that_takes_no_writes_refuses_and_goes_on_when_it_does(
    make_server: MakeServer, ledger: Ledger, immutable: Path, tmp_path: Path
) -> None:
    server = make_server(name="disk").start()
    go = tmp_path / "go"
    waiting_jobs(ledger, server, go)
    held = server.create("golden.noop")
    # Not the shared memory beside them, which no disk stands behind; the jobs' files neither.
    closed = (immutable / "journal.db", immutable / "journal.db-wal", immutable)
    assert root_does("chattr", "+i", *map(str, closed))
    check_refused(server, post(server, run=True), 503, "storage-unavailable")
    assert server.request("PUT", f"/jobs/{held['uuid']}/start").status_code == 503
    go.touch()
    no_children(server)
    assert len(server.get("/jobs/running")["jobs"]) == len(END_OF)
    assert set(listed_jobs(server)) == {held["uuid"], *ledger.jobs}
    assert root_does("chattr", "-i", *map(str, closed))
    server.put(f"/jobs/{held['uuid']}/start")
    ledger.check_ends(server, RECOVERS_S)
    assert server.get("/health")["status"] == "ok"
    assert server.ended(held["uuid"])["outcome"] == "succeeded"
    server.kill_9()
    server.start()
    check_timeline(server)
