from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hoplite.journal.protocol import JobCreated, JobForgotten, Page
from hoplite.journal.store import SqliteJournal
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from tests.journal.jobs import START, a_job

OWNERS = ["alice", "bob", "carol"]
PLUGINS = ["p", "q"]
STATES = [State.HOLD, State.RUNNING, State.TERMINATED]

kinds = st.tuples(
    st.sampled_from(OWNERS), st.sampled_from(PLUGINS), st.sampled_from(STATES), st.booleans()
)
pages = st.builds(
    Page,
    limit=st.integers(1, 12),
    before_id=st.none() | st.integers(0, 45),
    states=st.none() | st.frozensets(st.sampled_from([*STATES, State.ERROR])),
    plugin=st.none() | st.sampled_from([*PLUGINS, "none"]),
    owner=st.none() | st.sampled_from(OWNERS),
    since=st.none() | st.integers(0, 45).map(lambda n: START + n),
)


@contextmanager
def a_journal(max_rows: int) -> Iterator[SqliteJournal]:
    with tempfile.TemporaryDirectory() as directory:
        journal = SqliteJournal(Path(directory) / "j.db", max_rows_per_page_scan=max_rows)
        yield journal
        journal.close()


def wanted(job: Job, page: Page) -> bool:
    return (
        (page.before_id is None or job.id < page.before_id)
        and (page.states is None or job.state in page.states)
        and (page.plugin is None or job.plugin == page.plugin)
        and (page.owner is None or job.owner == page.owner)
        and (page.since is None or job.created_at >= page.since)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(kinds, max_size=40),
    st.lists(pages, min_size=1, max_size=12),
    st.integers(1, 50),
)
def test_a_walk_over_pages_equals_a_naive_filter(
    kept: list[tuple[str, str, State, bool]], asked: list[Page], max_rows: int
) -> None:
    """Whatever is asked for, and however few rows a page may look at."""
    jobs = [
        a_job(n, owner=owner, plugin=plugin, state=state)
        for n, (owner, plugin, state, _) in enumerate(kept, 1)
    ]
    gone = [n for n, (*_, forgotten) in enumerate(kept, 1) if forgotten]
    with a_journal(max_rows) as journal:
        journal.commit(*map(JobCreated, jobs), *(JobForgotten(n, "r", START) for n in gone))
        for page in asked:
            expected = [j for j in reversed(jobs) if j.id not in gone and wanted(j, page)]
            assert list(walk(journal, page)) == expected


def walk(journal: SqliteJournal, page: Page) -> Iterator[Job]:
    while True:
        found = journal.page(page)
        assert len(found.jobs) <= page.limit
        yield from found.jobs
        if found.next_before_id is None:
            return
        assert page.before_id is None or found.next_before_id < page.before_id
        page = msgspec.structs.replace(page, before_id=found.next_before_id)


def test_a_single_filter_fills_its_pages_however_rare_its_jobs_are() -> None:
    with a_journal(max_rows=3) as journal:
        journal.commit(
            *(JobCreated(a_job(n, owner="bob" if n % 20 == 0 else "alice")) for n in range(1, 101))
        )
        page = journal.page(Page(limit=4, owner="bob"))
        assert [job.id for job in page.jobs] == [100, 80, 60, 40]
        assert page.next_before_id == 40


def test_the_rarest_filter_leads() -> None:
    """One page is enough where one of the filters matches few jobs, though others match all."""
    with a_journal(max_rows=10) as journal:
        journal.commit(
            *(JobCreated(a_job(n, plugin="q" if n in (3, 5) else "p")) for n in range(1, 101))
        )
        page = journal.page(
            Page(limit=5, owner="alice", plugin="q", states=frozenset({State.HOLD, State.WAITING}))
        )
        assert [job.id for job in page.jobs] == [5, 3]
        assert page.next_before_id is None
