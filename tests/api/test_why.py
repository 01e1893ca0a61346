"""Why jobs wait, in words, for each reason that the scheduler has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.api.why import WaitsFor, Why, why
from hoplite.manager.limits import Limits
from hoplite.manager.requests import NewJob
from hoplite.model.caller import Caller, Visibility
from hoplite.model.lifecycle import State
from hoplite.model.resource import ResourceState
from hoplite.scheduling.decisions import Reason
from tests.manager.batch_world import ADMIN, ME, OTHER, BatchWorld, eventually


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    world = BatchWorld(tmp_path, Limits(max_running=8))
    yield world
    world.manager.close()


def told(
    world: BatchWorld,
    job_id: int,
    by: Caller = ME,
    visibility: Visibility = Visibility.STATE,
) -> Why:
    return why(world.manager, world.job(job_id), by, visibility)


def running(world: BatchWorld, request: str, caller: Caller = ME, **batch: object) -> int:
    job_id = world.submit(request, caller=caller, **batch)
    world.launched(job_id)
    world.begin(job_id)
    return job_id


def test_every_reason_of_the_scheduler_has_a_name_here() -> None:
    assert {reason.value for reason in Reason} <= {each.value for each in WaitsFor}


def test_a_job_behind_others_could_start_now_with_a_shorter_walltime(world: BatchWorld) -> None:
    first = running(world, "/core=6,walltime=1:00:00")
    second = world.submit("/core=8,walltime=1:00:00")
    third = world.submit("/core=2,walltime=2:00:00")
    found = told(world, third)
    assert (found.waits_for, found.jobs) == (WaitsFor.AHEAD, (second,))
    assert (
        found.message == f"enough is free now, but not for long enough: it is behind job {second}"
    )
    assert found.free_now == 2 and found.walltime_now_s is not None
    assert 3500 < found.walltime_now_s <= 3600
    assert [each[:24] for each in found.sooner] == [
        "a walltime of at most 0:",
        "the end, or the deletion",
    ]
    assert told(world, second).jobs == (first,)


def test_a_reservation_in_the_way_is_named(world: BatchWorld) -> None:
    reserved = world.submit("/core=8,walltime=1:00:00", starts_at=time.time() + 1800)
    waiting = world.submit("/core=8,walltime=1:00:00")
    found = told(world, waiting)
    assert (found.waits_for, found.jobs) == (WaitsFor.RESERVATION, (reserved,))
    assert f"reserved for job {reserved}" in found.message
    assert found.predicted_start is not None and found.predicted_start > time.time() + 5000
    assert told(world, reserved).message.startswith("its date has not come: 2")


def test_what_a_job_comes_after_and_what_it_runs_inside(world: BatchWorld) -> None:
    first = running(world, "/core=8,walltime=1:00:00")
    container = world.submit("/core=4", types=("container",))
    inner = world.submit("/core=1", types=(f"inner={container}",))
    after = world.submit("/core=1", after=(first,))
    assert told(world, inner).message == f"it runs inside job {container}, which does not run"
    assert told(world, inner).sooner == (f"the start of job {container}",)
    found = told(world, after)
    assert (found.waits_for, found.message) == (WaitsFor.DEPENDENCY, f"it comes after job {first}")
    assert found.since == world.job(after).queued_at


def test_a_job_inside_one_that_has_ended_is_told_to_be_in_vain(world: BatchWorld) -> None:
    container = running(world, "/core=4", types=("container",))
    inner = world.submit("/core=8", types=(f"inner={container}",))
    world.end(container)
    found = told(world, inner)
    assert found.waits_for is WaitsFor.CONTAINER
    assert f"inside job {container}, which has ended, so it cannot start" in found.message
    assert found.sooner == ()


def test_resources_that_are_away_are_counted(world: BatchWorld) -> None:
    world.manager.resources.set_state(ADMIN, world.cores[:3], ResourceState.ABSENT)
    found = told(world, world.submit("/core=8"))
    assert found.waits_for is WaitsFor.RESOURCES
    assert found.message == (
        "5 resources are free of those that it may use, not enough; of all 8 resources 3 are Absent"
    )


def test_a_job_that_asks_for_what_has_died_has_no_predicted_start(world: BatchWorld) -> None:
    running(world, "/core=8,walltime=0:10:00")
    waiting = world.submit("/core=8,walltime=0:10:00")
    assert told(world, waiting).predicted_start is not None
    world.manager.resources.set_state(ADMIN, world.cores[:1], ResourceState.DEAD)
    found = told(world, waiting)
    assert (found.waits_for, found.predicted_start) == (WaitsFor.IMPOSSIBLE, None)
    assert found.message.startswith("there are not as many resources as it asks for (those that")
    assert "of all 8 resources 1 is Dead" in found.message


def test_a_reservation_whose_date_has_come_waits_for_its_resources(world: BatchWorld) -> None:
    reserved = world.submit("/core=8,walltime=1:00:00", starts_at=time.time() + 0.3)
    world.manager.resources.set_state(ADMIN, world.cores, ResourceState.ABSENT)
    eventually(lambda: told(world, reserved).waits_for is WaitsFor.RESOURCES)
    found = told(world, reserved)
    assert found.jobs == () and "has not come" not in found.message
    assert "of all 8 resources 8 are Absent" in found.message


def test_a_job_waits_for_a_date_of_its_own(world: BatchWorld) -> None:
    found = told(world, world.submit("/core=1", types=("postpone=2037-01-01",)))
    assert found.waits_for is WaitsFor.DATE
    assert "postpone" in found.message


def test_besteffort_jobs_end_first(world: BatchWorld) -> None:
    best = running(world, "/core=8", queue="besteffort", types=("besteffort",))
    waiting = world.submit("/core=1")
    found = told(world, waiting)
    assert (found.waits_for, found.jobs) == (WaitsFor.PREEMPTION, (best,))
    assert found.message == f"job {best}, besteffort, must end for it first"


def test_a_suspended_job_and_one_that_is_to_go_on(world: BatchWorld) -> None:
    job_id = running(world, "/core=8")
    assert told(world, job_id).message == "it runs"
    world.manager.batch.suspend(ADMIN, str(job_id))
    found = told(world, job_id)
    assert (found.waits_for, found.message) == (
        WaitsFor.SUSPENDED,
        "it is suspended: suspended by admin",
    )
    assert told(world, job_id, OTHER).message == "it is suspended"
    other = running(world, "/core=4")
    world.manager.batch.resume(ADMIN, str(job_id))
    found = told(world, job_id)
    assert (found.waits_for, found.jobs) == (WaitsFor.RESOURCES, (other,))
    assert found.since is not None and found.since >= (world.job(other).started_at or 0) - 1


def test_a_hold_says_whose_it_is_to_those_who_may_know(world: BatchWorld) -> None:
    job_id = world.submit("/core=1", hold=True)
    assert told(world, job_id).message == "on hold, by me"
    assert told(world, job_id, OTHER).message == "on hold"
    world.manager.delete(ME, str(job_id))
    found = told(world, job_id, OTHER)
    assert (found.waits_for, found.message) == (WaitsFor.NOTHING, "it has ended (cancelled)")


def test_jobs_that_the_caller_may_not_know_of_are_not_named(world: BatchWorld) -> None:
    hers = running(world, "/core=8", OTHER)
    mine = world.submit("/core=1")
    found = told(world, mine, ME, Visibility.NONE)
    assert (found.waits_for, found.jobs) == (WaitsFor.RESOURCES, ())
    assert "job" not in found.message and found.sooner == ()
    assert told(world, mine, ADMIN, Visibility.NONE).jobs == (hers,)


def test_many_jobs_in_the_way_are_counted(world: BatchWorld) -> None:
    others = [running(world, "/core=1") for _ in range(8)]
    waiting = world.submit("/core=8")
    message = told(world, waiting).message
    named = " and ".join([", ".join(map(str, others[:-1])), str(others[-1])])
    assert message.endswith(f"the others are held by jobs {named}")


def test_a_job_without_resources_waits_for_a_place(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, Limits(max_running=1))
    try:
        new = NewJob(plugin="p", run=True)
        alone = [world.manager.create(ME, new)[0].id for _ in range(2)]
        world.launched(alone[0])
        assert told(world, alone[0]).waits_for is WaitsFor.STARTING
        found = told(world, alone[1])
        assert world.state(alone[1]) is State.WAITING
        assert (found.waits_for, found.sooner) == (
            WaitsFor.LIMIT,
            ("the end of any job that runs",),
        )
    finally:
        world.manager.close()
