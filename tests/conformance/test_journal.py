"""What every journal does.  A new implementation joins ``JOURNALS`` in ``conftest.py`` and is done
when this and the other tests of journals here pass."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from hoplite.journal.protocol import (
    Ended,
    EndedPage,
    Happened,
    JobChanged,
    JobCreated,
    JobForgotten,
    Journal,
    KeyUsed,
    Page,
    StatusSet,
    Tombstone,
)
from hoplite.model.batch import Batch, Granted
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, Event, Outcome, State
from hoplite.model.property_expression import And, Compare, Like, Not, Operator
from hoplite.model.resource_request import CountWord, Group, Level, ResourceRequest
from hoplite.model.timeline import Entry, Happening
from tests.journal.jobs import START, a_job, an_ended_job, an_entry, created, uuid_of, with_status

FULL: dict[str, Any] = {
    "config": msgspec.Raw('{"text": "Größe", "n": [1, 2.5, null]}'.encode()),
    "status": msgspec.Raw(b'{"done": 1}'),
    "progress": msgspec.Raw(b'{"done": 1, "total": 2}'),
    "version": 7,
    "queued_at": START + 1.25,
    "started_at": START + 2.5,
    "timeout_s": 3.5,
    "env": {"LANG": "C", "ÄÖ": "ü"},
    "workdir": "/srv/data",
    "key_hash": bytes(range(32)),
    "handle": msgspec.Raw(b'{"pid": 7}'),
    "kill_by": "bob",
    "kill_at": START + 3,
    "exit_code": -9,
    "signal": 9,
    "reason": "because",
    "log_bytes": 12,
    "log_removed_by": "keep_log_bytes = 1",
}


BATCH = Batch(
    name="näme",
    types=("besteffort", "idempotent"),
    requests=(
        ResourceRequest(
            (
                Group(
                    (Level("network_address", 2), Level("core", CountWord.ALL)),
                    Not(And((Compare("core", Operator.GE, 3), Like("host", "a%")))),
                    "NOT (core >= 3 AND host LIKE 'a%')",
                ),
            ),
            60,
        ),
        ResourceRequest((Group((Level("core", 1),)),)),
    ),
    properties="drain = 'NO'",
    filter=Compare("drain", Operator.EQ, "NO"),
    starts_at=START + 0.125,
    array_id=1,
    after=(5, 6),
)
GRANTED = Granted(
    assigned=(1, 3), walltime_s=59.5, suspended_at=START, suspended_s=1.5, kill_reason="so"
)


def test_a_batch_part_comes_back_as_it_was(open_journal: Callable[[], Journal]) -> None:
    """What was asked for, and what is granted from change to change."""
    journal = open_journal()
    asked = a_job(1, batch=BATCH)
    journal.commit(JobCreated(asked), JobCreated(a_job(2)))
    assert journal.job(1) == asked
    given = msgspec.structs.replace(asked, granted=GRANTED, version=2)
    journal.commit(JobChanged(given))
    assert [job for job in journal.live_jobs() if job.batch is not None] == [given]
    journal.close()
    journal = open_journal()
    assert journal.job(1) == given
    assert journal.page(Page(limit=2)).jobs == [a_job(2), given]
    journal.close()


def test_the_jobs_of_an_array_are_found(journal: Journal) -> None:
    """A job without an array is its own."""
    jobs = [a_job(n, batch=Batch(array_id=2 if 1 < n < 5 else None)) for n in range(1, 6)]
    journal.commit(*map(JobCreated, [*jobs, a_job(6)]))
    assert journal.array(2) == jobs[1:4]
    assert journal.array(5) == jobs[4:]
    assert journal.array(6) == []
    journal.commit(JobForgotten(3, "a rule", START))
    assert journal.array(2) == [jobs[1], jobs[3]]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_a_job_comes_back_as_it_was(
    journal: Journal, state: State, outcome: Outcome | None
) -> None:
    job = a_job(1, state=state, outcome=outcome, **FULL)
    journal.commit(JobCreated(job))
    assert journal.job(1) == job
    assert journal.job("1") == job
    assert journal.job(job.uuid) == job
    assert journal.job(job.uuid.upper()) == job


@pytest.mark.parametrize("size", [0, 900, 1100, 5000, 2_000_000])
def test_configs_of_any_size_stay_through_changes(journal: Journal, size: int) -> None:
    config = msgspec.Raw(msgspec.json.encode({"text": "x" * size}))
    job = a_job(1, config=config)
    journal.commit(JobCreated(job))
    changed = job.moved(Event.RELEASED, status=config)
    journal.commit(JobChanged(changed))
    assert journal.job(1) == changed
    assert journal.page(Page(limit=1)).jobs == [changed]


@pytest.mark.parametrize(
    "ref",
    [
        0,
        -1,
        2,
        2**63,
        "2",
        "-1",
        "",
        "²",
        "9" * 400,
        "x",
        "../1",
        uuid_of(2),
        uuid_of(1)[:-1],
        uuid_of(1) + "\n",
        "{" + uuid_of(1) + "}",
        "\ud800",
    ],
)
def test_what_names_no_job_gives_none(journal: Journal, ref: int | str) -> None:
    journal.commit(*created(a_job(1)))
    assert journal.job(ref) is None
    assert journal.tombstone(ref) is None


def test_a_change_leaves_what_a_job_was_given(journal: Journal) -> None:
    job = a_job(1, env={"A": "b"}, workdir="/")
    journal.commit(JobCreated(job))
    other = a_job(
        1, uuid=uuid_of(9), plugin="p", owner="o", created_at=0.0, state=State.WAITING, version=2
    )
    journal.commit(JobChanged(other))
    assert journal.job(1) == msgspec.structs.replace(job, state=State.WAITING, version=2)


def test_all_changes_of_a_commit_or_none(journal: Journal) -> None:
    heard: list[Entry] = []
    journal.on_entries(heard.extend)
    journal.commit(*created(a_job(1)))
    before = journal.last_ids()
    with pytest.raises(Exception, match="job 9"):
        journal.commit(*created(a_job(2)), JobChanged(a_job(9)))
    assert journal.job(2) is None
    assert journal.last_ids() == before
    assert [entry.job_id for entry in heard] == [1]
    journal.commit(*created(a_job(2)))
    assert journal.job(2) == a_job(2)


@pytest.mark.parametrize(
    "change",
    [
        JobCreated(a_job(1, uuid=uuid_of(5))),
        JobCreated(a_job(5, uuid=uuid_of(1))),
        JobCreated(a_job(5, uuid="not a uuid")),
        JobCreated(a_job(2**63)),
        JobChanged(a_job(5)),
        KeyUsed("alice", "k", b"x", 5, START),
    ],
    ids=["id", "uuid", "malformed", "huge", "missing", "key"],
)
def test_a_change_that_cannot_be_is_refused_and_the_next_is_not(
    journal: Journal, change: Any
) -> None:
    journal.commit(*created(a_job(1)), KeyUsed("alice", "k", b"", 1, START))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which class is the journal's own affair
        journal.commit(change)
    assert "assert" not in str(caught.value)
    journal.commit(*created(a_job(6)))
    assert [job.id for job in journal.page(Page(limit=9)).jobs] == [6, 1]


def test_entries_are_numbered_in_order_and_heard(journal: Journal) -> None:
    heard: list[Entry] = []
    journal.on_entries(heard.extend)
    for job_id in (1, 2, 3):
        journal.commit(
            *created(a_job(job_id)),
            Happened(an_entry(a_job(job_id), Happening.QUEUED, detail=msgspec.Raw(b'{"n":1}'))),
        )
    assert journal.entries(after=0, job_id=None, limit=99) == heard
    assert [entry.seq for entry in heard] == sorted({entry.seq for entry in heard})
    assert journal.entries(after=heard[2].seq, job_id=None, limit=2) == heard[3:5]
    assert journal.entries(after=0, job_id=2, limit=99) == heard[2:4]
    assert journal.entries(after=heard[2].seq, job_id=2, limit=99) == heard[3:4]
    assert journal.last_ids() == (3, heard[-1].seq)


def test_a_listener_that_fails_breaks_no_commit(journal: Journal) -> None:
    heard: list[Entry] = []

    def fail(entries: Sequence[Entry]) -> None:
        raise RuntimeError("listener")

    journal.on_entries(fail)
    journal.on_entries(heard.extend)
    journal.commit(*created(a_job(1)))
    assert journal.job(1) == a_job(1)
    assert len(heard) == 1


def test_a_status_entry_soon_after_another_takes_its_place(journal: Journal) -> None:
    job = a_job(1)
    other = a_job(2)
    status = [
        StatusSet(job, an_entry(job, Happening.STATUS, at=START + at)) for at in (0, 0.9, 1.5, 2.6)
    ]
    heard: list[Entry] = []
    journal.commit(*created(job), *status[:2])
    journal.commit(status[2], *created(other))
    journal.commit(StatusSet(other, an_entry(other, Happening.STATUS, at=START + 2.6)))
    journal.on_entries(heard.extend)
    journal.commit(status[3])
    assert [entry.seq for entry in heard] == [journal.last_ids()[1]]
    journal.commit(Happened(an_entry(job, Happening.SUSPENDED)), status[3])
    kept = journal.entries(after=0, job_id=1, limit=99)
    assert [(entry.what, entry.at - START) for entry in kept] == [
        (Happening.CREATED, 1.0),
        (Happening.STATUS, 1.5),
        (Happening.STATUS, pytest.approx(2.6)),
        (Happening.SUSPENDED, 1.0),
        (Happening.STATUS, pytest.approx(2.6)),
    ]
    assert len(journal.entries(after=0, job_id=2, limit=99)) == 2


def test_no_number_of_an_entry_is_given_twice(open_journal: Callable[[], Journal]) -> None:
    """Not after a restart, and not where the newest entries are gone with their job."""
    job = a_job(1)
    numbers: list[int] = []
    for changes in (
        created(job),
        (*with_status(job, 1), *with_status(job, 2)),
        (JobForgotten(1, "rule", START), *created(a_job(2))),
    ):
        journal = open_journal()
        journal.on_entries(lambda entries: numbers.extend(entry.seq for entry in entries))
        journal.commit(*changes)
        assert journal.last_ids()[1] == numbers[-1]
        journal.close()
    assert numbers == sorted(set(numbers))


def test_live_jobs_are_those_that_have_not_ended(journal: Journal) -> None:
    jobs = [a_job(n, state=state) for n, state in enumerate(State, 1)]
    journal.commit(*map(JobCreated, jobs))
    assert journal.live_jobs() == [job for job in jobs if job.state not in ENDED]


def test_all_is_there_when_it_is_opened_again(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    assert journal.last_ids() == (0, 0)
    journal.commit(*created(a_job(1)), KeyUsed("alice", "k", b"h", 1, START))
    journal.commit(*created(an_ended_job(2)))
    before = (journal.page(Page(limit=9)), journal.counts(), journal.last_ids())
    journal.close()
    journal.close()
    journal = open_journal()
    assert (journal.page(Page(limit=9)), journal.counts(), journal.last_ids()) == before
    assert journal.key_used("alice", "k") == KeyUsed("alice", "k", b"h", 1, START)
    assert len(journal.entries(after=0, job_id=None, limit=9)) == 2
    journal.close()


def test_a_closed_journal_says_so(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    journal.close()
    with pytest.raises(Exception, match="closed"):
        journal.commit(*created(a_job(1)))
    with pytest.raises(Exception, match="closed"):
        journal.page(Page(limit=1))


def test_a_forgotten_job_leaves_a_tombstone_only(journal: Journal) -> None:
    job = an_ended_job(1, config=msgspec.Raw(msgspec.json.encode("x" * 5000)))
    journal.commit(*created(job), KeyUsed("alice", "k", b"h", 1, START))
    journal.commit(*created(an_ended_job(2)))
    assert journal.job(1) == job
    forgotten = an_entry(job, Happening.FORGOTTEN)
    journal.commit(Happened(forgotten), JobForgotten(1, "keep_days = 30", START + 9))
    stone = Tombstone(1, job.uuid, "keep_days = 30", START + 9)
    for ref in (1, "1", job.uuid):
        assert journal.job(ref) is None
        assert journal.tombstone(ref) == stone
    assert journal.key_used("alice", "k") is None
    kept = journal.entries(after=0, job_id=1, limit=9)
    assert [entry.what for entry in kept] == [Happening.FORGOTTEN]
    assert journal.counts() == {("Terminated", "succeeded"): 1}
    assert journal.page(Page(limit=9)).jobs == [an_ended_job(2)]


def test_a_job_is_forgotten_once(journal: Journal) -> None:
    journal.commit(*created(an_ended_job(1)))
    journal.commit(JobForgotten(1, "first", START))
    journal.commit(JobForgotten(1, "second", START), JobForgotten(77, "never was", START))
    stone = journal.tombstone(1)
    assert stone is not None
    assert stone.rule == "first"
    assert journal.tombstone(77) is None


def test_numbers_are_never_given_again(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    journal.commit(*created(an_ended_job(1)), *created(an_ended_job(2)))
    journal.commit(JobForgotten(2, "r", START), JobForgotten(1, "r", START))
    journal.close()
    journal = open_journal()
    assert journal.last_ids() == (2, 2)
    journal.commit(*created(a_job(3)))
    assert journal.last_ids() == (3, 3)
    journal.close()


def test_keys_are_forgotten_by_age(journal: Journal) -> None:
    journal.commit(*(KeyUsed("alice", f"k{n}", b"h", n, START + n) for n in range(5)))
    assert journal.key_used("bob", "k1") is None
    journal.forget_keys(START + 3)
    kept = [n for n in range(5) if journal.key_used("alice", f"k{n}")]
    assert kept == [3, 4]


def test_oldest_ended_jobs_by_age_and_count(journal: Journal) -> None:
    journal.commit(*(JobCreated(an_ended_job(n)) for n in (1, 2, 3, 4)), JobCreated(a_job(5)))
    assert journal.ended_before(START + 4, 9) == [1, 2]
    assert journal.ended_before(START + 99, 3) == [1, 2, 3]
    assert journal.ended_before(START, 9) == []
    assert journal.ended_beyond(4, 9) == []
    assert journal.ended_beyond(1, 9) == [1, 2, 3]
    assert journal.ended_beyond(0, 2) == [1, 2]


def test_logs_beyond_a_sum(journal: Journal) -> None:
    jobs = [an_ended_job(n, log_bytes=size) for n, size in enumerate((10, 0, 20, 30), 1)]
    journal.commit(*map(JobCreated, jobs))
    assert journal.logs_beyond(60, 9) == []
    assert journal.logs_beyond(59, 9) == [1]
    assert journal.logs_beyond(50, 9) == [1]
    assert journal.logs_beyond(49, 9) == [1, 3]
    assert journal.logs_beyond(0, 9) == [1, 3, 4]
    assert journal.logs_beyond(0, 2) == [1, 3]
    journal.commit(JobChanged(msgspec.structs.replace(jobs[0], log_removed_by="rule")))
    assert journal.logs_beyond(50, 9) == []
    assert journal.logs_beyond(49, 9) == [3]
    journal.commit(JobForgotten(3, "rule", START))
    assert journal.logs_beyond(30, 9) == []
    assert journal.logs_beyond(29, 9) == [4]


def test_counts_follow_every_change(journal: Journal) -> None:
    journal.commit(*(JobCreated(a_job(n)) for n in (1, 2)), JobCreated(an_ended_job(3)))
    assert journal.counts() == {("Hold", ""): 2, ("Terminated", "succeeded"): 1}
    journal.commit(JobChanged(a_job(1).at_end(Outcome.CANCELLED, START)))
    assert journal.counts() == {
        ("Hold", ""): 1,
        ("Terminated", "succeeded"): 1,
        ("Error", "cancelled"): 1,
    }
    with pytest.raises(Exception, match="job 9"):
        journal.commit(JobCreated(a_job(8)), JobChanged(a_job(9)))
    journal.commit(JobForgotten(1, "r", START), JobForgotten(2, "r", START))
    assert journal.counts() == {("Terminated", "succeeded"): 1}


def test_a_read_never_shows_an_ended_job_as_it_was(journal: Journal) -> None:
    job = an_ended_job(1, log_bytes=5)
    journal.commit(JobCreated(job))
    assert journal.job(1) == journal.job(job.uuid) == job
    changed = msgspec.structs.replace(job, log_removed_by="rule", version=9)
    journal.commit(JobChanged(changed))
    assert journal.job(1) == journal.job(job.uuid) == changed


def test_a_check_of_a_sound_journal_says_nothing(journal: Journal) -> None:
    journal.check()
    journal.check()


def test_many_threads_commit_and_read_their_own_writes(journal: Journal) -> None:
    threads, each = 32, 12
    heard: list[int] = []
    wrong: list[object] = []
    journal.on_entries(lambda entries: heard.extend(entry.seq for entry in entries))

    def work(first: int) -> None:
        for job_id in range(first, first + each):
            job = a_job(job_id)
            journal.commit(*created(job))
            if journal.job(job_id) != job:
                wrong.append(job_id)
            ended = job.at_end(Outcome.CANCELLED, START + job_id)
            journal.commit(JobChanged(ended), Happened(an_entry(ended, Happening.ENDED)))
            if journal.job(job.uuid) != ended:
                wrong.append(job_id)

    workers = [threading.Thread(target=work, args=(1 + n * each,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert heard == sorted(heard)
    assert len(heard) == 2 * threads * each
    assert journal.counts() == {("Error", "cancelled"): threads * each}
    assert journal.last_ids() == (threads * each, heard[-1])


def walk(journal: Journal, page: Page) -> list[Job]:
    """All pages, each as the one before says."""
    found: list[Job] = []
    next_page: Page | None = page
    while next_page is not None:
        jobs = journal.page(next_page)
        assert len(jobs.jobs) <= page.limit
        found += jobs.jobs
        before = jobs.next_before_id
        next_page = None if before is None else msgspec.structs.replace(page, before_id=before)
    return found


def test_pages_walk_all_jobs_newest_first(journal: Journal) -> None:
    randomly = random.Random(7)
    jobs = [
        a_job(n, state=randomly.choice(list(State)), plugin=randomly.choice("pq"))
        for n in range(1, 51)
    ]
    journal.commit(*map(JobCreated, jobs))
    for limit in (1, 7, 25, 50, 51):
        assert walk(journal, Page(limit=limit)) == jobs[::-1]
        live = frozenset(State) - ENDED
        assert walk(journal, Page(limit=limit, states=live)) == [
            job for job in reversed(jobs) if job.state in live
        ]
    assert journal.page(Page(limit=50)).next_before_id is None
    assert journal.page(Page(limit=49)).next_before_id == 2
    assert journal.page(Page(limit=5, states=frozenset())).jobs == []
    assert journal.page(Page(limit=5, since=START + 51)).jobs == []
    assert [job.id for job in walk(journal, Page(limit=5, since=START + 48))] == [50, 49, 48]
    assert journal.page(Page(limit=5, before_id=2**70)).jobs == jobs[:44:-1]
    assert journal.page(Page(limit=5, before_id=-3)).jobs == []


def test_jobs_are_read_together_by_ascending_id(journal: Journal) -> None:
    jobs = [a_job(1, **FULL), an_ended_job(2), a_job(3)]
    for job in jobs:
        journal.commit(*created(job))
    assert journal.jobs([3, 1, 99, -1, 2**70]) == [jobs[0], jobs[2]]
    assert journal.jobs([]) == []


def test_an_array_is_its_jobs_and_a_job_without_resources_is_an_array_of_its_own(
    journal: Journal,
) -> None:
    alone, array = Batch(), Batch(array_id=2, array_size=2)
    for job in (a_job(1, batch=alone), a_job(2, batch=array), a_job(3, batch=array), a_job(4)):
        journal.commit(*created(job))
    found = {array_id: journal.array_ids(array_id) for array_id in range(1, 6)}
    assert found == {1: {1}, 2: {2, 3}, 3: set(), 4: {4}, 5: set()}


def test_entries_of_several_jobs_come_in_order_without_their_statuses(journal: Journal) -> None:
    for number in (1, 2, 3):
        journal.commit(*created(a_job(number)))
    journal.commit(*with_status(a_job(1), 1))
    journal.commit(Happened(an_entry(a_job(1), Happening.HELD)))
    found = [(entry.job_id, entry.what) for entry in journal.entries_of([3, 1])]
    assert found == [(1, Happening.CREATED), (3, Happening.CREATED), (1, Happening.HELD)]
    assert journal.entries_of([]) == []


def test_ended_jobs_are_told_of_in_oars_words(journal: Journal) -> None:
    over, killed = an_ended_job(1), an_ended_job(2, Outcome.KILLED)
    never = msgspec.structs.replace(an_ended_job(3, Outcome.FAILED), exit_code=None)
    for job in (over, killed, never, a_job(4)):
        journal.commit(*created(job))
    assert journal.ended(Ended()) == EndedPage([1, 2, 3], 3)
    assert journal.ended(Ended(states=frozenset({"Terminated"}))) == EndedPage([1], 1)
    assert journal.ended(Ended(states=frozenset({"Error"})), offset=1) == EndedPage([3], 2)
    assert journal.ended(Ended(owner="alice"), limit=2) == EndedPage([1, 2], 3)
    assert journal.ended(Ended(owner="bob")) == EndedPage([], 0)
