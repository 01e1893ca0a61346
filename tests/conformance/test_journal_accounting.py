"""What every journal keeps of what jobs asked for and used."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from hoplite.journal.protocol import JobChanged, JobForgotten, Journal
from hoplite.model.accounting import WINDOW_S, Consumption
from hoplite.model.batch import Batch, Granted
from hoplite.model.job import Job
from tests.journal.jobs import START, an_ended_job, created

DAY = START // WINDOW_S * WINDOW_S
"""A day's begin."""
EVER = 10**15


def ran(
    job_id: int, at: float, used_s: float, asked_s: float, resources: int = 1, **more: Any
) -> Job:
    """A job of alice's that began at ``at``."""
    owner, granted = more.pop("owner", "alice"), more.pop("granted", {})
    held = Granted(assigned=tuple(range(1, resources + 1)), walltime_s=asked_s, **granted)
    job = an_ended_job(job_id, owner=owner, batch=Batch(**more), granted=held)
    return msgspec.structs.replace(job, started_at=at, finished_at=at + used_s)


def keep(journal: Journal, *jobs: Job) -> None:
    for job in jobs:
        alive = msgspec.structs.replace(job, finished_at=None)
        journal.commit(*created(alive))
        journal.commit(JobChanged(job))


def of(project: str, owner: str, asked_s: int, used_s: int) -> Consumption:
    return Consumption(project=project, owner=owner, asked_s=asked_s, used_s=used_s)


def test_a_new_journal_has_no_consumption(journal: Journal) -> None:
    assert journal.consumption(0, EVER) == []


def test_consumption_is_time_times_resources_by_project_and_owner(journal: Journal) -> None:
    keep(
        journal,
        ran(1, START, 10, 100, 3),
        ran(2, START, 5.25, 50, 2, owner="bob", project="gold"),
        ran(3, START + 1, 1, 20),
    )
    alices, bobs = of("default", "alice", 320, 31), of("gold", "bob", 100, 11)
    assert journal.consumption(0, EVER) == [alices, bobs]
    assert journal.consumption(0, EVER, "bob") == [bobs]
    assert journal.consumption(0, EVER, "nobody") == []


def test_a_job_is_counted_once(journal: Journal) -> None:
    job = ran(1, START, 10, 100)
    keep(journal, job)
    journal.commit(JobChanged(msgspec.structs.replace(job, log_removed_by="a rule", version=99)))
    assert journal.consumption(0, EVER) == [of("default", "alice", 100, 10)]


def test_what_was_used_stays_when_the_job_is_forgotten(journal: Journal) -> None:
    keep(journal, ran(1, START, 10, 100))
    journal.commit(JobForgotten(1, "a rule", START))
    assert journal.consumption(0, EVER) == [of("default", "alice", 100, 10)]


def test_jobs_that_never_ran_or_run_or_held_nothing_are_not_counted(journal: Journal) -> None:
    never = msgspec.structs.replace(ran(1, START, 10, 100), started_at=None)
    runs = msgspec.structs.replace(ran(2, START, 10, 100), finished_at=None)
    keep(journal, never, ran(3, START, 10, 100, resources=0), an_ended_job(4))
    journal.commit(*created(runs))
    assert journal.consumption(0, EVER) == []


def test_time_in_suspension_is_not_used(journal: Journal) -> None:
    keep(
        journal,
        ran(1, START, 10, 100, granted={"suspended_s": 4.0}),
        ran(2, START, 10, 100, granted={"suspended_s": 1.0, "suspended_at": START + 6}),
    )
    assert journal.consumption(0, EVER) == [of("default", "alice", 200, 6 + 5)]


def test_days_that_touch_the_time_asked_for_are_counted_whole(journal: Journal) -> None:
    keep(journal, ran(1, DAY + WINDOW_S - 100, 300, 3 * WINDOW_S, 2))

    def in_days(first: int, last: int) -> list[tuple[int, int]]:
        since, until = DAY + first * WINDOW_S, DAY + last * WINDOW_S
        whole = journal.consumption(since, until)
        assert journal.consumption(since + 1, until - 1) == whole
        return [(each.asked_s, each.used_s) for each in whole]

    assert in_days(-1, 0) == []
    assert in_days(0, 1) == [(200, 200)]
    assert in_days(1, 2) == [(2 * WINDOW_S, 400)]
    assert in_days(2, 4) == [(2 * (2 * WINDOW_S - 100), 0)]
    assert in_days(4, 9) == []


def test_what_is_older_than_a_day_can_be_forgotten_and_the_rest_stays(journal: Journal) -> None:
    keep(
        journal,
        ran(1, DAY + 100, 50, 100),
        ran(2, DAY + 200, 2.5 * WINDOW_S, 4 * WINDOW_S, 3),
        ran(3, DAY + WINDOW_S + 5, 10, 20, 2, owner="bob"),
    )
    since, days = DAY + WINDOW_S, range(2, 8)
    before = [journal.consumption(since, DAY + day * WINDOW_S) for day in days]
    assert before[0]
    journal.forget_consumption(since + 9)
    assert [journal.consumption(since, DAY + day * WINDOW_S) for day in days] == before
    assert journal.consumption(0, since) == []
    assert journal.consumption(0, EVER) == before[-1]
    journal.forget_consumption(DAY + 20 * WINDOW_S)
    assert journal.consumption(0, EVER) == []


@pytest.mark.parametrize("walltime_s", [0.0, 1e9, 1e15, 1e300])
def test_no_walltime_breaks_the_sums(journal: Journal, walltime_s: float) -> None:
    keep(journal, *(ran(n, START, 10, walltime_s, 1000) for n in range(1, 6)))
    (found,) = journal.consumption(0, EVER)
    assert found.used_s == 50_000
    assert found.asked_s <= 5000 * 100 * 365 * WINDOW_S


def test_sums_are_those_of_the_jobs_one_by_one(journal: Journal) -> None:
    chance = random.Random(7)
    jobs = [
        ran(
            n,
            DAY + chance.randrange(5 * WINDOW_S),
            chance.randrange(2 * WINDOW_S),
            chance.randrange(3 * WINDOW_S),
            chance.randrange(1, 9),
        )
        for n in range(1, 80)
    ]
    keep(journal, *jobs)

    def held(job: Job, length_s: float, since: float, until: float) -> int:
        began = job.started_at or 0.0
        end = began + length_s
        return len(job.assigned) * int(max(0.0, min(end, until) - max(began, since)))

    for first in range(6):
        for last in range(first + 1, 9):
            since, until = DAY + first * WINDOW_S, DAY + last * WINDOW_S
            used = sum(
                held(job, (job.finished_at or 0) - (job.started_at or 0), since, until)
                for job in jobs
            )
            asked = sum(held(job, job.walltime_s or 0.0, since, until) for job in jobs)
            expected = [of("default", "alice", asked, used)] if asked or used else []
            assert journal.consumption(since, until) == expected
