"""Pages of jobs at a cost that does not grow with the number of jobs kept.

Every index is in the order of ids, so a page starts with one seek.  With several filters the one
whose rows lie furthest apart leads: its index is walked, over a bounded number of rows, and the
other filters are tested on each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hoplite.journal.protocol import Jobs, Page
from hoplite.journal.rows import MAX_INTEGER, SELECT_JOBS, job_of
from hoplite.model.lifecycle import State

MAX_ROWS_PER_PAGE_SCAN = 5000

Values = tuple[Any, ...]
Query = Callable[[str, Values], list[tuple[Any, ...]]]


class Span(NamedTuple):
    """Ids from ``first`` up to, not including, ``before``."""

    first: int
    before: int


class Filter(NamedTuple):
    """Jobs of which ``column`` is one of ``values``."""

    column: str
    values: tuple[str, ...]

    def ids(
        self, span: Span, limit: int, others: tuple[Filter, ...] = (), skip: int = 0
    ) -> tuple[str, Values]:
        """The query of the ``limit`` newest ids in ``span`` after the ``skip`` newest."""
        tests = "".join(f" AND {other.test()}" for other in others)
        tested = tuple(value for other in others for value in other.values)
        one = (
            f"SELECT id FROM (SELECT id FROM jobs INDEXED BY jobs_by_{self.column}"
            f" WHERE {self.column} = ? AND id < ? AND id >= ?{tests} ORDER BY id DESC LIMIT ?)"
        )
        sql = " UNION ALL ".join([one] * len(self.values))
        values = [
            item
            for value in self.values
            for item in (value, span.before, span.first, *tested, limit + skip)
        ]
        return f"SELECT id FROM ({sql}) ORDER BY id DESC LIMIT ? OFFSET ?", (*values, limit, skip)

    def test(self) -> str:
        return f"{self.column} IN ({', '.join('?' * len(self.values))})"


def filters_of(page: Page) -> tuple[Filter, ...]:
    found = []
    if page.states is not None and page.states != frozenset(State):
        found.append(Filter("state", tuple(sorted(state.value for state in page.states))))
    if page.plugin is not None:
        found.append(Filter("plugin", (page.plugin,)))
    if page.owner is not None:
        found.append(Filter("owner", (page.owner,)))
    return tuple(found)


def read_page(query: Query, page: Page, max_rows: int = MAX_ROWS_PER_PAGE_SCAN) -> Jobs:
    span = _span(query, page)
    filters = filters_of(page)
    if span is None or not all(each.values for each in filters):
        return Jobs([], None)
    limit = max(1, page.limit)
    goes_on_at = None
    if not filters:
        found = query(
            f"{SELECT_JOBS} WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?",
            (span.before, span.first, limit + 1),
        )
    else:
        leader = filters[0]
        if len(filters) > 1:
            leader, span, goes_on_at = _choose(query, filters, span, max_rows)
        others = tuple(each for each in filters if each is not leader)
        ids, values = leader.ids(span, limit + 1, others)
        found = query(f"{SELECT_JOBS} WHERE id IN ({ids}) ORDER BY id DESC", values)
    jobs = [job_of(row) for row in found[:limit]]
    return Jobs(jobs, jobs[-1].id if len(found) > limit else goes_on_at)


def _span(query: Query, page: Page) -> Span | None:
    """None: no job is that young.  ``created_at`` rises with the id, so it bounds the ids."""
    before = MAX_INTEGER if page.before_id is None else min(page.before_id, MAX_INTEGER)
    if page.since is None:
        return Span(0, max(before, 0))
    first = query(
        "SELECT id FROM jobs INDEXED BY jobs_by_created_at WHERE created_at >= ?"
        " ORDER BY created_at, id LIMIT 1",
        (page.since,),
    )
    return Span(first[0][0], max(before, 0)) if first else None


def _choose(
    query: Query, filters: tuple[Filter, ...], span: Span, max_rows: int
) -> tuple[Filter, Span, int | None]:
    """The filter to walk, the ids that its ``max_rows`` newest rows span, and the next page's
    start if that leaves some out."""
    chosen: tuple[Filter, Span, int | None] | None = None
    for each in filters:
        last = query(*each.ids(span, 2, skip=max_rows - 1))
        if not last[1:]:
            return each, span, None
        first = last[0][0]
        if chosen is None or first < chosen[1].first:
            chosen = each, Span(first, span.before), first
    assert chosen is not None
    return chosen
