"""The queue after a server died: what it finds, and what it goes on with."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.model.lifecycle import Outcome, State
from hoplite.model.resource import ResourceState
from hoplite.model.timeline import Happening
from tests.manager.batch_world import ADMIN, BatchWorld, eventually
from tests.manager.scripted import an_end


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path)
    yield made
    made.manager.close()


def happenings(world: BatchWorld, job_id: int) -> list[Happening]:
    entries = world.manager.table.journal.entries(after=0, job_id=job_id, limit=1000)
    return [entry.what for entry in entries]


def test_after_a_crash_all_is_as_it_was(world: BatchWorld) -> None:
    """Running, launched, waiting, held, suspended, reserved and dependent jobs."""
    running = world.submit("/core=2,walltime=1:0:0")
    suspended = world.submit("/core=2")
    world.begin(running, suspended)
    world.manager.batch.suspend(ADMIN, str(suspended))
    launched = world.submit("/core=4")
    reserved = world.submit("/core=8,walltime=1:0:0", starts_at=time.time() + 9000)
    waiting = [world.submit(f"/core={count}") for count in (8, 3, 6)]
    held = world.submit(hold=True)
    dependent = world.submit(after=(running,))
    before = {job_id: world.job(job_id) for job_id in range(running, dependent + 1)}
    plan = world.manager.batch.predictions()
    world.crash(lambda: world.world.begin(launched))
    world.until(launched, State.RUNNING)
    for job_id in (running, suspended, reserved, *waiting, held, dependent):
        now = world.job(job_id)
        assert (now.state, now.granted) == (before[job_id].state, before[job_id].granted), job_id
    assert world.job(launched).assigned == before[launched].assigned
    assert world.process(suspended).stopped
    after = world.manager.batch.predictions()
    for job_id in (reserved, *waiting):
        assert after[job_id].start == pytest.approx(plan[job_id].start, abs=5)
        assert after[job_id].bits == plan[job_id].bits
    world.end(running)
    world.launched(dependent)


def test_a_launch_that_never_happened_is_planned_anew(world: BatchWorld) -> None:
    job_id = world.submit("/core=8")
    other = world.submit("/core=1")
    assert world.state(job_id) is State.LAUNCHING
    world.crash()
    world.launched(job_id)
    assert world.job(job_id).assigned == tuple(world.cores)
    assert world.state(other) is State.WAITING
    assert Happening.REQUEUED in happenings(world, job_id)


def test_a_reservation_whose_launch_never_happened_keeps_its_resources(world: BatchWorld) -> None:
    world.begin(world.submit("/core=4,walltime=1:0:0"))
    at = time.time() + 0.3
    reserved = world.submit("/core=2,walltime=1:0:0", starts_at=at)
    world.launched(reserved)
    before = world.job(reserved).assigned
    # Others would be given these cores first, were they not reserved.
    assert before == tuple(world.cores[4:6])
    world.manager.resources.set_state(ADMIN, before, ResourceState.ABSENT)
    world.crash()
    assert world.state(reserved) is State.WAITING
    assert world.job(reserved).assigned == before


def test_a_job_is_checkpointed_by_the_next_server(world: BatchWorld) -> None:
    job_id = world.submit("/core=1,walltime=0:0:10", checkpoint_s=9.0)
    world.begin(job_id)
    world.crash()
    eventually(lambda: signal.SIGUSR2 in world.process(job_id).signals)


def test_a_failure_with_nobody_there_cancels_who_needed_the_success(world: BatchWorld) -> None:
    first = world.submit("/core=8")
    second = world.submit(after=(first,), success_only=True)
    world.begin(first)
    world.crash(lambda: world.world.end(first, an_end("exited")))
    assert world.until(second, State.ERROR).outcome is Outcome.CANCELLED


def test_what_ended_with_nobody_there_makes_room_and_runs_again(world: BatchWorld) -> None:
    job_id = world.submit("/core=8", types=("besteffort", "idempotent"), queue="besteffort")
    world.begin(job_id)
    normal = world.submit("/core=8")
    eventually(lambda: world.process(job_id).asked_to_end)
    world.crash(lambda: world.world.end(job_id, an_end("signalled")))
    ended = world.until(job_id, State.ERROR)
    world.launched(normal)
    assert world.state(ended.granted.resubmitted_as or 0) is State.WAITING
