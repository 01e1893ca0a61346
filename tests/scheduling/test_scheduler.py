"""One behaviour at a time, on a cluster of eight cores on two nodes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hoplite.model.resource import ResourceState
from hoplite.model.resource_request import CountWord
from hoplite.scheduling.decisions import Cause, Placement, Reason, Refusal
from hoplite.scheduling.demand import Alternative, Limits, WaitingJob
from hoplite.scheduling.scheduler import Scheduler
from tests.scheduling.clusters import asked, cluster, cores, with_states

EIGHT = cluster(8, 4)
NODE0, NODE1, ALL = 0b00001111, 0b11110000, 0b11111111


def job(job_id: int, count: int = 8, walltime_s: float = 100.0, **facts: Any) -> WaitingJob:
    return WaitingJob(id=job_id, alternatives=cores(EIGHT, count, walltime_s), **facts)


def by_levels(job_id: int, *levels: tuple[str, int | CountWord], **facts: Any) -> WaitingJob:
    request = Alternative((asked(EIGHT, *levels),), 100.0)
    return WaitingJob(id=job_id, alternatives=(request,), **facts)


def started(now: float, scheduler: Scheduler) -> list[int]:
    """Start what is to be started now."""
    starts = sorted(scheduler.decide(now).starts)
    for job_id in starts:
        scheduler.started(job_id, now)
    return starts


def start_of(scheduler: Scheduler, job_id: int) -> float | None:
    placement = scheduler.prediction(job_id)
    return None if placement is None else placement.start


def test_first_come_first_served_and_a_small_job_fills_the_hole() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 6), job(2, 8), job(3, 2), job(4, 2, 101.0)])
    assert started(0.0, scheduler) == [1, 3]
    assert start_of(scheduler, 2) == 100.0
    assert start_of(scheduler, 4) == 200.0


def test_an_early_end_starts_who_fits_at_once() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2), job(3)])
    assert started(0.0, scheduler) == [1]
    scheduler.ended(1, 40.0)
    assert started(40.0, scheduler) == [2]
    assert start_of(scheduler, 3) == 200.0
    assert scheduler.settle(40.0)
    assert start_of(scheduler, 3) == 140.0


def test_a_higher_priority_goes_first_and_those_it_displaces_know_why() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2), job(3)])
    started(0.0, scheduler)
    scheduler.submit(job(4, priority=10), 1.0)
    assert start_of(scheduler, 4) == 100.0
    assert start_of(scheduler, 2) == 300.0
    delay = scheduler.delay(2)
    assert delay is not None
    assert (delay.cause, delay.by, delay.promised) == (Cause.PRIORITY, 4, 100.0)
    assert scheduler.delay(3) is None


def test_order_within_a_priority() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, order=2.0), job(2, order=1.0)])
    assert started(0.0, scheduler) == [2]


def test_the_alternative_that_ends_first_is_taken() -> None:
    moldable = WaitingJob(id=2, alternatives=(*cores(EIGHT, 2, 120.0), *cores(EIGHT, 8, 60.0)))
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 6, 20.0), moldable])
    assert scheduler.prediction(2) == Placement(ALL, 20.0, 80.0, 1)


@pytest.mark.parametrize(
    ("levels", "bits"),
    [
        ([("network_address", 1)], NODE0),
        ([("network_address", 2), ("core", 1)], 0b00010001),
        ([("network_address", 1), ("core", 3)], 0b00000111),
        ([("network_address", CountWord.ALL), ("core", 2)], 0b00110011),
        ([("core", CountWord.BEST)], ALL),
        ([("network_address", CountWord.BESTHALF)], NODE0),
    ],
)
def test_hierarchies(levels: list[tuple[str, int | CountWord]], bits: int) -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[by_levels(1, *levels)])
    assert scheduler.prediction(1) == Placement(bits, 0.0, 100.0)


def test_several_groups_share_nothing() -> None:
    groups = (asked(EIGHT, ("core", 3)), asked(EIGHT, ("network_address", 1)))
    two = WaitingJob(id=1, alternatives=(Alternative(groups, 10.0),))
    placement = Scheduler(0.0, EIGHT, waiting=[two]).prediction(1)
    assert placement is not None
    assert placement.bits.bit_count() == 7


def test_more_than_there_is_waits_for_ever_and_says_so() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 9)])
    assert scheduler.prediction(1) is None
    assert scheduler.why(1).reason is Reason.IMPOSSIBLE


def test_absent_resources_are_waited_for_and_dead_ones_are_not_counted() -> None:
    absent = with_states(EIGHT, {8: ResourceState.ABSENT})
    every = by_levels(1, ("core", CountWord.ALL))
    scheduler = Scheduler(0.0, absent, waiting=[every, job(2, 8), job(3, 7)])
    assert started(0.0, scheduler) == [3]
    assert scheduler.why(2).reason is Reason.RESOURCES
    scheduler.changed(1.0, cluster=with_states(EIGHT, {8: ResourceState.DEAD}))
    assert start_of(scheduler, 1) == 100.0
    assert scheduler.why(2).reason is Reason.IMPOSSIBLE
    scheduler.changed(2.0, cluster=EIGHT)
    assert scheduler.prediction(2) is not None


def test_what_loses_its_resources_is_told_so() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)])
    started(0.0, scheduler)
    scheduler.changed(1.0, cluster=with_states(EIGHT, {1: ResourceState.SUSPECTED}))
    assert scheduler.prediction(2) is None
    delay = scheduler.delay(2)
    assert delay is not None
    assert delay.cause is Cause.RESOURCES


def test_available_upto_ends_the_use_of_a_resource() -> None:
    scheduler = Scheduler(0.0, replace(EIGHT, upto=((50.0, NODE1),)), waiting=[job(1, 8, 60.0)])
    assert scheduler.prediction(1) is None
    scheduler.submit(job(2, 8, 50.0), 0.0)
    assert start_of(scheduler, 2) == 0.0


def test_besteffort_jobs_give_way_and_are_used_last() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 4, besteffort=True, priority=-1)])
    assert started(0.0, scheduler) == [1]
    scheduler.submit(job(2, 4), 1.0)
    assert scheduler.decide(1.0).preemptions == {}
    assert started(1.0, scheduler) == [2]
    scheduler.submit(job(3, 2), 2.0)
    decisions = scheduler.decide(2.0)
    assert (decisions.starts, decisions.preemptions) == ({}, {1: 3})
    assert scheduler.why(3).reason is Reason.PREEMPTION
    scheduler.ended(1, 2.5, succeeded=False)
    assert started(2.5, scheduler) == [3]


def test_a_besteffort_job_is_not_started_where_it_would_be_ended() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 6), job(2, 8)])
    started(0.0, scheduler)
    scheduler.submit(job(3, 2, 150.0, besteffort=True), 1.0)
    scheduler.submit(job(4, 2, 50.0, besteffort=True), 1.0)
    assert started(1.0, scheduler) == [4]
    assert scheduler.besteffort_plan()[3].start == 200.0
    assert scheduler.why(3).predicted == 200.0


def test_jobs_that_share_overlap_and_others_do_not() -> None:
    pair = ("ada", "*")
    scheduler = Scheduler(
        0.0,
        EIGHT,
        waiting=[job(1, sharing=pair), job(2, sharing=pair), job(3, sharing=("bob", "*"))],
    )
    assert started(0.0, scheduler) == [1, 2]
    assert start_of(scheduler, 3) == 100.0


def test_inner_jobs_run_inside_their_container_in_space_and_time() -> None:
    waiting = [job(1, 4, container=True), job(2, 4, 60.0, inside=1), job(3, 4, 60.0, inside=1)]
    scheduler = Scheduler(0.0, EIGHT, waiting=[*waiting, job(4, 2, 40.0, inside=1), job(5, 4)])
    assert scheduler.prediction(3) is None, "two of 60 s do not fit into 100 s"
    assert started(0.0, scheduler) == [1, 5]
    assert started(0.0, scheduler) == [2]
    assert scheduler.prediction(4) == Placement(0b11, 60.0, 100.0)
    assert scheduler.why(3).reason is Reason.RESOURCES


def test_an_inner_job_waits_for_its_container_to_run() -> None:
    scheduler = Scheduler(
        0.0, EIGHT, waiting=[job(1), job(2, container=True), job(3, 1, 5.0, inside=2)]
    )
    started(0.0, scheduler)
    assert start_of(scheduler, 3) == 100.0
    assert scheduler.why(3).jobs == (2,)
    assert scheduler.why(3).reason is Reason.CONTAINER
    scheduler.ended(1, 10.0)
    assert started(10.0, scheduler) == [2]
    assert started(10.0, scheduler) == [3]


def test_a_job_comes_after_another_and_is_predicted_so() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 1), job(2, 1, after=frozenset({1}))])
    assert started(0.0, scheduler) == [1]
    assert start_of(scheduler, 2) == 100.0
    assert scheduler.why(2).reason is Reason.DEPENDENCY
    scheduler.ended(1, 30.0, succeeded=False)
    assert started(30.0, scheduler) == [2]


def test_success_only_makes_a_job_impossible_when_the_other_fails() -> None:
    second = job(2, 1, after=frozenset({1}), success_only=True)
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 1), second])
    started(0.0, scheduler)
    scheduler.ended(1, 30.0, succeeded=False)
    assert scheduler.decide(30.0).impossible == (2,)
    assert scheduler.prediction(2) is None


def test_an_unknown_dependency_is_waited_for_without_a_prediction() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(2, 1, after=frozenset({7}))])
    assert scheduler.prediction(2) is None
    assert started(0.0, scheduler) == []


def test_a_reservation_is_granted_exactly_or_refused_with_the_next_date() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1)])
    started(0.0, scheduler)
    assert scheduler.submit(job(2, 1, starts_at=50.0), 1.0) == Refusal(100.0)
    assert scheduler.submit(job(3, 8, starts_at=150.0), 1.0) is None
    assert scheduler.prediction(3) == Placement(ALL, 150.0, 250.0)
    assert scheduler.submit(job(4, 1, starts_at=249.0), 1.0) == Refusal(250.0)


def test_a_reservation_displaces_what_was_only_planned() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)])
    started(0.0, scheduler)
    assert scheduler.submit(job(3, starts_at=120.0), 1.0) is None
    assert start_of(scheduler, 2) == 220.0
    delay = scheduler.delay(2)
    assert delay is not None
    assert delay.cause is Cause.RESERVATION
    assert scheduler.why(2).reason is Reason.RESOURCES
    scheduler.ended(1, 60.0)
    assert started(60.0, scheduler) == []
    why = scheduler.why(2)
    assert (why.reason, why.jobs, why.walltime_now) == (Reason.RESERVATION, (3,), 60.0)
    assert scheduler.decide(60.0).wake_at == 120.0
    assert started(120.0, scheduler) == [3]


def test_a_suspended_job_frees_its_resources_and_resumes_on_the_same() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 4)])
    started(0.0, scheduler)
    scheduler.suspended(1, 10.0)
    scheduler.submit(job(2, 8, 20.0), 10.0)
    assert started(10.0, scheduler) == [2]
    resuming = WaitingJob(id=1, alternatives=(Alternative((), 90.0, exactly=NODE0),))
    scheduler.submit(resuming, 11.0)
    assert scheduler.prediction(1) == Placement(NODE0, 30.0, 120.0)


def test_limits() -> None:
    limits = Limits(running=1, stopped_queues=frozenset({"night"}))
    waiting = [job(1, 1), job(2, 1), job(3, 1, queue="night")]
    scheduler = Scheduler(0.0, EIGHT, waiting=waiting, limits=limits)
    assert started(0.0, scheduler) == [1]
    assert scheduler.why(2).reason is Reason.LIMIT
    assert scheduler.why(3).reason is Reason.QUEUE
    scheduler.changed(0.0, limits=Limits())
    assert started(0.0, scheduler) == [2, 3]


def test_the_gap_between_jobs_is_kept_in_predictions() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)], limits=Limits(gap_s=60.0))
    assert start_of(scheduler, 2) == 160.0


def test_a_job_that_runs_on_a_little_delays_nobody_and_one_that_runs_on_long_does() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)], limits=Limits(overrun_s=10.0))
    started(0.0, scheduler)
    assert started(105.0, scheduler) == []
    assert start_of(scheduler, 2) == 100.0
    assert scheduler.why(2).jobs == (1,)
    assert started(110.0, scheduler) == []
    assert start_of(scheduler, 2) == 120.0
    delay = scheduler.delay(2)
    assert delay is not None
    assert (delay.cause, delay.by) == (Cause.OVERRUN, 1)
    scheduler.ended(1, 112.0)
    assert started(112.0, scheduler) == [2]


def test_a_prolonged_walltime_makes_those_behind_wait() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)])
    started(0.0, scheduler)
    scheduler.prolonged(1, 150.0, 5.0)
    assert start_of(scheduler, 2) == 150.0


def test_a_walltime_is_lengthened_up_to_the_first_place_behind_it() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 4), job(2, 6)])
    started(0.0, scheduler)
    assert start_of(scheduler, 2) == 100.0
    assert scheduler.lengthen(1, 500.0, 5.0, displacing=False) == 100.0
    assert start_of(scheduler, 2) == 100.0
    scheduler.withdraw(2, 6.0)
    assert scheduler.lengthen(1, 500.0, 6.0, displacing=False) == 500.0
    scheduler.submit(job(3, 6), 7.0)
    assert start_of(scheduler, 3) == 500.0


def test_a_walltime_that_may_delay_others_is_lengthened_up_to_a_reservation() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2), job(3, starts_at=400.0)])
    started(0.0, scheduler)
    assert start_of(scheduler, 2) == 100.0
    assert scheduler.lengthen(1, 150.0, 5.0, displacing=True) == 150.0
    assert start_of(scheduler, 2) == 150.0
    delay = scheduler.delay(2)
    assert delay is not None
    assert (delay.cause, delay.by) == (Cause.OVERRUN, 1)
    assert scheduler.lengthen(1, 9000.0, 6.0, displacing=True) == 400.0
    assert start_of(scheduler, 2) == 500.0
    assert start_of(scheduler, 3) == 400.0


def test_those_that_come_after_a_job_are_not_in_the_way_of_its_walltime() -> None:
    waiting = [job(1), job(2, after=frozenset({1})), job(3)]
    scheduler = Scheduler(0.0, EIGHT, waiting=waiting[:2])
    started(0.0, scheduler)
    scheduler.submit(waiting[2], 1.0)
    assert [start_of(scheduler, n) for n in (2, 3)] == [100.0, 200.0]
    assert scheduler.lengthen(1, 190.0, 5.0, displacing=False) == 190.0
    assert [start_of(scheduler, n) for n in (2, 3)] == [300.0, 200.0]


def test_the_resources_end_bounds_a_walltime() -> None:
    bounded = replace(EIGHT, upto=((300.0, NODE0),))
    scheduler = Scheduler(0.0, bounded, waiting=[job(1)])
    started(0.0, scheduler)
    assert scheduler.lengthen(1, 9000.0, 5.0, displacing=True) == 300.0


def test_a_shortened_walltime_brings_those_behind_forward() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(2)])
    started(0.0, scheduler)
    scheduler.shortened(1, 40.0, 5.0)
    assert scheduler.settle(5.0)
    assert start_of(scheduler, 2) == 40.0
    assert scheduler.lengthen(1, 500.0, 6.0, displacing=False) == 40.0
    scheduler.ended(1, 40.0)
    assert started(40.0, scheduler) == [2]


def test_the_walltime_of_a_container_bounds_what_is_inside() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, container=True)])
    started(0.0, scheduler)
    scheduler.submit(job(2, 4, 50.0, inside=1), 1.0)
    scheduler.submit(job(3, 8, 30.0, inside=1), 1.0)
    assert started(1.0, scheduler) == [2]
    assert start_of(scheduler, 3) == 51.0
    assert scheduler.lengthen(2, 900.0, 2.0, displacing=False) == 51.0
    assert scheduler.lengthen(2, 900.0, 2.0, displacing=True) == 100.0
    assert start_of(scheduler, 3) is None
    assert scheduler.lengthen(1, 300.0, 3.0, displacing=False) == 300.0
    assert start_of(scheduler, 3) == 100.0
    scheduler.shortened(1, 120.0, 4.0)
    assert start_of(scheduler, 3) is None


def test_a_probe_changes_nothing() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1), job(3)])
    started(0.0, scheduler)
    before = scheduler.plan()
    assert scheduler.probe(job(2), 0.0) == Placement(ALL, 200.0, 300.0)
    assert scheduler.probe(job(2, starts_at=50.0), 0.0) == Refusal(100.0)
    assert scheduler.probe(job(2, starts_at=100.0), 0.0) == Placement(ALL, 100.0, 200.0)
    assert scheduler.why_would(job(2), 0.0).jobs == (1,)
    assert scheduler.why_would(job(2), 0.0).predicted == 200.0
    assert scheduler.plan() == before


def test_what_is_planned_ahead_is_named() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1, 6), job(2, 8), job(3, 2, 150.0)])
    started(0.0, scheduler)
    why = scheduler.why(3)
    assert (why.reason, why.jobs, why.predicted) == (Reason.AHEAD, (2,), 200.0)
    assert (why.free_now, why.walltime_now) == (2, 100.0)


def test_two_jobs_that_hold_the_same_are_refused() -> None:
    scheduler = Scheduler(0.0, EIGHT, waiting=[job(1)])
    held = scheduler.started(1, 0.0) if scheduler.decide(0.0).starts else None
    assert held is not None
    with pytest.raises(ValueError, match="job 2 holds what another job holds"):
        Scheduler(0.0, EIGHT, held=[held, replace(held, id=2)])


def test_time_does_not_go_back() -> None:
    scheduler = Scheduler(5.0, EIGHT)
    with pytest.raises(ValueError, match="time went back"):
        scheduler.decide(4.0)
