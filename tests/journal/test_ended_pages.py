"""Pages of ended jobs equal a naive filter, however they are asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hoplite.journal.protocol import Ended, JobChanged, JobCreated
from hoplite.journal.store import SqliteJournal
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome
from hoplite.model.oar_state import oar_state
from tests.journal.jobs import START, a_job, an_ended_job

OWNERS = ["alice", "bob"]
OUTCOMES = [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.KILLED, Outcome.CANCELLED]

times = st.none() | st.integers(0, 40).map(lambda n: START + n + 0.5)
questions = st.builds(
    Ended,
    states=st.none() | st.frozensets(st.sampled_from(["Terminated", "Error", "Running"])),
    owner=st.none() | st.sampled_from([*OWNERS, "nobody"]),
    ids=st.none() | st.frozensets(st.integers(-1, 40)),
    since=times,
    until=times,
)


class Kind(msgspec.Struct, frozen=True):
    owner: str
    outcome: Outcome | None
    """None: it lives."""
    began: bool

    def job(self, job_id: int) -> Job:
        if self.outcome is None:
            return a_job(job_id, owner=self.owner)
        if self.outcome is Outcome.CANCELLED:
            return a_job(job_id, owner=self.owner).at_end(self.outcome, START + job_id + 5)
        job = an_ended_job(job_id, self.outcome, owner=self.owner)
        return job if self.began else msgspec.structs.replace(job, exit_code=None)


kinds = st.builds(
    Kind,
    owner=st.sampled_from(OWNERS),
    outcome=st.none() | st.sampled_from(OUTCOMES),
    began=st.booleans(),
)


@contextmanager
def a_journal(jobs: list[Job]) -> Iterator[SqliteJournal]:
    """Half of the jobs ended after they were kept."""
    with tempfile.TemporaryDirectory() as directory:
        journal = SqliteJournal(Path(directory) / "j.db")
        for job in jobs:
            if job.id % 2 or not job.ended:
                journal.commit(JobCreated(job))
            else:
                journal.commit(JobCreated(a_job(job.id, owner=job.owner)))
                journal.commit(JobChanged(job))
        yield journal
        journal.close()


def is_wanted(job: Job, which: Ended) -> bool:
    return (
        job.ended
        and (which.states is None or oar_state(job) in which.states)
        and (which.owner is None or job.owner == which.owner)
        and (which.ids is None or job.id in which.ids)
        and is_then(job, which)
    )


def is_then(job: Job, which: Ended) -> bool:
    since = 0.0 if which.since is None else which.since
    until = 1e18 if which.until is None else which.until
    if job.started_at is None:
        return since <= job.created_at <= until
    assert job.finished_at is not None
    return job.finished_at >= since and job.started_at < until


@settings(max_examples=80, deadline=None)
@given(
    st.lists(kinds, max_size=30),
    st.lists(st.tuples(questions, st.integers(0, 35), st.none() | st.integers(0, 12)), max_size=20),
)
def test_a_page_and_its_total_equal_a_naive_filter(
    of: list[Kind], asked: list[tuple[Ended, int, int | None]]
) -> None:
    jobs = [kind.job(job_id) for job_id, kind in enumerate(of, 1)]
    with a_journal(jobs) as journal:
        for which, offset, limit in asked:
            ids = [job.id for job in jobs if is_wanted(job, which)]
            page = journal.ended(which, offset=offset, limit=limit)
            end = None if limit is None else offset + limit
            assert page.total == len(ids)
            assert page.ids == ids[offset:end]
            kept = journal.jobs(page.ids)
            assert kept == [job for job in jobs if job.id in page.ids]
