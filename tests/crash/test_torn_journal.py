"""kill -9, and then the end of the journal's log is not what was written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.crash.ledger import check_timeline, listed_jobs

JOBS = 8


def cut(wal: Path) -> None:
    """As if the last write had reached the disk in part."""
    os.truncate(wal, wal.stat().st_size - 2000)


def garble(wal: Path) -> None:
    with wal.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(os.urandom(500))


def append(wal: Path) -> None:
    with wal.open("ab") as file:
        file.write(os.urandom(9000))


def cut_half(wal: Path) -> None:
    os.truncate(wal, wal.stat().st_size // 2)


@pytest.mark.parametrize(("tear", "lost"), [(cut, 1), (garble, 1), (append, 0), (cut_half, JOBS)])
def test_a_torn_tail_costs_what_was_torn_only(
    tear: Callable[[Path], None], lost: int, make_server: MakeServer
) -> None:
    """The server starts, the jobs whose commit is whole are there, and it takes new ones."""
    server = make_server().start()
    told = [server.create("golden.noop", {"n": n}) for n in range(JOBS)]
    server.kill_9()
    tear(server.data_dir / "journal.db-wal")
    (server.data_dir / "journal.db-shm").unlink()
    server.start()
    listed = listed_jobs(server)
    kept = [job for job in told if job["uuid"] in listed]
    assert kept == told[: len(kept)]
    assert len(kept) >= JOBS - lost
    assert all(listed[job["uuid"]] == job for job in kept)
    assert server.ended(server.run("golden.noop")["uuid"])["outcome"] == "succeeded"
    check_timeline(server)


def test_a_job_that_the_journal_lost_is_not_taken_for_a_new_one(make_server: MakeServer) -> None:
    """Its directory is still there; a later job does not get its id, and so not its end."""
    server = make_server().start()
    server.create("golden.noop")
    server.kill_9()
    saved = shutil.copytree(server.data_dir, server.data_dir.with_name("saved"))
    server.start()
    forgotten = server.ended(server.run("golden.raise_type_error")["uuid"])
    server.kill_9()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(saved / name, server.data_dir / name)
    (server.data_dir / "journal.db-shm").unlink()
    server.start()
    assert server.request("GET", f"/jobs/{forgotten['uuid']}").status_code == 404
    new = server.run("golden.print_output", {"lines": 1})
    assert new["id"] > forgotten["id"]
    server.kill_9()
    server.start()
    assert server.ended(new["uuid"])["outcome"] == "succeeded"
    assert server.request("GET", f"/jobs/{new['uuid']}/log?stream=stdout").text == "line 0\n"
