"""What jobs asked for and used, kept when the jobs are forgotten: how it is written and read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hoplite.journal.paging import Query
from hoplite.model.accounting import (
    DEFAULT_PROJECT,
    Consumption,
    Kind,
    Steps,
    steps_of,
    window_at,
)
from hoplite.model.job import Job

ONCE = "UPDATE batch_jobs SET accounted = 1 WHERE job_id = ? AND NOT accounted"
ADD = (
    "INSERT INTO accounting (owner, project, kind, window, resources, offset_ms)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " resources = resources + excluded.resources, offset_ms = offset_ms + excluded.offset_ms"
)
EXPIRE = (
    (
        "INSERT INTO accounting (owner, project, kind, window, resources, offset_ms)"
        " SELECT owner, project, kind, :window, sum(resources), 0 FROM accounting"
        " WHERE window < :window GROUP BY owner, project, kind"
        " ON CONFLICT DO UPDATE SET resources = resources + excluded.resources"
    ),
    "DELETE FROM accounting WHERE window < :window",
    "DELETE FROM accounting WHERE window = :window AND resources = 0 AND offset_ms = 0",
)
"""What is held when ``:window`` begins is from then on as if it began there."""
_SUMS = "ifnull(sum(resources), 0), ifnull(sum(resources * window), 0), ifnull(sum(offset_ms), 0)"
_MAX_WINDOW = 10**9
"""A year that nobody asks for; sums stay within 64 bits."""

Row = tuple[Any, ...]


def added(job: Job) -> Iterator[Row]:
    """Values for :data:`ADD`."""
    assert job.batch is not None
    project = job.batch.project or DEFAULT_PROJECT
    for step in steps_of(job):
        weighed = step.resources * step.offset_ms
        yield job.owner, project, step.kind.value, step.window, step.resources, weighed


def read_consumption(
    query: Query, since_s: float, until_s: float, owner: str | None
) -> list[Consumption]:
    """See :meth:`~hoplite.journal.protocol.Journal.consumption`."""
    since = min(window_at(since_s), _MAX_WINDOW)
    until = min(-window_at(-until_s), _MAX_WINDOW)
    if until <= since:
        return []
    first, last = _steps(query, since, owner), _steps(query, until, owner)
    nothing = Steps(0, 0, 0)

    def held_s(key: tuple[str, str], kind: Kind) -> int:
        before, after = first.get((*key, kind), nothing), last.get((*key, kind), nothing)
        held_ms = after.held_ms(until) - before.held_ms(since)
        return (held_ms + 500) // 1000

    found = [
        Consumption(
            project=project,
            owner=who,
            asked_s=held_s((project, who), Kind.ASKED),
            used_s=held_s((project, who), Kind.USED),
        )
        for project, who in sorted({(project, who) for project, who, _ in last})
    ]
    return [each for each in found if each.asked_s or each.used_s]


def _steps(query: Query, before: int, owner: str | None) -> dict[tuple[str, str, Kind], Steps]:
    tests, values = ("", (before,)) if owner is None else (" AND owner = ?", (before, owner))
    sql = (
        f"SELECT project, owner, kind, {_SUMS} FROM accounting"
        f" WHERE window < ?{tests} GROUP BY project, owner, kind"
    )
    return {
        (project, who, Kind(kind)): Steps(*sums) for project, who, kind, *sums in query(sql, values)
    }
