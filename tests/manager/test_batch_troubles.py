"""The queue when things go wrong around it: clocks that are set, disks that refuse, threads that
meet."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from hoplite.exceptions import (
    HopliteError,
    JobDoesNotExistError,
    StorageFullError,
    StorageUnavailableError,
)
from hoplite.journal.protocol import Change, Happened, JobCreated
from hoplite.manager import batch_queue
from hoplite.manager.live import LiveJob
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.timeline import Entry, Happening
from tests.manager.batch_world import ADMIN, ME, BatchWorld, eventually
from tests.manager.scripted import an_end

ALL_FOR_AN_HOUR = "/core=8,walltime=1:0:0"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path)
    yield made
    made.manager.close()


class Clock:
    """``ahead_s``: how far it is from the true time."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._true = time.time

    def time(self) -> float:
        return self._true() + self.ahead_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


def before_commit(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch, do: Callable[[Change], None]
) -> None:
    """Have ``do`` called with every change before it is written."""
    journal = world.manager.table.journal
    commit = journal.commit

    def hooked(*changes: Change) -> None:
        for change in changes:
            do(change)
        commit(*changes)

    monkeypatch.setattr(journal, "commit", hooked)


def in_another_thread(do: Callable[[], object]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def before_creation(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]
) -> None:
    """Have ``do`` called when all is looked at and a job is about to be written."""
    create = world.manager.table.create

    def hooked(job: Job, entries: Iterable[Entry], *more: Change) -> LiveJob:
        do()
        return create(job, entries, *more)

    monkeypatch.setattr(world.manager.table, "create", hooked)


def test_of_two_who_resubmit_a_job_at_once_one_makes_its_successor(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = world.submit()
    world.begin(job_id)
    world.end(job_id)
    both = threading.Barrier(2)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)

    before_creation(world, monkeypatch, meet)
    resubmit = functools.partial(world.manager.batch.resubmit, ME, str(job_id))
    with ThreadPoolExecutor(2) as threads:
        made = [each.result() for each in [threads.submit(resubmit), threads.submit(resubmit)]]
    entries = world.manager.table.journal.entries(after=0, job_id=job_id, limit=100)
    assert [each.what for each in entries].count(Happening.RESUBMITTED) == 1
    assert world.job(job_id).granted.resubmitted_as == min(job.id for job in made)


def test_a_job_is_not_forgotten_while_it_is_resubmitted(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = world.submit()
    world.begin(job_id)
    world.end(job_id)
    forgetting = threading.Thread(target=lambda: world.manager.forget(ME, str(job_id)))

    def begin_to_forget() -> None:
        forgetting.start()
        forgetting.join(0.2)

    before_creation(world, monkeypatch, begin_to_forget)
    successor = world.manager.batch.resubmit(ME, str(job_id))
    forgetting.join()
    with pytest.raises(JobDoesNotExistError):
        world.job(job_id)
    assert world.state(successor.id) is State.LAUNCHING


def test_a_plan_made_anew_knows_a_reservation_that_is_just_being_written(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[int] = []

    def meanwhile() -> None:
        world.manager.queue.plan.doubt()
        others.append(world.submit("/core=8,walltime=2:0:0"))

    def look(change: Change) -> None:
        if isinstance(change, JobCreated) and change.job.batch and change.job.batch.starts_at:
            in_another_thread(meanwhile)

    before_commit(world, monkeypatch, look)
    at = time.time() + 600
    reserved = world.submit(ALL_FOR_AN_HOUR, starts_at=at)
    assert world.state(reserved) is State.WAITING
    place = world.manager.batch.prediction(reserved)
    assert place is not None
    assert place.start == at
    assert [world.state(job) for job in others] == [State.WAITING]


def test_a_reservation_that_cannot_be_written_leaves_its_resources_to_others(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(change: Change) -> None:
        if isinstance(change, JobCreated) and change.job.batch and change.job.batch.starts_at:
            raise StorageFullError("the disk is full")

    before_commit(world, monkeypatch, refuse)
    with pytest.raises(StorageFullError):
        world.submit(ALL_FOR_AN_HOUR, starts_at=time.time() + 600)
    world.manager.queue.plan.doubt()
    assert world.state(world.submit("/core=8,walltime=2:0:0")) is State.LAUNCHING


def test_an_end_that_cannot_be_read_makes_room_all_the_same(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.submit("/core=8"), world.submit("/core=8")
    world.begin(first)
    journal = world.manager.table.journal
    read, failures = journal.job, [StorageUnavailableError("the disk cannot be read")]

    def fail_once(ref: int | str) -> Job | None:
        if failures and threading.current_thread().name == "hoplite-inbox":
            raise failures.pop()
        return read(ref)

    monkeypatch.setattr(journal, "job", fail_once)
    world.world.end(first, an_end("returned"))
    world.launched(second)
    assert not failures


def test_a_checkpoint_that_cannot_be_written_is_made_when_it_can(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals: list[HopliteError] = []

    def refuse_once(change: Change) -> None:
        asked = isinstance(change, Happened) and change.entry.what is Happening.CHECKPOINT_REQUESTED
        if asked and not refusals:
            refusals.append(StorageFullError("the disk is full"))
            raise refusals[0]

    before_commit(world, monkeypatch, refuse_once)
    job_id = world.submit("/core=1,walltime=0:0:10", checkpoint_s=9.8)
    world.begin(job_id)
    eventually(lambda: len(world.process(job_id).signals) == 1)
    assert refusals


def test_a_job_goes_on_though_the_clock_was_set_back_while_it_was_suspended(
    world: BatchWorld, clock: Clock
) -> None:
    job_id = world.submit(ALL_FOR_AN_HOUR)
    world.begin(job_id)
    world.manager.batch.suspend(ADMIN, str(job_id))
    clock.ahead_s = -3600
    world.manager.batch.resume(ADMIN, str(job_id))
    world.until(job_id, State.RUNNING)
    process = world.process(job_id)
    eventually(lambda: not process.stopped and process.extra_s is not None)


def test_a_reservation_starts_at_its_date_though_the_clock_was_set(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_queue, "_LOOK_S", 0.02)
    reserved = world.submit(ALL_FOR_AN_HOUR, starts_at=time.time() + 600)
    assert world.state(reserved) is State.WAITING
    clock.ahead_s = 601
    world.launched(reserved)


def test_the_plan_follows_a_clock_that_is_set_back(world: BatchWorld, clock: Clock) -> None:
    clock.ahead_s = 7200
    world.begin(world.submit("/core=1,walltime=1:0:0"))
    clock.ahead_s = 0
    at = time.time() + 600
    reserved = world.submit("/core=7,walltime=0:10:0", starts_at=at)
    place = world.manager.batch.prediction(reserved)
    assert place is not None
    assert place.start == at
    # What runs holds its core, though it began in what is the future now.
    assert world.state(world.submit("/core=8,walltime=0:1:0")) is State.WAITING
    assert world.state(world.submit("/core=7,walltime=0:1:0")) is State.LAUNCHING
    assert world.manager.delete(ME, str(reserved)).ended
