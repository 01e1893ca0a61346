"""Somebody is told of what happens to a job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.exceptions import InvalidFieldError
from hoplite.execution.outside_program import run_program
from hoplite.execution.protocol import RunAs
from hoplite.manager.limits import Limits
from tests.manager.batch_world import ADMIN, ME, BatchWorld, eventually
from tests.manager.scripted import an_end


@pytest.fixture
def teller(tmp_path: Path) -> Path:
    """A program that notes its arguments and its input."""
    program = tmp_path / "teller"
    program.write_text(
        f'#!/bin/sh\n(echo "$*"; cat) > {tmp_path}/new.$$ && mv {tmp_path}/new.$$ {tmp_path}/n.$$\n'
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def world(tmp_path: Path, teller: Path) -> Iterator[BatchWorld]:
    (tmp_path / "world").mkdir()
    made = BatchWorld(tmp_path / "world", Limits(sendmail=str(teller)))
    yield made
    made.manager.close()


def told(teller: Path) -> list[str]:
    notes = sorted(teller.parent.glob("n.*"), key=lambda note: note.stat().st_mtime_ns)
    return [note.read_text() for note in notes]


def hears(teller: Path, count: int) -> list[str]:
    eventually(lambda: len(told(teller)) >= count, lambda: str(told(teller)), within_s=15)
    return told(teller)


def test_a_program_is_run_with_what_happened(world: BatchWorld, teller: Path) -> None:
    job_id = world.submit(name="n", notify=f"exec:{teller} me")
    world.begin(job_id)
    hears(teller, 1)
    world.manager.batch.suspend(ADMIN, str(job_id))
    world.manager.batch.resume(ADMIN, str(job_id))
    world.manager.batch.checkpoint(ME, str(job_id))
    hears(teller, 4)
    world.end(job_id)
    assert hears(teller, 5) == [
        f"me {job_id} n RUNNING job {job_id} started\n",
        f"me {job_id} n SUSPENDED job {job_id} suspended\n",
        f"me {job_id} n RESUMING job {job_id} resuming\n",
        f"me {job_id} n INFO job {job_id} checkpoint requested\n",
        f"me {job_id} n END job {job_id} ended: succeeded\n",
    ]


def test_only_what_was_asked_for_is_told(world: BatchWorld, teller: Path) -> None:
    failing = world.submit(notify=f"[ERROR]exec:{teller}")
    world.submit(notify=None)
    world.begin(failing)
    world.manager.delete(ME, str(failing))
    world.end(failing, "signalled")
    cancelled = world.submit("/core=8", notify=f"[ERROR,END]exec:{teller}")
    world.manager.delete(ME, str(cancelled))
    # Only those of one job come in their order.
    assert set(hears(teller, 2)) == {
        f"{failing}  ERROR job {failing} ended: killed\n",
        f"{cancelled}  ERROR job {cancelled} ended: cancelled\n",
    }


def test_a_mail_is_handed_to_sendmail(world: BatchWorld, teller: Path) -> None:
    job_id = world.submit(name="n\nBcc: x@y", notify="[RUNNING]mail:me@example.org")
    world.begin(job_id)
    (mail,) = hears(teller, 1)
    assert mail == (
        "-oi -- me@example.org\n"
        f"To: me@example.org\nSubject: Job {job_id} (n Bcc: x@y): RUNNING\n\njob {job_id} started\n"
    )


def test_a_mail_that_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path)
    with pytest.raises(InvalidFieldError, match="no sendmail") as refused:
        world.submit(notify="mail:me@example.org")
    assert refused.value.field == "notify"
    with pytest.raises(InvalidFieldError, match="notify"):
        world.submit(notify="exec:/bin/rm $HOME")
    world.manager.close()


def test_a_program_that_cannot_be_run_harms_nobody(
    world: BatchWorld,
    teller: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    job_id = world.submit(notify="[RUNNING]exec:/nowhere/teller")
    world.begin(job_id)
    # Where the log goes depends on whether a server was made in this process before.
    eventually(lambda: "a notice was not sent" in capfd.readouterr().out + caplog.text)
    other = world.submit(notify=f"[RUNNING]exec:{teller}")
    world.begin(other)
    assert len(hears(teller, 1)) == 1


def test_an_end_while_no_server_was_there_is_told_by_the_next(
    world: BatchWorld, teller: Path
) -> None:
    job_id = world.submit(notify=f"[END]exec:{teller}")
    world.begin(job_id)
    world.crash(lambda: world.world.end(job_id, an_end("returned")))
    assert hears(teller, 1) == [f"{job_id}  END job {job_id} ended: succeeded\n"]


def test_the_successor_of_a_job_that_ended_while_no_server_was_there_is_told_of(
    world: BatchWorld, teller: Path
) -> None:
    types = ("besteffort", "idempotent")
    first = world.submit(
        "/core=8", queue="besteffort", types=types, notify=f"[RUNNING,ERROR]exec:{teller}"
    )
    world.begin(first)
    other = world.submit("/core=8")
    eventually(lambda: world.process(first).asked_to_end)
    world.crash(lambda: world.world.end(first, an_end("signalled")))
    world.launched(other)
    hears(teller, 2)
    successor = world.job(first).granted.resubmitted_as
    world.manager.delete(ME, str(successor))
    assert hears(teller, 3)[-1] == f"{successor}  ERROR job {successor} ended: cancelled\n"


def test_a_program_that_takes_too_long_is_ended_with_its_children() -> None:
    began = time.monotonic()
    assert run_program(["/bin/sh", "-c", "sleep 60 & sleep 60"], None, "", 0.3) is None
    assert time.monotonic() - began < 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run programs as others")
def test_a_program_runs_as_the_owner_with_nothing_of_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the server")
    tmp_path.chmod(0o777)
    note = Path("/tmp") / f"note-of-{os.getpid()}"
    owner = RunAs("somebody", 61009, 61009, (61009,), "/nonexistent")
    command = f"(id -u; id -G; echo $HOME $SECRET.; pwd) > {note}"
    try:
        assert run_program(["/bin/sh", "-c", command], owner, "", 10) == 0
        assert note.read_text().split("\n")[:4] == ["61009", "61009", "/nonexistent .", "/"]
    finally:
        note.unlink(missing_ok=True)
