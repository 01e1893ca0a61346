"""Pages of ended jobs in the order of their ids, and how many there are on all pages.

Where only states and an owner are asked for, an index alone answers both, so that a total and a
page deep in the list cost a walk over index entries and no look at the jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from hoplite.journal.paging import Query
from hoplite.journal.protocol import Ended, EndedPage
from hoplite.journal.rows import MAX_INTEGER
from hoplite.model.lifecycle import ENDED

_STATES = frozenset(state.value for state in ENDED)
_FOR_EVER = 1e18
"""Seconds since 1970."""


class _Part(NamedTuple):
    """One query of ids, by ascending id where no ``ORDER BY`` is needed for it."""

    where: str
    values: tuple[Any, ...]


def read_ended(query: Query, which: Ended, offset: int, limit: int | None) -> EndedPage:
    parts = _parts(which)
    if not parts:
        return EndedPage([], 0)
    values = tuple(value for part in parts for value in part.values)
    counts = " + ".join(f"(SELECT count(*) FROM jobs {part.where})" for part in parts)
    total: int = query(f"SELECT {counts}", values)[0][0]
    if offset >= total or limit == 0:
        return EndedPage([], total)
    ids = " UNION ALL ".join(f"SELECT id FROM jobs {part.where}" for part in parts)
    count = total - offset if limit is None else min(limit, total - offset)
    # What is skipped is walked over: from the end that is nearer.
    after = total - offset - count
    order, skipped = ("DESC", after) if after < offset else ("ASC", offset)
    found = query(f"{ids} ORDER BY id {order} LIMIT ? OFFSET ?", (*values, count, skipped))
    return EndedPage(sorted(job_id for (job_id,) in found), total)


def json_ids(ids: Iterable[int]) -> bytes:
    """For ``IN (SELECT value FROM json_each(?))``: any number of ids as one value."""
    return msgspec.json.encode([each for each in ids if 0 <= each <= MAX_INTEGER])


def _parts(which: Ended) -> list[_Part]:
    states = sorted(_STATES if which.states is None else which.states & _STATES)
    if which.ids is not None:
        return [_of_ids(which, states)] if states and which.ids else []
    if which.since is not None:
        return [_lately(which, states)] if states else []
    return [_of_state(which, state) for state in states]


def _of_ids(which: Ended, states: list[str]) -> _Part:
    tests, values = _tests(which)
    return _Part(
        f"WHERE id IN (SELECT value FROM json_each(?)) AND {_one_of(states)}{tests}",
        (json_ids(which.ids or ()), *states, *values),
    )


def _lately(which: Ended, states: list[str]) -> _Part:
    """By the time of the end, which bounds what is looked at."""
    tests, values = _tests(which)
    return _Part(
        f"INDEXED BY jobs_by_finished_at WHERE finished_at >= ? AND {_one_of(states)}{tests}",
        (which.since, *states, *values),
    )


def _of_state(which: Ended, state: str) -> _Part:
    tests, values = _tests(msgspec.structs.replace(which, owner=None))
    if which.owner is None:
        return _Part(f"INDEXED BY jobs_by_end WHERE ended_as = ?{tests}", (state, *values))
    return _Part(
        f"INDEXED BY jobs_by_owner_and_end WHERE owner = ? AND ended_as = ?{tests}",
        (which.owner, state, *values),
    )


def _one_of(states: list[str]) -> str:
    # The plus keeps the index over states from being chosen, where another one leads.
    return f"+ended_as IN ({', '.join('?' * len(states))})"


def _tests(which: Ended) -> tuple[str, tuple[Any, ...]]:
    tests = "" if which.owner is None else " AND +owner = ?"
    values: tuple[Any, ...] = () if which.owner is None else (which.owner,)
    if which.since is None and which.until is None:
        return tests, values
    since = 0.0 if which.since is None else which.since
    until = _FOR_EVER if which.until is None else which.until
    tests += (
        " AND iif(started_at IS NULL, created_at BETWEEN ? AND ?,"
        " finished_at >= ? AND started_at < ?)"
    )
    return tests, (*values, since, until, since, until)
