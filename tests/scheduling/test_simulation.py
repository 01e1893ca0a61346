"""Random worlds in which what must always hold is checked after every event."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hoplite.scheduling.demand import Cluster, WaitingJob
from hoplite.scheduling.scheduler import Scheduler
from hoplite.scheduling.taking_over import schedule
from tests.scheduling.clusters import cluster, random_jobs
from tests.scheduling.simulation import Options, World

EVENTS = 120


@pytest.mark.parametrize("seed", range(8))
def test_in_a_world_of_all_kinds_nothing_that_must_hold_breaks(seed: int) -> None:
    World(seed).run(EVENTS)


@pytest.mark.parametrize("seed", range(4))
def test_in_a_world_of_plain_jobs_nothing_that_must_hold_breaks(seed: int) -> None:
    World(seed, Options(kinds=False, failures=False, settle=seed)).run(EVENTS)


@pytest.mark.parametrize("seed", [3, 5])
def test_the_same_seed_gives_the_same_schedule(seed: int) -> None:
    one, two = World(seed), World(seed)
    one.run(EVENTS)
    two.run(EVENTS)
    assert one.log == two.log


def jobs_for(of: Cluster, seed: int) -> list[WaitingJob]:
    return random_jobs(of, 200, seed)


@pytest.mark.parametrize("seed", range(5))
def test_jobs_submitted_one_by_one_are_placed_as_in_a_full_pass(seed: int) -> None:
    of = cluster(512)
    scheduler = Scheduler(0.0, of)
    for job in jobs_for(of, seed):
        scheduler.submit(job, 0.0)
    assert scheduler.plan() == schedule(0.0, of, waiting=jobs_for(of, seed)).planned


@pytest.mark.parametrize("seed", range(5))
def test_while_all_goes_as_predicted_a_full_pass_gives_the_same_plan(seed: int) -> None:
    """What was predicted at the beginning is what a pass from nothing predicts later on."""
    of = cluster(512)
    waiting = {job.id: job for job in jobs_for(of, seed)}
    scheduler = Scheduler(0.0, of, waiting=waiting.values())
    running, now = {}, 0.0
    for _ in range(100):
        decisions = scheduler.decide(now)
        for job_id in decisions.starts:
            running[job_id] = scheduler.started(job_id, now)
            del waiting[job_id]
        fresh = schedule(now, of, held=running.values(), waiting=waiting.values())
        assert fresh.planned == scheduler.plan()
        assert scheduler.settled
        now = min(held.end for held in running.values())
        for job_id in [i for i, held in running.items() if held.end <= now]:
            del running[job_id]
            scheduler.ended(job_id, now)
        while not scheduler.settle(now):
            pass
        if not waiting:
            break


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_taken_over_from_its_promises_is_the_plan(seed: int) -> None:
    """As after a restart of the server."""
    world = World(seed)
    for _ in range(100):
        world.step(world.rng.random())
    again = Scheduler(
        world.now,
        world.cluster,
        held=world.running.values(),
        waiting=[
            job if job.after <= world.waiting.keys() | world.running.keys() else left(job, world)
            for job in world.waiting.values()
        ],
        limits=world.limits,
        promised=world.scheduler.plan(),
    )
    assert again.plan() == world.scheduler.plan()


def left(job: WaitingJob, world: World) -> WaitingJob:
    return replace(job, after=job.after - world.over)
